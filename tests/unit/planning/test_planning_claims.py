"""What a manifest may still declare under another name is not deleted, whatever becomes of that declaration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planning_world import (
    CRM,
    World,
    attempt,
    locked,
    record,
    record_set,
    row,
    seen,
)

from syncspec.deferred import IdOf
from syncspec.diagnostics import Source
from syncspec.keys import match_key
from syncspec.lockfile import LockEntry, Lockfile
from syncspec.lookups import Lookup, Lookups
from syncspec.planning.destruction import plan_destruction
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.plan import Action, Change
from syncspec.planning.selection import Selection
from syncspec.planning.undoing import PastStep, plan_undo
from syncspec.records import DesiredRecord, FieldRules, OnRemove
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import MutationKind

PAUL = {"Email": "paul@arrakis.org", "Name": "Paul"}
LETO = {"Email": "leto@caladan.org", "Name": "Leto"}
ACME = {"Name": "Acme"}
SETTINGS = UpstreamSettings(name="crm", base_url="https://crm.example", settle=300.0)
PLACE = replace(CRM, endpoint=SETTINGS.endpoint)
ACCOUNTS = replace(PLACE, collection_id="salesforce:account")
RULES = FieldRules()


def removable(address: str = "contacts.leto", upstream_id: str = "003L", **options: Any) -> LockEntry:
    return locked(address, upstream_id, LETO, **{"on_remove": OnRemove.DELETE, "target": PLACE, **options})


def world(*declared: DesiredRecord, entries: tuple[LockEntry, ...] = (), **options: Any) -> World:
    """Paul is declared and locked; Leto is locked and to be deleted. An account can be seen, too."""
    return World(
        sets=[record_set(record("contacts.paul", PAUL), *declared, target=PLACE, **options)],
        entries=[locked("contacts.paul", "003P", PAUL, target=PLACE), removable(), *entries],
        observations=[
            seen(row("003P", PAUL), row("003L", LETO), target=PLACE),
            seen(row("001A", ACME), target=ACCOUNTS),
        ],
        settings=SETTINGS,
    )


def lookups(name: str, *, target: Any = ACCOUNTS, match_on: str = "Name") -> Lookups:
    data = {match_on: name}
    key = match_key(data, (match_on,), RULES)
    assert key is not None
    source = Source(file="ref.yaml")
    found = Lookup(address="ref.it", data=data, source=source, key=key)
    return Lookups(name="ref", target=target, source=source, records=(found,), match_on=(match_on,), rules=RULES)


def referring(data: dict[str, Any], *, field: str = "AccountId", **options: Any) -> DesiredRecord:
    """Duke, who holds the ID of the record that is looked up."""
    leaf = IdOf("ref.it", looked_up=True)
    return replace(record("contacts.duke", data, **options), deferred={field: leaf}, lookups=(leaf.address,))


@pytest.mark.parametrize(
    ("email", "former"), [("leto@caladan.org", ()), ("duke@x.org", ("contacts.leto",)), (" Leto@Caladan.org", ())]
)
def test_a_rename_that_is_held_back_for_a_missing_lookup_keeps_its_record(email: str, former: tuple[str, ...]) -> None:
    made = world(replace(referring({**LETO, "Email": email}), former=former))
    made.options = {"lookups": [lookups("Nowhere")]}
    assert made.change("contacts.duke").action in (Action.BLOCKED, Action.UNKNOWN)
    assert (made.change("contacts.leto").action, made.change("contacts.leto").code) == (
        Action.BLOCKED,
        "held-by-another",
    )


def test_a_rename_whose_parent_is_left_out_keeps_its_record() -> None:
    duke = replace(record("contacts.duke", LETO), deferred={"AccountId": IdOf("accounts.new")}, needs=("accounts.new",))
    made = world(duke)
    made.sets.append(
        record_set(
            record("accounts.new", {"Name": "New"}, match_on=("Name",), rules=RULES),
            name="accounts",
            target=ACCOUNTS,
            match_on=("Name",),
            rules=RULES,
        )
    )
    assert made.change("contacts.duke").action is Action.MOVE
    made.options = {"selected": Selection(exclude=("accounts.*",))}
    assert made.change("contacts.duke").code == "reference-blocked"
    assert made.change("contacts.leto").code == "held-by-another"


def test_a_record_whose_key_cannot_be_told_holds_every_deletion_of_its_collection_back() -> None:
    duke = referring({"Email": "duke@x.org"}, field="AccountId", match_on=("Email",))
    made = world(replace(duke, key=None), match_on=("Email", "AccountId"))
    made.options = {"lookups": [lookups("Nowhere")]}
    found = made.change("contacts.leto")
    assert (found.action, found.code) == (Action.BLOCKED, "held-by-another")
    assert "contacts.duke is not locked, and its key holds an ID that is not known" in found.reason


def test_an_attempt_in_the_way_of_a_rename_does_not_get_its_record_deleted() -> None:
    duke = record("contacts.duke", LETO)
    made = world(duke)
    made.attempts = [attempt("contacts.other", key=duke, target=PLACE)]
    assert made.change("contacts.duke").code == "waits-for-unknown"
    assert made.change("contacts.leto").code == "held-by-another"


def test_a_move_into_another_collection_keeps_the_record_where_it_is() -> None:
    made = world()
    moved = replace(record("people.duke", LETO), former=("contacts.leto",))
    leads = replace(PLACE, collection_id="salesforce:lead")
    made.sets.append(record_set(moved, name="people", target=leads))
    made.observations.append(seen(target=leads))
    assert made.change("people.duke").code == "target-changed"
    assert made.change("contacts.leto").code == "held-by-another"
    made.attempts = [attempt("people.duke", key=moved, target=leads)]
    assert made.change("people.duke").action is Action.UNKNOWN
    assert made.change("contacts.leto").code == "held-by-another"


@pytest.mark.parametrize("email", ["leto@caladan.org", "Leto@Caladan.ORG"])
def test_a_record_that_is_looked_up_is_not_deleted(email: str) -> None:
    made = world()
    made.options = {"lookups": [lookups(email, target=PLACE, match_on="Email")]}
    found = made.change("contacts.leto")
    assert (found.action, found.code) == (Action.BLOCKED, "held-by-another")
    assert "ref.it" in found.reason


def test_a_lookup_that_is_not_found_holds_the_deletions_of_its_own_collection_back() -> None:
    made = world()
    made.options = {"lookups": [lookups("nobody@x.org", target=PLACE, match_on="Email")]}
    found = made.change("contacts.leto")
    assert (found.action, found.code) == (Action.BLOCKED, "held-by-another")
    assert "ref.it is looked up there and not found" in found.reason
    made.options = {"lookups": [lookups("Nowhere")]}
    assert made.change("contacts.leto").action is Action.DELETE


def test_what_nobody_claims_is_deleted() -> None:
    made = world(record("contacts.duke", {"Email": "duke@x.org"}))
    made.options = {"lookups": [lookups("Acme")]}
    assert made.change("contacts.leto").action is Action.DELETE


class TestReferencesThatUpstreamStillHolds:
    """A parent that is no longer declared, and a child that is."""

    def family(self, child: DesiredRecord, *, shown: dict[str, Any], sent: dict[str, Any] | None = None) -> World:
        """Paul was sent with Leto's ID as his boss; `shown` is what upstream has of that by now."""
        return World(
            sets=[record_set(child, target=PLACE)],
            entries=[
                locked(
                    "contacts.paul",
                    "003P",
                    {**PAUL, "Boss": "003L", **(sent or {})},
                    target=PLACE,
                    depends_on=("contacts.leto",),
                ),
                removable(),
            ],
            observations=[seen(row("003P", {**PAUL, **shown}), row("003L", LETO), target=PLACE)],
            settings=SETTINGS,
        )

    def outcome(self, made: World) -> tuple[Action, bool, tuple[str, ...] | None]:
        """What becomes of the parent; whether the child's entry is written anew, and what it refers to then."""
        paul = made.change("contacts.paul")
        return made.change("contacts.leto").action, paul.relocks, paul.refers_to

    def test_a_field_that_was_only_taken_out_of_the_manifest_keeps_the_parent(self) -> None:
        made = self.family(record("contacts.paul", PAUL), shown={"Boss": "003L"})
        assert made.change("contacts.paul").action is Action.UNCHANGED
        assert self.outcome(made) == (Action.BLOCKED, False, ("contacts.leto",))
        assert made.change("contacts.leto").code == "referred-to"

    def test_an_ignored_field_keeps_the_parent(self) -> None:
        ignoring = record("contacts.paul", {**PAUL, "Boss": "003X"}, ignore_changes=("Boss",))
        assert self.outcome(self.family(ignoring, shown={"Boss": "003L"})) == (
            Action.BLOCKED,
            False,
            ("contacts.leto",),
        )

    def test_an_update_of_other_fields_keeps_the_parent(self) -> None:
        made = self.family(record("contacts.paul", {**PAUL, "Name": "Usul"}), shown={"Boss": "003L"})
        assert made.change("contacts.paul").action is Action.UPDATE
        assert self.outcome(made) == (Action.BLOCKED, False, ("contacts.leto",))

    def test_an_update_that_writes_the_field_lets_the_parent_go_after_it(self) -> None:
        made = self.family(record("contacts.paul", {**PAUL, "Boss": None}), shown={"Boss": "003L"})
        assert made.change("contacts.paul").action is Action.UPDATE
        assert self.outcome(made) == (Action.DELETE, False, ())
        assert made.change("contacts.leto").after == ("contacts.paul",)

    @pytest.mark.parametrize("shown", [{"Boss": None}, {}, {"Boss": "003X"}])
    def test_what_upstream_no_longer_holds_keeps_nothing(self, shown: dict[str, Any]) -> None:
        made = self.family(record("contacts.paul", PAUL), shown=shown)
        assert self.outcome(made) == (Action.DELETE, True, ())

    def test_an_id_in_a_list_or_in_its_long_form_is_found(self) -> None:
        long = "0035g00000ABCDEAA4"
        made = self.family(record("contacts.paul", PAUL), shown={"Bosses": [{"Id": long}]})
        made.entries[1] = removable(upstream_id=long[:15])
        made.observations = [
            seen(row("003P", {**PAUL, "Bosses": [{"Id": long}]}), row(long, LETO), target=PLACE),
        ]
        assert self.outcome(made) == (Action.BLOCKED, False, ("contacts.leto",))

    def test_a_list_that_may_lag_behind_our_own_write_proves_nothing(self) -> None:
        made = self.family(record("contacts.paul", PAUL), shown={})
        made.entries[0] = replace(made.entries[0], written_at="2026-03-01T11:59:00Z")
        assert made.change("contacts.leto").action is Action.BLOCKED

    def test_a_child_that_was_renamed_keeps_its_parent_too(self) -> None:
        usul = replace(record("contacts.usul", PAUL), former=("contacts.paul",))
        made = self.family(usul, shown={"Boss": "003L"})
        assert made.change("contacts.usul").action is Action.MOVE
        assert made.change("contacts.leto").code == "referred-to"
        made = self.family(usul, shown={"Boss": None})
        assert made.change("contacts.leto").action is Action.DELETE


