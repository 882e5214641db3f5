"""Expressions in values: `${var.NAME}`, `${env.NAME}`, `${row.COLUMN}`, and `$${` for a literal `${`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ExpressionError", "Namespace", "Reference", "as_text", "parse"]

_OPENING = re.compile(r"\$\$\{|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_IN_BRACKETS = re.compile(r"""\[\s*(?:"([^"]*)"|'([^']*)')\s*\]""")
_LONGEST_SHOWN = 60
_LONGEST_EXPRESSION = 1000
"""An expression that goes on for longer is one that nobody closed."""


class Namespace(StrEnum):
    """Where a name is looked up."""

    VAR = "var"
    ENV = "env"
    ROW = "row"


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


def parse(text: str) -> tuple[str | Reference, ...]:
    """Split a text into literal parts and references; literals are never empty, save for the text "" itself.

    Raises ExpressionError at the first expression that is not complete.
    """
    parts: list[str | Reference] = []
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


def as_text(value: object) -> str:
    """The text that a value becomes inside other text: as JSON writes it, without quotes around text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reference(text: str, offset: int) -> tuple[Reference, int]:
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
            "${row.COLUMN} (in records_from) for a row's value, or $${ for a literal ${",
            offset=offset,
        )
    namespace = Namespace(word[0])
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


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST_SHOWN else one_line[: _LONGEST_SHOWN - 1] + "…"
