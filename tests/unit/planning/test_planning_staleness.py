"""What makes a saved plan stale, and what does not: one change of the world at a time."""

from __future__ import annotations

from dataclasses import replace
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
from support.saved import Saved, ground, printed

from syncspec.lockfile import DigestKeys, Origin
from syncspec.planning.binding import unkeyed_sets
from syncspec.planning.plan import Action
from syncspec.planning.staleness import limited
from syncspec.records import Absence, AwaitConsumers, Compare, FieldRule, FieldRules

PAUL = {"Email": "paul@x.org", "Title": "Duke", "Phone": "1"}
WAS = {**PAUL, "Title": "Heir"}
CLOCK = "2026-02-01T00:00:00Z"


def creating(**options: Any) -> World:
    return one(record("contacts.paul", PAUL), **options)


def updating() -> World:
    """The manifest changed the Title of a locked record."""
    return one(record("contacts.paul", PAUL), row("003P", WAS), entries=[locked("contacts.paul", "003P", WAS)])


def adopting(**lifecycle: Any) -> World:
    return one(record("contacts.paul", PAUL, **lifecycle), row("003P", WAS))


def declare(world: World, data: dict[str, Any], **options: Any) -> None:
    [before] = world.sets
    world.sets = [replace(before, records=(record("contacts.paul", data, **options),))]


def show(world: World, *rows: Any, **options: Any) -> None:
    world.observations = [seen(*rows, **options)]


WORLDS = {"create": creating, "update": updating, "adopt": adopting}


@pytest.mark.parametrize("action", WORLDS)
def test_the_same_step_is_due_where_nothing_changed(action: str) -> None:
    saved = Saved.of(WORLDS[action]())
    held = saved.held()
    assert (held.stale, held.done, held.left_out) == ((), (), ())
    assert saved.due() == {"contacts.paul": action}
    assert held.plan.digest == saved.approved.plan.digest
    assert held.plan.batches == saved.world.plan().batches


# The declaration


@pytest.mark.parametrize("action", WORLDS)
def test_a_changed_value_of_the_manifest_is_named(action: str) -> None:
    saved = Saved.of(WORLDS[action]())
    declare(saved.world, {**PAUL, "Title": "Emperor"})
    assert saved.causes() == ("its declaration changed: Title",)
    assert saved.due() == {}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({**PAUL, "Fax": "2"}, "Fax"),
        ({"Email": "paul@x.org", "Phone": "1"}, "Title"),
        ({**PAUL, "Phone": None}, "Phone"),
    ],
)
def test_added_removed_and_cleared_fields_are_named(data: dict[str, Any], names: str) -> None:
    saved = Saved.of(creating())
    declare(saved.world, data)
    assert saved.causes() == (f"its declaration changed: {names}",)


def test_a_declared_id_and_a_marker_are_part_of_the_declaration() -> None:
    saved = Saved.of(adopting())
    declare(saved.world, PAUL, upstream_id="003P")
    assert saved.causes() == ("its declaration changed: upstream_id",)
    saved = Saved.of(creating(marker_field="Key"))
    declare(saved.world, PAUL, marker="arrakis/contacts.paul")
    assert saved.causes() == ("its declaration changed: marker",)


def test_what_is_not_declared_any_more_is_stale() -> None:
    saved = Saved.of(creating())
    saved.world.sets = [replace(saved.world.sets[0], records=())]
    assert saved.causes() == ("it is not declared any more, or not selected",)


def test_another_lifecycle_counts_where_it_leads_to_another_step() -> None:
    saved = Saved.of(adopting())
    declare(saved.world, PAUL, on_drift="restore")
    assert saved.causes() == ()
    declare(saved.world, PAUL, on_adopt="update")
    assert saved.causes() == ("its declaration changed: on_adopt",)
    saved = Saved.of(updating())
    declare(saved.world, PAUL, protect=True)
    assert saved.causes() == ("its declaration changed: protect",)


# The upstream's row


def test_a_changed_field_of_the_row_that_is_overwritten_is_named() -> None:
    saved = Saved.of(updating())
    show(saved.world, row("003P", {**WAS, "Title": "duke"}))
    saved.world.entries = [locked("contacts.paul", "003P", WAS, seen_data={**WAS, "Title": "duke"})]
    assert "its row changed upstream: Title" in saved.causes()


def test_a_field_that_the_update_does_not_touch_may_change() -> None:
    saved = Saved.of(updating())
    show(saved.world, row("003P", {**WAS, "Phone": "2"}))
    assert saved.causes() == ()
    assert saved.due() == {"contacts.paul": "update"}


