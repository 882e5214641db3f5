"""Undoing a run and destroying everything, through lost answers and kills: nothing goes that somebody changed since."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.builders import VirtualClock
from support.faults import Refuse
from support.pipeline import CONTACT, STORE, SYNC, Folder, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.errors import GuardError, NotConfirmedError, UsageError
from syncspec.project.core import Project
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Store


class Drop:
    """Loses the answers to the first requests, before or after their commit."""

    def __init__(self, *, committed: bool, times: int = 1) -> None:
        self._committed, self._times = committed, times
        self.kinds: list[str] = []

    async def before(self, mutation: Any) -> Response | None:
        self.kinds.append(mutation.kind.value)
        return self._dropped(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._dropped(committed=True)

    def _dropped(self, *, committed: bool) -> None:
        if committed is self._committed and self._times > 0:
            self._times -= 1
            raise ConnectionDroppedError


class World:
    """A project folder and its upstream. `call` names what a project does."""

    def __init__(self, root: Path) -> None:
        self.folder: Folder = served_folder(root / "project", concurrency=1)
        self.store = root / STORE

    def call(self, name: str, *args: Any, fault: Any = None, wrap: Any = None, **options: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(self.store, fault=fault, wrap=wrap))
            project: Project = self.folder.open()
            return getattr(project, name)(*args, **options)

    def apply(self, title: str | None = None, count: int = 3, **options: Any) -> AppliedReport:
        """Declare so many contacts, with that title for all of them, and apply."""
        records = contacts(count)
        for data in records.values():
            data |= {"Title": title, "SSN__c": f"secret of {title}"} if title else {}
        fields = {"SSN__c": {"sensitive": True}}
        self.folder.write(contacts=manifest("contacts", records, fields=fields))
        report: AppliedReport = self.call("apply", **options)
        return report

    def undo(self, report: AppliedReport, **options: Any) -> AppliedReport:
        undone: AppliedReport = self.call("undo", report.run, **options)
        return undone

    def codes(self, plan: ReviewablePlan) -> dict[str, str]:
        return {change.address: change.code for change in plan.changes}

    def data(self, field: str) -> list[Any]:
        rows = sorted(stored(self.store), key=lambda row: row["data"]["Email"])
        return [row["data"].get(field) for row in rows]

    def somebody(self, **body: Any) -> None:
        opened = Store.open(self.store)
        try:
            mutation = parse_mutation(json.dumps({"sync_id": SYNC, "collection_id": CONTACT, **body}).encode())
            opened.apply(mutation, lambda existing, sent: {**existing, **sent})
        finally:
            opened.close()

    def somebody_sets(self, address: str, **data: Any) -> None:
        upstream_id = self.folder.locked_ids()[address]
        self.somebody(kind="update", records=[{"upstream_id": upstream_id, "data": data}])

    def later(self) -> None:
        assert isinstance(self.folder.clock, VirtualClock)
        self.folder.clock.moment += timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def test_what_a_run_created_is_deleted_and_undoing_twice_does_nothing(world: World) -> None:
    world.apply(count=1)
    second = world.apply(count=3)
    plan = world.call("plan_undo", second.run)
    assert {change.address: change.action.value for change in plan.changes} == {
        "contacts.c1": "delete",
        "contacts.c2": "delete",
    }
    assert "still-declared" in [each.code for each in plan.diagnostics]
    assert len(stored(world.store)) == 3
    undone = world.undo(second)
    assert (outcomes(undone), undone.exit_code) == ({"deleted": 2}, 0)
    assert (list(world.folder.locked_ids()), world.data("Email")) == (["contacts.c0"], ["p0@x.org"])
    fault = Drop(committed=False, times=0)
    again = world.undo(second, fault=fault)
    assert (outcomes(again), again.exit_code, fault.kinds) == ({"unchanged": 2}, 0, [])
    # What is declared still is made again, as the plan said.
    assert outcomes(world.apply(count=3)) == {"created": 2, "unchanged": 1}


def test_what_a_run_overwrote_is_put_back_and_sensitive_values_are_not(world: World) -> None:
    world.apply("Heir")
    update = world.apply("Duke")
    undone = world.undo(update)
    assert (outcomes(undone), undone.exit_code) == ({"updated": 3}, 0)
    assert world.data("Title") == ["Heir"] * 3
    assert world.data("SSN__c") == ["secret of Duke"] * 3
    assert all("SSN__c" in change.reason for change in undone.plan.changes)
    again = world.undo(update)
    assert (outcomes(again), world.data("Title")) == ({"unchanged": 3}, ["Heir"] * 3)
    # Reverting the commit leaves nothing to do for the fields that were put back.
    world.apply("Heir")
    assert world.call("plan").is_empty


def test_records_that_refer_to_others_are_put_back_too(world: World) -> None:
    def declare(title: str, count: int) -> None:
        records = contacts(count)
        for data in records.values():
            data |= {"Title": title, "AccountId": "${record.accounts.a.upstream_id}"}
        world.folder.write(contacts=manifest("contacts", records))

    accounts = {"a": {"Name": "A"}}
    world.folder.write(accounts=manifest("accounts", accounts, collection_id="salesforce:account", match_on=("Name",)))
    declare("Heir", 1)
    world.call("apply")
    [account] = {row["data"]["AccountId"] for row in stored(world.store) if row["collection_id"] == CONTACT}
    declare("Duke", 2)
    undone = world.undo(world.call("apply"))
    assert (outcomes(undone), undone.exit_code) == ({"updated": 1, "deleted": 1}, 0)
    [row] = [row for row in stored(world.store) if row["collection_id"] == CONTACT]
    assert (row["data"]["Title"], row["data"]["AccountId"]) == ("Heir", account)
    declare("Heir", 1)
    assert world.call("plan").is_empty
    # What refers to it is known as before, so that children still go first.
    assert outcomes(world.call("destroy")) == {"deleted": 2}


def test_an_undo_can_be_undone_where_it_put_values_back(world: World) -> None:
    world.apply("Heir")
    undone = world.undo(world.apply("Duke"))
    assert outcomes(world.undo(undone)) == {"updated": 3}
    assert world.data("Title") == ["Duke"] * 3


def test_a_deletion_cannot_be_undone_and_says_so(world: World) -> None:
    undone = world.undo(world.apply())
    plan = world.call("plan_undo", undone.run)
    assert set(world.codes(plan).values()) == {"not-undoable"}
    assert plan.is_empty
    assert world.undo(undone).exit_code == 3


def test_no_value_of_a_sensitive_field_is_kept_in_the_journal(world: World) -> None:
    world.apply("Heir")
    world.apply("Duke")
    connection = sqlite3.connect(world.folder.journal)
    try:
        kept = [json.loads(data) for (data,) in connection.execute("SELECT data FROM overwritten")]
    finally:
        connection.close()
    assert kept == [{"Title": "Heir"}] * 3
    assert b"secret of" not in b"".join(path.read_bytes() for path in world.folder.state_dir.glob("journal*"))


@pytest.mark.parametrize("rule_goes", [False, True])
def test_a_refused_undo_that_quotes_a_sensitive_value_is_kept_without_it(world: World, rule_goes: bool) -> None:
    world.apply("Heir", count=1)
    report = world.apply("Duke", count=1)
    fields = {} if rule_goes else {"SSN__c": {"sensitive": True}}
    world.folder.write(contacts=manifest("contacts", {"other": {"Email": "o@x.org", "Title": "X"}}, fields=fields))
    undone = world.undo(
        report, fault=Refuse('{"summary":"SSN secret of Duke is used already"}', kind="update", status=400)
    )
    assert outcomes(undone) == {"rejected": 1}
    assert all("its text is left out" in (each.error or "") for each in undone.records)
    files = [path for path in world.folder.root.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "failed.jsonl"]
    assert [path.name for path in files if b"secret of" in path.read_bytes()] == []


def test_what_somebody_changed_since_stays_as_it_is(world: World) -> None:
    created = world.apply("Heir")
    world.somebody_sets("contacts.c0", Title="Emperor")
    assert world.codes(world.call("plan_undo", created.run)) == {
        "contacts.c0": "changed-since",
        "contacts.c1": "removed",
        "contacts.c2": "removed",
    }
    updated = world.apply("Duke", allow=())
    codes = world.codes(world.call("plan_undo", created.run))
    assert set(codes.values()) == {"changed-since"}, "a later run changed them, too"
    world.somebody_sets("contacts.c1", Title="Emperor")
    report = world.undo(updated)
    assert report.exit_code == 3
    assert world.data("Title") == ["Emperor", "Emperor", "Heir"]


def test_a_record_to_which_a_later_run_added_a_field_stays_until_that_run_is_undone(world: World) -> None:
    created = world.apply(count=2)
    records = contacts(2)
    records["c0"]["Title"] = "CEO"
    world.folder.write(contacts=manifest("contacts", records))
    filled = world.call("apply")
    plan = world.call("plan_undo", created.run)
    assert world.codes(plan) == {"contacts.c0": "changed-since", "contacts.c1": "removed"}
    assert "Title changed since the run" in next(each.reason for each in plan.changes)
    assert outcomes(world.undo(filled)) == {"updated": 1}
    assert outcomes(world.undo(created)) == {"deleted": 2}


def test_a_change_to_other_fields_does_not_count(world: World) -> None:
    created = world.apply("Heir")
    world.somebody_sets("contacts.c0", Phone="1")
    assert outcomes(world.undo(created)) == {"deleted": 3}


def test_protected_records_and_those_that_others_need_stay(world: World) -> None:
    world.folder.write(contacts=manifest("contacts", contacts(1), lifecycle={"protect": True}))
    report = world.call("apply")
    assert world.codes(world.call("plan_undo", report.run)) == {"contacts.c0": "protected"}
    assert world.undo(report).exit_code == 3
    assert len(stored(world.store)) == 1


def test_what_a_run_only_adopted_stays(world: World) -> None:
    world.apply(count=2)
    world.folder.lockfile.unlink()
    world.folder.forget_journal()
    adopted = world.apply(count=3, no_prior_run=True)
    assert outcomes(adopted) == {"adopted": 2, "created": 1}
    assert outcomes(world.undo(adopted)) == {"deleted": 1}
    assert world.data("Email") == ["p0@x.org", "p1@x.org"]


def test_a_run_that_is_not_known_is_an_error(world: World) -> None:
    world.apply()
    with pytest.raises(UsageError, match="No such run"):
        world.call("undo", "1999")


@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_to_an_undo_is_settled_by_what_the_records_show(world: World, committed: bool) -> None:
    world.apply("Heir")
    update = world.apply("Duke")
    report = world.undo(update, fault=Drop(committed=committed))
    assert outcomes(report) == ({"updated": 3} if committed else {"unknown": 3})
    world.later()
    again = world.undo(update)
    assert outcomes(again) == ({"unchanged": 3} if committed else {"updated": 3})
    assert world.data("Title") == ["Heir"] * 3


def killed(world: World, run: str, kill_at: int | None) -> list[str]:
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        try:
            world.call("undo", run, wrap=wrap)
        except BaseException as error:
            if not is_killed(error):
                raise
    return steps.names


def test_a_kill_at_any_step_of_an_undo_ends_undone_when_it_is_run_again(tmp_path: Path) -> None:
    def made(name: str) -> tuple[World, str]:
        world = World(tmp_path / name)
        world.apply(count=1)
        return world, world.apply("Duke", count=2).run

    world, run = made("whole")
    names = killed(world, run, None)
    assert names.count("before send") == 2
    for number in range(1, len(names) + 1):
        world, run = made(str(number))
        killed(world, run, number)
        world.call("undo", run)
        world.later()
        world.call("undo", run)
        assert (world.data("Email"), world.data("Title")) == (["p0@x.org"], [None]), number
        assert (list(world.folder.locked_ids()), world.folder.pending()) == (["contacts.c0"], []), number


class TestDestroy:
    def test_everything_that_we_created_goes_and_nothing_else(self, world: World) -> None:
        world.apply(count=2)
        world.folder.lockfile.unlink()
        world.folder.forget_journal()
        world.apply(count=4, no_prior_run=True)
        plan = world.call("plan_destroy")
        assert world.codes(plan) == {
            "contacts.c0": "released",
            "contacts.c1": "released",
            "contacts.c2": "removed",
            "contacts.c3": "removed",
        }
        report = world.call("destroy")
        assert (outcomes(report), report.exit_code) == ({"deleted": 2, "unchanged": 2}, 0)
        assert world.data("Email") == ["p0@x.org", "p1@x.org"]
        assert "creates it again" in " ".join(change.reason for change in report.plan.changes)
        assert outcomes(world.apply(count=4)) == {"created": 2, "unchanged": 2}

    def test_what_was_adopted_goes_where_that_is_declared_not_to_matter(self, world: World) -> None:
        world.apply(count=2)
        world.folder.lockfile.unlink()
        world.folder.forget_journal()
        world.folder.write(contacts=manifest("contacts", contacts(2), lifecycle={"delete_adopted": True}))
        world.call("apply", no_prior_run=True)
        assert outcomes(world.call("destroy")) == {"deleted": 2}
        assert stored(world.store) == []

    def test_records_that_are_no_longer_declared_go_whatever_on_remove_says(self, world: World) -> None:
        world.apply(count=3)
        world.apply(count=1)
        assert outcomes(world.call("destroy")) == {"deleted": 3}

    def test_a_selection_is_heeded(self, world: World) -> None:
        world.apply(count=3)
        assert outcomes(world.call("destroy", include=["contacts.c1"])) == {"deleted": 1}
        assert world.data("Email") == ["p0@x.org", "p2@x.org"]

    def test_the_guards_hold_and_can_be_lifted_once(self, world: World) -> None:
        world.apply(count=11)
        with pytest.raises(GuardError, match="max_deletes_percent"):
            world.call("destroy")
        assert len(stored(world.store)) == 11
        assert outcomes(world.call("destroy", allow=["max_deletes_percent=100"])) == {"deleted": 11}

    def test_without_a_yes_nothing_is_done(self, world: World) -> None:
        world.apply(count=2)
        with pytest.raises(NotConfirmedError):
            world.call("destroy", confirm=lambda plan: False)
        assert len(stored(world.store)) == 2

    def test_a_lost_answer_is_settled_by_the_tombstones(self, world: World) -> None:
        world.apply(count=3)
        assert outcomes(world.call("destroy", fault=Drop(committed=True))) == {"deleted": 3}
        assert (world.folder.locked_ids(), world.folder.pending()) == ({}, [])

    def test_destroying_twice_does_nothing(self, world: World) -> None:
        world.apply(count=3)
        world.call("destroy")
        assert outcomes(world.call("destroy")) == {}


def test_a_journal_of_the_version_before_is_taken_along(world: World) -> None:
    world.apply("Heir")
    connection = sqlite3.connect(world.folder.journal)
    connection.executescript("DROP TABLE overwritten; DROP INDEX rejected_attempts; PRAGMA user_version=2;")
    connection.close()
    assert world.call("plan").is_empty
    assert set(world.codes(world.call("plan_undo", _only_run(world))).values()) == {"removed"}
    update = world.apply("Duke")
    assert outcomes(world.undo(update)) == {"updated": 3}


def _only_run(world: World) -> str:
    connection = sqlite3.connect(world.folder.journal)
    try:
        [(run,)] = connection.execute("SELECT run FROM runs").fetchall()
    finally:
        connection.close()
    return str(run)
