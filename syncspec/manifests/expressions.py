"""Expressions in values: `${var.NAME}`, `${env.NAME}`, `${row.COLUMN}`, and `$${` for a literal `${`.

`${record.SET.RECORD.upstream_id}`, `${record.SET.RECORD.data.FIELD}` and `${lookup.SET.RECORD.upstream_id}` refer to
other records. A name may stand in brackets: `${record.contacts["paul@x.org"].upstream_id}`; in the place of a record's
name a column may, `[row.COLUMN]`: the record that a row of that value makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from syncspec.address import RECORD_NAME, encoded_name
from syncspec.deferred import as_text

__all__ = ["ExpressionError", "Namespace", "RecordReference", "Reference", "as_text", "parse"]

_OPENING = re.compile(r"\$\$\{|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_IN_BRACKETS = re.compile(r"""\[\s*(?:"([^"]*)"|'([^']*)')\s*\]""")
_STEP = re.compile(
    r"""\s*(?:\.([A-Za-z0-9_@+-]+)|\[\s*(?:"([^"]*)"|'([^']*)'|row(\.[^]]*|\[[^]]*\]))\s*\])""",
)
"""One step of a path: `.name`, `["name"]` or `[row.COLUMN]`."""
_LONGEST_SHOWN = 60
_LONGEST_EXPRESSION = 1000
"""An expression that goes on for longer is one that nobody closed."""


class Namespace(StrEnum):
    """Where a name is looked up."""

    VAR = "var"
    ENV = "env"
    ROW = "row"
    RECORD = "record"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True)
class RecordReference:
    """A reference to another record: to its upstream ID, or where `field` is given to that field's declared value.

    `record` is its name, or empty where the cell of a `column` gives it; `offset` is where the `${` stands.
    """

    namespace: Namespace
    set_name: str
    record: str
    field: str | None
    offset: int
    column: str | None = None

    @property
    def address(self) -> str:
        return f"{self.set_name}.{self.record}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One expression of a text; `offset` is where its `${` stands."""

    namespace: Namespace
    name: str
    offset: int


class ExpressionError(ValueError):
    """An expression that cannot be read; `offset` is where it begins in the text."""

    def __init__(self, detail: str, *, hint: str, offset: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.offset = offset


def parse(text: str) -> tuple[str | Reference | RecordReference, ...]:
    """Split a text into literal parts and references; literals are never empty, save for the text "" itself.

    Raises ExpressionError at the first expression that is not complete.
    """
    parts: list[str | Reference | RecordReference] = []
    literal: list[str] = []
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        literal.append(text[position : opening.start()])
        position = opening.end()
        if len(opening[0]) == 3:
            literal.append("${")
            continue
        if before := "".join(literal):
            parts.append(before)
        literal.clear()
        reference, position = _reference(text, opening.start())
        parts.append(reference)
    literal.append(text[position:])
    if (rest := "".join(literal)) or not parts:
        parts.append(rest)
    return tuple(parts)


def _reference(text: str, offset: int) -> tuple[Reference | RecordReference, int]:
    """The expression that begins at an offset, and where the text goes on after it."""
    closing = _closing(text, offset)
    content = text[offset + 2 : closing].strip()
    shown = _shown(text[offset : closing + 1])
    if not content:
        raise ExpressionError("${} names nothing.", hint="write ${var.NAME}, or $${ for a literal ${", offset=offset)
    word = _NAME.match(content)
    if word is None or word[0] not in Namespace.__members__.values():
        raise ExpressionError(
            f"{shown} begins with none of the names that are known here.",
            hint="write ${var.NAME} for a variable, ${env.NAME} (in the project file) for the environment, "
            "${row.COLUMN} (in records_from) for a row's value, ${record.SET.RECORD.upstream_id} for another "
            "record's ID, or $${ for a literal ${",
            offset=offset,
        )
    namespace = Namespace(word[0])
    if namespace in (Namespace.RECORD, Namespace.LOOKUP):
        return _record_reference(content[word.end() :], namespace, shown, offset), closing + 1
    return Reference(namespace, _name(content[word.end() :], namespace, shown, offset), offset), closing + 1


def _closing(text: str, offset: int) -> int:
    """Where the expression's brace closes; braces inside quotes do not count."""
    quote = ""
    for position in range(offset + 2, min(len(text), offset + _LONGEST_EXPRESSION)):
        char = text[position]
        if quote:
            quote = "" if char == quote else quote
        elif char == "}":
            return position
        elif char in "\"'" and text[offset:position].rstrip().endswith("["):
            quote = char
        elif text.startswith("${", position):
            raise ExpressionError(
                "An expression holds another one.", hint="put the inner value into a variable of its own", offset=offset
            )
    raise ExpressionError(
        f"{_shown(text[offset : offset + _LONGEST_EXPRESSION])} is not closed.",
        hint="close it with }, or write $${ for a literal ${",
        offset=offset,
    )


def _name(rest: str, namespace: Namespace, shown: str, offset: int) -> str:
    """The name after the namespace: `.name`, or `["name"]`."""
    if rest.startswith("."):
        name = _NAME.fullmatch(rest, 1)
        if name is not None:
            return name[0]
    elif (bracket := _IN_BRACKETS.fullmatch(rest.strip())) is not None:
        return bracket[1] if bracket[1] is not None else bracket[2]
    raise ExpressionError(
        f"{shown} is not of the form ${{{namespace}.NAME}}.",
        hint=f'a name that holds other than letters, digits, _ and - stands in brackets: ${{{namespace}["a.b"]}}',
        offset=offset,
    )


def _record_reference(rest: str, namespace: Namespace, shown: str, offset: int) -> RecordReference:
    """A reference to a record, from what stands behind the namespace."""
    steps = _steps(rest, shown, offset)
    names = [step if isinstance(step, str) else step.name for step in steps]
    columns = [number for number, step in enumerate(steps) if isinstance(step, Reference)]
    whole = len(steps) == 3 and names[2] == "upstream_id"
    repeats = namespace is Namespace.RECORD and len(steps) == 4 and names[2] == "data"
    if not (whole or repeats) or columns not in ([], [1]):
        other = ", or of ${record.SET.RECORD.data.FIELD}" if namespace is Namespace.RECORD else ""
        raise ExpressionError(
            f"{shown} is not of the form ${{{namespace}.SET.RECORD.upstream_id}}{other}.",
            hint="a name that holds a dot or a space stands in brackets: "
            f'${{{namespace}.contacts["paul@x.org"].upstream_id}}',
            offset=offset,
        )
    column = names[1] if columns else None
    name = "" if column is not None else names[1]
    if name and not RECORD_NAME.fullmatch(name):
        name = encoded_name(name)
    return RecordReference(namespace, names[0], name, names[3] if repeats else None, offset, column)


def _steps(rest: str, shown: str, offset: int) -> list[str | Reference]:
    steps: list[str | Reference] = []
    position = 0
    while (step := _STEP.match(rest, position)) is not None:
        position = step.end()
        if step[4] is not None:
            steps.append(Reference(Namespace.ROW, _name(step[4].strip(), Namespace.ROW, shown, offset), offset))
        else:
            steps.append(next(text for text in step.groups() if text is not None))
    return steps if not rest[position:].strip() else []


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST_SHOWN else one_line[: _LONGEST_SHOWN - 1] + "…"