def test_a_changed_baseline_of_an_adoption_is_named() -> None:
    saved = Saved.of(adopting())
    show(saved.world, row("003P", {**WAS, "Phone": "2"}))
    assert saved.causes() == ("its row changed upstream: Phone",)
    show(saved.world, row("003P", {**WAS, "Fax": "2"}))
    assert saved.causes() == ()


def test_another_row_is_another_adoption() -> None:
    saved = Saved.of(adopting())
    show(saved.world, row("003Q", WAS))
    assert saved.causes() == ("another row matches it: 003Q",)


def test_an_adoption_never_becomes_a_creation() -> None:
    saved = Saved.of(adopting())
    show(saved.world)
    assert saved.world.change().action is Action.CREATE
    assert saved.causes() == ("its row 003P is not seen any more",)
    assert saved.due() == {}


def test_a_creation_that_turns_out_to_exist_is_adopted() -> None:
    saved = Saved.of(creating())
    show(saved.world, row("003P", WAS))
    assert saved.causes() == ()
    assert saved.due() == {"contacts.paul": "adopt"}
    assert saved.held().plan.batches == ()


def test_a_creation_does_not_become_an_adoption_that_writes() -> None:
    saved = Saved.of(one(record("contacts.paul", PAUL, on_adopt="update")))
    show(saved.world, row("003P", WAS))
    assert saved.causes() == ("a row matches it by now: 003P",)


def test_what_is_blocked_by_now_is_left_alone() -> None:
    saved = Saved.of(creating())
    show(saved.world, row("003P", WAS), row("003Q", WAS))
    assert saved.due() == {"contacts.paul": "blocked"}
    assert saved.held().stale == ()
    saved = Saved.of(updating())
    show(saved.world, row("003P", {**WAS, "Title": "Muad'Dib"}))
    assert saved.world.change().code == "conflict"
    assert saved.held().stale == ()
    saved.world.observations = [unreadable()]
    assert (saved.held().stale, saved.due()) == ((), {"contacts.paul": "blocked"})


def test_an_update_that_somebody_made_by_hand_is_stale() -> None:
    saved = Saved.of(updating())
    show(saved.world, row("003P", PAUL))
    assert saved.causes() == ("its row changed upstream: Title",)


# The lock


def test_an_entry_of_another_record_is_named() -> None:
    saved = Saved.of(updating())
    saved.world.entries = [locked("contacts.paul", "003Q", WAS)]
    show(saved.world, row("003Q", WAS))
    assert saved.causes() == ("its lock entry changed: it is 003Q", "another row matches it: 003Q")


def test_an_entry_that_is_gone_is_named() -> None:
    saved = Saved.of(updating())
    saved.world.entries = []
    assert saved.causes()[0] == "its lock entry is gone"


def test_an_entry_that_another_run_made_of_other_data_is_named() -> None:
    saved = Saved.of(creating())
    saved.world.entries = [locked("contacts.paul", "003P", WAS, origin=Origin.ADOPTED)]
    show(saved.world, row("003P", WAS))
    assert saved.causes()[0] == "its lock entry changed: it is 003P"


def test_a_step_that_the_lock_shows_as_done_is_done() -> None:
    saved = Saved.of(creating())
    saved.world.entries = [locked("contacts.paul", "003P", PAUL)]
    show(saved.world, row("003P", PAUL))
    assert (saved.held().done, saved.held().stale, saved.due()) == (("contacts.paul",), (), {})
    saved = Saved.of(updating())
    saved.world.entries = [locked("contacts.paul", "003P", PAUL, written_at=CLOCK)]
    show(saved.world, row("003P", PAUL))
    assert (saved.held().done, saved.held().stale, saved.due()) == (("contacts.paul",), (), {})
    saved = Saved.of(adopting())
    saved.world.entries = [locked("contacts.paul", "003P", PAUL, seen_data=WAS, origin=Origin.ADOPTED)]
    assert (saved.held().done, saved.held().stale) == (("contacts.paul",), ())


def test_a_done_step_is_not_done_again_when_the_record_drifts_later() -> None:
    world = updating()
    declare(world, PAUL, on_drift="restore")
    saved = Saved.of(world)
    world.entries = [locked("contacts.paul", "003P", PAUL, written_at=CLOCK)]
    show(world, row("003P", WAS, updated_at="2026-02-20T00:00:00Z"))
    assert world.change().action is Action.UPDATE
    held = saved.held()
    assert (held.done, held.stale, held.left_out) == (("contacts.paul",), (), ("contacts.paul",))
    assert held.plan.batches == ()


