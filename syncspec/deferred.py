"""Values that hold what is not known yet: IDs of records that may not exist.

A deferred value is built like any other, of mappings, lists and scalars, and has leaves in it; text that a leaf is
part of is `Joined`. `replaced` puts values in the place of leaves; what has none left is a plain value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["NOTHING", "Deferred", "IdOf", "Joined", "Leaf", "as_text", "is_deferred", "leaves", "replaced"]

Deferred: TypeAlias = Any
"""A value of JSON's types with leaves and joined texts in it."""


NOTHING: Mapping[str, Deferred] = {}
"""The deferred values of all that refers to nothing."""


class Leaf:
    """What stands in a value for another one that is not known yet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class IdOf(Leaf):
    """The upstream ID of the record with this address; `looked_up`: one that is only read, of a lookup set."""

    address: str
    looked_up: bool = False

    def __str__(self) -> str:
        set_name, _, record = self.address.partition(".")
        shown = f'["{record}"]' if "." in record else f".{record}"
        return f"${{{'lookup' if self.looked_up else 'record'}.{set_name}{shown}.upstream_id}}"


@dataclass(frozen=True, slots=True)
class Joined:
    """A text that is put together of parts, once all of them are known."""

    parts: tuple[Deferred, ...]


def as_text(value: object) -> str:
    """The text that a value becomes inside other text: as JSON writes it, without quotes around text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_deferred(value: Deferred) -> bool:
    """Whether there is a leaf in the value."""
    if isinstance(value, str) or value is None:
        return False
    return next(leaves(value), None) is not None


def leaves(value: Deferred) -> Iterator[Leaf]:
    """Every leaf of a value, in order."""
    if isinstance(value, Leaf):
        yield value
    elif isinstance(value, Joined):
        for part in value.parts:
            yield from leaves(part)
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


def replaced(value: Deferred, put: Callable[[Any], Deferred]) -> Deferred:
    """The value with what `put` gives for each leaf: a value that may have leaves again, such as the leaf itself."""
    if isinstance(value, Leaf):
        return put(value)
    if isinstance(value, Joined):
        return _joined([replaced(part, put) for part in value.parts])
    if isinstance(value, dict):
        return {key: replaced(item, put) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, put) for item in value]
    return value


def _joined(parts: list[Deferred]) -> Deferred:
    if any(is_deferred(part) for part in parts):
        return Joined(tuple(parts))
    return "".join(map(as_text, parts))
