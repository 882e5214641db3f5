"""Orders of events that break naive designs, numbered; these concern lockfile, journal, locks and what is declared.

Each ends with every record created once, under its own ID, and nothing that only a hand-edited lockfile would mend.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from support.pipeline import SEQUIN, Folder, Wrapped, contacts, manifest, project_file
from support.world import World, outcomes

from syncspec.apply.journal import Journal
from syncspec.apply.run import Run
from syncspec.apply.runlock import unlock
from syncspec.errors import LockfileError, RunLockedError, StateError
from syncspec.project.lockcare import rebuild
from syncspec.project.resolving import resolve
from syncspec.upstream.protocol import Page

ALL_LOST = {"fault": "timeout", "commit": "all"}


def declared(world: World, count: int, *, name: str = "project", start: int = 0, **upstream: Any) -> Folder:
    """A checkout that declares so many contacts, two a request."""
    folder = world.folder(name, **upstream)
    folder.write(contacts=manifest("contacts", contacts(count, start=start), max_records=2))
    return folder


class Blind(Wrapped):
    """Lists nothing: a replica that has seen none of it yet."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=(), cursor=None)


class Meeting(Wrapped):
    """Does something while a request is in flight."""

    def __init__(self, inner: Any, act: Any) -> None:
        super().__init__(inner)
        self._act = act

    async def run(self, request: Any) -> Any:
        await self._act()
        return await self.inner.run(request)


def meeting(act: Any) -> Any:
    """A wrapper of connections that does this once, while the first request is in flight."""
    met: list[str] = []

    async def once() -> None:
        if not met:
            met.append("")
            await act()

    return lambda inner: Meeting(inner, once)


@pytest.mark.parametrize("answered", [True, False])
def test_two_environments_of_one_sync_share_locks_and_what_is_known(tmp_path: Path, answered: bool) -> None:
    """Schedule 2: two environments on one host write to the same sync, at once and after one another."""
    world = World(tmp_path, mutations=[] if answered else [ALL_LOST], replica_lag_seconds=100)
    folder = declared(world, 4, wait_seconds=0)
    folder.write(project=project_file(environments={"blue": {}, "green": {}}, **{**SEQUIN, "wait_seconds": 0}))
    refused: list[RunLockedError] = []

    async def go() -> None:
        try:
            await folder.open("green").asynchronous.apply()
        except RunLockedError as error:
            refused.append(error)

    first = world.apply(folder, env="blue", wrap=meeting(go))
    assert outcomes(first) == ({"created": 4} if answered else {"unknown": 4})
    assert [error.exit_code for error in refused] == [7]
    assert outcomes(world.apply(folder, env="green")) == {"not_attempted": 4}
    world.wait(500)
    world.go_wrong()
    assert world.apply(folder, env="blue").exit_code == 0
    assert outcomes(world.apply(folder, env="green")) == {"adopted": 4}
    assert len(world.sent) == 2
    for env in ("blue", "green"):
        assert folder.locked_ids(folder.root / f"syncspec.{env}.lock") == world.ids()


def test_a_path_chooses_what_is_planned_and_touches_nothing_else(tmp_path: Path) -> None:
    """Schedule 11: one file is applied while another set has lost its records from the manifests."""
    world = World(tmp_path)
    folder = declared(world, 2)
    folder.write(others=manifest("others", {"far": {"LastName": "Far", "Email": "p7@x.org"}}))
    assert outcomes(world.apply(folder)) == {"created": 3}
    ids, rows = folder.locked_ids(), world.rows()
    folder.write(others=manifest("others", {}))
    report = world.apply(folder, paths=[folder.root / "contacts.yaml"])
    assert (outcomes(report), report.exit_code) == ({"unchanged": 2}, 0)
    assert (folder.locked_ids(), world.rows()) == (ids, rows)
    folder.write(others=manifest("others", {"far": {"LastName": "Far", "Email": "p7@x.org"}}))
    assert outcomes(world.apply(folder)) == {"unchanged": 3}
    assert len(world.sent) == 2


def test_a_renamed_record_keeps_its_id(tmp_path: Path) -> None:
    """Schedule 12: a record gets a new address, and the old one is gone."""
    world = World(tmp_path)
    folder = declared(world, 2)
    world.apply(folder)
    made = world.ids()
    people = contacts(2)
    people["renamed"] = people.pop("c0")
    folder.write(contacts=manifest("contacts", people))
    assert outcomes(world.apply(folder, wrap=Blind)) == {"unchanged": 2}
    assert folder.locked_ids() == {"contacts.c1": made["contacts.c1"], "contacts.renamed": made["contacts.c0"]}
    assert (len(world.sent), world.ids()) == (1, made)
    folder.write(contacts=manifest("contacts", contacts(2)))
    assert outcomes(world.apply(folder)) == {"unchanged": 2}
    world.check_healed(folder, 2)