def test_a_move_is_done_where_the_former_address_holds_nothing() -> None:
    world = one(record("contacts.muaddib", PAUL), row("003P", PAUL), entries=[locked("contacts.paul", "003P", PAUL)])
    saved = Saved.of(world)
    assert saved.due() == {"contacts.muaddib": "move"}
    world.entries = [locked("contacts.muaddib", "003P", PAUL)]
    assert saved.held().done == ("contacts.muaddib",)


def test_an_adoption_whose_update_is_still_to_be_sent_goes_on() -> None:
    saved = Saved.of(adopting(on_adopt="update"))
    [title] = saved.world.change().fields
    assert (title.path, saved.due()) == ("Title", {"contacts.paul": "adopt"})
    half = locked("contacts.paul", "003P", WAS, origin=Origin.ADOPTED)
    saved.world.entries = [half]
    assert saved.world.change().action is Action.UPDATE
    assert (saved.held().stale, saved.due()) == ((), {"contacts.paul": "update"})
    show(saved.world, row("003P", {**WAS, "Title": "Page"}))
    assert saved.held().plan.batches == ()


# Attempts


def test_a_creation_whose_outcome_is_open_is_left_to_reconciling() -> None:
    saved = Saved.of(creating())
    desired = saved.world.sets[0].records[0]
    saved.world.attempts = [attempt("contacts.paul", key=desired)]
    assert (saved.held().stale, saved.due()) == ((), {"contacts.paul": "unknown"})


def test_what_was_unknown_may_be_sent_once_more_and_may_be_settled() -> None:
    desired = record("contacts.paul", PAUL)
    saved = Saved.of(one(desired, attempts=[attempt("contacts.paul", key=desired)]))
    assert saved.due() == {"contacts.paul": "unknown"}
    saved.world.attempts = []
    assert (saved.held().stale, saved.due()) == ((), {"contacts.paul": "create"})
    saved.world.entries = [locked("contacts.paul", "003P", PAUL)]
    show(saved.world, row("003P", PAUL))
    assert (saved.held().stale, saved.due()) == ((), {})
    declare(saved.world, {**PAUL, "Title": "Emperor"})
    assert saved.causes() == ("its declaration changed: Title",)


# What was not in the plan


def test_what_is_due_by_now_and_was_not_in_the_plan_is_left_out() -> None:
    saved = Saved.of(creating())
    saved.world.sets = [record_set(*saved.world.sets[0].records, record("contacts.alia", {"Email": "alia@x.org"}))]
    held = saved.held()
    assert (held.stale, held.left_out) == ((), ("contacts.alia",))
    assert saved.due() == {"contacts.paul": "create"}
    [batch] = held.plan.batches
    assert [change.address for change in batch.changes] == ["contacts.paul"]


def test_what_was_blocked_is_not_created_when_nothing_blocks_it_any_more() -> None:
    world = creating()
    world.observations = [unreadable()]
    saved = Saved.of(world)
    show(world)
    assert (saved.held().stale, saved.held().left_out, saved.due()) == ((), ("contacts.paul",), {})


def test_in_the_course_of_a_run_nothing_is_sent_that_was_not_approved() -> None:
    saved = Saved.of(creating())
    declare(saved.world, {**PAUL, "Title": "Emperor"})
    plan = limited(saved.approved, saved.world.plan(), ground(saved.world))
    [change] = plan.changes
    assert (change.action, change.code, plan.batches) == (Action.BLOCKED, "not-in-saved-plan", ())
    declare(saved.world, PAUL)
    assert limited(saved.approved, saved.world.plan(), ground(saved.world)).batches == saved.world.plan().batches


# Settings, and what the list is worth


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"base_url": "https://other.example"}, "base_url"),
        ({"settle": 1.0}, "settle_seconds"),
        ({"atomic_batches": True}, "atomic_batches"),
        ({"unique": True}, "unique_upstream"),
        ({"assume_complete": True}, "assume_complete"),
    ],
)
def test_a_changed_setting_of_the_upstream_is_named(options: dict[str, Any], name: str) -> None:
    saved = Saved.of(creating())
    with_settings(saved.world, **options)
    assert saved.settings() == [("upstream crm", name)]


