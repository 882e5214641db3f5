"""Records without a lock entry: one test per row of the decision table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from planning_world import (
    CRM,
    EMAIL_RULES,
    NOW,
    World,
    attempt,
    locked,
    one,
    record,
    record_set,
    row,
    seen,
    unreadable,
    with_settings,
)

from syncspec.keys import key_digest
from syncspec.planning.plan import Action
from syncspec.records import Absence, FieldRule, FieldRules, Observation, ObservedRecord, OnAdopt

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul"}
paul = record("contacts.paul", PAUL)


def test_a_record_without_match_is_created_with_proved_absence() -> None:
    change = one(paul).change()
    assert (change.action, change.absence, change.code) == (Action.CREATE, Absence.PROVED, "absent")
    assert [(each.path, each.before, each.after) for each in change.fields] == [
        ("Email", None, "paul@arrakis.org"),
        ("FirstName", None, "Paul"),
    ]


def test_assumed_absence_is_enough_for_a_create_and_is_said() -> None:
    world = one(paul, observation=seen(absence=Absence.ASSUMED, reason="nobody tells"))
    assert world.change().action is Action.CREATE
    assert world.change().absence is Absence.ASSUMED
    assert "nobody tells" in world.change().reason
    assert world.codes() == ["absence-assumed"]


def test_unknown_absence_blocks_a_create_in_words() -> None:
    change = one(paul, observation=seen(absence=Absence.UNKNOWN, reason="the sync is not healthy")).change()
    assert (change.action, change.code) == (Action.BLOCKED, "absence-unknown")
    assert "the sync is not healthy" in change.reason


def test_one_live_match_is_adopted_and_its_differences_are_shown() -> None:
    observed = row("003A", {"Email": "PAUL@arrakis.org", "FirstName": "Pauly"})
    change = one(paul, observed).change()
    assert (change.action, change.upstream_id, change.observed) == (Action.ADOPT, "003A", observed)
    assert [(each.path, each.before, each.after) for each in change.fields] == [("FirstName", "Pauly", "Paul")]


def test_on_adopt_block_blocks_an_adoption() -> None:
    change = one(record("contacts.paul", PAUL, on_adopt=OnAdopt.BLOCK), row("003A", PAUL)).change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "adopt-blocked", "003A")


def test_a_match_locked_by_an_undeclared_address_is_an_implied_move() -> None:
    change = one(paul, row("003A", PAUL), entries=[locked("contacts.old", "003A", PAUL)]).change()
    assert (change.action, change.moved_from, change.upstream_id) == (Action.MOVE, "contacts.old", "003A")


def test_a_match_locked_by_another_declared_address_is_blocked() -> None:
    other = record("contacts.other", {"Email": "other@arrakis.org"})
    world = World(
        sets=[record_set(paul, other)],
        entries=[locked("contacts.other", "003A", {"Email": "other@arrakis.org"})],
        observations=[seen(row("003A", PAUL))],
    )
    assert (world.change().action, world.change().code) == (Action.BLOCKED, "locked-elsewhere")


def test_a_match_locked_in_another_set_that_is_not_selected_is_blocked_too() -> None:
    other = record("staff.other", {"Email": "other@arrakis.org"})
    world = World(
        sets=[record_set(paul), record_set(other, name="staff")],
        entries=[locked("staff.other", "003A", {"Email": "other@arrakis.org"})],
        observations=[seen(row("003A", PAUL))],
        options={"selected": lambda each, address: each.name == "contacts"},
    )
    assert [change.address for change in world.plan().changes] == ["contacts.paul"]
    assert world.change().code == "locked-elsewhere"


def test_several_live_matches_block_and_every_id_is_named() -> None:
    change = one(paul, row("003B", PAUL), row("003A", PAUL)).change()
    assert (change.action, change.code) == (Action.BLOCKED, "duplicate")
    assert change.upstream_ids == ("003A", "003B")
    assert "003A, 003B" in change.reason


def test_a_loose_match_blocks_and_shows_both_values() -> None:
    rules = FieldRules()
    desired = record("contacts.paul", {"Email": "paul@arrakis.org"}, rules=rules)
    change = one(desired, row("003A", {"Email": " Paul@Arrakis.org"}), rules=rules).change()
    assert (change.action, change.code, change.upstream_id) == (Action.BLOCKED, "looks-like-the-same-record", "003A")
    assert '" Paul@Arrakis.org"' in change.reason
    assert '"paul@arrakis.org"' in change.reason


def test_a_loose_match_never_shows_sensitive_values() -> None:
    rules = FieldRules(fields={"SSN": FieldRule(sensitive=True)})
    desired = record("contacts.paul", {"SSN": "abc 1"}, rules=rules, match_on=["SSN"])
    change = one(desired, row("003A", {"SSN": "ABC 1"}), rules=rules, match_on=("SSN",)).change()
    assert change.code == "looks-like-the-same-record"
    assert "abc" not in change.reason.casefold()
    assert [(each.before, each.after, each.sensitive) for each in change.fields] == [(None, None, True)]


def test_tombstones_never_match() -> None:
    assert one(paul, row("003A", PAUL, deleted=True)).change().action is Action.CREATE


def test_a_marker_beats_the_key() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    world = one(
        desired,
        row("003A", {"Email": "new@arrakis.org", "M": "arrakis/contacts.paul"}),
        row("003B", {**PAUL, "M": None}),
        marker_field="M",
    )
    assert (world.change().action, world.change().upstream_id) == (Action.ADOPT, "003A")
    assert "duplicate" in world.codes()


def test_two_rows_with_the_record_s_marker_are_a_duplicate() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    rows = [row(name, {"M": "arrakis/contacts.paul", "Email": "x@y.org"}) for name in ("003A", "003B")]
    assert one(desired, *rows, marker_field="M").change().code == "duplicate"


def test_a_key_match_with_the_marker_of_another_record_is_not_adopted() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    for marker in ("elsewhere/contacts.paul", "arrakis@prod/contacts.gone"):
        world = one(desired, row("003A", {**PAUL, "M": marker}), marker_field="M")
        assert (world.change().action, world.change().code) == (Action.BLOCKED, "marked-for-another")


def test_a_key_match_with_the_marker_of_a_declared_address_is_not_adopted() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    other = record("contacts.leto", {"Email": "leto@arrakis.org"}, marker="arrakis/contacts.leto")
    world = World(
        sets=[record_set(desired, other, marker_field="M")],
        observations=[seen(row("003A", {**PAUL, "M": "arrakis/contacts.leto"}))],
    )
    assert world.change().code == "marked-for-another"


def test_the_marker_of_a_former_address_of_this_project_allows_the_move() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    world = one(
        desired,
        row("003A", {**PAUL, "M": "arrakis/contacts.old"}),
        entries=[locked("contacts.old", "003A", PAUL)],
        marker_field="M",
    )
    assert (world.change().action, world.change().moved_from) == (Action.MOVE, "contacts.old")


def test_a_declared_upstream_id_is_adopted_whatever_its_key() -> None:
    desired = record("contacts.paul", PAUL, upstream_id="003A")
    change = one(desired, row("003A", {"Email": "else@arrakis.org"})).change()
    assert (change.action, change.upstream_id, change.code) == (Action.ADOPT, "003A", "declared-id")


def test_a_declared_upstream_id_in_its_short_form_is_found() -> None:
    desired = record("contacts.paul", PAUL, upstream_id="0018b000021BldZ")
    assert one(desired, row("0018b000021BldZAAS", PAUL)).change().upstream_id == "0018b000021BldZAAS"


def test_a_declared_upstream_id_that_is_not_live_blocks() -> None:
    desired = record("contacts.paul", PAUL, upstream_id="003A")
    assert one(desired).change().code == "declared-id-not-found"
    assert one(desired, row("003A", PAUL, deleted=True)).change().code == "declared-id-not-found"


def test_an_open_attempt_makes_the_address_unknown() -> None:
    opened = attempt("contacts.paul", key=paul, evidence="no answer came in time", candidates=("003A", "003B"))
    change = one(paul, row("003A", PAUL), attempts=[opened]).change()
    assert (change.action, change.upstream_ids) == (Action.UNKNOWN, ("003A", "003B"))
    for part in ("unknown", "no answer came in time", "2026-03-01T13:00:00Z", "003A, 003B"):
        assert part in change.reason


def test_an_open_attempt_of_a_renamed_address_blocks_its_new_name() -> None:
    former = record("contacts.old", {"Email": " PAUL@arrakis.org "})
    world = one(paul, attempts=[attempt("contacts.old", key=former)])
    assert (world.change().action, world.change().code) == (Action.BLOCKED, "waits-for-unknown")
    assert world.change("contacts.old").action is Action.UNKNOWN
    assert world.change("contacts.old").desired is None


def test_an_open_attempt_that_nobody_declares_is_warned_of_in_every_selection() -> None:
    world = one(paul, attempts=[attempt("contacts.old")])
    assert world.codes() == ["open-attempt"]
    world.options = {"selected": lambda each, address: each is not None}
    assert world.codes() == ["open-attempt"]
    assert [change.address for change in world.plan().changes] == ["contacts.paul"]


def test_an_open_attempt_with_the_same_marker_blocks() -> None:
    desired = record("contacts.paul", PAUL, marker="m-1")
    world = one(desired, attempts=[attempt("contacts.old", marker="m-1")], marker_field="M")
    assert world.change().code == "waits-for-unknown"


def test_an_open_attempt_elsewhere_does_not_block() -> None:
    elsewhere = replace(CRM, collection_id="salesforce:lead")
    world = one(paul, attempts=[attempt("leads.paul", key=paul, target=elsewhere)])
    assert world.change().action is Action.CREATE


def test_a_keyless_record_waits_for_an_unsettled_former_name_in_its_set() -> None:
    desired = record("contacts.paul", PAUL, match_on=())
    world = one(desired, attempts=[attempt("contacts.old")], match_on=())
    assert world.change().code == "waits-for-unknown"
    still_declared = record("contacts.old", {"FirstName": "Old"}, match_on=())
    world.sets = [record_set(desired, still_declared, match_on=())]
    assert world.change().action is Action.CREATE


def test_an_unreadable_collection_blocks_and_is_never_absence() -> None:
    world = one(paul, observation=unreadable())
    assert (world.change().action, world.change().code, world.change().absence) == (
        Action.BLOCKED,
        "not-readable",
        None,
    )
    assert world.codes() == ["unreadable"]


def test_a_collection_that_was_not_observed_blocks() -> None:
    world = one(paul)
    world.observations = []
    assert world.change().code == "not-readable"


def test_rows_without_the_key_field_block_creates() -> None:
    world = one(paul, observation=seen(live_rows=5, keyed_rows=0, fields=frozenset({"FirstName"})))
    assert (world.change().action, world.change().code) == (Action.BLOCKED, "key-not-readable")


def test_the_key_count_of_the_set_s_own_fields_decides() -> None:
    counts = {("Email",): 5, ("Name",): 0}
    observation = seen(live_rows=5, keyed_rows=0, keyed=counts, fields=frozenset(PAUL))
    assert one(paul, observation=observation).change().action is Action.CREATE


def test_two_records_that_match_one_row_are_both_blocked() -> None:
    by_name = record("named.paul", {"FirstName": "Paul"}, match_on=["FirstName"])
    world = World(
        sets=[record_set(paul), record_set(by_name, name="named", match_on=("FirstName",))],
        observations=[seen(row("003A", PAUL))],
    )
    assert {change.code for change in world.plan().changes} == {"same-row"}
    world.options = {"selected": lambda each, address: each.name == "contacts"}
    assert world.change().code == "same-row"


def test_a_declared_field_in_no_row_gets_one_warning_with_the_near_name() -> None:
    desired = [record(f"contacts.p{n}", {"Email": f"{n}@x.org", "FirstNam": "P"}, line=n + 1) for n in range(3)]
    world = World(sets=[record_set(*desired)], observations=[seen(row("003A", {"Email": "a@b.c", "FirstName": "Z"}))])
    [found] = world.plan().diagnostics
    assert (found.code, found.hint) == ("field-not-seen", 'did you mean "FirstName"?')
    assert found.source is not None
    assert found.source.line == 1


def test_an_empty_collection_gives_no_warning_about_fields() -> None:
    assert one(paul).codes() == []


def test_a_set_without_key_and_marker_is_created() -> None:
    assert one(record("contacts.paul", PAUL, match_on=()), match_on=()).change().action is Action.CREATE


def test_the_marker_is_shown_among_what_is_created() -> None:
    desired = record("contacts.paul", PAUL, marker="arrakis/contacts.paul")
    change = one(desired, marker_field="M", rules=EMAIL_RULES).change()
    assert ("M", "arrakis/contacts.paul") in [(each.path, each.after) for each in change.fields]


def renamed(observation: Observation | None = None, *rows: ObservedRecord, age: int = 10, **settings: Any) -> World:
    """contacts.old was created with Paul's key; now the same record is declared as contacts.paul."""
    assert paul.key is not None
    locked_at = (NOW - timedelta(seconds=age)).isoformat()
    former = locked("contacts.old", "003A", PAUL, key=key_digest(paul.key.strict), locked_at=locked_at)
    return with_settings(one(paul, *rows, entries=[former], observation=observation), **settings)


