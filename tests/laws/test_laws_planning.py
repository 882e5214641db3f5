"""Laws of planning: order never matters, nothing is lost or repeated, and what is as declared needs nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from syncspec.diagnostics import Source
from syncspec.keys import key_digest, match_key
from syncspec.lockfile import FieldDigests, LockEntry, Lockfile, OpenAttempt, Origin
from syncspec.planning.diff import plan
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.plan import Action, Plan
from syncspec.records import (
    Absence,
    Compare,
    Data,
    DesiredRecord,
    DesiredSet,
    FieldRule,
    FieldRules,
    Json,
    Observation,
    ObservedRecord,
    OnRemove,
    Target,
)
from syncspec.settings import UpstreamSettings
from syncspec.values import digest

Item = TypeVar("Item")
World = tuple[list[DesiredSet], list[LockEntry], list[ObservedRecord], list[OpenAttempt]]
CRM = UpstreamSettings(name="crm")
TARGET = Target(upstream="crm", endpoint=CRM.endpoint, sync_id="s1", collection_id="hubspot:contact")
RULES = FieldRules(fields={"email": FieldRule(compare=Compare.CASEFOLD)}, scalars_as_text=True)
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
EMAILS = st.sampled_from(["p@x.org", "P@x.org", " p@x.org", "q@x.org", "r@x.org", "s@x.org"])
IDS = st.sampled_from(["1", "2", "3", "4", "5"])
VALUES: st.SearchStrategy[Json] = st.sampled_from([None, "", "x", "X ", 5, "5", 5.0, True, "true"])
DATA: st.SearchStrategy[Data] = st.builds(lambda email, name: {"email": email, "name": name}, EMAILS, VALUES)


def desired(address: str, data: Data) -> DesiredRecord:
    return DesiredRecord(
        address=address, data=data, source=Source(file="m.yaml"), key=match_key(data, ["email"], RULES)
    )


def sets_of(records: Mapping[str, Data], *, max_records: int = 3) -> list[DesiredSet]:
    """Half of the records in each of two sets of one collection."""
    halves: dict[str, list[DesiredRecord]] = {"one": [], "two": []}
    for number, (name, data) in enumerate(sorted(records.items())):
        set_name = ("one", "two")[number % 2]
        halves[set_name].append(desired(f"{set_name}.{name}", data))
    return [
        DesiredSet(
            name=name,
            target=TARGET,
            source=Source(file="m.yaml"),
            records=tuple(members),
            rules=RULES,
            match_on=("email",),
            max_records=max_records,
        )
        for name, members in halves.items()
    ]


def entry(address: str, upstream_id: str, data: Data, **removal: Any) -> LockEntry:
    return LockEntry(
        **{"origin": Origin.CREATED, **removal},
        address=address,
        target=TARGET,
        upstream_id=upstream_id,
        locked_at="2026-01-01T00:00:00Z",
        fields={name: FieldDigests(sent=digest(value), seen=digest(value)) for name, value in data.items()},
    )


def make(
    sets: Sequence[DesiredSet],
    entries: Sequence[LockEntry],
    rows: Sequence[ObservedRecord],
    attempts: Sequence[OpenAttempt] = (),
) -> Plan:
    live = [row for row in rows if not row.deleted]
    observation = Observation(
        target=TARGET,
        observed_at=datetime(2026, 3, 1, tzinfo=UTC),
        rows=tuple(rows),
        absence=Absence.PROVED,
        live_rows=len(live),
        keyed_rows=len(live),
        fields=frozenset({"email", "name"}),
    )
    return plan(
        PlanningInput(
            project="p",
            environment=None,
            sets=sets,
            lockfile=Lockfile(project="p", entries={each.address: each for each in entries}),
            observations=[observation],
            upstreams={"crm": CRM},
            open_attempts=attempts,
        )
    )


@st.composite
def worlds(
    draw: st.DrawFn,
) -> World:
    sets = sets_of(draw(st.dictionaries(NAMES, DATA)))
    addresses = [record.address for each in sets for record in each.records] + ["one.gone", "two.gone", "three.x"]
    held = draw(st.dictionaries(st.sampled_from(addresses), st.tuples(IDS, DATA), max_size=4))
    rows = draw(st.dictionaries(IDS, st.tuples(DATA, st.booleans())))
    open_at = draw(st.dictionaries(st.sampled_from(addresses), DATA, max_size=2))
    keys = {address: match_key(data, ["email"], RULES) for address, data in open_at.items()}
    removal = st.fixed_dictionaries(
        {
            "origin": st.sampled_from(Origin),
            "on_remove": st.sampled_from([OnRemove.DELETE, OnRemove.DELETE, OnRemove.KEEP]),
            "protect": st.sampled_from([False, False, True]),
            "delete_adopted": st.booleans(),
            "depends_on": st.lists(st.sampled_from(sorted(held) or [""]), unique=True, max_size=2).map(tuple),
        }
    )
    return (
        sets,
        [entry(address, upstream_id, data, **draw(removal)) for address, (upstream_id, data) in held.items()],
        [
            ObservedRecord(upstream_id=name, data=data, deleted=deleted)
            for name, (data, deleted) in sorted(rows.items())
        ],
        [
            OpenAttempt(
                attempt=f"r.{address}",
                address=address,
                target=TARGET,
                kind="create",
                state="unknown",
                horizon="2026-03-01T00:00:00Z",
                loose_key=key_digest(key.loose) if key else None,
            )
            for address, key in keys.items()
        ],
    )


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_what_goes_in_never_matters(world: World, chance: random.Random) -> None:
    sets, entries, rows, attempts = world
    first = make(sets, entries, rows, attempts)
    assert repr(first) == repr(make(sets, entries, rows, attempts))

    def shuffled(items: Sequence[Item]) -> list[Item]:
        return chance.sample(list(items), len(items))

    mixed = [replace(each, records=tuple(shuffled(each.records))) for each in shuffled(sets)]
    assert repr(make(mixed, shuffled(entries), rows, shuffled(attempts))) == repr(first)


@given(worlds())
def test_every_declared_address_has_one_change_and_every_id_one_address(
    world: World,
) -> None:
    sets, entries, rows, attempts = world
    made = make(sets, entries, rows, attempts)
    declared = [record.address for each in sets for record in each.records]
    assert sorted(change.address for change in made.changes if change.desired is not None) == sorted(declared)
    taken = [change.upstream_id for change in made.changes if change.action in (Action.ADOPT, Action.MOVE)]
    assert len(taken) == len(set(taken))
    held_by_declared = {each.upstream_id for each in entries if each.address in declared}
    assert not held_by_declared.intersection(str(each) for each in taken)
    held = {each.upstream_id for each in entries}
    adopted = {change.upstream_id for change in made.changes if change.action is Action.ADOPT}
    assert not held.intersection(str(each) for each in adopted)


@given(worlds())
def test_nothing_is_created_that_is_locked_open_or_visible(
    world: World,
) -> None:
    sets, entries, rows, attempts = world
    live = {key.loose for row in rows if not row.deleted and (key := match_key(row.data, ["email"], RULES))}
    closed = {each.address for each in entries} | {each.address for each in attempts}
    unsettled = {each.loose_key for each in attempts}
    for change in make(sets, entries, rows, attempts).changes:
        if change.action is Action.CREATE:
            assert change.desired is not None
            assert change.desired.key is not None
            assert change.address not in closed
            assert change.desired.key.loose not in live
            assert key_digest(change.desired.key.loose) not in unsettled


@given(worlds())
def test_nothing_is_deleted_that_should_not_be_and_nothing_before_what_refers_to_it(world: World) -> None:
    sets, entries, rows, attempts = world
    made = make(sets, entries, rows, attempts)
    declared = {record.address for each in sets for record in each.records}
    held = {each.address: each for each in entries}
    alive = {row.upstream_id for row in rows if not row.deleted}
    wave = {change.address: batch.wave for batch in made.batches for change in batch.changes}
    last = max((wave[change.address] for change in made.changes if change.is_sent and change.desired), default=-1)
    deleted = [change for change in made.changes if change.action is Action.DELETE]
    for change in deleted:
        own = held[change.address]
        assert change.address not in declared
        assert (own.on_remove, own.protect, change.upstream_id) == (OnRemove.DELETE, False, own.upstream_id)
        assert own.origin is Origin.CREATED or own.delete_adopted
        assert own.upstream_id in alive
        assert own.upstream_id not in {each.upstream_id for each in entries if each.address != own.address}
        assert own.upstream_id not in {each.upstream_id for each in made.changes if each.desired is not None}
        assert change.address not in {each.address for each in attempts}
        assert all(wave[child] < wave[change.address] for child in change.after)
        assert wave[change.address] > last
    gone = {change.address for change in deleted} | {change.address for change in made.changes if change.drops}
    for change in deleted:
        referring = {each.address for each in entries if change.address in each.depends_on} - declared
        assert referring - {change.address} <= gone


@given(worlds(), st.integers(1, 4))
def test_batching_loses_and_repeats_nothing(world: World, limit: int) -> None:
    sets, entries, rows, attempts = world
    made = make([replace(each, max_records=limit) for each in sets], entries, rows, attempts)
    sent = sorted(change.address for change in made.changes if change.is_sent)
    assert sorted(change.address for batch in made.batches for change in batch.changes) == sent
    lanes = Counter((batch.kind, batch.wave) for batch in made.batches)
    for lane, number in lanes.items():
        records = sum(len(batch.changes) for batch in made.batches if (batch.kind, batch.wave) == lane)
        # Where a set is gone, the provider's limit holds for its records.
        assert number <= -(-records // limit)
    assert all(1 <= len(batch.changes) <= limit for batch in made.batches)


@given(st.dictionaries(NAMES, DATA))
def test_what_is_locked_and_observed_as_declared_gives_an_empty_plan(records: dict[str, Data]) -> None:
    sets = sets_of(records)
    members = [record for each in sets for record in each.records]
    entries = [entry(record.address, str(number), record.data) for number, record in enumerate(members)]
    rows = [
        ObservedRecord(upstream_id=str(number), data=record.data)
        for number, record in sorted(enumerate(members), key=lambda item: str(item[0]))
    ]
    made = make(sets, entries, rows)
    assert made.is_empty
    assert {change.action for change in made.changes} <= {Action.UNCHANGED}


@given(st.dictionaries(NAMES, DATA))
def test_a_provider_that_stores_text_leaves_nothing_to_do_after_a_create(records: dict[str, Data]) -> None:
    """The answer tells no data; the first list shows the provider's own forms."""

    def stored(value: Json) -> Json:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value).strip()

    sets = sets_of(records)
    members = [record for each in sets for record in each.records]
    entries = []
    for number, record in enumerate(members):
        held = entry(record.address, str(number), record.data)
        fields = {name: FieldDigests(sent=known.sent) for name, known in held.fields.items()}
        entries.append(replace(held, fields=fields))
    rows = [
        ObservedRecord(upstream_id=str(number), data={name: stored(value) for name, value in record.data.items()})
        for number, record in enumerate(members)
    ]
    made = make(sets, entries, rows)
    assert {change.action for change in made.changes} <= {Action.UNCHANGED}