def test_a_branch_with_an_older_lockfile_and_fewer_records_loses_no_id(tmp_path: Path) -> None:
    """Schedule 17: after a good apply, a branch from before it is checked out and applied."""
    world = World(tmp_path)
    folder = declared(world, 2)
    world.apply(folder)
    older = folder.lockfile.read_bytes()
    folder.write(contacts=manifest("contacts", contacts(6), max_records=2))
    world.apply(folder)
    newer = folder.lockfile.read_bytes()
    folder.lockfile.write_bytes(older)
    assert outcomes(world.apply(folder, wrap=Blind)) == {"unchanged": 6}
    assert folder.lockfile.read_bytes() == newer
    folder.lockfile.write_bytes(older)
    folder.write(contacts=manifest("contacts", contacts(2), max_records=2))
    assert outcomes(world.apply(folder)) == {"unchanged": 6}
    assert folder.locked_ids() == world.ids()
    folder.write(contacts=manifest("contacts", contacts(6), max_records=2))
    assert outcomes(world.apply(folder)) == {"unchanged": 6}
    assert len(world.sent) == 3
    world.check_healed(folder, 6)


def test_a_union_merge_of_two_branches_keeps_the_ids_of_both(tmp_path: Path) -> None:
    """Schedule 18: two branches each added records, and both changed the entry of one that they share."""
    world = World(tmp_path)
    one = declared(world, 4, name="one")
    world.apply(one)
    other = declared(world, 4, name="other", start=2)
    world.apply(other)
    lines = one.lockfile.read_bytes().splitlines() + other.lockfile.read_bytes().splitlines()
    one.lockfile.write_bytes(b"\n".join(reversed(lines)) + b"\n")
    one.write(contacts=manifest("contacts", contacts(6), max_records=2))
    # c2 and c3 were created by the one and adopted by the other: two lines each, with the same ID.
    assert outcomes(world.apply(one)) == {"unchanged": 6}
    assert len(world.sent) == 3
    world.check_healed(one, 6)


def test_two_ids_for_one_address_are_both_shown_and_a_person_says_which(tmp_path: Path) -> None:
    """Schedule 18: two branches locked the same address as different records, and git merged the lines."""
    world = World(tmp_path)
    one = declared(world, 1, name="one")
    world.apply(one)
    other = world.folder("other")
    other.write(contacts=manifest("contacts", {"c0": {"LastName": "Another", "Email": "p9@x.org"}}))
    world.apply(other)
    one.lockfile.write_bytes(one.lockfile.read_bytes() + other.lockfile.read_bytes())
    before, rows = one.lockfile.read_bytes(), world.rows()
    with pytest.raises(LockfileError) as caught:
        world.apply(one)
    told = " ".join(f"{found.detail} {found.hint}" for found in caught.value.diagnostics)
    assert all(row["upstream_id"] in told for row in rows)
    assert (one.lockfile.read_bytes(), world.rows()) == (before, rows)

    anyio.run(lambda: rebuild(one.open().asynchronous))
    report = world.apply(one)
    assert (len(world.sent), report.exit_code) == (2, 4)
    ours = world.ids()["contacts.c0"]
    with world.reached():
        anyio.run(lambda: resolve(one.open().asynchronous, "contacts.c0", created=ours))
    assert outcomes(world.apply(one)) == {"unchanged": 1}
    assert (one.locked_ids(), one.pending(), world.rows()) == ({"contacts.c0": ours}, [], rows)


def test_an_unlock_while_its_owner_still_runs_lets_only_one_go_on(tmp_path: Path) -> None:
    """Schedule 21: owner and newcomer have the same host name and process number, and the lock is taken away."""
    world = World(tmp_path)
    folder = declared(world, 6)
    found: list[dict[str, int]] = []

    async def take_over() -> None:
        with pytest.raises(RunLockedError):
            await folder.open().asynchronous.apply()
        unlock(folder.open().asynchronous.load())
        found.append(outcomes(await folder.open().asynchronous.apply()))

    report = world.apply(folder, wrap=meeting(take_over))
    # What was in flight when the lock was taken away is recorded, and nothing more is sent.
    assert outcomes(report) == {"created": 2, "not_attempted": 4}
    assert found == [{"created": 4, "unknown": 2}]
    assert len(world.sent) == 3
    assert world.apply(folder).exit_code == 0
    world.check_healed(folder, 6)


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    """Schedule 21: the owner was killed, and a process with the same number starts."""
    world = World(tmp_path)
    folder = declared(world, 6)
    world.apply_until(folder, "after answer")
    assert outcomes(world.apply(folder)) == {"created": 4, "unchanged": 2}
    world.check_healed(folder, 6)


