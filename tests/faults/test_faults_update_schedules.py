"""Seeded schedules of edits, faults, kills and lagging replicas: every record ends as it is declared last."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.builders import VirtualClock
from support.pipeline import STORE, Folder, Wrapped, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.protocol import Page

RECORDS = 6
TITLES = ("Heir", "Duke", "Emperor")
Look = tuple[datetime, tuple[Any, ...]]


class Dice:
    """Any request may fail before or after its commit, in any way."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    async def before(self, mutation: Any) -> Response | None:
        return self._maybe([0, 400, 413, 429, 500, 504])

    async def after(self, mutation: Any) -> Response | None:
        return self._maybe([0, 500, 503, 504, 200])

    def _maybe(self, statuses: list[int]) -> Response | None:
        if self._draw.random() > 0.25:
            return None
        status = self._draw.choice(statuses)
        if status == 0:
            raise ConnectionDroppedError
        return Response('{"records":[{' if status == 200 else '{"error":"no"}', status, {"retry-after": "1"})


class Replica(Wrapped):
    """Shows what was there at some earlier look, as long as that is less than the settle time ago."""

    def __init__(self, inner: Any, history: list[Look], lag: int, clock: Any) -> None:
        super().__init__(inner)
        self._history, self._lag, self._clock = history, lag, clock

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        rows: list[Any] = []
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            rows.extend(page.records)
        now = self._clock.now()
        self._history.append((now, tuple(rows)))
        recent = [rows for at, rows in self._history if now - at < timedelta(seconds=250)]
        yield Page(records=recent[max(len(recent) - 1 - self._lag, 0)], cursor="1")


def people(titles: list[str], size: int) -> str:
    records = contacts(RECORDS)
    for title, data in zip(titles, records.values(), strict=True):
        data["Title"] = title
    return manifest("contacts", records, max_records=size)


def run(folder: Folder, store: Path, draw: random.Random, history: list[Look]) -> None:
    """One run in a world that may do anything; what it raises is only that it was killed."""
    lag = draw.choice([0, 0, 0, 1, 2])
    steps = Steps(draw.randint(1, 40) if draw.random() < 0.5 else None)
    with pytest.MonkeyPatch.context() as patch:
        stepped = number_steps(patch, steps)

        def wrap(connection: Any) -> Any:
            return stepped(Replica(connection, history, lag, folder.clock))

        patch.setattr("syncspec.project.reading.connect", served(store, fault=Dice(draw), wrap=wrap))
        try:
            folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise


def advance(folder: Folder, seconds: float) -> None:
    assert isinstance(folder.clock, VirtualClock)
    folder.clock.moment += timedelta(seconds=seconds)


@pytest.mark.parametrize("seed", range(300 if os.environ.get("SYNCSPEC_FUZZ") else 12))
def test_no_schedule_of_edits_faults_and_kills_loses_the_last_edit(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    folder, store = served_folder(tmp_path / "project", concurrency=draw.randint(1, 2)), tmp_path / STORE
    size, titles = draw.choice([1, 2, 3, 6]), ["Heir"] * RECORDS
    folder.write(contacts=people(titles, size))
    calm = served(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", calm)
        folder.open().apply()
    ids = folder.locked_ids()
    history: list[Look] = []
    for _ in range(5):
        titles = [draw.choice(TITLES) if draw.random() < 0.5 else title for title in titles]
        folder.write(contacts=people(titles, size))
        run(folder, store, draw, history)
        advance(folder, draw.choice([1, 60, 900]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", calm)
        for _ in range(2):
            advance(folder, 3600)
            folder.open().apply()
        plan = folder.open().plan()
    assert [row["data"]["Title"] for row in sorted(stored(store), key=lambda row: row["data"]["Email"])] == titles
    assert {(change.action.value, change.code) for change in plan.changes} == {("unchanged", "as-declared")}
    assert (folder.pending(), folder.locked_ids()) == ([], ids)
