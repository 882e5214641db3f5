"""Locked records that are to be changed: updates, restored drift, conflicts, and what a lagging list must not tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from planning_world import (
    NOW,
    World,
    attempt,
    locked,
    one,
    record,
    record_set,
    row,
    seen,
)

from syncspec.errors import GuardError
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry
from syncspec.planning.batches import change_data
from syncspec.planning.guards import check_guards
from syncspec.planning.narrowing import steps_beyond
from syncspec.planning.plan import Action, Batch, Change
from syncspec.records import Data, FieldRule, FieldRules, OnAdopt, OnDrift
from syncspec.settings import Guards
from syncspec.values import digest

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul", "Phone": "1"}
USUL = {**PAUL, "FirstName": "Usul"}
paul = record("contacts.paul", PAUL)
entry = locked("contacts.paul", "003A", PAUL)
OLD, LOCKED, NEW = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z"


def fields(change: Change) -> list[tuple[str, Any, Any]]:
    return [(each.path, each.before, each.after) for each in change.fields]


def updated(before: Data, after: Data, *, at: str, **options: Any) -> LockEntry:
    """An entry whose last write changed `before` to `after`, of the fields in which they differ."""
    known = {
        name: FieldDigests(
            sent=digest(value),
            seen=digest(value),
            before=digest(before.get(name)) if before.get(name) != value else None,
        )
        for name, value in after.items()
    }
    return replace(entry, fields=known, written_at=at, **options)


def seconds_ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def sent(world: World, batch: Batch) -> list[tuple[str | None, Data]]:
    """What a batch sends: the upstream ID and the data of each record."""
    sets = {each.name: each for each in world.sets}
    return [(change.upstream_id, change_data(sets[change.set_name], change)) for change in batch.changes]


def test_a_field_that_only_the_author_changed_is_updated_from_what_is_there() -> None:
    change = one(record("contacts.paul", USUL), row("003A", PAUL), entries=[entry]).change()
    assert (change.action, change.code, change.upstream_id) == (Action.UPDATE, "changed", "003A")
    assert fields(change) == [("FirstName", "Paul", "Usul")]
    assert change.reason == "the manifest changed FirstName"


def test_an_update_sends_the_changed_fields_only() -> None:
    world = one(record("contacts.paul", USUL), row("003A", PAUL), entries=[entry])
    (batch,) = world.plan().batches
    assert (batch.kind, batch.target.sync_id, batch.target.collection_id) == ("update", "s1", "salesforce:contact")
    assert sent(world, batch) == [("003A", {"FirstName": "Usul"})]
    assert not world.plan().is_empty


def test_clearing_a_field_is_an_update_to_the_provider_s_empty_value() -> None:
    world = one(record("contacts.paul", {**PAUL, "Phone": None}), row("003A", PAUL), entries=[entry])
    (batch,) = world.plan().batches
    assert sent(world, batch) == [("003A", {"Phone": None})]


def test_a_newly_managed_field_is_updated_unless_it_is_as_declared() -> None:
    desired = record("contacts.paul", {**PAUL, "Title": "Duke"})
    assert fields(one(desired, row("003A", {**PAUL, "Title": "Heir"}), entries=[entry]).change()) == [
        ("Title", "Heir", "Duke")
    ]
    world = one(desired, row("003A", {**PAUL, "Title": "Duke"}), entries=[entry])
    assert (world.change().action, world.change().observed is not None) == (Action.UNCHANGED, True)


def test_both_to_the_same_value_is_unchanged_and_kept_as_the_new_baseline() -> None:
    observed = row("003A", USUL, updated_at=NEW)
    world = one(record("contacts.paul", USUL), observed, entries=[replace(entry, updated_at=LOCKED)])
    assert (world.change().action, world.change().observed) == (Action.UNCHANGED, observed)


def test_both_to_different_values_is_a_conflict_that_names_both_sides() -> None:
    world = one(record("contacts.paul", USUL), row("003A", {**PAUL, "FirstName": "Muad'Dib"}), entries=[entry])
    change = world.change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "conflict", "003A")
    assert 'FirstName is "Muad\'Dib" upstream and "Usul" here' in change.reason
    for way_out in ("syncspec accept contacts.paul", "ignore_changes", "change it upstream"):
        assert way_out in change.reason
    assert world.plan().batches == ()


def test_another_form_of_what_is_declared_is_the_authors_wish_and_no_conflict() -> None:
    """As an update leaves it whose answer was lost, where the provider lower-cases."""
    world = one(record("contacts.paul", USUL), row("003A", {**PAUL, "FirstName": "usul"}), entries=[entry])
    assert (world.change().action, fields(world.change())) == (Action.UPDATE, [("FirstName", "usul", "Usul")])


def test_a_conflict_in_one_field_keeps_the_others_from_being_sent() -> None:
    desired = record("contacts.paul", {**USUL, "Phone": "2"})
    world = one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry])
    assert (world.change().code, world.plan().batches) == ("conflict", ())


@pytest.mark.parametrize("on_drift", [OnDrift.REPORT, OnDrift.RESTORE, OnDrift.FAIL])
def test_a_conflict_is_blocked_whatever_on_drift_says(on_drift: OnDrift) -> None:
    desired = record("contacts.paul", USUL, on_drift=on_drift)
    assert one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).change().code == "conflict"


def test_a_conflict_of_a_sensitive_field_shows_no_value() -> None:
    rules = FieldRules(fields={"SSN": FieldRule(sensitive=True)})
    key = b"secret"
    known = {"SSN": FieldDigests(sent=digest("1", key=key), seen=digest("1", key=key))}
    world = one(
        record("contacts.paul", {"SSN": "2"}, rules=rules, match_on=()),
        row("003A", {"SSN": "3333"}),
        entries=[replace(entry, fields=known)],
        rules=rules,
        match_on=(),
    )
    world.options = {"digest_keys": DigestKeys(shared=key)}
    change = world.change()
    assert (change.code, fields(change)) == ("conflict", [("SSN", None, None)])
    assert "3333" not in change.reason


def test_drift_in_one_field_is_left_alone_by_an_update_of_another() -> None:
    world = one(record("contacts.paul", USUL), row("003A", {**PAUL, "Phone": "9"}), entries=[entry])
    assert fields(world.change()) == [("FirstName", "Paul", "Usul")]
    assert "Phone changed upstream, too, and stays as it is" in world.change().reason


def test_on_drift_restore_writes_back_what_somebody_changed() -> None:
    desired = record("contacts.paul", PAUL, on_drift=OnDrift.RESTORE)
    change = one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).change()
    assert (change.action, change.code, fields(change)) == (Action.UPDATE, "restored", [("FirstName", "X", "Paul")])


def test_on_drift_restore_does_not_fight_a_provider_that_may_store_another_form() -> None:
    """Nothing was seen since the record was written, and the upstream tells no times: nobody need have changed it."""
    desired = record("contacts.paul", PAUL, on_drift=OnDrift.RESTORE)
    first = locked("contacts.paul", "003A", PAUL, seen_data={})
    change = one(desired, row("003A", {**PAUL, "FirstName": "P."}), entries=[first]).change()
    assert (change.action, change.code) == (Action.DRIFT, "drifted")
    later = one(
        desired, row("003A", {**PAUL, "FirstName": "P."}, updated_at=NEW), entries=[replace(first, updated_at=OLD)]
    )
    assert later.change().code == "restored"


def test_on_drift_fail_blocks_an_update_of_the_same_record() -> None:
    desired = record("contacts.paul", USUL, on_drift=OnDrift.FAIL)
    change = one(desired, row("003A", {**PAUL, "Phone": "9"}), entries=[entry]).change()
    assert (change.action, change.code) == (Action.BLOCKED, "drift-refused")


def test_ignored_fields_are_never_updated() -> None:
    desired = record("contacts.paul", USUL, ignore_changes=("FirstName",))
    assert one(desired, row("003A", PAUL), entries=[entry]).change().action is Action.UNCHANGED
    both = record("contacts.paul", {**USUL, "Phone": "2"}, ignore_changes=("FirstName",))
    assert fields(one(both, row("003A", PAUL), entries=[entry]).change()) == [("Phone", "1", "2")]


def test_an_adopted_record_s_old_differences_are_not_updated_but_new_ones_are() -> None:
    adopted = locked("contacts.paul", "003A", PAUL, seen_data={**PAUL, "Phone": "7"})
    assert one(paul, row("003A", {**PAUL, "Phone": "7"}), entries=[adopted]).change().action is Action.UNCHANGED
    world = one(record("contacts.paul", {**PAUL, "Phone": "8"}), row("003A", {**PAUL, "Phone": "7"}), entries=[adopted])
    assert fields(world.change()) == [("Phone", "7", "8")]


def test_a_new_key_that_another_record_has_blocks_the_update() -> None:
    desired = record("contacts.paul", {**PAUL, "Email": "duke@arrakis.org"})
    world = one(desired, row("003A", PAUL), row("003B", {"Email": "Duke@arrakis.org"}), entries=[entry])
    assert (world.change().action, world.change().code) == (Action.BLOCKED, "key-taken")
    assert "003B" in world.change().reason
    free = one(desired, row("003A", PAUL), entries=[entry])
    assert fields(free.change()) == [("Email", "paul@arrakis.org", "duke@arrakis.org")]


def test_old_values_right_after_an_update_are_stale_and_not_drift_where_times_are_told() -> None:
    written = updated(PAUL, USUL, at=seconds_ago(3600), updated_at=LOCKED)
    world = one(record("contacts.paul", USUL), row("003A", PAUL, updated_at=OLD), entries=[written])
    assert (world.change().action, world.change().code) == (Action.UNCHANGED, "stale")
    assert world.change().observed is None


@pytest.mark.parametrize(("age", "code"), [(0, "stale"), (299, "stale"), (301, "drifted")])
def test_old_values_are_stale_within_the_settle_time_where_no_times_are_told(age: float, code: str) -> None:
    written = updated(PAUL, USUL, at=seconds_ago(age))
    assert one(record("contacts.paul", USUL), row("003A", PAUL), entries=[written]).change().code == code


def test_other_values_than_those_before_are_drift_at_once() -> None:
    written = updated(PAUL, USUL, at=seconds_ago(1))
    change = one(record("contacts.paul", USUL), row("003A", {**PAUL, "FirstName": "X"}), entries=[written]).change()
    assert (change.action, change.code) == (Action.DRIFT, "drifted")


def test_stale_values_are_not_restored() -> None:
    written = updated(PAUL, USUL, at=seconds_ago(1))
    desired = record("contacts.paul", USUL, on_drift=OnDrift.RESTORE)
    assert one(desired, row("003A", PAUL), entries=[written]).change().code == "stale"


@pytest.mark.parametrize("times", [True, False])
def test_a_second_edit_over_stale_values_is_an_update_and_no_conflict(times: bool) -> None:
    written = updated(PAUL, USUL, at=seconds_ago(1), updated_at=LOCKED if times else None)
    desired = record("contacts.paul", {**PAUL, "FirstName": "Muad'Dib"})
    change = one(desired, row("003A", PAUL, updated_at=OLD if times else None), entries=[written]).change()
    assert (change.action, change.code) == (Action.UPDATE, "changed")


@pytest.mark.parametrize("times", [True, False])
def test_taking_an_edit_back_is_an_update_though_the_lagging_list_looks_as_declared(times: bool) -> None:
    written = updated(PAUL, USUL, at=seconds_ago(1), updated_at=LOCKED if times else None)
    world = one(paul, row("003A", PAUL, updated_at=OLD if times else None), entries=[written])
    assert (world.change().action, [each.path for each in world.change().fields]) == (Action.UPDATE, ["FirstName"])


def test_a_lagging_row_never_becomes_the_baseline() -> None:
    written = updated(PAUL, USUL, at=seconds_ago(1))
    known = {**written.fields, "Phone": FieldDigests(sent=digest("1"))}
    world = one(record("contacts.paul", USUL), row("003A", USUL), entries=[replace(written, fields=known)])
    assert (world.change().action, world.change().observed) == (Action.UNCHANGED, None)


def test_drift_from_before_an_update_of_another_field_stays_drift_in_the_version_that_it_made() -> None:
    """The version is ours, but we did not write that field in it."""
    written = updated(PAUL, USUL, at=seconds_ago(3600), updated_at=NEW)
    change = one(
        record("contacts.paul", USUL), row("003A", {**USUL, "Phone": "9"}, updated_at=NEW), entries=[written]
    ).change()
    assert (change.action, fields(change)) == (Action.DRIFT, [("Phone", "9", "1")])


def test_another_form_in_the_version_that_an_update_made_is_stored_differently() -> None:
    written = updated(PAUL, USUL, at=seconds_ago(3600), updated_at=NEW)
    world = one(
        record("contacts.paul", USUL), row("003A", {**USUL, "FirstName": "USUL!"}, updated_at=NEW), entries=[written]
    )
    assert (world.change().action, world.codes()) == (Action.UNCHANGED, ["stored-differently"])


def test_requests_are_of_one_kind_and_keep_the_set_s_limit() -> None:
    names = [f"r{number}" for number in range(5)]
    records = [record(f"contacts.{name}", {"Email": name, "N": 2}) for name in names]
    world = World(
        sets=[record_set(*records, record("contacts.new", {"Email": "new"}), max_records=2)],
        entries=[locked(f"contacts.{name}", f"ID{name}", {"Email": name, "N": 1}) for name in names],
        observations=[seen(*(row(f"ID{name}", {"Email": name, "N": 1}) for name in names))],
    )
    batches = world.plan().batches
    assert sorted((batch.kind, len(batch.changes)) for batch in batches) == [
        ("create", 1),
        ("update", 1),
        ("update", 2),
        ("update", 2),
    ]
    assert {batch.wave for batch in batches} == {0}


def test_the_plan_s_digest_changes_with_what_an_update_sends_and_overwrites() -> None:
    desired = record("contacts.paul", {**PAUL, "Title": "Duke"})
    digests = {
        one(desired, row("003A", {**PAUL, "Title": "A"}), entries=[entry]).plan().digest,
        one(desired, row("003A", {**PAUL, "Title": "B"}), entries=[entry]).plan().digest,
        one(record("contacts.paul", {**PAUL, "Title": "Heir"}), row("003A", {**PAUL, "Title": "A"}), entries=[entry])
        .plan()
        .digest,
    }
    assert len(digests) == 3


def test_an_open_update_holds_its_own_record_back_and_no_other() -> None:
    sent = attempt("contacts.paul", kind="update", upstream_id="003A", evidence="the connection closed")
    other = record("contacts.jessica", {"Email": "jessica@arrakis.org"})
    world = World(
        sets=[record_set(record("contacts.paul", USUL), other)],
        entries=[entry],
        observations=[seen(row("003A", PAUL))],
        attempts=[sent],
    )
    assert (world.change().action, world.change().code) == (Action.UNKNOWN, "open-attempt")
    assert "update of 003A" in world.change().reason
    assert world.change("contacts.jessica").action is Action.CREATE


def test_an_update_that_was_refused_with_others_and_changed_nothing_goes_alone() -> None:
    undone = attempt("contacts.paul", kind="update", state="not_applied", upstream_id="003A", refused=True, absences=1)
    world = one(record("contacts.paul", USUL), row("003A", PAUL), entries=[entry])
    world.options = {"absent": [undone]}
    assert world.change().resend is not None
    assert world.change().resend.alone  # type: ignore[union-attr]


def test_an_update_that_changed_nothing_never_makes_a_create_a_repetition() -> None:
    undone = attempt("contacts.paul", key=paul, kind="update", state="not_applied", upstream_id="003A", absences=1)
    world = one(paul)
    world.options = {"absent": [undone]}
    assert (world.change().action, world.change().resend) == (Action.CREATE, None)


def test_more_updates_than_the_guard_allows_are_refused() -> None:
    plan = one(record("contacts.paul", USUL), row("003A", PAUL), entries=[entry]).plan()
    with pytest.raises(GuardError):
        check_guards(plan, Guards(max_updates=0), locked_count=1)
    check_guards(plan, Guards(max_updates=1), locked_count=1)


ADOPTING = record("contacts.paul", PAUL, on_adopt=OnAdopt.UPDATE)


def test_on_adopt_update_adopts_and_sends_what_differs() -> None:
    world = one(ADOPTING, row("003A", {**PAUL, "FirstName": "P."}))
    change = world.change()
    assert (change.action, change.upstream_id, change.rewrites) == (Action.ADOPT, "003A", True)
    assert fields(change) == [("FirstName", "P.", "Paul")]
    assert "FirstName will be written" in change.reason
    (batch,) = world.plan().batches
    assert (batch.kind, sent(world, batch)) == ("update", [("003A", {"FirstName": "Paul"})])


def test_on_adopt_update_writes_neither_what_is_alike_nor_what_is_ignored() -> None:
    alike = one(ADOPTING, row("003A", PAUL))
    assert (alike.change().rewrites, alike.plan().batches) == (False, ())
    ignoring = record("contacts.paul", PAUL, on_adopt=OnAdopt.UPDATE, ignore_changes=("FirstName",))
    assert one(ignoring, row("003A", {**PAUL, "FirstName": "P."})).plan().batches == ()


def test_an_adoption_that_writes_counts_as_an_update_and_is_no_adoption_that_was_approved() -> None:
    plan = one(ADOPTING, row("003A", {**PAUL, "FirstName": "P."})).plan()
    with pytest.raises(GuardError):
        check_guards(plan, Guards(max_updates=0), locked_count=0)
    assert steps_beyond(one(ADOPTING).plan(), plan) == ["contacts.paul"]
    assert steps_beyond(plan, plan) == []
