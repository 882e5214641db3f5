"""Checks a document's value against a model, and says what is wrong in the words of the document."""

from __future__ import annotations

import types
from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Document, Path
from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.scalars import UNSET

__all__ = ["FORMS", "checked", "kind_of"]

M = TypeVar("M", bound=BaseModel)

_KEY = "[key]"
_NONE_OF_IT: frozenset[Path] = frozenset()

FORMS: AbstractMapping[str, str] = {
    "^[a-z][a-z0-9-]*$": "lower-case letters, digits and -, beginning with a letter",
    "^[A-Za-z][A-Za-z0-9_-]*$": "letters, digits, _ and -, beginning with a letter",
    "^[A-Za-z0-9][A-Za-z0-9_-]*$": "letters, digits, _ and -, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": "letters, digits, and . _ -, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9._/-]*$": "the name of a git remote, such as origin; not its URL",
    "^[a-z0-9][a-z0-9_-]*$": "a provider in lower case, such as salesforce",
    r'^[^"\r\n]$': "one character, such as ;, and neither a quote nor a line break",
    r"^[a-z0-9][a-z0-9_-]*:[^\s:][^\s]*$": "provider:name with the provider in lower case, such as salesforce:contact",
}
"""What the patterns of the models ask for, in words."""

_EXPECTED: AbstractMapping[str, str] = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "scalar_type": "text, a number, true or false",
    "finite_number": "a finite number",
    "amount_type": "a number, or a mapping of min and max",
}


def checked(
    model: type[M],
    value: object,
    *,
    document: Document,
    problems: Problems,
    at: Path = (),
    address: str | None = None,
    unresolved: AbstractSet[Path] = _NONE_OF_IT,
) -> M | None:
    """The value as a model, or None after every finding was reported.

    `at` is the value's path in the document. What is wrong at an unresolved path is not reported, since what will
    stand there is not known.
    """
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            _report(item, model, document=document, problems=problems, at=at, address=address, unresolved=unresolved)
        return None


def kind_of(value: object) -> str:
    """What a value is, in the words of YAML."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "!unset" if value is UNSET else f"a Python {type(value).__name__}"


def _report(
    item: ErrorDetails,
    model: type[BaseModel],
    *,
    document: Document,
    problems: Problems,
    at: Path,
    address: str | None,
    unresolved: AbstractSet[Path],
) -> None:
    about_key = item["loc"][-1:] == (_KEY,)
    steps = item["loc"][:-1] if about_key else item["loc"]
    path = (*at, *steps)
    kind = item["type"]
    if path in unresolved or (kind == "too_short" and item["input"]):
        # A list whose items were refused counts as empty to the library; those items are reported themselves.
        return
    if problems.only_counts(document):
        return
    if kind == "extra_forbidden":
        where, said = path, _unknown_key(str(steps[-1]), steps[:-1], model, at)
    elif kind == "missing":
        where, said = path[:-1], _missing_key(path)
    else:
        where, said = path, _wrong_value(item, steps, about_key=about_key)
    problems.add(
        document,
        path=where,
        code=said.code,
        summary=said.summary,
        detail=said.detail,
        hint=said.hint,
        at="key" if about_key or kind in ("extra_forbidden", "missing") else "value",
        address=address,
    )


def _missing_key(path: Path) -> Refusal:
    return Refusal(
        code="missing-key",
        summary="A key is missing",
        detail=f'"{path[-1]}" is required {_place(path[:-1])}.',
        hint=f"add {path[-1]}:",
    )


def _unknown_key(key: str, place: Path, model: type[BaseModel], at: Path) -> Refusal:
    owner = _model_at(model, place)
    known = [field.alias or name for name, field in owner.model_fields.items()] if owner else []
    detail = f'"{shortened(key)}" is not known {_place((*at, *place))}.'
    hint = did_you_mean(key, known) or f"known here: {', '.join(known)}"
    return Refusal(code="unknown-key", summary="Unknown key", detail=detail, hint=hint)


def _wrong_value(item: ErrorDetails, steps: Path, *, about_key: bool) -> Refusal:
    kind, found, context = item["type"], item["input"], item.get("ctx", {})
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], found)
    what = "key" if about_key else "value"
    match kind:
        case "enum" | "literal_error":
            return _unknown_choice(str(context["expected"]), found)
        case "string_pattern_mismatch":
            detail = f'"{shortened(str(found))}" is not of the form that is expected here.'
            hint = f"write {FORMS[str(context['pattern'])]}"
            return Refusal(code=f"invalid-{what}", summary=f"A {what} has the wrong form", detail=detail, hint=hint)
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            detail = f"Expected a number that is {_bound(kind, context)}, found {found}."
            return Refusal(
                code="out-of-range", summary="A number is out of range", detail=detail, hint="correct the number"
            )
        case "string_too_short" | "too_short":
            empty = "key" if about_key else "text" if kind == "string_too_short" else "list"
            hint = "write a value, or remove the key"
            return Refusal(code="empty-value", summary="A value is empty", detail=f"The {empty} is empty.", hint=hint)
        case "string_too_long":
            detail = f"The text is longer than {context['max_length']} characters."
            return Refusal(code="too-long", summary="A text is too long", detail=detail, hint="shorten it")
        case _:
            detail = f"{kind_of(found).capitalize()} does not fit here."
            return Refusal(code="invalid-value", summary="A value is not valid", detail=detail, hint="correct it")


def _wrong_type(expected: str, found: object) -> Refusal:
    hint = f"write {expected}"
    if expected == "text" and isinstance(found, bool | int | float):
        hint = f'quote it: "{str(found).lower() if isinstance(found, bool) else found}"'
    elif expected == "a list" and isinstance(found, str) and "${" not in found:
        hint = f"write it as a list: [{shortened(found)}]"
    elif expected == "a whole number" and isinstance(found, str) and found.strip().isdecimal():
        hint = "take the quotes away"
    elif expected == "a mapping" and found is None:
        hint = "write what belongs under the key, or {} for nothing"
    detail = f"Expected {expected}, found {kind_of(found)}."
    return Refusal(code="wrong-type", summary="A value has the wrong type", detail=detail, hint=hint)


def _unknown_choice(expected: str, found: object) -> Refusal:
    """`expected` is a list such as "'report' or 'fail'"."""
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    shown = f'"{shortened(found)}"' if isinstance(found, str) else kind_of(found)
    detail = f"Expected {' or '.join(choices)}, found {shown}."
    near = did_you_mean(found, choices) if isinstance(found, str) else None
    return Refusal(
        code="unknown-choice",
        summary="A value is not one of those that are known here",
        detail=detail,
        hint=near or f"write {choices[0]}",
    )


def _bound(kind: str, context: AbstractMapping[str, Any]) -> str:
    match kind:
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "greater_than":
            return f"more than {context['gt']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case _:
            return f"less than {context['lt']}"


def _place(path: Path) -> str:
    """Where a key stands, as a phrase."""
    shown = ".".join(shortened(str(step)) for step in path)
    return f"under {shown}" if shown else "at the top of the document"


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at a path."""
    current: object = model
    for step in path:
        current = _bare(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = fields.get(str(step))
        else:
            # Of a list's or a tuple's arguments the items', of a mapping's the values'.
            current = next((part for part in reversed(get_args(current)) if part is not ...), None)
    current = _bare(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _bare(annotation: object) -> object:
    """An annotation without Annotated and without None."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next((part for part in get_args(annotation) if part is not type(None)), None)
        elif origin is Literal:
            return None
        else:
            return annotation
