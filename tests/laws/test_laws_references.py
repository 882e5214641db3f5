"""Laws of references: waves respect what each record needs, nothing is lost, and in the end all is as declared."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncspec.deferred import IdOf, Joined
from syncspec.diagnostics import Source
from syncspec.keys import match_key
from syncspec.lockfile import FieldDigests, LockEntry, Lockfile, Origin
from syncspec.planning.diff import plan
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.plan import Action, Plan
from syncspec.records import DesiredRecord, DesiredSet, FieldRules, Observation, ObservedRecord, Target
from syncspec.settings import UpstreamSettings
from syncspec.values import digest

TARGETS = tuple(
    Target(upstream=upstream, endpoint=upstream, sync_id="s", collection_id=f"plain:{collection}")
    for upstream, collection in (("crm", "one"), ("crm", "two"), ("erp", "three"))
)
RULES = FieldRules()
Graph = list[set[int]]
LIMIT = 3


def graphs() -> st.SearchStrategy[Graph]:
    """For each of some records the earlier ones that it refers to: so there are no circles."""

    def build(chosen: list[list[int]]) -> Graph:
        return [{other % number for other in others} if number else set() for number, others in enumerate(chosen)]

    return st.lists(st.lists(st.integers(0, 50), max_size=3), min_size=1, max_size=14).map(build)


def address(number: int) -> str:
    return f"set{number % len(TARGETS)}.r{number}"


def sets_of(graph: Graph) -> list[DesiredSet]:
    members: list[list[DesiredRecord]] = [[] for _ in TARGETS]
    for number, needs in enumerate(graph):
        leaves = [IdOf(address(other)) for other in sorted(needs)]
        deferred: dict[str, Any] = (
            {"first": leaves[0], "all": [Joined(("x", leaf)) for leaf in leaves]} if leaves else {}
        )
        data = {"key": f"k{number}"}
        record = DesiredRecord(
            address=address(number),
            data=data,
            source=Source(file="m.yaml"),
            key=match_key(data, ["key"], RULES),
            deferred=deferred,
            needs=tuple(sorted(leaf.address for leaf in leaves)),
        )
        members[number % len(TARGETS)].append(record)
    return [
        DesiredSet(
            name=f"set{number}",
            target=target,
            source=Source(file="m.yaml"),
            records=tuple(members[number]),
            match_on=("key",),
            max_records=LIMIT,
        )
        for number, target in enumerate(TARGETS)
    ]


def planned(sets: list[DesiredSet], store: dict[str, tuple[str, dict[str, Any]]]) -> Plan:
    """Plan with what the store holds by address as rows and as lock entries."""
    places = {record.address: each.target for each in sets for record in each.records}
    entries = {
        name: LockEntry(
            address=name,
            target=places[name],
            upstream_id=upstream_id,
            origin=Origin.CREATED,
            locked_at="2026-01-01T00:00:00Z",
            fields={field: FieldDigests(sent=digest(value), seen=digest(value)) for field, value in data.items()},
        )
        for name, (upstream_id, data) in store.items()
    }
    observations = []
    for target in TARGETS:
        rows = tuple(
            ObservedRecord(upstream_id=upstream_id, data=data)
            for name, (upstream_id, data) in sorted(store.items(), key=lambda item: item[1][0])
            if places[name] == target
        )
        observations.append(
            Observation(
                target=target,
                observed_at=datetime(2026, 3, 1, tzinfo=UTC),
                rows=rows,
                live_rows=len(rows),
                keyed_rows=len(rows),
            )
        )
    return plan(
        PlanningInput(
            project="p",
            environment=None,
            sets=sets,
            lockfile=Lockfile(project="p", entries=entries),
            observations=observations,
            upstreams={name: UpstreamSettings(name=name) for name in ("crm", "erp")},
        )
    )


@settings(deadline=None)
@given(graphs())
def test_every_record_goes_after_all_that_it_needs_and_in_exactly_one_request(graph: Graph) -> None:
    made = planned(sets_of(graph), {})
    waves = {change.address: batch.wave for batch in made.batches for change in batch.changes}
    sent = Counter(change.address for batch in made.batches for change in batch.changes)
    assert sent == Counter(address(number) for number in range(len(graph)))
    for number, needs in enumerate(graph):
        assert all(waves[address(other)] < waves[address(number)] for other in needs)
        assert waves[address(number)] == max((waves[address(other)] + 1 for other in needs), default=0)
    lanes = Counter((batch.wave, batch.target) for batch in made.batches)
    counts = Counter((batch.wave, batch.target) for batch in made.batches for _ in batch.changes)
    assert all(number == math.ceil(counts[lane] / LIMIT) for lane, number in lanes.items())


@settings(deadline=None)
@given(graphs())
def test_sending_wave_after_wave_and_planning_in_between_ends_with_all_as_declared(graph: Graph) -> None:
    sets, store = sets_of(graph), dict[str, tuple[str, dict[str, Any]]]()
    rounds = 0
    while True:
        made = planned(sets, store)
        ready = [change for change in made.changes if change.action is Action.CREATE and not change.waits_for]
        if not ready:
            break
        rounds += 1
        for change in ready:
            assert change.desired is not None
            assert not change.desired.unbound
            store[change.address] = (f"id-{len(store)}x", change.desired.data)
    assert rounds == 1 + max(change.wave for change in planned(sets, {}).changes)
    assert {change.action for change in made.changes} == {Action.UNCHANGED}
    for number, needs in enumerate(graph):
        expected = [f"x{store[address(other)][0]}" for other in sorted(needs)]
        assert store[address(number)][1].get("all", []) == expected


@settings(deadline=None)
@given(graphs(), st.sets(st.integers(0, 13)))
def test_what_is_known_to_have_failed_holds_back_exactly_what_needs_it(graph: Graph, failed: set[int]) -> None:
    sets = sets_of(graph)
    base = planned(sets, {})
    gone = {number for number in failed if number < len(graph)}
    blocked: set[int] = set()
    for number, needs in enumerate(graph):
        if needs & (gone | blocked):
            blocked.add(number)
    rest = PlanningInput(
        project="p",
        environment=None,
        sets=sets,
        lockfile=Lockfile(project="p"),
        observations=[Observation(target=target, observed_at=datetime(2026, 3, 1, tzinfo=UTC)) for target in TARGETS],
        upstreams={name: UpstreamSettings(name=name) for name in ("crm", "erp")},
        not_done={address(number): "it was rejected" for number in gone},
    )
    actions = {change.address: change.action for change in plan(rest).changes}
    assert {name for name, action in actions.items() if action is Action.BLOCKED} == set(map(address, blocked))
    assert actions.keys() == {change.address for change in base.changes}


@settings(deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_no_order_of_sets_and_records_changes_the_plan(graph: Graph, draw: random.Random) -> None:
    sets = sets_of(graph)
    shuffled = [replace(each, records=tuple(draw.sample(each.records, len(each.records)))) for each in sets]
    draw.shuffle(shuffled)
    assert planned(shuffled, {}) == planned(sets, {})
