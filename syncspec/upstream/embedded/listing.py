"""Lists of records: what a request asks for, and the page that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.replica import PAGE, lagging_page
from syncspec.upstream.embedded.streams import Cursor

__all__ = ["Filter", "Listing", "Page", "Slice", "page_query", "read_listing"]

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is cut down to; None: not filtered."""

    sync_id: str | None = None
    collection_id: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a stream: records as JSON text, and the position of the last one (None where there is none)."""

    bodies: tuple[bytes, ...]
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A request for one page.

    `as_of`: as a replica shows it at that time; else as it is. `restart`: a cursor of a stream that is gone counts
    as none; else it is refused.
    """

    wanted: Filter
    after: str | None
    limit: int
    as_of: datetime | None = None
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer to a `Listing`: records as JSON text, the cursor after them, and where the page began."""

    bodies: tuple[bytes, ...]
    cursor: str | None
    start: Cursor

    def body(self) -> bytes:
        return b'{"records":[' + b",".join(self.bodies) + b'],"cursor":' + orjson.dumps(self.cursor or None) + b"}"


def read_listing(query: Mapping[str, str]) -> Listing:
    """Read the query of a request. Raises RefusedError where the limit is none."""
    return Listing(
        wanted=Filter(
            sync_id=query.get("sync_id"),
            collection_id=query.get("collection_id", query.get("collection")),
            provider=query.get("provider"),
        ),
        after=query.get("after_cursor"),
        limit=_limit(query.get("limit")),
    )


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_LIMIT and len(text) < 9):
        raise RefusedError(400, f"limit must be a whole number from 1 to {LARGEST_LIMIT}")
    return int(text)


def page_query(
    wanted: Filter, *, after: int, limit: int, as_of: datetime | None
) -> tuple[str, dict[str, str | int | float]]:
    """Give the SQL for the next rows of a stream after a position, with its values."""
    conditions = ["position > :after"]
    values: dict[str, str | int | float] = {"after": after, "limit": limit}
    for column, value in (("sync_id", wanted.sync_id), ("collection_id", wanted.collection_id)):
        if value is not None:
            conditions.append(f"{column} = :{column}")
            values[column] = value
    if wanted.provider is not None:
        conditions.append("substr(collection_id, 1, :length) = :prefix")
        values |= {"length": len(wanted.provider) + 1, "prefix": f"{wanted.provider}:"}
    where = " AND ".join(conditions)
    if as_of is None:
        return PAGE.format(conditions=where), values
    return lagging_page(where), values | {"as_of": as_of.timestamp()}
