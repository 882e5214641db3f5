"""Canonical JSON text: sorted keys, one form per number, ASCII only; the ground of structural equality and digests."""

from __future__ import annotations

import hashlib
import hmac
import json

from syncspec.records import Json
from syncspec.values.numerals import of_number, plain

__all__ = ["digest", "quoted", "scalar_text", "structure"]

quoted = json.JSONEncoder(ensure_ascii=True).encode
"""JSON text of a text or of a flat list of texts; never fails, also for surrogates that cannot be sent."""


def structure(value: Json) -> str:
    """JSON in which equal values are equal text: 1 is 1.0, and True is neither.

    Walks without recursion, so that no depth of nesting breaks it.
    """
    if not isinstance(value, (dict, list)):
        return _scalar(value)
    if isinstance(value, dict) and not any(isinstance(item, (dict, list)) for item in value.values()):
        return f"{{{','.join([f'{quoted(name)}:{_scalar(value[name])}' for name in sorted(value)])}}}"  # type: ignore[arg-type]
    parts: list[str] = []
    todo: list[tuple[bool, Json]] = [(False, value)]
    while todo:
        ready, item = todo.pop()
        if ready:
            parts.append(str(item))
        elif isinstance(item, dict):
            todo.append((True, "}"))
            for number, name in enumerate(sorted(item, reverse=True)):
                todo += [(True, "," if number else ""), (False, item[name]), (True, quoted(name) + ":")]
            parts.append("{")
        elif isinstance(item, list):
            todo.append((True, "]"))
            for number, entry in enumerate(reversed(item)):
                todo += [(True, "," if number else ""), (False, entry)]
            parts.append("[")
        else:
            parts.append(_scalar(item))
    return "".join(parts)


def scalar_text(value: Json) -> str:
    """The value as text: true, the shortest plain form of a number, text itself, nothing for null, else JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return plain(of_number(value))
    return "" if value is None else structure(value)


def digest(value: Json, *, key: bytes | None = None) -> str:
    """16 hex digits that change with the value: SHA-256 over its canonical JSON, or HMAC-SHA-256 with a key."""
    text = structure(value).encode("ascii")
    if key is not None:
        return hmac.new(key, text, hashlib.sha256).hexdigest()[:16]
    return hashlib.sha256(text).hexdigest()[:16]


def _scalar(value: bool | int | float | str | None) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return of_number(value)
