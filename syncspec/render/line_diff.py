"""Unified diffs in a time that grows with the number of lines: difflib's own grows with its square."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

__all__ = ["Hunk", "hunks"]

_SMALL = 100_000
"""Where no line is unique, so many pairs of lines are compared one by one; more are taken to be all different."""

_CONTEXT = 3

Hunk = tuple[int, int, list[tuple[str, int]]]
"""The first lines' numbers before and after, from 0, and the hunk's lines: " ", "-" or "+", and the line's number."""


def hunks(before: Sequence[str], after: Sequence[str]) -> Iterator[Hunk]:
    """What changed between two texts, each change with the three lines around it.

    The number of a line counts in `before` for " " and "-", and in `after` for "+".
    """
    for group in _Lines(before, after).get_grouped_opcodes(_CONTEXT):
        lines: list[tuple[str, int]] = []
        for tag, start, stop, new_start, new_stop in group:
            lines += ((" " if tag == "equal" else "-", number) for number in range(start, stop))
            if tag != "equal":
                lines += (("+", number) for number in range(new_start, new_stop))
        yield group[0][1], group[0][3], lines


class _Lines(SequenceMatcher[str]):
    """Matches lines that are unique on both sides, then their equal neighbours, then what lies between."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, (), (), autojunk=False)
        self.a, self.b = before, after
        self.opcodes: list[tuple[str, int, int, int, int]] | None = None

    def get_matching_blocks(self) -> list[Match]:
        """Pairs of equal runs in the order of both texts; the last one is empty, as in difflib."""
        before, after = self.a, self.b
        blocks: list[Match] = []
        start = new_start = 0
        for anchor, new_anchor in [*_anchors(before, after), (len(before), len(after))]:
            if anchor < start or new_anchor < new_start:
                continue
            blocks += _between(before, after, start, anchor, new_start, new_anchor)
            size = 0
            while anchor + size < len(before) and new_anchor + size < len(after):
                if before[anchor + size] != after[new_anchor + size]:
                    break
                size += 1
            blocks.append(Match(anchor, new_anchor, size))
            start, new_start = anchor + size, new_anchor + size
        return [*(block for block in blocks if block.size), Match(len(before), len(after), 0)]


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Both numbers of the lines that stand exactly once on each side: the longest row that rises on both."""
    counts, new_counts = Counter(before), Counter(after)
    places = {line: number for number, line in enumerate(after) if new_counts[line] == 1}
    pairs = [(number, places[line]) for number, line in enumerate(before) if line in places and counts[line] == 1]
    ends: list[int] = []
    last: list[int] = []
    previous: list[int] = []
    for index, (_, place) in enumerate(pairs):
        at = bisect_left(ends, place)
        previous.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [index]
    row: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        row.append(pairs[index])
        index = previous[index]
    return row[::-1]


def _between(
    before: Sequence[str], after: Sequence[str], start: int, stop: int, new_start: int, new_stop: int
) -> list[Match]:
    """What is equal between two anchors: at its end, and where it is short inside too."""
    size = 0
    while stop - size > start and new_stop - size > new_start and before[stop - size - 1] == after[new_stop - size - 1]:
        size += 1
    inner_stop, new_inner_stop = stop - size, new_stop - size
    found: list[Match] = []
    if 0 < (inner_stop - start) * (new_inner_stop - new_start) <= _SMALL:
        inner = SequenceMatcher(None, before[start:inner_stop], after[new_start:new_inner_stop], autojunk=False)
        found = [Match(start + block.a, new_start + block.b, block.size) for block in inner.get_matching_blocks()]
    return [*found, Match(inner_stop, new_inner_stop, size)]
