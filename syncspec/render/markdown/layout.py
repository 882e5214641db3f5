"""A document of blocks that must fit: what finds no room is left out by a rule, counted, and said.

Sizes are UTF-16 units, the strictest of the ways in which forges count characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from syncspec.render.review import spread

__all__ = ["LIMIT", "Details", "Document", "Listing", "render", "shares_of", "size_of"]

LIMIT = 65_000
"""Of the whole document; a comment on GitHub may hold 65,536."""

_FOR_MATRIX = 10_000
_FOR_FINDINGS = 8_000
_FOR_EYE = 36_000
_FOR_QUIET = 6_000
_LEAST_DETAILS = 800
"""With less room than this a collapsed part says nothing worth opening."""

_MISSES = 10
"""After so many rows in turn that are too long, nothing more is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows under a head. Of those that do not all fit, `first` are kept before others, then some from all over.

    `more` says on one line that so many are left out; `beyond` counts those that have no row to begin with.
    """

    head: tuple[str, ...]
    count: int
    row: Callable[[int], str]
    more: Callable[[int], str]
    first: tuple[int, ...] = ()
    beyond: int = 0
    foot: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """All rows, however many there are."""
        more = [self.more(self.beyond)] if self.beyond else []
        return [*self.head, *map(self.row, range(self.count)), *more, *self.foot]

    def frame(self) -> list[str]:
        """What stands around rows of which some are left out, in its longest form."""
        return [*self.head, self.more(self.count + self.beyond), *self.foot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """A part that can be collapsed, and is unless `is_open`. `summary` is HTML; `whole` is preferred to `digest` where
    there is one and it fits.

    Of parts that do not all fit, those of the largest `weight` are kept.
    """

    summary: str
    weight: int
    whole: Listing | None
    digest: tuple[Listing, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a comment holds, from top to bottom; `head` and `foot` are short by themselves.

    Of `details` those that are open come before what is `quiet`, and the others after it.
    """

    head: tuple[str, ...]
    matrix: Listing
    eye: tuple[Listing, ...]
    findings: tuple[Listing, ...]
    details: tuple[Details, ...]
    more_details: Callable[[int], str]
    foot: tuple[str, ...]
    quiet: tuple[Listing, ...] = ()


def render(document: Document, *, limit: int = LIMIT) -> str:
    """The document as Markdown of at most `limit` UTF-16 units, ending in a newline.

    The matrix and the findings have room of their own, what needs an eye goes before the details of the sets, and these
    before what is quiet, which gets little where all else needs much.
    """
    room = limit - size_of([*document.head, *document.foot]) - size_of([document.more_details(10**9)])
    parts: list[str] = list(document.head)
    matrix = _fitted(document.matrix, min(room, _FOR_MATRIX))
    room -= size_of(matrix)
    findings = _all_fitted(document.findings, min(room, _FOR_FINDINGS))
    room -= size_of(findings)
    wanted = sum(_need(each, room) for each in document.details)
    least = min(_FOR_QUIET, sum(_listing_size(each, _FOR_QUIET) for each in document.quiet))
    eye = _all_fitted(document.eye, min(room, max(_FOR_EYE, room - wanted - least)))
    room -= size_of(eye)
    quiet = _all_fitted(document.quiet, min(room, max(least, room - wanted)))
    details = _details(document, room - size_of(quiet))
    parts += [*matrix, *eye, *findings, *details.open, *quiet, *details.folded, *document.foot]
    return "\n".join(parts) + "\n"


def size_of(lines: Sequence[str]) -> int:
    """The length of the lines with their line breaks, in UTF-16 units."""
    return sum(len(line) + 1 if line.isascii() else len(line.encode("utf-16-le")) // 2 + 1 for line in lines)


def _all_fitted(listings: Sequence[Listing], room: int) -> list[str]:
    """Several listings in the room for all; each has its fair share, and what one does not need goes to the others."""
    shares = shares_of([_listing_size(each, room) for each in listings], room)
    return [line for each, share in zip(listings, shares, strict=True) for line in _fitted(each, share)]


def shares_of(needs: Sequence[int], room: int) -> list[int]:
    """What each may take of the room, the small needs first."""
    given = [0] * len(needs)
    for done, place in enumerate(sorted(range(len(needs)), key=lambda place: needs[place])):
        given[place] = min(needs[place], room // (len(needs) - done))
        room -= given[place]
    return given


def _listing_size(listing: Listing, most: int) -> int:
    """The size of the whole listing; something above `most` where it is larger than that."""
    size = (
        size_of(listing.head)
        + size_of(listing.foot)
        + (size_of([listing.more(listing.beyond)]) if listing.beyond else 0)
    )
    for place in range(listing.count):
        size += size_of([listing.row(place)])
        if size > most:
            return size
    return size


def _fitted(listing: Listing, room: int) -> list[str]:
    """The listing, or as much of it as there is room for; nothing where not even its head fits."""
    if _listing_size(listing, room) <= room:
        return listing.lines()
    room -= size_of(listing.frame())
    if room < 0:
        return []
    chosen: dict[int, str] = {}
    misses = 0
    for place in _order(listing):
        row = listing.row(place)
        if size_of([row]) <= room:
            chosen[place] = row
            room -= size_of([row])
            misses = 0
        elif (misses := misses + 1) > _MISSES:
            break
    rows = [chosen[place] for place in sorted(chosen)]
    return [*listing.head, *rows, listing.more(listing.count - len(rows) + listing.beyond), *listing.foot]


def _order(listing: Listing) -> Iterator[int]:
    first = dict.fromkeys(listing.first)
    yield from first
    yield from (place for place in spread(listing.count) if place not in first)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The lines of the details for which there is room."""

    open: list[str]
    folded: list[str]


def _details(document: Document, room: int) -> _Shown:
    kept: Sequence[int] = range(len(document.details))
    if sum(_need(document.details[place], room) for place in kept) > room:
        heaviest = sorted(kept, key=lambda place: -document.details[place].weight)
        kept = sorted(heaviest[: max(1, room // _LEAST_DETAILS)])
    shares = shares_of([_need(document.details[place], room) for place in kept], room)
    shown = [_one_details(document.details[place], share) for place, share in zip(kept, shares, strict=True)]
    left_out = len(document.details) - sum(map(bool, shown))
    parts: dict[bool, list[str]] = {True: [], False: []}
    for place, lines in zip(kept, shown, strict=True):
        parts[document.details[place].is_open] += lines
    if left_out:
        parts[False].append(document.more_details(left_out))
    return _Shown(open=parts[True], folded=parts[False])


def _frame(details: Details) -> tuple[str, str, str, str]:
    tag = "<details open>" if details.is_open else "<details>"
    return (f"{tag}<summary>{details.summary}</summary>", "", "</details>", "")


def _need(details: Details, most: int) -> int:
    """The size that the details have where there is room for all that they would show."""
    frame = size_of(_frame(details))
    if details.whole is not None:
        return frame + _listing_size(details.whole, most)
    return frame + sum(_listing_size(each, most) for each in details.digest)


def _one_details(details: Details, room: int) -> list[str]:
    top, empty, bottom, end = _frame(details)
    room -= size_of(_frame(details))
    if details.whole is not None and _listing_size(details.whole, room) <= room:
        inner = _fitted(details.whole, room)
    else:
        inner = _all_fitted(details.digest, room) if room > 0 else []
    return [top, empty, *inner, bottom, end] if inner else []
