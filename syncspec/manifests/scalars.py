"""Plain scalars by the YAML 1.2 core schema; text that only looks like a number is told from a number."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias

__all__ = ["CONSTANTS", "LARGEST_EXACT", "NOT_TEXT", "UNSET", "Doubt", "DoubtKind", "Scalar", "Unset", "resolve"]


class Unset(Enum):
    """What the tag `!unset` stands for: take this default away."""

    UNSET = "!unset"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


class DoubtKind(StrEnum):
    """Why a plain scalar is refused."""

    NOT_AS_WRITTEN = "not-as-written"
    TOO_PRECISE = "too-precise"
    NOT_FINITE = "not-finite"


@dataclass(frozen=True, slots=True)
class Doubt:
    """A plain scalar that is a number to YAML, and would not print back as `text`.

    `number` is how the number itself is written, None where JSON cannot hold it exactly.
    """

    kind: DoubtKind
    text: str
    number: str | None = None


Scalar: TypeAlias = "bool | int | float | str | None"

CONSTANTS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

NOT_TEXT: Final = frozenset("0123456789+-.~nNtTfF") | {""}
"""First characters (and none at all) of plain scalars that may be something else than text."""

_NUMBER_STARTS = frozenset("0123456789+-.")
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:0b[01_]++|0o[0-7_]++|0x[0-9a-fA-F_]++"
    r"|(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?|\.[0-9][0-9_]*+)(?:[eE][-+]?[0-9]++)?)"
)
_INTEGER = re.compile(r"-?[0-9]+")
_BASES = {"0b": 2, "0o": 8, "0x": 16}
LARGEST_EXACT: Final = 2**53
"""The largest whole number that every JSON reader keeps exactly."""
_LONGEST_NUMBER = 32
"""No number that JSON keeps exactly prints longer than this."""


def resolve(text: str) -> Scalar | Doubt:
    """Give the value of a plain scalar, or the doubt that it is one number and reads as another."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[:1] not in _NUMBER_STARTS:
        return text
    if _NUMBER_LIKE.fullmatch(text):
        return _number(text)
    if _NON_FINITE.fullmatch(text):
        return Doubt(DoubtKind.NOT_FINITE, text)
    return text


def _number(text: str) -> int | float | Doubt:
    if len(text) > _LONGEST_NUMBER:
        return Doubt(DoubtKind.TOO_PRECISE, text)
    value = _value_of(text)
    if isinstance(value, int):
        if abs(value) > LARGEST_EXACT:
            return Doubt(DoubtKind.TOO_PRECISE, text)
        return value if _INTEGER.fullmatch(text) and str(value) == text else _as_written(text, value)
    if repr(value) == text:
        return value
    return _as_written(text, value) if math.isfinite(value) else Doubt(DoubtKind.TOO_PRECISE, text)


def _as_written(text: str, value: int | float) -> Doubt:
    digits = text.lstrip("+-").partition("e")[0].partition("E")[0].replace("_", "").replace(".", "").lstrip("0")
    if isinstance(value, float) and len(digits.rstrip("0")) > 15:
        return Doubt(DoubtKind.TOO_PRECISE, text)
    return Doubt(DoubtKind.NOT_AS_WRITTEN, text, str(value))


def _value_of(text: str) -> int | float:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-")
    base = _BASES.get(digits[:2])
    if base is not None:
        return sign * int(digits[2:].replace("_", "") or "0", base)
    plain = text.replace("_", "")
    return float(plain) if any(mark in plain for mark in ".eE") else int(plain)
