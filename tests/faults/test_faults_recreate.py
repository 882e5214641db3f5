"""Records that were deleted upstream and are created anew: once, whatever happens to the answer or the process."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.builders import VirtualClock
from support.pipeline import CONTACT, STORE, SYNC, Folder, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.project.results import AppliedReport
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Store


class Drop:
    """Loses the answer to every request, before or after its commit."""

    def __init__(self, *, committed: bool) -> None:
        self._committed = committed

    async def before(self, mutation: Any) -> Response | None:
        return self._dropped(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._dropped(committed=True)

    def _dropped(self, *, committed: bool) -> None:
        if committed is self._committed:
            raise ConnectionDroppedError


def apply(folder: Folder, store: Path, *, fault: Any = None, wrap: Any = None) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, fault=fault, wrap=wrap))
        return folder.open().apply()


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def deleted_world(root: Path) -> tuple[Folder, Path, str]:
    """Two contacts, of which the first was deleted upstream; gives its former ID."""
    folder, store = served_folder(root / "project", concurrency=1), root / STORE
    folder.write(contacts=manifest("contacts", contacts(2), lifecycle={"on_missing": "recreate"}))
    apply(folder, store)
    former = folder.locked_ids()["contacts.c0"]
    opened = Store.open(store)
    body = {"kind": "delete", "sync_id": SYNC, "collection_id": CONTACT, "upstream_ids": [former]}
    opened.apply(parse_mutation(json.dumps(body).encode()), lambda existing, sent: sent)
    opened.close()
    return folder, store, former


def later(folder: Folder) -> None:
    assert isinstance(folder.clock, VirtualClock)
    folder.clock.moment += timedelta(hours=1)


def assert_created_once(folder: Folder, store: Path, former: str) -> None:
    assert sorted(row["data"]["Email"] for row in stored(store)) == ["p0@x.org", "p1@x.org"]
    assert sorted(folder.locked_ids().values()) == sorted(row["upstream_id"] for row in stored(store))
    assert (folder.pending(), former in folder.locked_ids().values()) == ([], False)
    assert outcomes(apply(folder, store)) == {"unchanged": 2}


def test_a_deleted_record_is_created_anew_and_its_entry_replaced(tmp_path: Path) -> None:
    folder, store, former = deleted_world(tmp_path)
    assert outcomes(apply(folder, store)) == {"created": 1, "unchanged": 1}
    assert_created_once(folder, store, former)


@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_to_it_makes_no_second_record(tmp_path: Path, committed: bool) -> None:
    folder, store, former = deleted_world(tmp_path)
    first = apply(folder, store, fault=Drop(committed=committed))
    assert outcomes(first) == {"created" if committed else "unknown": 1, "unchanged": 1}
    later(folder)
    apply(folder, store)
    assert_created_once(folder, store, former)


def test_what_somebody_made_in_its_place_is_adopted_in_its_entry_s_place(tmp_path: Path) -> None:
    folder, store, former = deleted_world(tmp_path)
    opened = Store.open(store)
    body = {"kind": "create", "sync_id": SYNC, "collection_id": CONTACT, "records": [{"data": contacts(1)["c0"]}]}
    opened.apply(parse_mutation(json.dumps(body).encode()), lambda existing, sent: sent)
    opened.close()
    assert outcomes(apply(folder, store)) == {"adopted": 1, "unchanged": 1}
    assert_created_once(folder, store, former)


def killed_at(root: Path, step: int | None) -> tuple[Folder, Path, str, list[str]]:
    folder, store, former = deleted_world(root)
    steps = Steps(step)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        try:
            folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise
    return folder, store, former, steps.names


def test_a_kill_at_any_step_of_it_makes_no_second_record(tmp_path: Path) -> None:
    *_, names = killed_at(tmp_path / "whole", None)
    assert names.count("before send") == 1
    for number in range(1, len(names) + 1):
        folder, store, former, _ = killed_at(tmp_path / str(number), number)
        apply(folder, store)
        later(folder)
        apply(folder, store)
        assert_created_once(folder, store, former)