def test_a_renamed_record_that_the_list_does_not_show_yet_is_moved_not_created() -> None:
    change = renamed().change()
    assert (change.action, change.moved_from, change.upstream_id) == (Action.MOVE, "contacts.old", "003A")


def test_a_renamed_record_whose_key_changed_upstream_is_moved_not_created() -> None:
    world = renamed(None, row("003A", {**PAUL, "Email": "new@arrakis.org"}), age=10_000)
    assert (world.change().action, world.change().moved_from) == (Action.MOVE, "contacts.old")


@pytest.mark.parametrize("absence", [Absence.PROVED, Absence.ASSUMED])
def test_a_former_record_that_is_long_not_listed_is_not_created_beside_itself(absence: Absence) -> None:
    change = renamed(seen(absence=absence), age=10_000).change()
    assert (change.action, change.code) == (Action.BLOCKED, "not-visible-upstream")
    assert "syncspec lock forget contacts.old" in change.reason


def test_a_former_record_that_is_deleted_upstream_is_created_again() -> None:
    assert renamed(None, row("003A", {}, deleted=True)).change().action is Action.CREATE


def test_a_match_beside_an_invisible_former_record_is_a_duplicate() -> None:
    change = renamed(None, row("003B", PAUL)).change()
    assert (change.code, change.upstream_ids) == ("duplicate", ("003A", "003B"))


def test_a_record_locked_with_this_key_by_a_declared_address_and_not_listed_blocks() -> None:
    world = renamed()
    changed = record("contacts.old", {"Email": "changed@arrakis.org"})
    world.sets = [record_set(paul, changed)]
    assert world.change().code == "locked-elsewhere"


def test_a_former_record_is_known_by_its_marker_too() -> None:
    desired = record("contacts.paul", PAUL, marker="m-1", match_on=())
    world = renamed()
    world.sets = [record_set(desired, match_on=(), marker_field="M")]
    world.entries = [replace(world.entries[0], key=None, marker="m-1")]
    assert world.change().moved_from == "contacts.old"


def test_a_key_that_a_declared_record_gave_up_upstream_is_free() -> None:
    changed = record("contacts.old", {"Email": "changed@arrakis.org"})
    world = renamed(None, row("003A", {"Email": "changed@arrakis.org"}))
    world.sets = [record_set(paul, changed)]
    assert world.change().action is Action.CREATE
