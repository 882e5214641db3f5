"""Seeded schedules of runs with faults, kills, lagging replicas and lost files: the promise holds throughout."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.pipeline import STORE, Folder, Wrapped, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.protocol import Page

RECORDS = 8


class Dice:
    """Any request may fail before or after its commit, in any way."""

    def __init__(self, draw: random.Random, rate: float) -> None:
        self._draw, self._rate = draw, rate

    async def before(self, mutation: Any) -> Response | None:
        return self._maybe(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._maybe(committed=True)

    def _maybe(self, *, committed: bool) -> Response | None:
        if self._draw.random() > self._rate:
            return None
        status = self._draw.choice([0, 500, 503, 504, 200] if committed else [0, 400, 413, 429, 500, 504])
        if status == 0:
            raise ConnectionDroppedError
        return Response('{"records":[{' if status == 200 else '{"error":"no"}', status, {"retry-after": "1"})


class Blind(Wrapped):
    """A replica that has seen nothing yet."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=(), cursor=None)


def run(folder: Folder, store: Path, draw: random.Random) -> None:
    """One run in a world that may do anything; what it raises is only that it was killed."""
    blind = draw.random() < 0.3
    steps = Steps(draw.randint(1, 45) if draw.random() < 0.6 else None)
    with pytest.MonkeyPatch.context() as patch:
        stepped = number_steps(patch, steps)

        def wrap(connection: Any) -> Any:
            return stepped(Blind(connection) if blind else connection)

        patch.setattr("syncspec.project.reading.connect", served(store, fault=Dice(draw, 0.15), wrap=wrap))
        try:
            folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise


@pytest.mark.parametrize("seed", range(400 if os.environ.get("SYNCSPEC_FUZZ") else 20))
def test_no_schedule_of_faults_and_kills_makes_a_record_twice_or_loses_one(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    folder, store = served_folder(tmp_path / "project", concurrency=draw.randint(1, 3)), tmp_path / STORE
    people = manifest("contacts", contacts(RECORDS), max_records=draw.choice([1, 2, 3, 8]))
    folder.write(contacts=people)
    older: bytes | None = None
    for _ in range(4):
        run(folder, store, draw)
        match draw.choice(["nothing", "nothing", "lockfile lost", "lockfile old", "records back"]):
            case "lockfile lost":
                folder.lockfile.unlink(missing_ok=True)
            case "lockfile old" if older is not None:
                folder.lockfile.write_bytes(older)
            case "records back":
                folder.write(contacts=manifest("contacts", contacts(RECORDS // 2), max_records=2))
                run(folder, store, draw)
                folder.write(contacts=people)
        older = folder.lockfile.read_bytes() if folder.lockfile.exists() else older

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        report = folder.open().apply()
    made = Counter(row["data"]["Email"] for row in stored(store))
    assert all(count == 1 for count in made.values()), made
    by_address = {record.address: record for record in report.records}
    assert set(by_address) == {f"contacts.c{number}" for number in range(RECORDS)}
    locked = folder.locked_ids()
    for row in stored(store):
        address = f"contacts.c{row['data']['Email'][1:].partition('@')[0]}"
        assert locked.get(address) == row["upstream_id"] or by_address[address].outcome == "unknown"
    assert {record.outcome for record in report.records} <= {"created", "adopted", "unchanged", "unknown"}