class TestProtectionUnderANewName:
    def inputs(self, made: World) -> PlanningInput:
        return PlanningInput(
            project="arrakis",
            environment=None,
            sets=made.sets,
            lockfile=Lockfile(project="arrakis", entries={each.address: each for each in made.entries}),
            observations=made.observations,
            upstreams={"crm": made.settings},
        )

    def reversals(self, made: World) -> list[Change]:
        """What destroy and undo would do with Leto."""
        sent = next(entry.fields for entry in made.entries if entry.address == "contacts.leto")
        step = PastStep(address="contacts.leto", kind=MutationKind.CREATE, target=PLACE, upstream_id="003L", sent=sent)
        plans = [plan_destruction(self.inputs(made)), plan_undo(self.inputs(made), [step])]
        return [next(each for each in plan.changes if each.address == "contacts.leto") for plan in plans]

    @pytest.mark.parametrize(
        ("email", "former", "upstream_id"),
        [
            ("duke@x.org", ("contacts.leto",), None),
            ("duke@x.org", (), "003L"),
            ("leto@caladan.org", (), None),
        ],
    )
    def test_undo_and_destroy_heed_it_before_the_rename_is_applied(
        self, email: str, former: tuple[str, ...], upstream_id: str | None
    ) -> None:
        duke = record("contacts.duke", {**LETO, "Email": email}, upstream_id=upstream_id, protect=True)
        made = world(replace(duke, former=former))
        assert [(each.action, each.code) for each in self.reversals(made)] == [(Action.BLOCKED, "protected")] * 2
        unprotected = replace(duke, former=former, lifecycle=replace(duke.lifecycle, protect=None))
        assert [each.action for each in self.reversals(world(unprotected))] == [Action.DELETE] * 2
