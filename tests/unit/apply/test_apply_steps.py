"""What of a plan can be sent as it is, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import TARGET, VirtualClock, desired, record_set
from support.plans import change

from syncspec.apply.entries import EntryMaker
from syncspec.apply.steps import deliveries_of
from syncspec.deferred import IdOf
from syncspec.lockfile import DigestKeys
from syncspec.planning.plan import Action, Batch, Change, ObservationSummary, Plan
from syncspec.records import Absence

SETS = {"contacts": record_set()}
SEEN = ObservationSummary(target=TARGET, readable=True, absence=Absence.PROVED, reason="", live_rows=0)


def made(name: str, wave: int, *, waits: bool = False) -> Change:
    address = f"contacts.{name}"
    record = desired(address, Email=f"{name}@x.org")
    return change(address, Action.CREATE, desired=record, wave=wave, waits_for=("contacts.first",) if waits else ())


def batch(*changes: Change) -> Batch:
    return Batch(wave=changes[0].wave, kind="create", target=TARGET, changes=changes, size=1)


def sent(*batches: Batch, last: bool = False) -> list[list[list[str]]]:
    changes = tuple(each for one in batches for each in one.changes)
    plan = Plan(project="p", environment=None, changes=changes, batches=batches, observations=(SEEN,))
    entries = EntryMaker(clock=VirtualClock(), keys=DigestKeys())
    waves = deliveries_of(plan, SETS, {}, entries, last=last)
    return [[[record.address for record in delivery.records] for delivery in wave] for wave in waves]


def test_without_dependents_every_wave_is_sent_in_order() -> None:
    batches = (batch(made("b", 1)), batch(made("a", 0)), batch(made("c", 1)))
    assert sent(*batches) == [[["contacts.a"]], [["contacts.b"], ["contacts.c"]]]
    assert sent(*batches, last=True) == []


def test_what_waits_is_left_and_what_comes_after_it_goes_last() -> None:
    batches = (
        batch(made("first", 0)),
        batch(made("second", 1, waits=True)),
        batch(made("third", 2, waits=True)),
        batch(made("fourth", 3)),
    )
    assert sent(*batches) == [[["contacts.first"]]]
    assert sent(*batches, last=True) == [[["contacts.fourth"]]]


def test_a_record_with_a_value_that_is_not_known_is_never_sent() -> None:
    one = made("a", 0)
    assert one.desired is not None
    unbound = replace(one, desired=replace(one.desired, deferred={"AccountId": IdOf("accounts.x")}))
    with pytest.raises(AssertionError):
        sent(batch(unbound))
