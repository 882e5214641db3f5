"""Text of a cell becomes a value of its field's type."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, assert_never

from syncspec.manifests.limits import DEFAULT_LIMITS
from syncspec.manifests.rows.exact_json import JsonError, exact_json, exact_number
from syncspec.records import FieldRule, FieldType, Json
from syncspec.values import problem

__all__ = ["CellError", "Convert", "checker", "converter"]

Convert: TypeAlias = Callable[[Any], Json]
"""Gives a value of the field's type. Raises CellError."""

_TRUE = frozenset({"true", "yes", "y", "t", "on", "1"})
_FALSE = frozenset({"false", "no", "n", "f", "off", "0"})
_WHOLE = re.compile(r"[+-]?[0-9]+")
_TOO_PRECISE = "it has more digits than a JSON number keeps; the types text and id keep them"


class CellError(ValueError):
    """A value that does not fit its field's type; the message says why and never shows the value."""


def converter(rule: FieldRule) -> Convert | None:
    """What makes a value of the text of a cell that is not empty; None where the text is the value."""
    match rule.type:
        case None | FieldType.TEXT:
            return None
        case FieldType.INTEGER:
            return _integer
        case FieldType.DECIMAL:
            return _decimal
        case FieldType.BOOLEAN:
            return _boolean
        case FieldType.DATE | FieldType.DATETIME | FieldType.ID:
            return partial(_trimmed, rule)
        case FieldType.MULTI:
            return partial(_parts, rule.separator)
        case FieldType.JSON:
            return _json
        case _:
            assert_never(rule.type)


def checker(rule: FieldRule) -> Convert | None:
    """What gives a value that has a type already as it is; None where every value fits."""
    return None if rule.type in (None, FieldType.JSON) else partial(_checked, rule)


def _checked(rule: FieldRule, value: Json) -> Json:
    why = problem(value, rule)
    if why is not None:
        raise CellError(why)
    return value


def _trimmed(rule: FieldRule, text: str) -> str:
    bare = text.strip()
    why = problem(bare, rule) if bare else f"expected {_article(rule.type)}, found spaces"
    if why is not None:
        raise CellError(why)
    return bare


def _article(type_: FieldType | None) -> str:
    return "an ID" if type_ is FieldType.ID else "a date"


def _integer(text: str) -> int:
    bare = text.strip()
    if _WHOLE.fullmatch(bare) is None:
        raise CellError("expected a whole number")
    value = exact_number(bare)
    if not isinstance(value, int):
        raise CellError(_TOO_PRECISE)
    return value


def _decimal(text: str) -> int | float:
    bare = text.strip()
    value = exact_number(bare)
    if value is None:
        fits = problem(bare, FieldRule(type=FieldType.DECIMAL)) is None and bare
        raise CellError(_TOO_PRECISE if fits else "expected a number such as 1234.5")
    return value


def _boolean(text: str) -> bool:
    folded = text.strip().lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise CellError("expected true or false, yes or no, y or n, t or f, on or off, 1 or 0")


def _parts(separator: str, text: str) -> list[Json]:
    return [part for part in map(str.strip, text.split(separator or ";")) if part]


def _json(text: str) -> Json:
    try:
        value: Json = exact_json(text, max_depth=DEFAULT_LIMITS.max_depth)
    except JsonError as error:
        raise CellError(
            f"expected JSON: {error.refusal.detail[0].lower()}{error.refusal.detail[1:].rstrip('.')}"
        ) from None
    return value
