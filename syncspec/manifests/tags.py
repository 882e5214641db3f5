"""Tags: the standard ones of YAML's core schema, and `!unset`; every other one is refused."""

from __future__ import annotations

import math
import re
from typing import Final

from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.scalars import CONSTANTS, LARGEST_EXACT, UNSET, Scalar, Unset

__all__ = ["collection_refusal", "tagged_scalar"]

_STANDARD: Final = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]{1,32}|0o[0-7]{1,32}|0x[0-9a-fA-F]{1,32}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,400}|[0-9]{1,400}(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,4})?")


def tagged_scalar(tag: str, text: str) -> Scalar | Unset | Refusal:
    """Give the value that a tag makes of a scalar, or why it makes none."""
    if tag in ("!", f"{_STANDARD}str"):
        return text
    if tag == UNSET.value:
        return _unset_with_value() if text else UNSET
    name = tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else ""
    if name not in ("null", "bool", "int", "float"):
        return _unknown(tag, "scalar" if name in ("map", "seq") else None)
    value = _converted(name, text)
    if value is UNSET:
        return Refusal(
            code="tag-mismatch",
            summary="A value does not fit its tag",
            detail=f'"{shortened(text)}" is no value of {_shown(tag)} that JSON can hold exactly.',
            hint="take the tag away, or correct the value",
        )
    return value


def collection_refusal(tag: str, *, mapping: bool) -> Refusal | None:
    """Why a mapping or list may not carry a tag; None where it may."""
    if tag in ("!", _STANDARD + ("map" if mapping else "seq")):
        return None
    if tag == UNSET.value:
        return _unset_with_value()
    name = tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else ""
    known = name in ("null", "bool", "int", "float", "str", "map", "seq")
    return _unknown(tag, ("mapping" if mapping else "list") if known else None)


def _converted(name: str, text: str) -> Scalar | Unset:
    """The value of a scalar that is tagged null, bool, int or float; UNSET where it is none."""
    constant = CONSTANTS.get(text, UNSET)
    match name:
        case "null":
            return UNSET if constant is not None else None
        case "bool":
            return constant if isinstance(constant, bool) else UNSET
        case "int" if _INTEGER.fullmatch(text):
            prefix = text[:2]
            number = int(text[2:], 8 if prefix == "0o" else 16) if prefix in ("0o", "0x") else int(text)
            return number if abs(number) <= LARGEST_EXACT else UNSET
        case "float" if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        case _:
            return UNSET


def _unset_with_value() -> Refusal:
    return Refusal(
        code="unset-with-value",
        summary="!unset stands alone",
        detail="!unset takes a default away, so no value can follow it.",
        hint="write only !unset, or take the tag away and keep the value",
    )


def _unknown(tag: str, misplaced_on: str | None) -> Refusal:
    shown = shortened(_shown(tag))
    detail = f"{shown} does not fit a {misplaced_on}." if misplaced_on else f"{shown} is not a tag that syncspec knows."
    return Refusal(
        code="unknown-tag",
        summary="Unknown tag",
        detail=detail,
        hint="put text that begins with an exclamation mark in quotes, or take the tag away",
    )


def _shown(tag: str) -> str:
    return f"!!{tag.removeprefix(_STANDARD)}" if tag.startswith(_STANDARD) else tag
