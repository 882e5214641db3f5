"""The table of sets by action, or by outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncspec.render.markdown.inline import code
from syncspec.render.markdown.layout import Listing
from syncspec.render.values import counted

__all__ = ["matrix"]


def matrix(columns: Sequence[str], rows: Mapping[str, Sequence[int]], *, first: Sequence[str]) -> Listing:
    """Numbers per set, by its name, and their sums. Where there are too many sets, those named in `first` are kept."""
    names = list(rows)
    if not names:
        return Listing(head=(), count=0, row=str, more=str)
    places = {name: place for place, name in enumerate(names)}
    sums = [sum(numbers) for numbers in zip(*rows.values(), strict=True)]
    total = f"| **all** | {' | '.join(f'**{number:,}**' for number in sums)} |"
    return Listing(
        head=(f"| set | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"),
        count=len(names),
        row=lambda place: f"| {code(names[place])} | {' | '.join(map(_cell, rows[names[place]]))} |",
        more=lambda number: f"| … and {counted(number, 'more set')} |{' |' * len(columns)}",
        first=tuple(places[name] for name in first),
        foot=(total, "") if len(names) > 1 else ("",),
    )


def _cell(number: int) -> str:
    return f"{number:,}" if number else ""
