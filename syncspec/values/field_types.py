"""Whether a declared value fits the type that its field declares, in the words of a manifest's author."""

from __future__ import annotations

from syncspec.records import FieldRule, FieldType, Json
from syncspec.values.instants import instant, is_date, local_time
from syncspec.values.numerals import of_text

__all__ = ["problem"]


def problem(value: Json, rule: FieldRule) -> str | None:
    """Why the value does not fit the field's type, or None where it does. null and "" fit all: they clear the field."""
    if value is None or value == "":
        return None
    match rule.type:
        case None | FieldType.JSON:
            return None
        case FieldType.TEXT:
            return None if isinstance(value, str) else f"expected text, found {_kind(value)}{_quote(value)}"
        case FieldType.INTEGER:
            return None if _is_integer(value) else f"expected a whole number, found {_kind(value)}"
        case FieldType.DECIMAL:
            return None if _is_number(value) else f"expected a number, found {_kind(value)}"
        case FieldType.BOOLEAN:
            fits = isinstance(value, bool) or (isinstance(value, str) and value in ("true", "false"))
            return None if fits else f"expected true or false, found {_kind(value)}"
        case FieldType.DATE:
            fits = isinstance(value, str) and is_date(value)
            return None if fits else f"expected a date such as 2024-01-05, found {_kind(value)}"
        case FieldType.DATETIME:
            fits = isinstance(value, str) and (instant(value) or local_time(value)) is not None
            return None if fits else f"expected a date and time such as 2024-01-05T10:00:00Z, found {_kind(value)}"
        case FieldType.MULTI:
            return _multi_problem(value, rule.separator)
        case FieldType.ID:
            fits = (isinstance(value, str) and bool(value.strip())) or _is_plain_integer(value)
            return None if fits else f"expected an ID, found {_kind(value)}"


def _multi_problem(value: Json, separator: str) -> str | None:
    if not isinstance(value, list):
        fits = not isinstance(value, dict)
        return None if fits else f'expected a list, or text with "{separator}" between its parts, found a mapping'
    for item in value:
        if item is None or isinstance(item, (dict, list)):
            return f"expected a list of plain values, found {_kind(item)} in it"
        if separator and isinstance(item, str) and separator in item:
            return f'an item of the list holds the separator "{separator}" and would become two'
    return None


def _is_plain_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Json) -> bool:
    if isinstance(value, str):
        return of_text(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    if isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        return digits.isascii() and digits.isdigit()
    return _is_plain_integer(value) or (isinstance(value, float) and value.is_integer())


def _quote(value: Json) -> str:
    return "" if isinstance(value, (dict, list)) else "; quote it"


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"
