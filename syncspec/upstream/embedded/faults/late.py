"""Mutations that were answered already and are committed later."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime

import anyio

from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.refusals import RefusedError

__all__ = ["LateCommits"]

Commit = Callable[[Mutation, datetime], Awaitable[object]]
Tell = Callable[[str, str], None]

RETRY_SECONDS = 1.0


class LateCommits:
    """Holds mutations until they are due, and commits them in the order of that time, as if at that time.

    Nothing happens by itself: `settle` is called before every look at the store, so that with a clock that is moved by
    hand everything happens in the same order each time; `watch` does it as time goes by. `commit` is set by the owner
    before either is called. A mutation that is refused when it is due is told, and gone.
    """

    def __init__(self, *, now: Callable[[], datetime], tell: Tell) -> None:
        self.commit: Commit | None = None
        self._now = now
        self._tell = tell
        self._waiting: list[tuple[datetime, int, Mutation]] = []
        self._added = 0
        self._settling = anyio.Lock()
        self._news: anyio.Event | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, mutation: Mutation, due: datetime) -> None:
        self._added += 1
        heapq.heappush(self._waiting, (due, self._added, mutation))
        if self._news is not None:
            self._news.set()

    async def settle(self) -> None:
        """Commit all that is due. What the store cannot take now stays, and the store's error is raised."""
        async with self._settling:
            while self.commit is not None and self._waiting and self._waiting[0][0] <= self._now():
                entry = heapq.heappop(self._waiting)
                due, _, mutation = entry
                try:
                    await self.commit(mutation, due)
                except RefusedError as refusal:
                    self._tell("late commit refused", refusal.message)
                except BaseException:
                    heapq.heappush(self._waiting, entry)
                    raise

    async def watch(self) -> None:
        """Commit what is due as time goes by, until cancelled."""
        while True:
            self._news = anyio.Event()
            try:
                await self.settle()
            except sqlite3.Error:
                # Another process may hold the file for long; what is due stays due.
                await anyio.sleep(RETRY_SECONDS)
                continue
            with anyio.move_on_after(self._seconds()):
                await self._news.wait()

    def _seconds(self) -> float | None:
        return (self._waiting[0][0] - self._now()).total_seconds() if self._waiting else None
