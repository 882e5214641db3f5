"""What providers do to values when they store them: small rules, each of which changes one thing.

A rule takes a record's data and the collection it is written to, and gives the data to store; it changes top-level
fields only and raises RefusedError where the provider would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

from syncspec.records import Data, Json
from syncspec.upstream.embedded.ids import salesforce_18
from syncspec.upstream.embedded.refusals import RefusedError

__all__ = [
    "Place",
    "Rule",
    "check_emails",
    "custom_only",
    "drop_unknown",
    "emails_only",
    "empty_for_null",
    "long_ids",
    "lowercase",
    "money_only",
    "null_for_empty",
    "offsets",
    "refuse_unknown",
    "reorder",
    "round_to_cents",
    "stringify",
    "trim",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The collection that is written to; `fields` are its known fields, None where no schema names them."""

    collection_id: str
    fields: frozenset[str] | None = None


Rule: TypeAlias = Callable[[Data, Place], Data]

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MULTI = re.compile(r"[^;\s][^;]*(?:;[^;\s][^;]*)+")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)")
_SHORT_ID = re.compile(r"[0-9A-Za-z]{15}")
_MONEY = re.compile(
    r"(?:Amount|AnnualRevenue|ExpectedRevenue|ListPrice|TotalPrice|UnitPrice|.*(?:Amount|Price|Revenue)__c)"
)
_CENT = Decimal("0.01")


def _each(change: Callable[[Json], Json]) -> Rule:
    def rule(data: Data, place: Place) -> Data:
        return {name: change(value) for name, value in data.items()}

    return rule


def _only(applies: Callable[[str], bool], rule: Rule) -> Rule:
    """Give the rule, restricted to the fields whose name the condition takes."""

    def restricted(data: Data, place: Place) -> Data:
        changed = rule({name: value for name, value in data.items() if applies(name)}, place)
        return {name: changed.get(name, value) for name, value in data.items()}

    return restricted


def emails_only(rule: Rule) -> Rule:
    """The rule, for fields that hold e-mail addresses by their name."""
    return _only(lambda name: name.lower() in ("email", "personemail") or name.lower().endswith("email__c"), rule)


def money_only(rule: Rule) -> Rule:
    """The rule, for fields that hold amounts of money by their name."""
    return _only(lambda name: _MONEY.fullmatch(name) is not None, rule)


def custom_only(rule: Rule) -> Rule:
    """The rule, for fields that an administrator added."""
    return _only(lambda name: name.endswith("__c"), rule)


def _trimmed(value: Json) -> Json:
    return value.strip() if isinstance(value, str) else value


def _lowered(value: Json) -> Json:
    return value.lower() if isinstance(value, str) else value


def _rounded(value: Json) -> Json:
    if not isinstance(value, float):
        return value
    return float(Decimal(repr(value)).quantize(_CENT, ROUND_HALF_UP)) if abs(value) < 1e15 else value


def _as_text(value: Json) -> Json:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case _:
            return value


def _reordered(value: Json) -> Json:
    if isinstance(value, str) and _MULTI.fullmatch(value):
        return ";".join(sorted(set(value.rstrip(";").split(";"))))
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return sorted(value, key=str)
    return value


def _in_utc(value: Json) -> Json:
    if not isinstance(value, str) or not _DATETIME.fullmatch(value):
        return value
    try:
        instant = datetime.fromisoformat(value.upper().replace(" ", "T")).astimezone(UTC)
    except (ValueError, OverflowError):
        return value
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}+0000"


trim = _each(_trimmed)
lowercase = _each(_lowered)
round_to_cents = _each(_rounded)
stringify = _each(_as_text)
reorder = _each(_reordered)
offsets = _each(_in_utc)
empty_for_null = _each(lambda value: "" if value is None else value)
null_for_empty = _each(lambda value: None if value == "" else value)
long_ids = _only(
    lambda name: name.endswith("Id"),
    _each(lambda value: salesforce_18(value) if isinstance(value, str) and _SHORT_ID.fullmatch(value) else value),
)


def check_emails(data: Data, place: Place) -> Data:
    """Refuse a text in a field for e-mail addresses that is none."""
    for name, value in data.items():
        if name.lower() == "email" and isinstance(value, str) and value and not _EMAIL.fullmatch(value):
            raise RefusedError.by_provider(place.collection_id, "Invalid email")
    return data


def drop_unknown(data: Data, place: Place) -> Data:
    """Keep only fields that the collection has, where these are known."""
    if place.fields is None:
        return data
    return {name: value for name, value in data.items() if name in place.fields}


def refuse_unknown(data: Data, place: Place) -> Data:
    """Refuse a field that the collection does not have, where these are known. Raises RefusedError."""
    unknown = sorted(set(data) - place.fields) if place.fields is not None else []
    if unknown:
        raise RefusedError.by_provider(place.collection_id, f"No such column '{unknown[0]}'")
    return data
