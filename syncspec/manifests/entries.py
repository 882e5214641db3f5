"""Puts the pairs of a mapping in order after their lines were written, with their comments and blank lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from yaml.events import AliasEvent

from syncspec.manifests.key_order import Order

__all__ = ["Entries", "KeptLine", "References"]


class KeptLine(str):
    """The last line of a block text that keeps the empty lines below it: none may be added there."""

    __slots__ = ()


class References:
    """The lines at which a document's anchors and aliases stand, each in the order in which they were written.

    Those of a mapping that has just been written are the last ones, so that no look at one costs more than it holds.
    """

    __slots__ = ("_aliases", "_anchors")

    def __init__(self) -> None:
        self._anchors: list[tuple[int, str]] = []
        self._aliases: list[tuple[int, str]] = []

    def note(self, event: Any, line: int) -> None:
        """Note the anchor or the alias of an event, if it has any."""
        name = getattr(event, "anchor", None)
        if name is not None:
            (self._aliases if event.__class__ is AliasEvent else self._anchors).append((line, name))

    def since(self, first: int) -> Iterator[tuple[int, int]]:
        """The lines of every anchor, from the `first` line on, and of an alias of it."""
        anchors = {name: line for line, name in self._anchors[self._count(self._anchors, first) :]}
        for line, name in self._aliases[self._count(self._aliases, first) :]:
            if name in anchors:
                yield anchors[name], line

    def move(self, first: int, place: Callable[[int], int]) -> None:
        """Note that each line from the `first` on is now part of what begins at its `place`."""
        for references in (self._anchors, self._aliases):
            start = self._count(references, first)
            references[start:] = [(place(line), name) for line, name in references[start:]]

    def _count(self, references: list[tuple[int, str]], first: int) -> int:
        """How many stand above the `first` line."""
        count = len(references)
        while count and references[count - 1][0] >= first:
            count -= 1
        return count


class Entries:
    """The pairs of one mapping, each from its first line in `out` to the first line of the next."""

    __slots__ = ("_keys", "_out", "_references", "_starts")

    def __init__(self, out: list[str], references: References) -> None:
        self._out = out
        self._references = references
        self._keys: list[str] = []
        self._starts: list[int] = []

    @property
    def is_empty(self) -> bool:
        return not self._keys

    def begin(self, key: str) -> None:
        """Note that the next line is the first of this key's pair: what stands above it belongs to it."""
        self._keys.append(key)
        self._starts.append(len(self._out))

    def arrange(self, order: Order) -> None:
        """Put the pairs in order.

        They stay as they are where a key is not known, and where an alias would come before its anchor.
        """
        if not set(self._keys) <= set(order.keys):
            return
        ranks = [order.keys.index(key) for key in self._keys]
        arranged = sorted(range(len(ranks)), key=ranks.__getitem__)
        if arranged == list(range(len(ranks))) or not self._can_be(arranged):
            return
        blocks = [self._out[start:stop] for start, stop in pairwise([*self._starts, len(self._out)])]
        top = blocks[arranged[0]]
        if not top[0]:
            # The blank line parted it from what stood above; now that needs to be parted from it.
            del top[0]
            blocks[0].insert(0, "")
        lines: list[str] = []
        moved: dict[int, int] = {}
        for number in arranged:
            block = blocks[number]
            if not block[0] and lines and isinstance(lines[-1], KeptLine):
                del block[0]
            moved[number] = self._starts[0] + len(lines)
            lines += block
        self._references.move(self._starts[0], lambda line: moved[self._entry(line)])
        self._out[self._starts[0] :] = lines

    def _can_be(self, arranged: list[int]) -> bool:
        """Whether every alias still comes after its anchor."""
        places = {number: place for place, number in enumerate(arranged)}
        pairs = self._references.since(self._starts[0])
        return all(places[self._entry(anchor)] <= places[self._entry(alias)] for anchor, alias in pairs)

    def _entry(self, line: int) -> int:
        return max(0, bisect_right(self._starts, line) - 1)
