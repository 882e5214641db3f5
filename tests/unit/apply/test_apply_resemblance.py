"""A record whose key the upstream stored in another form takes away the proof that nothing was created."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.builders import NOW, TARGET, VirtualClock, desired, observed, record_set

from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.entries import EntryMaker
from syncspec.apply.reconcile import Reading, Reconciled, reconcile, visible_matches
from syncspec.apply.states import AttemptState
from syncspec.keys import key_digest, match_key
from syncspec.lockfile import DigestKeys, OpenAttempt
from syncspec.records import DesiredSet, FieldRule, FieldRules, Observation, ObservedRecord

HORIZON = NOW + timedelta(seconds=400)
LONG = "Arrakis Spice Harvesting and Sandworm Avoidance Consortium of Outer Rim Planets"


def world(*rows: ObservedRecord, held: tuple[str, ...] = (), also: tuple[Any, ...] = (), **data: Any) -> _World:
    return _World(rows, held, also, data or {"Name": LONG, "City": "Arrakeen", "Phone": "555"})


class _World:
    """One unknown creation of contacts.acme, recognised by its Name, and a whole list from after its horizon."""

    def __init__(
        self, rows: tuple[ObservedRecord, ...], held: tuple[str, ...], also: tuple[Any, ...], data: dict[str, Any]
    ) -> None:
        self.rules = FieldRules(fields={"Secret": FieldRule(sensitive=True)})
        key = match_key(data, ("Name",), self.rules)
        assert key is not None
        acme = replace(desired("contacts.acme", **data), key=key)
        self.set: DesiredSet = replace(record_set(acme, *also), match_on=("Name",), rules=self.rules)
        self.entries = EntryMaker(clock=VirtualClock(), keys=DigestKeys())
        self.attempt = OpenAttempt(
            attempt="run.1.0",
            address="contacts.acme",
            target=TARGET,
            kind="create",
            state=AttemptState.UNKNOWN,
            horizon=rfc3339(HORIZON),
            intended_at=rfc3339(NOW),
            key=key_digest(key.strict),
            loose_key=key_digest(key.loose),
            lens=self.set.lens,
            sent=self.entries.sent(data, self.rules),
        )
        seen = Observation(
            target=TARGET,
            observed_at=HORIZON,
            rows=rows,
            live_rows=len(rows),
            keyed={("Name",): len(rows)},
            keyed_rows=len(rows),
        )
        self.reading = Reading(
            observations={TARGET.place: seen},
            began=Moment(wall=HORIZON),
            declared={record.address: (self.set, record) for record in self.set.records},
            locked={},
            holders=lambda _, upstream_id: ("contacts.other",) if upstream_id in held else (),
            entries=self.entries,
        )

    def judged(self, **changes: Any) -> Reconciled:
        return reconcile([replace(self.attempt, **changes)], self.reading)


def new(**data: Any) -> ObservedRecord:
    """A record that was made a minute after the request left."""
    return replace(observed("003x", **data), created_at=rfc3339(NOW + timedelta(seconds=60)))


def is_absent(judged: Reconciled) -> bool:
    return [item.state for item in judged.settlements] == [AttemptState.NOT_APPLIED] and not judged.doubts


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        (LONG, LONG[:60]),
        ("Atreides & Sons", "Atreides &amp; Sons"),
        ("O’Neil", "O'Neil"),
        ("+1 (555) 123-4567", "+15551234567"),
        ("spi\u200bce", "spice"),
    ],
)
def test_a_key_that_was_respelled_is_enough_to_doubt_absence(name: str, stored: str) -> None:
    judged = world(new(Name=stored), Name=name).judged()
    assert not judged.settlements
    assert judged.doubts["run.1.0"].startswith("003x may be it")


def test_a_new_record_that_shows_half_of_the_rest_is_enough_whatever_its_key() -> None:
    assert "003x may be it" in world(new(Name="…", City="arrakeen")).judged().doubts["run.1.0"]


def test_a_new_record_that_shows_less_proves_nothing_else() -> None:
    assert is_absent(world(new(Name="…", City="Carthag", Phone="777")).judged())


def test_a_record_without_times_proves_nothing_else() -> None:
    assert is_absent(world(observed("003x", Name="…", City="Arrakeen", Phone="555")).judged())


def test_where_only_the_last_change_is_told_it_counts_as_the_earliest_time() -> None:
    row = observed("003x", Name="…", City="Arrakeen", Phone="555")
    assert world(replace(row, updated_at=rfc3339(NOW + timedelta(days=9)))).judged().doubts
    assert is_absent(world(replace(row, updated_at=rfc3339(NOW - timedelta(days=1)))).judged())


@pytest.mark.parametrize("seconds", [-500, 1300])
def test_a_record_from_long_before_or_long_after_is_somebody_elses(seconds: int) -> None:
    at = rfc3339(NOW + timedelta(seconds=seconds))
    row = replace(observed("003x", Name="…", City="Arrakeen", Phone="555"), created_at=at)
    assert is_absent(world(row).judged())


def test_a_record_that_another_address_holds_is_not_doubted() -> None:
    assert is_absent(world(new(Name="…", City="Arrakeen", Phone="555"), held=("003x",)).judged())


def test_a_record_with_the_key_of_another_declared_one_is_not_doubted() -> None:
    key = match_key({"Name": "Other"}, ("Name",), FieldRules())
    other = replace(desired("contacts.other", Name="Other"), key=key)
    row = new(Name="OTHER ", City="Arrakeen", Phone="555")
    assert is_absent(world(row, also=(other,)).judged())
    assert not is_absent(world(row).judged())


def test_empty_fields_and_sensitive_ones_of_another_machine_say_nothing() -> None:
    case = world(new(Name="…", City=None), Name=LONG, City=None, Secret="melange")
    assert is_absent(case.judged())


def test_what_was_sent_counts_where_the_declaration_is_another_by_now() -> None:
    case = world(new(Name="…", City="Arrakeen", Phone="555"))
    sent = case.entries.sent({"Name": "Before", "City": "Carthag", "Phone": "777"}, case.rules)
    key = match_key({"Name": "Before"}, ("Name",), FieldRules())
    assert key is not None
    edited = {"sent": sent, "key": key_digest(key.strict), "loose_key": key_digest(key.loose)}
    assert is_absent(case.judged(**edited))
    shown = world(new(Name="…", City="Carthag", Phone="777"))
    assert not is_absent(shown.judged(**edited))


def test_an_attempt_that_does_not_say_what_it_sent_goes_by_the_declaration() -> None:
    assert world(new(Name="…", City="Arrakeen", Phone="555")).judged(sent={}).doubts


def test_what_resembles_the_record_is_shown_to_who_settles_it_by_hand() -> None:
    case = world(new(Name=LONG[:60]))
    assert [row.upstream_id for _, row in visible_matches([case.attempt], case.reading)] == ["003x"]
