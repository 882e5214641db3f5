"""Records that refer to others: in which order, with what is known of them, and what holds them back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planning_world import CRM, World, attempt, locked, record, record_set, row, seen, unreadable

from syncspec.deferred import IdOf, Joined
from syncspec.diagnostics import Source
from syncspec.keys import match_key
from syncspec.lookups import Lookup, Lookups
from syncspec.planning.known_ids import bound
from syncspec.planning.narrowing import steps_beyond
from syncspec.planning.needed import with_needed
from syncspec.planning.plan import Action, Change
from syncspec.planning.selection import Selection
from syncspec.planning.wanted import places_to_observe
from syncspec.records import (
    Absence,
    DesiredRecord,
    DesiredSet,
    FieldRule,
    FieldRules,
    OnAdopt,
    OnDrift,
    OnMissing,
)

ACCOUNTS = replace(CRM, collection_id="salesforce:account")
USERS = replace(CRM, collection_id="salesforce:user")
ACME, KAY = IdOf("accounts.acme"), IdOf("users.kay", looked_up=True)
PAUL = {"Email": "paul@arrakis.org"}
RULES = FieldRules()


def account(name: str = "acme", **options: Any) -> DesiredRecord:
    return record(f"accounts.{name}", {"Name": name}, match_on=("Name",), rules=RULES, **options)


def accounts(*records: DesiredRecord, **options: Any) -> DesiredSet:
    return record_set(*records, name="accounts", target=ACCOUNTS, match_on=("Name",), rules=RULES, **options)


def child(
    deferred: dict[str, Any] | None = None,
    *,
    address: str = "contacts.paul",
    data: dict[str, Any] | None = None,
    needs: tuple[str, ...] = ("accounts.acme",),
    follows: tuple[str, ...] = (),
    lookups: tuple[str, ...] = (),
    **options: Any,
) -> DesiredRecord:
    made = record(address, PAUL if data is None else data, **options)
    values = {"AccountId": ACME} if deferred is None else deferred
    return replace(made, deferred=values, needs=needs, follows=follows, lookups=lookups)


def lookups(*names: str) -> Lookups:
    return Lookups(
        name="users",
        target=USERS,
        source=Source(file="users.yaml"),
        match_on=("Username",),
        rules=RULES,
        records=tuple(
            Lookup(
                address=f"users.{name}",
                data={"Username": name},
                source=Source(file="users.yaml", line=9),
                key=match_key({"Username": name}, ("Username",), RULES),  # type: ignore[arg-type]
            )
            for name in names
        ),
    )


def family(
    *children: DesiredRecord,
    parents: tuple[DesiredRecord, ...] | None = None,
    account_rows: tuple[Any, ...] = (),
    contact_rows: tuple[Any, ...] = (),
    **options: Any,
) -> World:
    world = World(
        sets=[accounts(*(parents if parents is not None else (account(),))), record_set(*(children or (child(),)))],
        observations=[seen(*account_rows, target=ACCOUNTS), seen(*contact_rows)],
    )
    for name, value in options.items():
        setattr(world, name, value)
    return world


def acme_row(upstream_id: str = "001A", **options: Any) -> Any:
    return row(upstream_id, {"Name": "acme"}, **options)


def acme_entry(upstream_id: str = "001A", **options: Any) -> Any:
    return locked("accounts.acme", upstream_id, {"Name": "acme"}, target=ACCOUNTS, **options)


def later(change: Change) -> list[str]:
    return [each.path for each in change.fields if each.known_after_apply]


def test_a_child_of_a_created_parent_is_created_after_it_with_the_id_known_after_apply() -> None:
    plan = family().plan()
    change = next(each for each in plan.changes if each.address == "contacts.paul")
    assert (change.action, change.wave, change.waits_for) == (Action.CREATE, 1, ("accounts.acme",))
    assert [(each.path, each.after, each.known_after_apply) for each in change.fields] == [
        ("AccountId", None, True),
        ("Email", "paul@arrakis.org", False),
    ]
    assert [(batch.wave, [each.address for each in batch.changes]) for batch in plan.batches] == [
        (0, ["accounts.acme"]),
        (1, ["contacts.paul"]),
    ]
    assert [(each.address, each.upstream_id) for each in change.references] == [("accounts.acme", None)]


def test_a_child_of_a_locked_parent_is_created_with_its_id_in_the_first_wave() -> None:
    world = family(account_rows=(acme_row(),), entries=[acme_entry()])
    change = world.change()
    assert (change.action, change.wave, change.waits_for, later(change)) == (Action.CREATE, 0, (), [])
    assert change.desired is not None
    assert change.desired.data == {**PAUL, "AccountId": "001A"}


def test_a_child_of_a_parent_that_is_adopted_knows_its_id() -> None:
    change = family(account_rows=(acme_row(),)).change()
    assert (change.action, change.waits_for, later(change)) == (Action.CREATE, (), [])
    assert change.desired is not None
    assert change.desired.data["AccountId"] == "001A"


def test_a_locked_child_whose_reference_is_as_it_was_sent_is_unchanged_in_both_forms_of_the_id() -> None:
    rules = FieldRules(fields={"AccountId": FieldRule()})
    long_id = "001A00000012345IAA"
    sent = {**PAUL, "AccountId": long_id}
    world = family(
        account_rows=(acme_row(long_id),),
        contact_rows=(row("003P", {**PAUL, "AccountId": long_id[:15]}),),
        entries=[acme_entry(long_id), locked("contacts.paul", "003P", sent, depends_on=("accounts.acme",))],
    )
    world.sets[1] = replace(world.sets[1], rules=rules)
    assert world.change().action is Action.UNCHANGED


def test_what_a_record_refers_to_is_noted_with_its_entry_without_a_request() -> None:
    sent = {**PAUL, "AccountId": "001A"}
    world = family(
        account_rows=(acme_row(),),
        contact_rows=(row("003P", sent),),
        entries=[acme_entry(), locked("contacts.paul", "003P", sent)],
    )
    change = world.change()
    assert (change.action, change.observed is not None) == (Action.UNCHANGED, True)


def test_somebody_elses_change_of_a_reference_is_drift() -> None:
    world = family(
        account_rows=(acme_row(),),
        contact_rows=(row("003P", {**PAUL, "AccountId": "001X"}),),
        entries=[acme_entry(), locked("contacts.paul", "003P", {**PAUL, "AccountId": "001A"})],
    )
    change = world.change()
    assert (change.action, [each.path for each in change.fields]) == (Action.DRIFT, ["AccountId"])


def test_a_locked_child_of_a_created_parent_is_updated_after_it_and_its_own_changes_go_along() -> None:
    data = {**PAUL, "Title": "Duke"}
    world = family(
        child(data=data),
        contact_rows=(row("003P", {**PAUL, "Title": "Heir", "AccountId": "001Z"}),),
        entries=[locked("contacts.paul", "003P", {**PAUL, "Title": "Heir", "AccountId": "001Z"})],
    )
    change = world.change()
    assert (change.action, change.waits_for, later(change)) == (Action.UPDATE, ("accounts.acme",), ["AccountId"])
    assert [(each.path, each.before, each.after) for each in change.fields] == [
        ("AccountId", "001Z", None),
        ("Title", "Heir", "Duke"),
    ]


def test_a_conflict_of_a_locked_child_blocks_it_whatever_its_parent_does() -> None:
    world = family(
        child(data={**PAUL, "Title": "Duke"}),
        contact_rows=(row("003P", {**PAUL, "Title": "Emperor"}),),
        entries=[locked("contacts.paul", "003P", {**PAUL, "Title": "Heir"})],
    )
    change = world.change()
    assert (change.action, change.code, change.waits_for) == (Action.BLOCKED, "conflict", ())


def test_a_reference_that_belongs_to_the_upstream_is_left_alone_once_the_child_exists() -> None:
    world = family(
        child(ignore_changes=("AccountId",)),
        contact_rows=(row("003P", {**PAUL, "AccountId": "001Z"}),),
        entries=[locked("contacts.paul", "003P", {**PAUL, "AccountId": "001Z"})],
    )
    assert world.change().action is Action.UNCHANGED


def test_a_parent_that_is_created_anew_makes_an_update_of_its_locked_child() -> None:
    world = family(
        parents=(account(on_missing=OnMissing.RECREATE),),
        account_rows=(acme_row(deleted=True),),
        contact_rows=(row("003P", {**PAUL, "AccountId": "001A"}),),
        entries=[acme_entry(), locked("contacts.paul", "003P", {**PAUL, "AccountId": "001A"})],
    )
    assert world.change("accounts.acme").action is Action.CREATE
    assert (world.change().action, later(world.change())) == (Action.UPDATE, ["AccountId"])


def test_a_child_that_exists_is_adopted_after_its_new_parent_and_rewritten_where_that_is_wanted() -> None:
    world = family(contact_rows=(row("003P", {**PAUL, "AccountId": "001Z"}),))
    change = world.change()
    assert (change.action, change.rewrites, change.waits_for) == (Action.ADOPT, False, ("accounts.acme",))
    world.sets[1] = record_set(child(on_adopt=OnAdopt.UPDATE))
    change = world.change()
    assert (change.action, change.rewrites, later(change)) == (Action.ADOPT, True, ["AccountId"])
    assert world.plan().batches[-1].kind == "update"


def test_a_key_that_holds_the_id_of_a_created_parent_is_created_and_says_when_it_is_looked_for() -> None:
    made = replace(child(data={}, match_on=()), key=None)
    world = family(made)
    world.sets[1] = record_set(made, match_on=("AccountId",))
    change = world.change()
    assert (change.action, change.desired.key if change.desired else "?") == (Action.CREATE, None)
    assert "its key holds an ID that is known after apply; it is looked for then" in change.reason
    world.entries = [acme_entry()]
    world.observations = [seen(acme_row(), target=ACCOUNTS), seen(row("003P", {"AccountId": "001A"}))]
    assert (world.change().action, world.change().upstream_id) == (Action.ADOPT, "003P")


def test_where_the_list_is_not_known_to_be_whole_no_child_is_created() -> None:
    world = family()
    world.observations[1] = seen(absence=Absence.UNKNOWN, reason="the sync is not healthy")
    assert world.change().code == "absence-unknown"


BLOCKING: dict[str, tuple[dict[str, Any], str]] = {
    "several matches": ({"account_rows": (acme_row(), acme_row("001B"))}, "it is blocked (duplicate)"),
    "an open attempt": (
        {"attempts": [attempt("accounts.acme", target=ACCOUNTS)]},
        "what became of it is not known",
    ),
    "a tombstone": (
        {"account_rows": (acme_row(deleted=True),), "entries": [acme_entry()]},
        "it is blocked (deleted upstream)",
    ),
    "a record that is not listed": ({"entries": [acme_entry()]}, "it is blocked (not visible upstream)"),
}


@pytest.mark.parametrize("why", BLOCKING)
def test_a_parent_that_is_not_certain_blocks_the_creation_of_its_child(why: str) -> None:
    options, told = BLOCKING[why]
    change = family(**options).change()
    assert (change.action, change.code) == (Action.BLOCKED, "reference-blocked")
    assert change.reason == f"it refers to accounts.acme: {told}"


def test_a_parent_that_is_locked_in_another_place_gives_no_id() -> None:
    entry = replace(acme_entry(), target=replace(ACCOUNTS, sync_id="s2"))
    change = family(entries=[entry]).change()
    assert change.reason == "it refers to accounts.acme: it is blocked (target changed)"


def test_an_unreadable_collection_of_parents_blocks_what_would_be_created() -> None:
    world = family(entries=[acme_entry()])
    world.observations[0] = unreadable(ACCOUNTS)
    assert world.change().reason == "it refers to accounts.acme: it is blocked (not readable)"


def test_what_is_locked_and_as_declared_stays_so_under_a_parent_that_is_not_certain() -> None:
    sent = {**PAUL, "AccountId": "001A"}
    world = family(
        account_rows=(acme_row(deleted=True),),
        contact_rows=(row("003P", sent),),
        entries=[acme_entry(), locked("contacts.paul", "003P", sent)],
    )
    assert (world.change("accounts.acme").action, world.change().action) == (Action.BLOCKED, Action.UNCHANGED)


def test_a_conflict_of_a_locked_parent_does_not_hold_back_its_children() -> None:
    parent = record("accounts.acme", {"Name": "acme", "Site": "mine"}, match_on=("Name",), rules=RULES)
    entry = locked("accounts.acme", "001A", {"Name": "acme", "Site": "old"}, target=ACCOUNTS)
    world = family(parents=(parent,), account_rows=(row("001A", {"Name": "acme", "Site": "theirs"}),), entries=[entry])
    assert world.change("accounts.acme").code == "conflict"
    assert world.change().action is Action.CREATE


def test_an_unsettled_update_of_a_locked_parent_does_not_hold_back_its_children() -> None:
    world = family(
        account_rows=(acme_row(),),
        entries=[acme_entry()],
        attempts=[attempt("accounts.acme", target=ACCOUNTS, kind="update", upstream_id="001A")],
    )
    assert (world.change("accounts.acme").action, world.change().action) == (Action.UNKNOWN, Action.CREATE)


def test_a_blocked_child_holds_back_its_own_children_with_the_whole_chain_of_causes() -> None:
    far = child(
        {"Boss": IdOf("contacts.paul")},
        address="contacts.far",
        data={"Email": "far@x.org"},
        needs=("contacts.paul",),
    )
    world = family(child(), far, account_rows=(acme_row(), acme_row("001B")))
    reason = "it refers to contacts.paul: it is held back, for it refers to accounts.acme: it is blocked (duplicate)"
    assert world.change("contacts.far").reason == reason


def test_a_parent_that_another_record_claims_too_holds_back_its_child() -> None:
    alike = replace(account("other"), key=account().key)
    world = family(parents=(account(), alike), account_rows=(acme_row(),))
    assert world.change("accounts.acme").code == "same-row"
    assert world.change().reason == "it refers to accounts.acme: it is blocked (same row)"


def test_repeated_values_make_the_order_and_wait_for_an_update_of_what_they_repeat() -> None:
    parent = record("accounts.acme", {"Name": "acme", "Ext": "new"}, match_on=("Name",), rules=RULES)
    entry = locked("accounts.acme", "001A", {"Name": "acme", "Ext": "old"}, target=ACCOUNTS)
    repeating = child({}, data={**PAUL, "Parent": "new"}, follows=("accounts.acme",))
    world = family(
        repeating, parents=(parent,), account_rows=(row("001A", {"Name": "acme", "Ext": "old"}),), entries=[entry]
    )
    change = world.change()
    assert (change.action, change.wave, change.waits_for) == (Action.CREATE, 1, ("accounts.acme",))
    world.entries, world.observations[0] = [], seen(target=ACCOUNTS)
    assert (world.change().wave, later(world.change())) == (1, [])


def test_a_reference_to_the_id_of_a_parent_does_not_wait_for_its_update() -> None:
    parent = record("accounts.acme", {"Name": "acme", "Ext": "new"}, match_on=("Name",), rules=RULES)
    entry = locked("accounts.acme", "001A", {"Name": "acme", "Ext": "old"}, target=ACCOUNTS)
    world = family(parents=(parent,), account_rows=(row("001A", {"Name": "acme", "Ext": "old"}),), entries=[entry])
    assert world.change("accounts.acme").action is Action.UPDATE
    assert (world.change().wave, world.change().waits_for) == (0, ())


def test_waves_count_the_longest_way_and_share_requests_of_one_collection() -> None:
    made = [
        child(
            {"Boss": IdOf(f"contacts.p{n - 1}")} if n else {"AccountId": ACME},
            address=f"contacts.p{n}",
            data={"Email": f"p{n}@x.org"},
            needs=(f"contacts.p{n - 1}", "accounts.acme") if n else ("accounts.acme",),
        )
        for n in range(3)
    ]
    also = child(address="contacts.q", data={"Email": "q@x.org"})
    plan = family(*reversed(made), also).plan()
    assert [(batch.wave, [each.address for each in batch.changes]) for batch in plan.batches] == [
        (0, ["accounts.acme"]),
        (1, ["contacts.p0", "contacts.q"]),
        (2, ["contacts.p1"]),
        (3, ["contacts.p2"]),
    ]


def test_what_this_run_did_not_do_holds_back_what_refers_to_it() -> None:
    world = family(options={"not_done": {"accounts.acme": "it was rejected: too rude"}})
    assert world.change().reason == "it refers to accounts.acme: it was rejected: too rude"


def owned(**options: Any) -> World:
    world = family(child({"OwnerId": KAY}, needs=(), lookups=("users.kay",)))
    world.options = {"lookups": [lookups("kay")]}
    world.observations.append(seen(*options.pop("rows", ()), **{"target": USERS, **options}))
    return world


def test_a_lookup_with_one_match_gives_its_id() -> None:
    change = owned(rows=(row("005K", {"Username": "kay"}), row("005X", {"Username": "kay"}, deleted=True))).change()
    assert change.action is Action.CREATE
    assert change.desired is not None
    assert change.desired.data["OwnerId"] == "005K"
    assert [(each.address, each.upstream_id, each.looked_up) for each in change.references] == [
        ("users.kay", "005K", True)
    ]


LOOKUPS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "no record of salesforce:user matches it"),
    "several": (
        {"rows": (row("005K", {"Username": "kay"}), row("005L", {"Username": "kay"}))},
        "2 records of salesforce:user match it: 005K, 005L",
    ),
    "a near one": (
        {"rows": (row("005K", {"Username": "KAY"}),)},
        "no record of salesforce:user matches it; 005K looks like it",
    ),
    "a field that nobody shows": (
        {"rows": (row("005K", {"Name": "kay"}),), "keyed_rows": 0},
        "no record of salesforce:user shows Username",
    ),
    "a list with gaps": (
        {"absence": Absence.UNKNOWN, "reason": "the backfill goes on"},
        "no record of salesforce:user matches it, and the list is not complete: the backfill goes on",
    ),
}


@pytest.mark.parametrize("how", LOOKUPS)
def test_a_lookup_without_exactly_one_match_is_an_error_that_holds_back_what_refers_to_it(how: str) -> None:
    options, told = LOOKUPS[how]
    world = owned(**options)
    found = [each for each in world.plan().diagnostics if each.is_error]
    assert [(each.code, each.address, each.source) for each in found] == [
        ("lookup", "users.kay", Source(file="users.yaml", line=9))
    ]
    assert told in found[0].detail
    assert world.change().reason == f"it refers to users.kay, which is looked up: {told}"


def test_lookups_that_cannot_be_read_hold_back_what_refers_to_them_and_nothing_is_concluded() -> None:
    world = owned()
    world.observations[-1] = unreadable(USERS)
    assert "its collection could not be read" in world.change().reason
    assert [each.code for each in world.plan().diagnostics if each.is_error] == []


def test_a_selection_looks_up_only_what_it_refers_to() -> None:
    world = owned()
    world.options["lookups"] = [lookups("kay", "other")]

    def told() -> list[tuple[str | None, str]]:
        found = [each for each in world.plan().diagnostics if each.code == "lookup"]
        return [(each.address, each.severity.value) for each in found]

    assert told() == [("users.kay", "error"), ("users.other", "warning")]
    world.options["selected"] = Selection(include=("contacts",))
    assert told() == [("users.kay", "error")]
    world.options["selected"] = Selection(include=("accounts",))
    assert told() == []


def test_collections_of_parents_and_of_lookups_are_read_with_what_is_selected() -> None:
    world = owned()
    world.sets[1] = record_set(
        child({"OwnerId": KAY}, needs=(), lookups=("users.kay",)),
        child(address="contacts.c", data={"Email": "c@x.org"}),
    )
    lock = world_lockfile(world)

    def read(*include: str) -> list[str]:
        selected = Selection(include=include)
        found = places_to_observe(world.sets, lock, selected=selected, lookups=world.options["lookups"])
        return sorted(target.collection_id for target in found)

    assert read("accounts") == ["salesforce:account"]
    assert read("contacts.paul") == ["salesforce:contact", "salesforce:user"]
    assert read("contacts.c") == ["salesforce:account", "salesforce:contact"]


def world_lockfile(world: World) -> Any:
    from syncspec.lockfile import Lockfile

    return Lockfile(project="arrakis", entries={each.address: each for each in world.entries})


def chosen(world: World, selection: Selection) -> list[str]:
    selected = with_needed(world.sets, world_lockfile(world), selection)
    assert selected is not None
    return sorted(each.address for made in world.sets for each in made.records if selected(made, each.address))


def test_a_selection_takes_along_what_it_needs_and_has_no_id() -> None:
    far = child({"Boss": IdOf("contacts.paul")}, address="contacts.far", needs=("contacts.paul",))
    world = family(child(), far, parents=(account(), account("other")))
    everything = ["accounts.acme", "contacts.far", "contacts.paul"]
    assert chosen(world, Selection(include=("contacts.far",))) == everything
    assert chosen(world, Selection(include=("contacts.far",), exclude=("contacts.paul",))) == ["contacts.far"]
    world.entries = [acme_entry()]
    assert chosen(world, Selection(include=("contacts.far",))) == ["contacts.far", "contacts.paul"]
    world.entries = [acme_entry(), locked("contacts.paul", "003P", PAUL)]
    assert chosen(world, Selection(include=("contacts.far",))) == ["contacts.far"]


def test_equal_keys_of_bound_records_block_each_other() -> None:
    def keyed(address: str, leaf: IdOf) -> DesiredRecord:
        made = child({"OwnerId": leaf}, address=address, data={}, match_on=(), needs=(), lookups=(leaf.address,))
        return replace(made, key=None)

    one, two = keyed("contacts.one", KAY), keyed("contacts.two", IdOf("users.two", looked_up=True))
    world = family()
    world.sets = [record_set(one, two, match_on=("OwnerId",))]
    kay = lookups("kay").records[0]
    twice = replace(lookups("kay"), records=(kay, replace(kay, address="users.two")))
    world.options = {"lookups": [twice]}
    world.observations = [seen(), seen(row("005K", {"Username": "kay"}), target=USERS)]
    plan = world.plan()
    assert [change.code for change in plan.changes] == ["same-key", "same-key"]
    assert plan.batches == ()


def test_binding_keeps_what_is_declared_and_fills_in_what_is_known() -> None:
    made = child(
        {"Note": Joined(("for ", ACME, " of ", KAY)), "Deep": {"Ids": [ACME]}, "Count": Joined(("n", 5, ACME))}
    )
    half = bound(record_set(made), made, {ACME: "001A"})
    assert half.data == {**PAUL, "Deep": {"Ids": ["001A"]}, "Count": "n5001A"}
    assert (half.unbound, half.deferred) == (["Note"], made.deferred)
    whole = bound(record_set(made), half, {ACME: "001B", KAY: "005K"})
    assert (whole.data["Note"], whole.data["Deep"], whole.unbound) == ("for 001B of 005K", {"Ids": ["001B"]}, [])


def test_a_later_plan_may_fill_in_what_was_known_after_apply_and_nothing_else() -> None:
    world = family()
    approved = world.plan()
    world.entries, world.observations[0] = [acme_entry()], seen(acme_row(), target=ACCOUNTS)
    assert steps_beyond(approved, world.plan()) == []
    world.sets[1] = record_set(child(data={**PAUL, "Title": "Duke"}))
    assert steps_beyond(approved, world.plan()) == ["contacts.paul"]


def test_a_plan_is_the_same_in_any_order_of_sets_and_records() -> None:
    made = [child(address=f"contacts.p{n}", data={"Email": f"p{n}@x.org"}) for n in range(4)]
    one = family(*made, parents=(account(), account("b"))).plan()
    two = family(*reversed(made), parents=(account("b"), account()))
    two.sets.reverse()
    assert two.plan() == one


def test_the_digest_changes_with_what_a_record_refers_to() -> None:
    parents = (account(), account("b"))
    one = family(parents=parents).plan().digest
    other = family(child({"AccountId": IdOf("accounts.b")}, needs=("accounts.b",)), parents=parents).plan().digest
    assert one != other
    assert one == family(parents=parents).plan().digest


@pytest.mark.parametrize("on_drift", list(OnDrift))
def test_drift_of_a_locked_child_whose_parent_is_created_goes_by_on_drift(on_drift: OnDrift) -> None:
    world = family(
        child(data={**PAUL, "Title": "Heir"}, on_drift=on_drift),
        contact_rows=(row("003P", {**PAUL, "Title": "Duke"}, updated_at="2026-02-01T00:00:00Z"),),
        entries=[locked("contacts.paul", "003P", {**PAUL, "Title": "Heir"}, updated_at="2026-01-01T00:00:00Z")],
    )
    change = world.change()
    expected = {OnDrift.REPORT: ["AccountId"], OnDrift.RESTORE: ["AccountId", "Title"], OnDrift.FAIL: ["Title"]}
    assert [each.path for each in change.fields] == expected[on_drift]
    assert change.action is (Action.BLOCKED if on_drift is OnDrift.FAIL else Action.UPDATE)
