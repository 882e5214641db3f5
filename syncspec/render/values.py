"""Values of fields as people read them."""

from __future__ import annotations

import json
import unicodedata

from syncspec.planning.notes import counted
from syncspec.records import Json
from syncspec.render.terminal import clipped, visible

__all__ = ["LONGEST_VALUE", "common_start", "counted", "size_text", "step_texts", "value_text"]

LONGEST_VALUE = 100
_CONTEXT = 20
"""Characters that are shown before the first difference of two long values."""


def value_text(value: Json, *, longest: int = LONGEST_VALUE) -> str:
    """A value as one short line of JSON; long ones end in an ellipsis."""
    if isinstance(value, str):
        value = value[: _before_clipping(longest)]
    return clipped(_line(value), longest)


def step_texts(before: Json, after: Json, *, longest: int = LONGEST_VALUE) -> tuple[str, str]:
    """Two values as short lines of JSON that show where they differ, however long they are and however alike."""
    if isinstance(before, str) and isinstance(after, str):
        room = _before_clipping(longest)
        if max(len(before), len(after)) > room:
            before, after = (text[:room] for text in _from_difference(before, after))
    first, second = _cut(_line(before), _line(after), longest)
    if first != second and unicodedata.normalize("NFKC", first) != unicodedata.normalize("NFKC", second):
        return first, second
    return _cut(_line(before, ascii_only=True), _line(after, ascii_only=True), longest)


def _before_clipping(longest: int) -> int:
    """Text that is far too long is cut before it is quoted, so that a value of megabytes costs nothing."""
    return 8 * longest


def _line(value: Json, *, ascii_only: bool = False) -> str:
    return visible(json.dumps(value, ensure_ascii=ascii_only, sort_keys=True))


def _cut(first: str, second: str, longest: int) -> tuple[str, str]:
    if max(len(first), len(second)) > longest:
        first, second = _from_difference(first, second)
    return clipped(first, longest), clipped(second, longest)


def _from_difference(first: str, second: str) -> tuple[str, str]:
    start = common_start(first, second) - _CONTEXT
    return (f"…{first[start:]}", f"…{second[start:]}") if start > 0 else (first, second)


def common_start(first: str, second: str) -> int:
    """The number of characters that two texts begin with alike."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def size_text(size: int) -> str:
    """A number of bytes: `812 bytes`, `38.2 kB`, `1.4 MB`."""
    if size < 1000:
        return counted(size, "byte")
    return f"{size / 1000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"
