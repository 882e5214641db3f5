"""Orders of events that break naive designs, numbered; what they have in common is an answer that nobody got.

Each ends with every record created once, under its own ID, and nothing that only a hand-edited lockfile would mend.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.pipeline import Folder, Wrapped, contacts, manifest
from support.world import World, outcomes

from syncspec.apply.journal import Journal
from syncspec.apply.runlock import unlock
from syncspec.errors import StateError
from syncspec.project.resolving import resolve

LOST = {"fault": "timeout", "commit": "all", "requests": [1]}
NEVER_MADE = {"fault": "timeout", "commit": "none", "requests": [1]}


def declared(world: World, count: int, *, name: str = "project", per_batch: int = 200, **upstream: Any) -> Folder:
    folder = world.folder(name, **upstream)
    folder.write(contacts=manifest("contacts", contacts(count), max_records=per_batch))
    return folder


@pytest.mark.parametrize("step", ["before send", "after answer"])
def test_a_fresh_checkout_waits_for_what_a_killed_runner_may_have_sent(tmp_path: Path, step: str) -> None:
    """Schedule 1: a runner is killed over a request; another one starts 40 seconds later, before lists show it."""
    world = World(tmp_path, replica_lag_seconds=120)
    world.apply_until(declared(world, 4, name="one"), step)
    world.wait(40)
    other = declared(world, 4, name="other")
    report = world.apply(other)
    made = step == "after answer"
    assert outcomes(report) == ({"adopted": 4} if made else {"created": 4})
    assert sum(world.clock.slept) >= 300
    assert len(world.sent) == 1
    world.wait(120)
    world.check_healed(other, 4)


@pytest.mark.parametrize(("profile", "compare"), [("plain", None), ("salesforce", None), ("salesforce", "casefold")])
def test_a_key_that_the_provider_rewrites_is_still_the_same_record(
    tmp_path: Path, profile: str, compare: str | None
) -> None:
    """Schedule 3: the answer and every later list carry the key in lower case."""
    world = World(tmp_path, profiles={"salesforce": profile})
    folder = world.folder()
    people = {f"c{number}": {"LastName": "L", "Email": f" P{number}@X.org"} for number in range(3)}
    fields = {"Email": {"compare": compare}} if compare else {}
    folder.write(contacts=manifest("contacts", people, fields=fields))
    assert outcomes(world.apply(folder)) == {"created": 3}
    world.check_healed(folder, 3)

    # Without journal and lockfile the key alone tells: what only looks alike is shown, and not created beside it.
    folder.forget_journal()
    lockfile = folder.lockfile.read_bytes()
    folder.lockfile.unlink()
    report = world.apply(folder)
    looks_alike = profile == "salesforce" and compare is None
    assert outcomes(report) == ({"not_attempted": 3} if looks_alike else {"adopted": 3})
    if looks_alike:
        assert all("looks like the same record" in str(record.error) for record in report.records)
        folder.lockfile.write_bytes(lockfile)
    world.check_healed(folder, 3)


@pytest.mark.parametrize("rule", [LOST, NEVER_MADE], ids=["made", "not made"])
def test_a_record_is_not_believed_absent_before_the_replica_was_polled_twice(
    tmp_path: Path, rule: Mapping[str, Any]
) -> None:
    """Schedule 4: a 504 at once, and a replica that is polled less often than the settle time is long."""
    world = World(tmp_path, mutations=[rule], replica_lag_seconds=4 * 3600, syncs={"sync_frequency": "4h"})
    folder = declared(world, 3)
    assert outcomes(world.apply(folder)) == {"unknown": 3}
    for hours in (1, 3):
        world.wait(hours * 3600 - 100)
        if rule is NEVER_MADE:
            assert outcomes(world.apply(folder)) == {"unknown": 3}
    assert len(world.sent) == 1
    world.wait(5 * 3600)
    assert world.apply(folder).exit_code == 0
    assert len(world.sent) == (1 if rule is LOST else 2)
    world.wait(5 * 3600)
    world.check_healed(folder, 3)


@pytest.mark.parametrize("wait_settled", [False, True])
def test_a_request_that_lands_after_we_looked_is_found_later(tmp_path: Path, wait_settled: bool) -> None:
    """Schedule 5: a gateway holds the request, and it is executed after we gave up and looked."""
    late = {"fault": "timeout", "commit": "late", "late_seconds": 200, "requests": [1]}
    world = World(tmp_path, mutations=[late])
    folder = declared(world, 3)
    first = world.apply(folder, wait_settled=wait_settled)
    assert outcomes(first) == ({"created": 3} if wait_settled else {"unknown": 3})
    world.wait(200)
    if not wait_settled:
        assert world.apply(folder).exit_code == 0
    assert len(world.sent) == 1
    world.check_healed(folder, 3)


def test_a_process_that_slept_between_intent_and_request_sends_nothing_when_it_wakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schedule 6: a run is suspended before its request; it is cut off, another one goes ahead, and it wakes up."""
    world = World(tmp_path)
    folder = declared(world, 3)
    intend = Journal.intend
    others: list[Any] = []

    def suspended(self: Journal, *args: Any, **options: Any) -> Any:
        intended = intend(self, *args, **options)
        if not others:
            others.append("")
            world.wait(3600)
            unlock(folder.open().asynchronous.load())
            thread = threading.Thread(target=lambda: others.append(outcomes(folder.open().apply())))
            thread.start()
            thread.join()
        return intended

    monkeypatch.setattr(Journal, "intend", suspended)
    report = world.apply(folder)
    # The other run saw the intent and could not know that it never left: it waited for its horizon.
    assert others == ["", {"created": 3}]
    assert (report.report.requests, set(outcomes(report))) == (0, {"not_attempted"})
    assert len(world.sent) == 1
    world.check_healed(folder, 3)