def test_a_plan_beside_a_running_apply_changes_nothing_and_creates_nothing_twice(tmp_path: Path) -> None:
    """Schedule 22: plan runs while a request of an apply is in flight."""
    world = World(tmp_path)
    folder = declared(world, 4)
    actions: list[dict[str, str]] = []

    async def plan() -> None:
        before = folder.lockfile.read_bytes()
        planned = await folder.open().asynchronous.plan()
        actions.append({change.address: change.action.value for change in planned.changes})
        assert folder.lockfile.read_bytes() == before

    assert outcomes(world.apply(folder, wrap=meeting(plan))) == {"created": 4}
    unknown = {"contacts.c0": "unknown", "contacts.c1": "unknown"}
    assert actions == [unknown | {"contacts.c2": "create", "contacts.c3": "create"}]
    world.apply(folder)
    world.check_healed(folder, 4)


@pytest.mark.parametrize("signals", [1, 2])
def test_a_stop_records_what_is_in_flight_and_sends_nothing_more(tmp_path: Path, signals: int) -> None:
    """Schedule 25: a run is told to stop, once or twice, while a request is in flight."""
    world = World(tmp_path)
    folder = declared(world, 6)
    runs: list[Run] = []

    async def stop() -> None:
        runs[0].request_stop()
        if signals == 2:
            runs[0].stop_now()
            await anyio.sleep_forever()

    with world.reached(meeting(stop)):
        report = anyio.run(lambda: folder.open().asynchronous.apply(on_run=runs.append))
    assert report.exit_code == 130
    assert outcomes(report) == {"created" if signals == 1 else "unknown": 2, "not_attempted": 4}
    world.wait(1000)
    assert world.apply(folder).exit_code == 0
    world.check_healed(folder, 6)


def test_ids_that_cannot_be_written_down_are_printed_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schedule 25: the disk is full when the outcome of a request is to be written."""
    world = World(tmp_path)
    folder = declared(world, 6)

    def full(*_: Any, **__: Any) -> None:
        raise StateError("The journal cannot be written", detail="database or disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "answer", full)
        report = world.apply(folder)
    assert outcomes(report) == {"unknown": 2, "not_attempted": 4}
    told = " ".join(found.detail for found in report.diagnostics)
    assert all(row["upstream_id"] in told for row in world.rows())
    assert outcomes(world.apply(folder)) == {"created": 4, "unchanged": 2}
    assert len(world.sent) == 3
    world.check_healed(folder, 6)


@pytest.mark.parametrize("lost", ["lockfile", "journal", "both"])
@pytest.mark.parametrize("open_", [False, True], ids=["settled", "unknown"])
def test_what_is_lost_comes_back_from_what_is_left(tmp_path: Path, lost: str, open_: bool) -> None:
    """Schedule 26: the lockfile, the journal or both are lost, while the upstream is full."""
    world = World(tmp_path, mutations=[ALL_LOST] if open_ else [], replica_lag_seconds=100)
    folder = declared(world, 6, wait_seconds=0)
    assert outcomes(world.apply(folder)) == ({"unknown": 6} if open_ else {"created": 6})
    before = folder.lockfile.read_bytes()
    if lost != "journal":
        folder.lockfile.unlink()
    if lost != "lockfile":
        folder.forget_journal()
    report = world.apply(folder)
    if lost == "both":
        assert outcomes(report) == {"adopted": 6}
    else:
        assert outcomes(report) == ({"unknown": 6} if open_ else {"unchanged": 6})
        assert folder.lockfile.read_bytes() == before
    assert len(world.sent) == 3
    world.wait(1000)
    world.go_wrong()
    assert world.apply(folder).exit_code == 0
    assert len(world.sent) == 3
    world.check_healed(folder, 6)


@pytest.mark.parametrize("step", ["before send", "after answer", "after rename"])
def test_a_pipeline_that_is_started_again_at_once_waits_before_it_creates(tmp_path: Path, step: str) -> None:
    """Schedule 27: a runner died before any lockfile was committed, and its job is started again at once."""
    world = World(tmp_path, replica_lag_seconds=250)
    world.apply_until(declared(world, 4, name="one"), step)
    made = len(world.rows())
    again = declared(world, 4, name="again")
    assert not again.lockfile.exists()
    report = world.apply(again)
    assert outcomes(report) == ({"adopted": 2, "created": 2} if made == 2 else {"created": 4})
    assert sum(world.clock.slept) >= 300
    assert len(world.sent) == 2
    world.wait(300)
    world.apply(again)
    world.check_healed(again, 4)
