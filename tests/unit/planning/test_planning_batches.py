"""Batches, requests, guards and the plan's digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from planning_world import CRM, World, attempt, locked, one, record, record_set, row, seen

from syncspec.errors import GuardError, UsageError
from syncspec.lockfile import Lockfile
from syncspec.planning.batches import change_data, wire_data
from syncspec.planning.guards import allow, check_guards
from syncspec.planning.plan import Action, Batch
from syncspec.planning.wanted import places_to_observe
from syncspec.records import AwaitConsumers, DesiredRecord
from syncspec.settings import Guards
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.upstream.sequin.wire import mutation_body

PAUL = {"Email": "paul@arrakis.org", "FirstName": "Paul"}


def people(count: int, set_name: str = "contacts", **options: object) -> list[DesiredRecord]:
    return [record(f"{set_name}.p{n:05}", {"Email": f"{set_name}{n}@x.org"}, **options) for n in range(count)]  # type: ignore[arg-type]


def sizes(batches: tuple[Batch, ...]) -> list[int]:
    return [len(batch.changes) for batch in batches]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, [1]), (200, [200]), (201, [200, 1]), (401, [200, 200, 1])]
)
def test_creates_go_in_as_few_requests_as_the_limit_allows(count: int, expected: list[int]) -> None:
    world = World(sets=[record_set(*people(count))], observations=[seen()])
    assert sizes(world.plan().batches) == expected


def test_sets_of_one_collection_share_requests_by_the_smallest_limit() -> None:
    world = World(
        sets=[record_set(*people(3), max_records=4), record_set(*people(3, "staff"), name="staff", max_records=5)],
        observations=[seen()],
    )
    assert sizes(world.plan().batches) == [4, 2]


def test_records_that_wait_for_other_consumers_go_apart() -> None:
    waits = AwaitConsumers(ids=("wh-1",), timeout_ms=5)
    world = World(
        sets=[record_set(*people(2)), record_set(*people(2, "staff"), name="staff", await_consumers=waits)],
        observations=[seen()],
    )
    assert [batch.await_consumers for batch in world.plan().batches] == [None, waits]


def test_records_with_neither_key_nor_marker_go_one_by_one() -> None:
    keyless = [record(f"notes.n{n}", {"Body": "x"}, match_on=()) for n in range(2)]
    world = World(sets=[record_set(*people(3)), record_set(*keyless, name="notes", match_on=())], observations=[seen()])
    assert sizes(world.plan().batches) == [3, 1, 1]


def test_collections_do_not_share_requests() -> None:
    leads = replace(CRM, collection_id="salesforce:lead")
    world = World(
        sets=[record_set(*people(1)), record_set(*people(1, "leads"), name="leads", target=leads)],
        observations=[seen(), seen(target=leads)],
    )
    assert sizes(world.plan().batches) == [1, 1]


def test_a_batch_becomes_the_request_whose_size_it_states() -> None:
    desired = record("contacts.paul", {"Last": "A", "Email": "p@x.org", "Phone": None}, marker="m-1")
    world = World(sets=[record_set(desired, marker_field="M")], observations=[seen()])
    [batch] = world.plan().batches
    [sent] = [change_data(world.sets[0], change) for change in batch.changes]
    assert sent == {"Email": "p@x.org", "Last": "A", "M": "m-1", "Phone": None}
    body = mutation_body(
        MutationRequest(
            kind=MutationKind(batch.kind),
            sync_id=batch.target.sync_id,
            collection_id=batch.target.collection_id,
            records=(sent,),
            await_consumers=batch.await_consumers,
        )
    )
    assert batch.size == len(body)
    assert json.loads(body) == {
        "kind": "create",
        "sync_id": "s1",
        "collection_id": "salesforce:contact",
        "records": [{"data": sent}],
    }


def test_wire_data_takes_the_provider_s_form_and_leaves_the_declaration_alone() -> None:
    target = replace(CRM, collection_id="hubspot:contact")
    desired = record("contacts.paul", {"email": "p@x.org", "phone": None})
    assert wire_data(record_set(desired, target=target), desired) == {"email": "p@x.org", "phone": ""}
    assert desired.data["phone"] is None


class TestGuards:
    def plan_of(self, creates: int) -> World:
        return World(sets=[record_set(*people(creates))], observations=[seen()])

    def test_a_plan_within_its_guards_passes(self) -> None:
        check_guards(self.plan_of(5).plan(), Guards(max_creates=5, max_adopts=0), locked_count=0)

    def test_every_exceeded_guard_is_named_with_number_limit_and_way_out(self) -> None:
        world = self.plan_of(3)
        world.observations = [seen(row("003A", {"Email": "contacts0@x.org"}))]
        with pytest.raises(GuardError) as caught:
            check_guards(world.plan(), Guards(max_creates=1, max_adopts=0), locked_count=0)
        creates, adopts = caught.value.diagnostics
        assert "create 2 records" in creates.detail
        assert "max_creates allows 1" in creates.detail
        assert creates.hint is not None
        assert "--allow max_creates=2" in creates.hint
        assert "adopt 1 record;" in adopts.detail
        assert caught.value.exit_code == 6

    def test_a_guard_of_zero_allows_nothing(self) -> None:
        with pytest.raises(GuardError):
            check_guards(self.plan_of(1).plan(), Guards(max_creates=0), locked_count=0)

    def test_no_guard_allows_everything(self) -> None:
        check_guards(self.plan_of(9).plan(), Guards(), locked_count=0)

    def test_deletes_are_held_against_their_share_of_what_is_locked(self) -> None:
        plan = self.plan_of(3).plan()
        deletes = replace(plan, changes=tuple(replace(each, action=Action.DELETE) for each in plan.changes))
        check_guards(deletes, Guards(max_deletes_percent=10), locked_count=10)
        check_guards(deletes, Guards(max_deletes_percent=10), locked_count=30)
        with pytest.raises(GuardError, match="max_deletes_percent allows 10"):
            check_guards(deletes, Guards(max_deletes_percent=10), locked_count=29)

    def test_allow_lifts_one_guard(self) -> None:
        guards = Guards(max_creates=1, max_adopts=2)
        assert allow(guards, "max_creates=6000") == Guards(max_creates=6000, max_adopts=2)
        assert allow(guards, "max_deletes_percent=50").max_deletes_percent == 50
        assert allow(guards, "max_updates=1").max_updates == 1
        assert allow(guards, "max_deletes=1").max_deletes == 1
        assert allow(guards, "max_adopts=7").max_adopts == 7

    @pytest.mark.parametrize(
        "text", ["max_crates=1", "max_creates", "max_creates=", "max_creates=-1", "=1", "max_creates=٣"]
    )
    def test_allow_refuses_what_it_does_not_know(self, text: str) -> None:
        with pytest.raises(UsageError):
            allow(Guards(), text)


DIGEST_CHANGES: list[tuple[str, Callable[[World], None]]] = [
    ("a value", lambda w: w.sets.__setitem__(0, record_set(record("contacts.paul", {**PAUL, "FirstName": "P"})))),
    ("the address", lambda w: w.sets.__setitem__(0, record_set(record("contacts.pau", PAUL)))),
    ("the number of records", lambda w: w.sets.__setitem__(0, record_set(record("contacts.paul", PAUL), *people(1)))),
    ("the action", lambda w: w.observations.__setitem__(0, seen(row("003A", PAUL)))),
    ("the consumers", lambda w: w.sets.__setitem__(0, replace(w.sets[0], await_consumers=AwaitConsumers(ids=("a",))))),
    (
        "the marker",
        lambda w: w.sets.__setitem__(0, record_set(record("contacts.paul", PAUL, marker="m"), marker_field="M")),
    ),
    ("protection", lambda w: w.sets.__setitem__(0, record_set(record("contacts.paul", PAUL, protect=True)))),
    ("an open attempt", lambda w: w.attempts.append(attempt("contacts.paul"))),
    ("the environment", lambda w: w.options.__setitem__("environment", "prod")),
]


@pytest.mark.parametrize("edit", [edit for _, edit in DIGEST_CHANGES], ids=[name for name, _ in DIGEST_CHANGES])
def test_the_digest_changes_with_what_apply_would_do(edit: Callable[[World], None]) -> None:
    world = one(record("contacts.paul", PAUL))
    before = world.plan().digest
    edit(world)
    assert world.plan().digest != before


def test_the_digest_changes_with_the_baseline_of_an_adoption() -> None:
    first = one(record("contacts.paul", PAUL), row("003A", PAUL)).plan()
    second = one(record("contacts.paul", PAUL), row("003A", {**PAUL, "FirstName": "X"})).plan()
    other_id = one(record("contacts.paul", PAUL), row("003B", PAUL)).plan()
    assert len({first.digest, second.digest, other_id.digest}) == 3


def test_the_digest_ignores_what_apply_leaves_alone() -> None:
    desired, entry = record("contacts.paul", PAUL), locked("contacts.paul", "003A", PAUL)
    unchanged = one(desired, row("003A", PAUL), entries=[entry]).plan()
    drifted = one(desired, row("003A", {**PAUL, "FirstName": "X"}), entries=[entry]).plan()
    assert unchanged.summary != drifted.summary
    assert unchanged.digest == drifted.digest


def test_the_digest_is_64_hex_digits() -> None:
    assert len(bytes.fromhex(one(record("contacts.paul", PAUL)).plan().digest)) == 32


def test_each_place_is_observed_once_with_all_that_may_matter() -> None:
    alias = replace(CRM, upstream="another-name")
    leads = replace(CRM, collection_id="salesforce:lead")
    paul = record("contacts.paul", PAUL, upstream_id="0018b000021BldZAAS", marker="m-1")
    by_name = record("named.leto", {"FirstName": "Leto"}, match_on=["FirstName"])
    lead = record("leads.x", {"Email": "x@x.org"})
    sets = [
        record_set(paul, marker_field="M"),
        record_set(by_name, name="named", match_on=("FirstName",), target=alias),
        record_set(lead, name="leads", target=leads),
    ]
    lockfile = Lockfile(project="arrakis", entries={"contacts.gone": locked("contacts.gone", "003G", PAUL)})
    wanted = places_to_observe(sets, lockfile, selected=lambda each, address: address == "contacts.paul")
    [(target, what)] = wanted.items()
    assert target.place == CRM.place
    assert what.upstream_ids == {"003G", "0018b000021BldZ"}
    assert what.markers == {"m-1"}
    assert {lens.match_on for lens in what.lenses} == {("Email",), ("FirstName",)}
    assert paul.key is not None
    assert by_name.key is not None
    assert what.loose == {paul.key.loose, by_name.key.loose}
    assert len(places_to_observe(sets, lockfile)) == 2
