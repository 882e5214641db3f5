"""Values of fields as people read them."""

from __future__ import annotations

import json

from syncspec.records import Json
from syncspec.render.terminal import clipped, visible

__all__ = ["LONGEST_VALUE", "counted", "size_text", "value_text"]

LONGEST_VALUE = 100
_BEFORE_CLIPPING = 8 * LONGEST_VALUE
"""Text that is far too long is cut before it is quoted, so that a value of megabytes costs nothing."""


def value_text(value: Json) -> str:
    """A value as one short line of JSON; long ones end in an ellipsis."""
    if isinstance(value, str) and len(value) > _BEFORE_CLIPPING:
        value = value[:_BEFORE_CLIPPING]
    return clipped(visible(json.dumps(value, ensure_ascii=False, sort_keys=True)), LONGEST_VALUE)


def counted(number: int, noun: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_text(size: int) -> str:
    """A number of bytes: `812 bytes`, `38.2 kB`, `1.4 MB`."""
    if size < 1000:
        return counted(size, "byte")
    return f"{size / 1000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"
