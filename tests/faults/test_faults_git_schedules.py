"""Seeded schedules of runs in several clones, with faults, kills, lost clones and lagging replicas."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.builders import NOW, VirtualClock
from support.pipeline import Folder, Wrapped, contacts, manifest, served, stored
from support.steps import Steps, is_killed, number_steps
from support.team import Team, address_of, shared_project

from syncspec.apply.clock import Clock
from syncspec.apply.holders import unlock
from syncspec.apply.stateref import StateRef
from syncspec.errors import RunLockedError
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.protocol import Page

RECORDS = 8
ROUNDS = 5
LAG = timedelta(seconds=200)


class Dice:
    """Any request may fail before or after its commit, in any way."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    async def before(self, mutation: Any) -> Response | None:
        return self._maybe([0, 400, 429, 500, 504])

    async def after(self, mutation: Any) -> Response | None:
        return self._maybe([0, 500, 504, 200])

    def _maybe(self, statuses: list[int]) -> Response | None:
        if self._draw.random() > 0.15:
            return None
        status = self._draw.choice(statuses)
        if status == 0:
            raise ConnectionDroppedError
        return Response('{"records":[{' if status == 200 else '{"error":"no"}', status, {"retry-after": "1"})


class Lagging(Wrapped):
    """A replica that shows a record only some time after it was made, though within the settle time."""

    def __init__(self, inner: Any, clock: Clock, born: Mapping[str, datetime]) -> None:
        super().__init__(inner)
        self._clock, self._born = clock, born

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            shown = tuple(row for row in page.records if self._shows(row.upstream_id))
            yield Page(records=shown, cursor=page.cursor)

    def _shows(self, upstream_id: str) -> bool:
        now = self._clock.now()
        return self._born.get(upstream_id, now) + LAG <= now


def number_pushes(patch: pytest.MonkeyPatch, steps: Steps) -> None:
    original = StateRef.replace

    def replace(self: StateRef, *args: Any, **options: Any) -> str:
        steps.at("before push")
        commit = original(self, *args, **options)
        steps.at("after push")
        return commit

    patch.setattr(StateRef, "replace", replace)


def run(team: Team, folder: Folder, draw: random.Random, born: dict[str, datetime]) -> None:
    """One run in a world that may do anything; what it raises is that it was killed, or that the lock was held."""
    lags = draw.random() < 0.6
    steps = Steps(draw.randint(1, 50) if draw.random() < 0.6 else None)
    with pytest.MonkeyPatch.context() as patch:
        stepped = number_steps(patch, steps)
        number_pushes(patch, steps)

        def wrap(connection: Any) -> Any:
            return stepped(Lagging(connection, folder.clock, born) if lags else connection)

        patch.setattr("syncspec.project.reading.connect", served(team.store, fault=Dice(draw), wrap=wrap))
        try:
            folder.open().apply()
        except RunLockedError:
            pass
        except BaseException as error:
            if not is_killed(error):
                raise
    for row in stored(team.store):
        born.setdefault(row["upstream_id"], folder.clock.now())


@pytest.mark.parametrize("seed", range(200 if os.environ.get("SYNCSPEC_FUZZ") else 6))
def test_no_schedule_of_several_clones_makes_a_record_twice_or_loses_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    team = Team(tmp_path.resolve(), monkeypatch)
    people = manifest("contacts", contacts(RECORDS), max_records=draw.choice([1, 2, 3, 8]))
    team.make(project=shared_project(concurrency=draw.randint(1, 3)), contacts=people)
    clones: list[Folder] = []
    born: dict[str, datetime] = {}
    now = NOW
    for number in range(ROUNDS):
        now += timedelta(seconds=draw.choice([1.0, 40.0, 160.0, 160.0, 800.0]))
        folder = draw.choice(clones) if clones and draw.random() < 0.5 else team.clone(f"c{number}")
        folder.clock = VirtualClock(now)
        if folder not in clones:
            clones.append(folder)
        if draw.random() < 0.5:
            unlock(folder.open().asynchronous.load(), clock=folder.clock)
        run(team, folder, draw, born)
        now = max(now, folder.clock.now())
        if draw.random() < 0.5:
            team.remove(folder)
            clones.remove(folder)

    team.serve()
    last = team.clone("last")
    last.clock = VirtualClock(now + timedelta(hours=2))
    report = last.open().apply()
    made = Counter(row["data"]["Email"] for row in stored(team.store))
    assert [email for email, count in made.items() if count > 1] == []
    by_address = {record.address: record for record in report.records}
    assert {record.outcome for record in report.records} <= {"created", "adopted", "unchanged", "unknown"}
    locked = team.locked_ids()
    for row in stored(team.store):
        address = address_of(row["data"]["Email"])
        assert locked.get(address) == row["upstream_id"] or by_address[address].outcome == "unknown"
    assert team.lock()["holder"] is None