class Hiding(Wrapped):
    """Lists everything but what has one of these names."""

    names: frozenset[str] = frozenset()

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            yield replace(page, records=tuple(row for row in page.records if row.data["LastName"] not in self.names))


def test_a_row_that_shows_only_after_later_ones_is_not_taken_for_absent(tmp_path: Path) -> None:
    """Schedule 7: a list shows rows of a later position before one of an earlier position."""
    world = World(tmp_path, mutations=[LOST])
    folder = declared(world, 3)

    class WithoutTheFirst(Hiding):
        names = frozenset({"Person 0"})

    report = world.apply(folder, wrap=WithoutTheFirst)
    assert {record.address: record.outcome.value for record in report.records} == {
        "contacts.c0": "unknown",
        "contacts.c1": "created",
        "contacts.c2": "created",
    }
    assert outcomes(world.apply(folder)) == {"unchanged": 3}
    assert len(world.sent) == 1
    world.check_healed(folder, 3)


@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("rule", [LOST, NEVER_MADE], ids=["made", "not made"])
def test_a_clock_that_steps_ends_no_wait(tmp_path: Path, rule: Mapping[str, Any], days: int) -> None:
    """Schedule 8: the wall clock steps a day forward or back while an attempt is unknown."""
    world = World(tmp_path, mutations=[rule])
    folder = declared(world, 3, wait_seconds=0)
    assert outcomes(world.apply(folder)) == {"unknown": 3}

    class Blind(Hiding):
        names = frozenset({"Person 0", "Person 1", "Person 2"})

    world.clock.step(days * 86400)
    assert outcomes(world.apply(folder, wrap=Blind)) == {"unknown": 3}
    assert len(world.sent) == 1
    # Once the time has really passed, by either clock, the truth is found.
    world.wait(400 + (86400 if days < 0 else 0))
    assert world.apply(folder).exit_code == 0
    assert len(world.sent) == (1 if rule is LOST else 2)
    world.check_healed(folder, 3)


