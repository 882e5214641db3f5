"""Records with a lock entry: the three-way comparison and what blocks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from planning_world import (
    CRM,
    NOW,
    World,
    locked,
    one,
    record,
    record_set,
    row,
    seen,
    unreadable,
    with_settings,
)

from syncspec.lockfile import DigestKeys, EntryState, FieldDigests
from syncspec.planning.plan import Action
from syncspec.records import Absence, FieldRule, FieldRules, FieldType, OnDrift
from syncspec.values import digest

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul"}
paul = record("contacts.paul", PAUL)
entry = locked("contacts.paul", "003A", PAUL)


def test_what_is_declared_locked_and_observed_alike_is_unchanged() -> None:
    world = one(paul, row("003A", PAUL), entries=[entry])
    assert (world.change().action, world.change().upstream_id) == (Action.UNCHANGED, "003A")
    assert world.plan().is_empty
    assert world.codes() == []


def test_values_that_differ_in_form_only_are_unchanged() -> None:
    rules = FieldRules(fields={"Amount": FieldRule(type=FieldType.DECIMAL, scale=2)})
    desired = record("contacts.paul", {"Email": "e", "Amount": 5}, rules=rules)
    observed = row("003A", {"Email": "e", "Amount": "5.00"})
    world = one(desired, observed, entries=[locked("contacts.paul", "003A", {"Email": "e", "Amount": 5})], rules=rules)
    assert world.change().action is Action.UNCHANGED


def test_only_upstream_changed_is_drift() -> None:
    observed = row("003A", {**PAUL, "FirstName": "Muad'Dib"})
    change = one(paul, observed, entries=[entry]).change()
    assert (change.action, change.code) == (Action.DRIFT, "drifted")
    assert [(each.path, each.before, each.after) for each in change.fields] == [("FirstName", "Muad'Dib", "Paul")]


def test_drift_does_not_make_a_plan_write() -> None:
    assert one(paul, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).plan().is_empty


def test_on_drift_fail_blocks() -> None:
    desired = record("contacts.paul", PAUL, on_drift=OnDrift.FAIL)
    change = one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).change()
    assert (change.action, change.code) == (Action.BLOCKED, "drift-refused")


def test_an_author_s_change_that_the_upstream_already_has_is_unchanged() -> None:
    desired = record("contacts.paul", {**PAUL, "FirstName": "Usul"})
    assert one(desired, row("003A", desired.data), entries=[entry]).change().action is Action.UNCHANGED


def test_a_provider_s_other_form_is_reported_once_and_then_settled() -> None:
    first = locked("contacts.paul", "003A", PAUL, seen_data={})
    observed = row("003A", {**PAUL, "FirstName": "PAUL "})
    world = one(paul, observed, entries=[first])
    assert (world.change().action, world.change().observed) == (Action.UNCHANGED, observed)
    assert world.codes() == ["stored-differently"]
    settled = locked("contacts.paul", "003A", PAUL, seen_data={**PAUL, "FirstName": "PAUL "})
    world = one(paul, observed, entries=[settled])
    assert (world.change().action, world.change().observed, world.codes()) == (Action.UNCHANGED, None, [])


def test_what_was_never_seen_but_has_the_locked_version_s_time_is_stored_differently() -> None:
    first = locked("contacts.paul", "003A", PAUL, seen_data={}, updated_at="2026-02-01T00:00:00Z")
    observed = row("003A", {**PAUL, "FirstName": "dropped"}, updated_at="2026-02-01T00:00:00.000+0000")
    assert one(paul, observed, entries=[first]).codes() == ["stored-differently"]


def test_a_first_reading_with_another_value_is_drift_and_says_so() -> None:
    first = locked("contacts.paul", "003A", PAUL, seen_data={}, updated_at="2026-02-01T00:00:00Z")
    observed = row("003A", {**PAUL, "FirstName": "Usul"}, updated_at="2026-02-02T00:00:00Z")
    change = one(paul, observed, entries=[first]).change()
    assert change.action is Action.DRIFT
    assert "first reading" in change.reason


def test_a_case_change_upstream_after_the_value_was_seen_is_drift() -> None:
    world = one(
        paul,
        row("003A", {**PAUL, "FirstName": "PAUL"}, updated_at="2026-02-02T00:00:00Z"),
        entries=[replace(entry, updated_at="2026-02-01T00:00:00Z")],
    )
    assert world.change().action is Action.DRIFT


def test_ignored_fields_are_not_compared_after_creation() -> None:
    desired = record("contacts.paul", {**PAUL, "FirstName": "Usul"}, ignore_changes=("FirstName",))
    assert one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).change().action is Action.UNCHANGED


def test_a_field_that_is_no_longer_declared_is_released() -> None:
    desired = record("contacts.paul", {"Email": "paul@arrakis.org"})
    world = one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry])
    assert world.change().action is Action.UNCHANGED
    assert world.codes() == ["released"]


def test_an_observation_from_before_the_locked_version_is_stale_not_drift() -> None:
    newer = replace(entry, updated_at="2026-02-02T00:00:00Z")
    world = one(paul, row("003A", {**PAUL, "FirstName": "X"}, updated_at="2026-02-01T23:59:59Z"), entries=[newer])
    assert (world.change().action, world.change().code) == (Action.UNCHANGED, "stale")
    assert world.codes() == ["stale"]


def test_a_time_that_cannot_be_read_makes_nothing_stale() -> None:
    newer = replace(entry, updated_at="2026-02-02T00:00:00Z")
    assert one(paul, row("003A", {**PAUL, "FirstName": "X"}, updated_at="soon"), entries=[newer]).change().action is (
        Action.DRIFT
    )


@pytest.mark.parametrize(
    ("seconds", "settle", "action"),
    [
        (0, 300.0, Action.UNCHANGED),
        (299, 300.0, Action.UNCHANGED),
        (300, 300.0, Action.BLOCKED),
        (-5, 300.0, Action.UNCHANGED),
        (0, 0.0, Action.UNCHANGED),
        (1, 0.0, Action.BLOCKED),
    ],
)
def test_a_locked_record_that_is_not_listed_waits_for_the_settle_time(
    seconds: int, settle: float, action: Action
) -> None:
    young = replace(entry, locked_at=(NOW - timedelta(seconds=seconds)).isoformat())
    world = with_settings(one(paul, entries=[young]), settle=settle)
    assert world.change().action is action


def test_a_slow_sync_stretches_the_settle_time() -> None:
    young = replace(entry, locked_at=(NOW - timedelta(hours=5)).isoformat())
    world = one(paul, entries=[young], observation=seen(polling_seconds=4 * 3600.0))
    assert world.change().code == "not-visible-yet"


def test_a_locked_record_that_is_long_not_listed_is_blocked_not_created() -> None:
    change = one(paul, entries=[entry]).change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "not-visible-upstream", "003A")


def test_a_locked_record_that_is_not_listed_names_the_one_that_has_its_key_and_how_to_take_it() -> None:
    change = one(paul, row("003B", PAUL), entries=[entry]).change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "not-visible-upstream", "003A")
    assert "003B with its key is there, as after a refresh of a sandbox" in change.reason
    assert change.reason.endswith("syncspec lock forget contacts.paul: the next apply adopts 003B")
    # One that another address holds is not offered.
    other = locked("contacts.other", "003B", PAUL)
    assert "003B" not in one(paul, row("003B", PAUL), entries=[entry, other]).change().reason
    alone = one(paul, entries=[entry]).change().reason
    assert alone.endswith("syncspec lock forget contacts.paul: the next apply takes it for a new one")


def test_an_incomplete_list_is_named_as_the_cause_of_not_seeing() -> None:
    observation = seen(absence=Absence.UNKNOWN, reason="the sync keeps only records of the last 90 days")
    assert "last 90 days" in one(paul, entries=[entry], observation=observation).change().reason


def test_a_tombstone_of_a_locked_record_blocks_with_the_ways_out() -> None:
    change = one(paul, row("003A", {}, deleted=True), entries=[entry]).change()
    assert (change.action, change.code) == (Action.BLOCKED, "deleted-upstream")
    assert "new address" in change.reason


def test_another_target_than_the_locked_one_blocks() -> None:
    for target in (
        replace(CRM, collection_id="salesforce:lead"),
        replace(CRM, sync_id="s2"),
        replace(CRM, endpoint="e1"),
    ):
        change = one(paul, row("003A", PAUL), entries=[replace(entry, target=target)]).change()
        assert (change.action, change.code) == (Action.BLOCKED, "target-changed")


def test_another_name_for_the_same_upstream_changes_nothing() -> None:
    renamed = replace(entry, target=replace(CRM, upstream="old-name"))
    assert one(paul, row("003A", PAUL), entries=[renamed]).change().action is Action.UNCHANGED


def test_another_declared_id_than_the_locked_one_blocks() -> None:
    desired = record("contacts.paul", PAUL, upstream_id="003B")
    change = one(desired, row("003A", PAUL), row("003B", PAUL), entries=[entry]).change()
    assert (change.action, change.code) == (Action.BLOCKED, "other-id-declared")


def test_an_id_that_two_addresses_hold_blocks() -> None:
    world = one(paul, row("003A", PAUL), entries=[entry, locked("contacts.gone", "003A", PAUL)])
    assert (world.change().action, world.change().code) == (Action.BLOCKED, "locked-twice")


def test_a_second_live_match_of_a_locked_record_is_reported_with_both_ids() -> None:
    world = one(paul, row("003A", PAUL), row("003B", PAUL), entries=[entry])
    assert world.change().action is Action.UNCHANGED
    [found] = world.plan().diagnostics
    assert found.code == "duplicate"
    assert "003A" in found.detail
    assert "003B" in found.detail


def test_a_second_live_match_is_reported_where_the_upstream_holds_keys_in_another_form() -> None:
    kept = PAUL | {"Email": str(PAUL["Email"]).upper()}
    rows = row("003A", kept), row("003B", kept), row("003C", {"Email": "o@x.org"})
    [found] = [found for found in one(paul, *rows, entries=[entry]).plan().diagnostics if found.code == "duplicate"]
    assert "003B" in found.detail
    assert "003C" not in found.detail


def test_records_that_share_a_key_which_the_locked_one_was_given_by_somebody_else_are_no_duplicates() -> None:
    theirs = {"Email": "other@x.org"}
    assert "duplicate" not in one(paul, row("003A", theirs), row("003B", theirs), entries=[entry]).codes()


def test_a_second_match_that_another_address_holds_is_no_duplicate() -> None:
    other = record("contacts.other", {"Email": "o@x.org"})
    world = World(
        sets=[record_set(paul, other)],
        entries=[entry, locked("contacts.other", "003B", {"Email": "o@x.org"})],
        observations=[seen(row("003A", PAUL), row("003B", PAUL))],
    )
    assert "duplicate" not in world.codes()


def test_an_unreadable_collection_blocks_locked_records_too() -> None:
    change = one(paul, entries=[entry], observation=unreadable()).change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "not-readable", "003A")


def test_a_locked_record_that_is_no_longer_declared_is_retained_and_nothing_is_done() -> None:
    world = one(paul, row("003A", PAUL), entries=[entry, *(locked(f"contacts.x{n}", f"00{n}", PAUL) for n in range(9))])
    retained = world.plan().changes[1:]
    assert {(change.action, change.code) for change in retained} == {(Action.UNCHANGED, "retained")}
    assert (len(retained), world.plan().is_empty) == (9, True)
    [found] = world.plan().diagnostics
    assert found.code == "retained"
    assert "9 records" in found.detail


def test_a_retained_address_that_is_declared_again_is_the_same_record() -> None:
    again = replace(entry, state=EntryState.RETAINED)
    assert one(paul, row("003A", PAUL), entries=[again]).change().action is Action.UNCHANGED


def test_a_locked_record_s_key_may_change_upstream_without_losing_it() -> None:
    change = one(paul, row("003A", {**PAUL, "Email": "new@arrakis.org"}), entries=[entry]).change()
    assert (change.action, change.upstream_id) == (Action.DRIFT, "003A")


def test_a_field_that_no_row_shows_is_not_drift() -> None:
    desired = record("contacts.paul", {**PAUL, "Emial": "x"})
    world = one(desired, row("003A", PAUL), entries=[locked("contacts.paul", "003A", desired.data)])
    assert world.change().action is Action.UNCHANGED
    assert world.codes() == ["field-not-seen"]


def test_clearing_a_field_that_the_upstream_shows_empty_is_unchanged() -> None:
    desired = record("contacts.paul", {**PAUL, "Phone": None})
    for shown in ({}, {"Phone": None}, {"Phone": ""}):
        world = one(desired, row("003A", {**PAUL, **shown}), entries=[locked("contacts.paul", "003A", desired.data)])
        assert world.change().action is Action.UNCHANGED


SECRET_RULES = FieldRules(fields={"SSN": FieldRule(sensitive=True)})
SECRET = {"Email": "paul@arrakis.org", "SSN": "078-05-1120"}
KEY = b"secret"


def secret_world(shown: str, digests: dict[str, FieldDigests], *, key: bytes | None = KEY) -> World:
    desired = record("contacts.paul", dict(SECRET), rules=SECRET_RULES)
    known = {"Email": FieldDigests(sent=digest(SECRET["Email"]), seen=digest(SECRET["Email"])), **digests}
    world = one(
        desired, row("003A", {**SECRET, "SSN": shown}), entries=[replace(entry, fields=known)], rules=SECRET_RULES
    )
    world.options = {"digest_keys": DigestKeys(shared=key)}
    return world


def test_drift_of_a_sensitive_field_is_told_by_keyed_digests_and_shows_no_value() -> None:
    text = digest(SECRET["SSN"], key=KEY)
    [change] = secret_world("219-09-9999", {"SSN": FieldDigests(sent=text, seen=text)}).plan().changes
    assert change.action is Action.DRIFT
    assert [(each.path, each.before, each.after, each.sensitive) for each in change.fields] == [
        ("SSN", None, None, True)
    ]
    assert "219" not in change.reason


def test_without_its_digests_a_sensitive_field_is_not_compared() -> None:
    assert secret_world("***-**-1120", {}).change().action is Action.UNCHANGED


def test_the_first_reading_of_a_field_is_kept_even_where_it_is_as_declared() -> None:
    first = locked("contacts.paul", "003A", PAUL, seen_data={"Email": PAUL["Email"]})
    observed = row("003A", PAUL)
    assert one(paul, observed, entries=[first]).change().observed == observed


def test_a_digest_is_compared_only_under_the_key_that_made_it() -> None:
    """A colleague's shared key is not at hand here: nothing can be said of the field, and nothing is blocked."""
    text = digest(SECRET["SSN"], key=KEY)
    world = secret_world("219-09-9999", {"SSN": FieldDigests(sent=text, seen=text)})
    world.options = {"digest_keys": DigestKeys(private=b"this machine's own")}
    assert world.change().action is Action.UNCHANGED
