"""JSON Schemas (draft 2020-12) that records' data must fit. Nothing is fetched, and no pattern takes for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncspec.manifests.files import bytes_of
from syncspec.manifests.findings import Refusal, shortened
from syncspec.records import Data

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

__all__ = ["DataSchema", "SchemaError", "Violation", "load_schema", "schema_from"]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_LARGEST = 4 * 2**20
_DEEPEST = 100
_BACKTRACKS = 20_000
"""How often a pattern may step back on one value; a pattern that needs more counts as not matching."""
_MOST_SHOWN = 8


class SchemaError(ValueError):
    """A schema that cannot be used: `detail` says why, `hint` a way out."""

    def __init__(self, detail: str, *, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that does not fit. `path` leads to the value within the data; `detail` never holds the value."""

    path: tuple[str | int, ...]
    detail: str
    about_key: bool = False


class DataSchema:
    """A schema that is ready to use."""

    __slots__ = ("_validator", "schema")

    def __init__(self, schema: Mapping[str, object] | bool, validator: Draft202012Validator) -> None:
        self.schema: Mapping[str, object] = schema if isinstance(schema, Mapping) else ({} if schema else {"not": {}})
        self._validator = validator

    @property
    def properties(self) -> list[str]:
        """The names of the fields that the schema describes at its top."""
        properties = self.schema.get("properties")
        return list(properties) if isinstance(properties, dict) else []

    def accepts(self, data: Data) -> bool:
        """Whether the data fits."""
        return self._validator.is_valid(data)

    def violations(self, data: Data, *, unknown: Collection[tuple[str | int, ...]] = ()) -> list[Violation]:
        """All that does not fit, in the order of the data's fields.

        At the `unknown` paths stands what is not known yet: what depends on such a value is not judged.
        """
        errors = self._validator.iter_errors(data)
        return [_violation(error) for error in errors if not any(_rests_on(error, path) for path in unknown)]


def load_schema(path: Path) -> DataSchema:
    """Read and check a schema file. Raises SchemaError where it cannot be used."""
    import orjson

    content = bytes_of(path, max_bytes=_LARGEST)
    if isinstance(content, Refusal):
        raise SchemaError(content.detail, hint="check the path; it is relative to the project file's folder")
    try:
        schema: object = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SchemaError(f"It is not JSON, at {where}: {error.msg}.", hint="write the schema as JSON") from error
    return schema_from(schema)


def schema_from(schema: object) -> DataSchema:
    """Check a schema and make it ready. Raises SchemaError where it cannot be used."""
    import jsonschema_rs

    if not isinstance(schema, dict | bool):
        raise SchemaError("A schema is a JSON object, true or false.", hint='begin with {"type": "object"}')
    _refuse_foreign(schema)
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema,
            retriever=_refuse_to_fetch,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
        )
    except jsonschema_rs.ReferencingError as error:
        raise SchemaError(f"A reference leads nowhere: {_first_line(error)}.", hint="correct the $ref") from error
    except (ValueError, RecursionError) as error:
        place = "/".join(str(step) for step in getattr(error, "instance_path", ()))
        where = f"At {place}: " if place else ""
        raise SchemaError(f"{where}{_first_line(error)}.", hint="correct the schema to draft 2020-12") from error
    return DataSchema(schema, validator)


def _refuse_to_fetch(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched")


def _refuse_foreign(schema: object) -> None:
    """Refuse other drafts and references that leave the file, before anything could follow them."""
    for key, value in _pairs(schema):
        if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            raise SchemaError(
                f"{key} {shortened(value)} leaves the file, and nothing else is read or fetched.",
                hint="put the definition under $defs, and refer to it as #/$defs/NAME",
            )
        if key == "$schema" and isinstance(value, str) and value.rstrip("#") != _DRAFT:
            raise SchemaError(f"It is written for {shortened(value)}.", hint=f"write it for {_DRAFT}")


def _pairs(schema: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, at any depth. Raises SchemaError past the depth that is read."""
    waiting: list[tuple[object, int]] = [(schema, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise SchemaError(f"It is nested more than {_DEEPEST} levels deep.", hint="flatten it with $defs")
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend((item, depth + 1) for key, item in value.items() if key not in ("const", "enum", "examples"))
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip().rstrip(".")


def _rests_on(error: ValidationError, unknown: tuple[str | int, ...]) -> bool:
    """Whether a finding is about a value that is not known, or about a whole whose judgement looks into it."""
    path = tuple(error.instance_path)
    if path[: len(unknown)] == unknown:
        return True
    return unknown[: len(path)] == path and error.kind.name not in _ABOUT_OUTSIDES


_ABOUT_OUTSIDES = frozenset(
    {
        "additionalProperties",
        "dependentRequired",
        "maxItems",
        "maxProperties",
        "minItems",
        "minProperties",
        "propertyNames",
        "required",
        "type",
    }
)
"""Keywords that look at a mapping's names or a list's length and at no value in it."""


def _violation(error: ValidationError) -> Violation:
    path = tuple(error.instance_path)
    about: dict[str, Any] = error.kind.as_dict()
    match error.kind.name:
        case "required":
            return Violation(path=path, detail=f'"{about["property"]}" is missing.')
        case "additionalProperties" | "unevaluatedProperties":
            unexpected = [str(name) for name in about["unexpected"]]
            where = (*path, unexpected[0]) if unexpected else path
            return Violation(path=where, detail=f"The schema does not know {_listed(unexpected)}.", about_key=True)
        case "type":
            return Violation(path=path, detail=f"Expected {' or '.join(about['types'])}, found {_kind(error)}.")
        case name:
            return Violation(path=path, detail=_detail(name, about))


def _detail(keyword: str, about: Mapping[str, Any]) -> str:
    limit = about.get("limit")
    match keyword:
        case "enum":
            return f"The value is not one of {_listed(about['options'])}."
        case "const":
            return f"The value is not {_json(about.get('expected_value'))}."
        case "pattern":
            if "pattern" not in about:
                return "The schema's pattern takes too many steps on this text, and counts as not matching."
            return f"The text does not match the pattern {shortened(about['pattern'])}."
        case "minLength" | "maxLength":
            return f"The text must have {_bound(keyword)} {limit} characters."
        case "minItems" | "maxItems":
            return f"The list must have {_bound(keyword)} {limit} items."
        case "minProperties" | "maxProperties":
            return f"The mapping must have {_bound(keyword)} {limit} fields."
        case "minimum" | "maximum":
            return f"The number must be {_bound(keyword)} {limit}."
        case "exclusiveMinimum":
            return f"The number must be more than {limit}."
        case "exclusiveMaximum":
            return f"The number must be less than {limit}."
        case "multipleOf":
            return f"The number must be a multiple of {about['multiple_of']}."
        case "uniqueItems":
            return "The list holds an item twice."
        case "falseSchema":
            return "The schema allows nothing here."
        case _:
            return f'The schema\'s keyword "{keyword}" is not met.'


def _bound(keyword: str) -> str:
    return "at least" if keyword.startswith("min") else "at most"


def _kind(error: ValidationError) -> str:
    match error.instance:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_json(value) for value in values[:_MOST_SHOWN])
    return f"{shown}, …" if len(values) > _MOST_SHOWN else shown


def _json(value: object) -> str:
    import json

    return shortened(json.dumps(value, ensure_ascii=False))