def test_settings_that_decide_nothing_may_change() -> None:
    saved = Saved.of(creating())
    with_settings(saved.world, concurrency=9, request_timeout=1.0, wait=1.0)
    saved.world.sets = [replace(saved.world.sets[0], max_records=1, labels={"team": "ops"})]
    assert saved.settings() == []
    assert saved.held().stale == ()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"target": replace(CRM, sync_id="s2")}, ["sync_id"]),
        ({"target": replace(CRM, collection_id="salesforce:lead")}, ["collection_id"]),
        ({"match_on": ("Email", "Phone")}, ["match_on"]),
        ({"marker_field": "Key"}, ["marker_field"]),
        ({"await_consumers": AwaitConsumers(ids=("a",))}, ["await_consumers"]),
        (
            {"rules": FieldRules(fields={**EMAIL_RULES.fields, "Title": FieldRule(compare=Compare.TRIM)})},
            ["fields.Title"],
        ),
        ({"rules": FieldRules(fields={**EMAIL_RULES.fields, "Fax": FieldRule(compare=Compare.TRIM)})}, []),
    ],
)
def test_a_changed_setting_of_the_set_is_named(options: dict[str, Any], names: list[str]) -> None:
    saved = Saved.of(creating())
    saved.world.sets = [replace(saved.world.sets[0], **options)]
    assert saved.settings() == [("set contacts", name) for name in names]


def test_a_set_that_is_gone_is_named_once() -> None:
    saved = Saved.of(creating())
    saved.world.sets = [replace(saved.world.sets[0], name="people")]
    assert saved.settings() == [("set contacts", "")]


def test_absence_may_become_surer_and_not_less_sure() -> None:
    saved = Saved.of(creating())
    show(saved.world, absence=Absence.ASSUMED, reason="nobody says that it is whole")
    assert saved.causes() == ("that it is absent upstream is only assumed by now",)
    saved = Saved.of(creating(observation=seen(absence=Absence.ASSUMED)))
    show(saved.world)
    assert saved.causes() == ()


def test_a_creation_does_not_rest_on_a_list_that_was_rebuilt() -> None:
    saved = Saved.of(creating(observation=seen(stream="one")))
    show(saved.world, stream="two")
    assert saved.causes() == ("the list of salesforce:contact was rebuilt",)
    show(saved.world, stream="one")
    assert saved.causes() == ()
    saved = Saved.of(updating())
    show(saved.world, row("003P", WAS), stream="two")
    assert saved.causes() == ()


# Sensitive values, and size

SECRET = FieldRules(fields={**EMAIL_RULES.fields, "Phone": FieldRule(sensitive=True)})


def test_a_changed_sensitive_value_is_seen_and_not_in_the_file() -> None:
    world = creating(rules=SECRET)
    declare(world, {**PAUL, "Phone": "canary-078-05-1120"}, rules=SECRET)
    world.options = {"digest_keys": DigestKeys(shared=b"k")}
    content = printed(world.plan(), ground(world))
    assert b"canary" not in content
    other = printed(world.plan(), replace(ground(world), key=b"another"))
    assert other != content
    saved = Saved.of(world)
    assert saved.causes() == ()
    declare(world, {**PAUL, "Phone": "2"}, rules=SECRET)
    assert saved.causes() == ("its declaration changed: Phone",)


def test_steps_with_sensitive_values_ask_for_a_key() -> None:
    world = creating(rules=SECRET)
    assert unkeyed_sets(world.plan(), ground(world)) == ["contacts"]
    world.options = {"digest_keys": DigestKeys(shared=b"k")}
    assert unkeyed_sets(world.plan(), ground(world)) == []
    world = one(record("contacts.paul", PAUL), row("003P", PAUL), entries=[locked("contacts.paul", "003P", PAUL)])
    world.sets = [replace(world.sets[0], rules=SECRET)]
    assert unkeyed_sets(world.plan(), ground(world)) == []


def test_what_is_left_alone_binds_no_value() -> None:
    world = creating(rules=SECRET)
    world.observations = [unreadable()]
    assert unkeyed_sets(world.plan(), ground(world)) == []
    [binding] = Saved.of(world).approved.bindings.values()
    assert (binding.declared, binding.row, dict(binding.traits)) == (None, None, {})
    assert binding.step is not None
    assert binding.step.code == "not-readable"


def test_records_that_are_as_declared_take_little_room() -> None:
    people = [
        record(f"contacts.p{number}", {"Email": f"p{number}@x.org", "Title": "x" * 500}) for number in range(2000)
    ]
    world = World(
        sets=[record_set(*people)],
        entries=[locked(each.address, f"003{number:05}", each.data) for number, each in enumerate(people)],
        observations=[seen(*(row(f"003{number:05}", each.data) for number, each in enumerate(people)))],
    )
    content = printed(world.plan(), ground(world))
    assert len(content) < 100 * len(people)
    assert Saved.of(world).approved.plan.changes == tuple(
        replace(change, desired=None, observed=None, refers_to=None) for change in world.plan().changes
    )


def test_a_horizon_of_the_future_is_no_part_of_it() -> None:
    """Planning twice gives the same file."""
    world = creating(observation=seen(observed_at=NOW))
    before = printed(world.plan(), ground(world))
    show(world, observed_at=NOW.replace(year=2030))
    assert printed(world.plan(), ground(world)) == before
