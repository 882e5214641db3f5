"""What of a plan is drift."""

from __future__ import annotations

import pytest
from planning_world import World, locked, one, record, row

from syncspec.planning.drift import drift_of
from syncspec.planning.plan import Action
from syncspec.records import ObservedRecord, OnDrift, OnMissing

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul"}
entry = locked("contacts.paul", "003A", PAUL)


def world(observed: ObservedRecord | None, declared: dict[str, str], **lifecycle: OnDrift | OnMissing) -> World:
    desired = record("contacts.paul", declared, **lifecycle)
    return one(desired, *([observed] if observed else []), entries=[entry])


CHANGED_UPSTREAM = row("003A", PAUL | {"FirstName": "Leto"})


@pytest.mark.parametrize(
    "found",
    [
        world(CHANGED_UPSTREAM, PAUL),
        world(CHANGED_UPSTREAM, PAUL, on_drift=OnDrift.RESTORE),
        world(CHANGED_UPSTREAM, PAUL, on_drift=OnDrift.FAIL),
        world(CHANGED_UPSTREAM, PAUL | {"FirstName": "Usul"}),
        world(row("003A", PAUL, deleted=True), PAUL),
        world(row("003A", PAUL, deleted=True), PAUL, on_missing=OnMissing.RECREATE),
        world(None, PAUL),
    ],
    ids=["reported", "restored", "refused", "conflict", "deleted", "recreated", "not listed"],
)
def test_what_differs_upstream_is_drift_and_nothing_of_it_is_sent(found: World) -> None:
    plan = drift_of(found.plan(), ["contacts.paul"])
    assert [change.address for change in plan.changes] == ["contacts.paul"]
    assert plan.changes[0].action is not Action.UNCHANGED
    assert plan.batches == ()


@pytest.mark.parametrize(
    ("found", "locked_addresses"),
    [
        (world(row("003A", PAUL), PAUL | {"FirstName": "Usul"}), ["contacts.paul"]),
        (one(record("contacts.paul", PAUL)), []),
    ],
    ids=["edited", "new"],
)
def test_what_the_author_changed_is_no_drift(found: World, locked_addresses: list[str]) -> None:
    assert found.plan().batches
    assert drift_of(found.plan(), locked_addresses).changes == ()