@pytest.mark.parametrize("status", [400, 429, 403, 413])
def test_a_refused_batch_that_was_applied_in_part_is_completed_one_by_one(tmp_path: Path, status: int) -> None:
    """Schedule 9: 200 records are refused, 120 of them are there, and lists are a minute behind."""
    refused = {"fault": "error", "status": status, "commit": "part", "part": {"records": 120}, "requests": [1]}
    world = World(tmp_path, mutations=[refused], replica_lag_seconds=60)
    folder = declared(world, 200)
    first = world.apply(folder, wait_settled=True)
    if status == 403:
        # No access stops the upstream for the rest of a run; the next one goes on.
        assert outcomes(first) == {"created": 120, "not_attempted": 80}
        assert outcomes(world.apply(folder)) == {"created": 80, "unchanged": 120}
    else:
        assert outcomes(first) == {"created": 200}
    assert [len(request.records) for request in world.sent] == [200] + 80 * [1]
    world.wait(60)
    world.check_healed(folder, 200)


EDITS: dict[str, dict[str, dict[str, Any]]] = {
    "another field": {"c0": {"LastName": "Another", "Email": "p0@x.org"}},
    "the key": {"c0": {"LastName": "Person 0", "Email": "p9@x.org"}},
    "the address": {"renamed": {"LastName": "Person 0", "Email": "p0@x.org"}},
    "address and spelling": {"renamed": {"LastName": "Person 0", "Email": "P0@x.org "}},
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("rule", [LOST, NEVER_MADE], ids=["made", "not made"])
def test_an_edit_does_not_take_an_unknown_record_away_from_what_was_sent(
    tmp_path: Path, rule: Mapping[str, Any], edit: str
) -> None:
    """Schedule 10: an attempt is unknown, and the author renames its address, or edits a field or the key."""
    world = World(tmp_path, mutations=[rule], replica_lag_seconds=100)
    folder = declared(world, 1, wait_seconds=0)
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    folder.write(contacts=manifest("contacts", EDITS[edit]))
    early = world.apply(folder)
    assert (set(outcomes(early)) <= {"unknown", "not_attempted"}, len(world.sent)) == (True, 1)
    world.wait(1000)
    world.apply(folder)
    made = Counter(row["data"]["Email"].strip().lower() for row in world.rows())
    assert made == ({"p9@x.org": 1} if edit == "the key" else {"p0@x.org": 1})
    # What was made is found under the key that it was sent with; what the author changed since is an update.
    updated = edit in ("another field", "the key")
    assert len(world.sent) == (1 if rule is LOST and not updated else 2)
    assert (len(folder.locked_ids()), folder.pending()) == (1, [])
    assert set(folder.locked_ids().values()) == {row["upstream_id"] for row in world.rows()}
    # A new address alone is a move; what only looks like the record that was made is left to a person.
    blocked = rule is LOST and edit == "address and spelling"
    world.wait(1000)
    assert outcomes(world.apply(folder)) == ({"not_attempted": 1, "unchanged": 1} if blocked else {"unchanged": 1})
    assert len(world.rows()) == 1


@pytest.mark.parametrize("way_out", ["base_url restored", "resolve"])
def test_an_unknown_record_waits_for_its_own_endpoint(tmp_path: Path, way_out: str) -> None:
    """Schedule 10: an attempt is unknown, and base_url changes."""
    world = World(tmp_path, mutations=[LOST], replica_lag_seconds=100)
    folder = declared(world, 1, wait_seconds=0)
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    declared(world, 1, wait_seconds=0, base_url="http://127.0.0.1:10")
    world.wait(1000)
    report = world.apply(folder)
    assert (outcomes(report), len(world.sent)) == ({"unknown": 1}, 1)
    if way_out == "resolve":
        made = world.rows()[0]["upstream_id"]
        with world.reached():
            anyio.run(lambda: resolve(folder.open().asynchronous, "contacts.c0", created=made))
    declared(world, 1, wait_seconds=0)
    assert world.apply(folder).exit_code == 0
    world.check_healed(folder, 1)


@pytest.mark.parametrize("survivor", ["ours", "theirs"])
def test_a_record_that_a_person_made_meanwhile_is_locked_and_the_second_one_is_named(
    tmp_path: Path, survivor: str
) -> None:
    """Schedule 13: a create times out, a person makes the same contact by hand, and ours lands after all."""
    late = {"fault": "timeout", "commit": "late", "late_seconds": 100, "requests": [1]}
    world = World(tmp_path, mutations=[late])
    folder = declared(world, 1, wait_seconds=0)
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    world.wait(10)
    world.write(data=contacts(1)["c0"])
    world.apply(folder)
    [theirs] = world.rows()
    assert folder.locked_ids() == {"contacts.c0": theirs["upstream_id"]}

    world.wait(200)
    world.apply(folder)
    [ours] = [row for row in world.rows() if row != theirs]
    report = world.apply(folder)
    told = " ".join(found.detail for found in report.plan.diagnostics)
    assert theirs["upstream_id"] in told
    assert ours["upstream_id"] in told
    assert len(world.sent) == 1

    gone = theirs if survivor == "ours" else ours
    world.write(kind="delete", upstream_id=gone["upstream_id"], data={})
    if survivor == "theirs":
        world.check_healed(folder, 1)
        return
    # What is locked was deleted upstream: blocked until the author names the one that is left.
    assert outcomes(world.apply(folder)) == {"not_attempted": 1}
    folder.write(contacts=manifest("contacts", {"other": contacts(1)["c0"]}))
    assert outcomes(world.apply(folder)) == {"adopted": 1, "unchanged": 1}
    assert folder.locked_ids()["contacts.other"] == ours["upstream_id"]
    assert len(world.sent) == 1


@pytest.mark.parametrize("answered", [True, False])
def test_records_that_nothing_tells_apart_go_one_by_one_and_each_gets_an_id_of_its_own(
    tmp_path: Path, answered: bool
) -> None:
    """Schedule 24: two records with identical data, in a set that has neither a match key nor a marker."""
    world = World(tmp_path, mutations=[] if answered else [{"fault": "timeout", "commit": "all", "requests": [2]}])
    folder = world.folder()
    same = {"LastName": "Same", "Email": "p0@x.org"}
    folder.write(contacts=manifest("contacts", {"a": same, "b": same}, match_on=()))
    report = world.apply(folder, wait_settled=True)
    assert [len(request.records) for request in world.sent] == [1, 1]
    one, two = (row["upstream_id"] for row in world.rows())
    if not answered:
        assert outcomes(report) == {"created": 1, "unknown": 1}
        world.wait(86400)
        assert outcomes(world.apply(folder, wait_settled=True)) == {"unchanged": 1, "unknown": 1}
        with world.reached():
            project = folder.open().asynchronous
            with pytest.raises(StateError, match=r"belongs to contacts\.a"):
                anyio.run(lambda: resolve(project, "contacts.b", created=one))
            anyio.run(lambda: resolve(project, "contacts.b", created=two))
    assert sorted(folder.locked_ids().values()) == sorted([one, two])
    assert outcomes(world.apply(folder)) == {"unchanged": 2}
    assert (folder.pending(), len(world.sent)) == ([], 2)


@pytest.mark.parametrize("fault", ["out_of_order", "ids_only", "echo"])
def test_answers_out_of_order_give_every_record_the_id_that_carries_its_marker(tmp_path: Path, fault: str) -> None:
    """Schedule 24: two records differ in nothing but their marker, and answers come out of order or without data."""
    rule = {"fault": fault} if fault == "out_of_order" else {"fault": fault, "shuffled": True}
    world = World(tmp_path, mutations=[rule])
    folder = world.folder()
    same = {"LastName": "Same", "Email": "p0@x.org"}
    people = manifest("contacts", {f"r{number}": same for number in range(5)}, match_on=(), marker_field="Key__c")
    folder.write(contacts=people)
    assert outcomes(world.apply(folder)) == {"created": 5}
    marked = {row["data"]["Key__c"].partition("/")[2]: row["upstream_id"] for row in world.rows()}
    assert (folder.locked_ids(), len(marked), len(world.sent)) == (marked, 5, 1)
    assert outcomes(world.apply(folder)) == {"unchanged": 5}
    assert len(world.sent) == 1
