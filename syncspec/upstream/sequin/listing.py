"""How a list of records is walked to its end, whatever the other side does with its cursors."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.records import Json
from syncspec.upstream.protocol import Page
from syncspec.upstream.sequin.wire import Row, identifier, is_object, load_json, read_row

__all__ = ["MAX_IDLE_PAGES", "Walk", "read_page"]

MAX_IDLE_PAGES = 1000
"""So many pages in a row may be empty, or repeat the page before, before the list counts as unreadable."""


class Walk:
    """Follows the cursors of one list and tells when it ends.

    The end is a missing or an unchanged cursor. A cursor that comes back is an error, found in constant memory: one
    earlier cursor is kept, and replaced at every power of two, so that a circle of any length meets it.
    """

    def __init__(self, after: str | None) -> None:
        self.cursor = after
        self._kept = after
        self._steps = 0
        self._keep_for = 1
        self._idle = 0
        self._page_before: tuple[str, ...] = ()

    def advance(self, cursor: str | None, ids: Sequence[str]) -> bool:
        """Take a page's cursor and the IDs on it; True where another page follows.

        Raises ValueError where the list runs in a circle or stands still.
        """
        if cursor is None or cursor == self.cursor:
            return False
        if cursor == self._kept:
            raise ValueError("its cursors run in a circle")
        page = tuple(ids)
        self._idle = self._idle + 1 if not page or page == self._page_before else 0
        if self._idle >= MAX_IDLE_PAGES:
            raise ValueError(f"{MAX_IDLE_PAGES} pages in a row showed no new record")
        self._page_before = page
        self.cursor = cursor
        self._steps += 1
        if self._steps == self._keep_for:
            self._kept, self._keep_for, self._steps = cursor, self._keep_for * 2, 0
        return True


def read_page(raw: bytes, sync_id: str, collection_id: str) -> Page:
    """Read one page, without the rows that say of themselves that they belong elsewhere.

    Raises ValueError where anything on it cannot be known for sure.
    """
    body = load_json(raw)
    if not is_object(body):
        raise ValueError("the answer is not a JSON object")
    items = body.get("records")
    if not isinstance(items, list):
        raise ValueError('the answer has no list "records"')
    told = [read_row(item) for item in items]
    rows = [row for row in told if _is_ours(row, sync_id, collection_id)]
    ours = sync_id.casefold()
    streams = {row.stream_id for row in rows if row.stream_id is not None}
    if len(streams) > 1:
        raise ValueError("the list was rebuilt while it was read")
    return Page(
        records=tuple(row.record for row in rows),
        cursor=_cursor(body.get("cursor")),
        stream_id=next(iter(streams), None),
        elsewhere=frozenset(row.sync_id for row in told if row.sync_id is not None and row.sync_id.casefold() != ours),
    )


def _is_ours(row: Row, sync_id: str, collection_id: str) -> bool:
    """An endpoint may ignore the filters, so that a row's own word counts.

    A collection may be told without its provider; a foreign one is never told as ours.
    """
    if row.sync_id is not None and row.sync_id.casefold() != sync_id.casefold():
        return False
    told = row.collection_id
    if told is None:
        return True
    ours = collection_id.casefold()
    return told.casefold() == ours or (":" not in told and told.casefold() == ours.partition(":")[2])


def _cursor(value: Json) -> str | None:
    if value is None or value == "":
        return None
    cursor = identifier(value)
    if cursor is None:
        raise ValueError("the cursor is neither text nor a whole number")
    return cursor
