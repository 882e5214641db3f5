"""Locked records that the upstream shows as deleted, or does not show at all."""

from __future__ import annotations

from planning_world import attempt, locked, one, record, row, seen

from syncspec.planning.plan import Action
from syncspec.records import Absence, OnMissing

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul"}
paul = record("contacts.paul", PAUL, on_missing=OnMissing.RECREATE)
entry = locked("contacts.paul", "003A", PAUL)
TOMBSTONE = row("003A", PAUL, deleted=True)


def test_a_tombstone_lets_the_record_be_created_anew_where_that_is_wanted() -> None:
    change = one(paul, TOMBSTONE, entries=[entry]).change()
    assert (change.action, change.code, change.upstream_id) == (Action.CREATE, "absent", None)
    assert change.reason.startswith("003A is deleted upstream, and on_missing is recreate; ")


def test_a_record_that_is_merely_not_listed_is_never_created_anew() -> None:
    change = one(paul, entries=[entry]).change()
    assert (change.action, change.code) == (Action.BLOCKED, "not-visible-upstream")


def test_a_record_that_somebody_created_in_its_place_is_adopted() -> None:
    change = one(paul, TOMBSTONE, row("003B", PAUL), entries=[entry]).change()
    assert (change.action, change.upstream_id) == (Action.ADOPT, "003B")


def test_a_list_that_is_not_whole_keeps_it_from_being_created_anew() -> None:
    observation = seen(TOMBSTONE, absence=Absence.UNKNOWN, reason="the sync is not healthy")
    change = one(paul, entries=[entry], observation=observation).change()
    assert (change.action, change.code) == (Action.BLOCKED, "absence-unknown")


def test_what_is_not_settled_is_not_created_anew() -> None:
    world = one(paul, TOMBSTONE, entries=[entry], attempts=[attempt("contacts.paul", key=paul)])
    assert world.change().action is Action.UNKNOWN
