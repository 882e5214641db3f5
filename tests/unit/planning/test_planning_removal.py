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
    unreadable,
)

from syncspec.errors import GuardError
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry, Origin
from syncspec.planning.guards import allow, check_guards
from syncspec.planning.plan import Action, Change
from syncspec.planning.selection import Selection
from syncspec.records import DesiredRecord, FieldRule, FieldRules, OnRemove
from syncspec.settings import Guards, UpstreamSettings
from syncspec.values import digest

PAUL = {"Email": "paul@arrakis.org", "Name": "Paul"}
LETO = {"Email": "leto@caladan.org", "Name": "Leto"}
SETTINGS = UpstreamSettings(name="crm", base_url="https://crm.example", settle=300.0)
PLACE = replace(CRM, endpoint=SETTINGS.endpoint)


def removable(address: str = "contacts.leto", upstream_id: str = "003L", **options: Any) -> LockEntry:
    return locked(address, upstream_id, LETO, **{"on_remove": OnRemove.DELETE, "target": PLACE, **options})


def world(*entries: LockEntry, rows: Any = None, declared: tuple[DesiredRecord, ...] | None = None) -> World:
    """Paul is declared; whatever else is locked is not."""
    paul = record("contacts.paul", PAUL) if declared is None else None
    records = declared if declared is not None else (paul,)
    shown = [row("003P", PAUL), row("003L", LETO)] if rows is None else rows
    return World(
        sets=[record_set(*records, target=PLACE)],
        entries=[locked("contacts.paul", "003P", PAUL, target=PLACE), *entries],
        observations=[seen(*shown, target=PLACE)],
        settings=SETTINGS,
    )


def change(made: World, address: str = "contacts.leto") -> Change:
    return made.change(address)


def test_what_we_created_and_on_remove_delete_is_locked_of_is_deleted() -> None:
    made = world(removable())
    found = change(made)
    assert (found.action, found.code, found.upstream_id) == (Action.DELETE, "removed", "003L")
    assert [(each.path, each.before, each.after) for each in found.fields] == [
        ("Email", "leto@caladan.org", None),
        ("Name", "Leto", None),
    ]
    [batch] = made.plan().batches
    assert (batch.kind, [each.address for each in batch.changes]) == ("delete", ["contacts.leto"])
    assert made.change("contacts.paul").action is Action.UNCHANGED


def test_what_is_to_be_kept_stays_locked_and_nothing_is_done() -> None:
    made = world(removable(on_remove=OnRemove.KEEP))
    assert (change(made).action, change(made).code, made.plan().is_empty) == (Action.UNCHANGED, "retained", True)


@pytest.mark.parametrize("origin", [Origin.ADOPTED, Origin.IMPORTED])
def test_what_we_did_not_create_is_let_go_of_unless_it_is_declared_not_to_matter(origin: Origin) -> None:
    made = world(removable(origin=origin))
    assert (change(made).action, change(made).code, made.plan().is_empty) == (Action.UNCHANGED, "released", True)
    assert change(world(removable(origin=origin, delete_adopted=True))).action is Action.DELETE


def test_a_protected_record_is_blocked_and_both_ways_out_are_named() -> None:
    found = change(world(removable(protect=True)))
    assert (found.action, found.code) == (Action.BLOCKED, "protected")
    assert "protect: false" in found.reason
    assert "syncspec lock forget" in found.reason


def test_the_entry_of_a_record_that_is_deleted_upstream_is_dropped_without_a_request() -> None:
    made = world(removable(), rows=[row("003P", PAUL), row("003L", LETO, deleted=True)])
    found = change(made)
    assert (found.action, found.code, found.drops) == (Action.UNCHANGED, "gone", True)
    assert (made.plan().batches, made.plan().is_empty) == ((), False)
    assert "gone" in made.codes()


def test_what_the_list_does_not_show_is_not_deleted() -> None:
    found = change(world(removable(), rows=[row("003P", PAUL)]))
    assert (found.action, found.code) == (Action.BLOCKED, "not-visible-upstream")


def test_nothing_is_deleted_from_a_collection_that_could_not_be_read() -> None:
    made = world(removable())
    made.observations = [unreadable(PLACE)]
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "not-readable")
    made.observations = []
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "not-readable")


def test_an_upstream_that_the_project_no_longer_has_blocks() -> None:
    made = world(removable(target=replace(PLACE, endpoint="f" * 16)))
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "target-changed")


def test_a_set_that_lives_elsewhere_by_now_blocks_what_it_left_behind() -> None:
    made = world(removable(target=replace(PLACE, sync_id="s0")))
    made.observations.append(seen(row("003L", LETO), target=replace(PLACE, sync_id="s0")))
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "target-changed")


def test_an_upstream_that_only_has_another_name_is_sent_the_deletion() -> None:
    made = world(removable(target=replace(PLACE, upstream="old-name")))
    assert (change(made).action, change(made).target.upstream) == (Action.DELETE, "crm")


def test_an_open_attempt_waits() -> None:
    made = world(removable())
    made.attempts = [attempt("contacts.leto", kind="delete", upstream_id="003L", target=PLACE)]
    assert (change(made).action, change(made).code) == (Action.UNKNOWN, "open-attempt")
    assert [each.address for each in made.plan().changes] == ["contacts.leto", "contacts.paul"]


def test_a_deletion_that_was_not_made_is_planned_as_a_new_one_of_its_own() -> None:
    made = world(removable())
    before = attempt("contacts.leto", kind="delete", upstream_id="003L", target=PLACE, absences=1, refused=True)
    made.options = {"absent": [before]}
    found = change(made)
    assert found.action is Action.DELETE
    assert found.resend is not None
    assert (found.resend.attempt, found.resend.alone) == (before.attempt, True)


def test_an_id_that_a_declared_record_holds_is_never_deleted() -> None:
    holds = record("contacts.duke", {"Email": "duke@x.org"})
    made = world(removable(), declared=(holds,))
    made.entries.append(locked("contacts.duke", "003L", LETO, target=PLACE))
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "held-by-another")


def test_an_id_that_another_environment_holds_is_not_deleted() -> None:
    made = world(removable())
    made.options = {"entries_elsewhere": [removable("contacts.other")]}
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "held-by-another")
    made.options = {"entries_elsewhere": [removable("contacts.other", target=replace(PLACE, sync_id="s0"))]}
    assert change(made).action is Action.DELETE


def test_a_record_that_a_declared_one_names_by_its_id_moves_and_is_not_deleted() -> None:
    named = record("contacts.duke", {"Email": "duke@x.org"}, upstream_id="003L")
    made = world(removable(), declared=(named,))
    assert made.change("contacts.duke").action is Action.MOVE
    assert "contacts.leto" not in [each.address for each in made.plan().changes]


@pytest.mark.parametrize("email", ["leto@caladan.org", "LETO@caladan.org"])
def test_a_rename_under_on_remove_delete_moves_and_deletes_nothing(email: str) -> None:
    duke = record("contacts.duke", {**LETO, "Email": email})
    made = world(removable(), declared=(duke,))
    assert made.change("contacts.duke").action is Action.MOVE
    assert made.plan().batches == ()
    # Nor does a selection that leaves the new name out.
    made.options = {"selected": Selection(include=("contacts.leto",))}
    assert made.plan().changes == ()


def test_a_record_that_merely_looks_like_a_declared_one_is_not_deleted() -> None:
    rules = FieldRules()
    loosely = record("contacts.duke", {"Email": " Leto@Caladan.org"}, rules=rules)
    made = world(removable())
    made.sets = [record_set(record("contacts.paul", PAUL, rules=rules), loosely, target=PLACE, rules=rules)]
    assert made.change("contacts.duke").code == "looks-like-the-same-record"
    assert (change(made).action, change(made).code) == (Action.BLOCKED, "held-by-another")


def test_a_record_that_is_declared_again_is_taken_up() -> None:
    made = world(removable(), declared=(record("contacts.leto", LETO),))
    assert (change(made).action, change(made).code) == (Action.UNCHANGED, "as-declared")


def test_values_of_sensitive_fields_and_of_sets_that_are_gone_are_not_shown() -> None:
    made = world(removable())
    rules = FieldRules(fields={"Name": FieldRule(sensitive=True)})
    made.sets = [replace(made.sets[0], rules=rules)]
    assert [(each.path, each.before, each.sensitive) for each in change(made).fields] == [
        ("Email", "leto@caladan.org", False),
        ("Name", None, True),
    ]
    gone = world(removable("people.leto"))
    assert (change(gone, "people.leto").action, change(gone, "people.leto").fields) == (Action.DELETE, ())


NUMBER = {**LETO, "SSN": "123-45"}


@pytest.mark.parametrize(
    ("known", "rules", "declared", "sensitive"),
    [
        (FieldDigests(sent=digest("123-45"), seen=digest("123-45")), {}, PAUL, False),
        (FieldDigests(sent=digest("123-45"), seen=None), {}, PAUL, True),
        (FieldDigests(sent="0" * 16, seen="1" * 16), {}, PAUL, True),
        (FieldDigests(sent="0" * 16, seen="1" * 16), {"SSN": FieldRule()}, PAUL, False),
        (FieldDigests(sent="0" * 16, seen="1" * 16), {}, {**PAUL, "SSN": "9"}, False),
        (FieldDigests(sent=digest("123-45", key=b"k")), {"SSN": FieldRule()}, {**PAUL, "SSN": "9"}, True),
        (FieldDigests(sent="0" * 16, private=True), {"SSN": FieldRule()}, {**PAUL, "SSN": "9"}, True),
    ],
    ids=["plain when seen", "not seen", "keyed otherwise", "named", "declared by others", "keyed", "private"],
)
def test_a_field_whose_rule_went_with_the_record_is_shown_only_where_nothing_speaks_against_it(
    known: FieldDigests, rules: dict[str, FieldRule], declared: dict[str, str], sensitive: bool
) -> None:
    entry = removable()
    entry = replace(entry, fields={**entry.fields, "SSN": known})
    made = world(entry, rows=[row("003P", PAUL), row("003L", NUMBER)], declared=(record("contacts.paul", declared),))
    made.sets = [replace(made.sets[0], rules=FieldRules(fields=rules))]
    made.options = {"digest_keys": DigestKeys(shared=b"k")}
    shown = {each.path: (each.before, each.sensitive) for each in change(made).fields}
    assert shown["SSN"] == ((None, True) if sensitive else ("123-45", False))
    assert shown["Name"] == ("Leto", False)


class TestSelection:
    @pytest.mark.parametrize(
        ("selection", "chosen"),
        [
            (Selection(include=("contacts.leto",)), True),
            (Selection(include=("contacts",)), True),
            (Selection(exclude=("contacts.paul",)), True),
            (Selection(include=("contacts.paul",)), False),
            (Selection(exclude=("contacts.l*",)), False),
            (Selection(paths=("people.yaml",)), False),
            (Selection(paths=("people.yaml",), include=("contacts.leto",)), False),
            (Selection(labels={"team": "x"}), False),
        ],
    )
    def test_only_patterns_of_addresses_choose_what_no_file_declares(self, selection: Selection, chosen: bool) -> None:
        made = world(removable())
        made.options = {"selected": selection}
        assert ("contacts.leto" in [each.address for each in made.plan().changes]) is chosen

    def test_a_pattern_may_name_what_is_only_locked(self) -> None:
        sets = world().sets
        Selection(include=("contacts.leto",)).check(sets, ["contacts.leto"])


class TestWhatIsLockedOfRemoval:
    def relocked(self, *, entry: dict[str, Any], **lifecycle: Any) -> World:
        made = world(declared=(record("contacts.paul", PAUL, **lifecycle),))
        made.entries = [replace(made.entries[0], **entry)]
        return made

    @pytest.mark.parametrize(
        ("entry", "lifecycle", "word"),
        [
            ({}, {"on_remove": OnRemove.DELETE}, "on_remove delete"),
            ({"on_remove": OnRemove.DELETE}, {}, "on_remove keep"),
            ({}, {"protect": True}, "protected"),
            ({"protect": True}, {"protect": False}, "no longer protected"),
            ({}, {"delete_adopted": True}, "delete_adopted true"),
        ],
    )
    def test_a_change_of_it_alone_is_planned_told_and_sends_nothing(
        self, entry: dict[str, Any], lifecycle: dict[str, Any], word: str
    ) -> None:
        made = self.relocked(entry=entry, **lifecycle)
        plan = made.plan()
        found = made.change()
        assert (found.action, found.relocks, plan.is_empty, plan.batches) == (Action.UNCHANGED, True, False, ())
        assert word in found.reason
        assert [each.code for each in plan.diagnostics] == ["relocked"]
        assert word in plan.diagnostics[0].detail
        assert plan.digest != self.relocked(entry={}).plan().digest

    def test_a_protection_that_nobody_speaks_of_any_more_stays(self) -> None:
        made = self.relocked(entry={"protect": True})
        assert (made.change().relocks, made.plan().is_empty) == (False, True)


class TestOrder:
    def family(self, **parent: Any) -> World:
        """A company, two people of it, and a task of one of them; all to be deleted."""
        entries = [
            removable("a.company", "00A", **parent),
            removable("p.duncan", "00D", depends_on=("a.company",)),
            removable("p.gurney", "00G", depends_on=("a.company",)),
            removable("t.call", "00T", depends_on=("p.gurney",)),
        ]
        rows = [row(entry.upstream_id, LETO) for entry in entries]
        return world(*entries, rows=[row("003P", PAUL), *rows])

    def test_a_record_is_deleted_after_all_that_refer_to_it(self) -> None:
        made = self.family()
        waves = {each.address: batch.wave for batch in made.plan().batches for each in batch.changes}
        assert waves == {"t.call": 0, "p.duncan": 0, "p.gurney": 1, "a.company": 2}
        assert made.change("a.company").after == ("p.duncan", "p.gurney")

    def test_deletions_come_after_everything_else(self) -> None:
        made = self.family()
        made.sets = [
            record_set(record("contacts.paul", PAUL), record("contacts.new", {"Email": "n@x.org"}), target=PLACE)
        ]
        kinds = [(batch.wave, batch.kind) for batch in made.plan().batches]
        assert kinds == [(0, "create"), (1, "delete"), (2, "delete"), (3, "delete")]

    def test_a_child_that_stays_keeps_its_parents(self) -> None:
        made = self.family()
        made.entries = [replace(entry, protect=True) if entry.address == "t.call" else entry for entry in made.entries]
        codes = {each.address: each.code for each in made.plan().changes}
        assert codes["t.call"] == "protected"
        assert (codes["p.gurney"], codes["a.company"]) == ("referred-to", "referred-to")
        assert codes["p.duncan"] == "removed"

    def test_a_child_that_is_not_selected_keeps_its_parent(self) -> None:
        made = self.family()
        made.options = {"selected": Selection(include=("a", "p"))}
        codes = {each.address: each.code for each in made.plan().changes}
        assert codes == {"a.company": "referred-to", "p.duncan": "removed", "p.gurney": "referred-to"}

    def test_a_child_that_is_gone_keeps_nothing(self) -> None:
        made = self.family()
        rows = [replace(each, deleted=each.upstream_id == "00T") for each in made.observations[0].rows]
        made.observations = [seen(*rows, target=PLACE)]
        assert made.change("t.call").drops
        assert made.change("p.gurney").after == ()
        assert made.change("a.company").action is Action.DELETE

    def test_a_declared_child_is_updated_before_its_former_parent_is_deleted(self) -> None:
        made = world(removable(), declared=(record("contacts.paul", {**PAUL, "Name": "Usul"}),))
        made.entries = [replace(made.entries[0], depends_on=("contacts.leto",)), made.entries[1]]
        assert made.change("contacts.paul").action is Action.UPDATE
        assert change(made).after == ("contacts.paul",)
        assert [(batch.wave, batch.kind) for batch in made.plan().batches] == [(0, "update"), (1, "delete")]
        made.options = {"selected": Selection(include=("contacts.leto",))}
        assert change(made).code == "referred-to"

    def test_records_that_refer_to_each_other_are_deleted_all_the_same(self) -> None:
        one = removable("x.one", "001", depends_on=("x.two",))
        two = removable("x.two", "002", depends_on=("x.one",))
        made = world(one, two, rows=[row("003P", PAUL), row("001", LETO), row("002", LETO)])
        afters = {each.address: each.after for each in made.plan().changes if each.action is Action.DELETE}
        assert sorted(afters) == ["x.one", "x.two"]
        assert sorted(len(after) for after in afters.values()) == [0, 1]

    def test_deletions_fill_their_requests(self) -> None:
        entries = [removable(f"contacts.x{number}", f"00{number}") for number in range(7)]
        made = world(*entries, rows=[row("003P", PAUL), *(row(f"00{number}", LETO) for number in range(7))])
        made.sets = [replace(made.sets[0], max_records=3)]
        assert [len(batch.changes) for batch in made.plan().batches] == [3, 3, 1]


class TestGuards:
    def emptied(self) -> World:
        made = world(removable())
        made.sets = []
        made.entries = made.entries[1:]
        return made

    def check(self, made: World, guards: Guards) -> None:
        check_guards(made.plan(), guards, locked_count=len(made.entries), sets=made.sets)

    def test_a_collection_of_which_nothing_is_declared_is_not_emptied(self) -> None:
        with pytest.raises(GuardError) as caught:
            self.check(self.emptied(), Guards())
        [found] = caught.value.diagnostics
        assert "delete 1 record of salesforce:contact of crm, where nothing is declared any more" in found.detail
        assert found.hint is not None
        assert "--allow max_emptied_collections=1" in found.hint
        self.check(self.emptied(), allow(Guards(), "max_emptied_collections=1"))

    def test_a_set_without_records_speaks_for_nothing(self) -> None:
        made = self.emptied()
        made.sets = [record_set(target=PLACE)]
        with pytest.raises(GuardError, match="nothing is declared any more"):
            self.check(made, Guards())

    def test_a_set_of_which_nothing_is_declared_any_more_is_not_emptied_beside_others(self) -> None:
        made = world(removable("leads.leto"), removable("leads.duke", "003D"))
        made.observations = [seen(row("003P", PAUL), row("003L", LETO), row("003D", LETO), target=PLACE)]
        for sets in (made.sets, [*made.sets, record_set(name="leads", target=PLACE)]):
            made.sets = sets
            with pytest.raises(GuardError) as caught:
                self.check(made, Guards())
            [found] = caught.value.diagnostics
            assert "delete 2 records of set leads, where nothing is declared any more" in found.detail
            assert "--allow max_emptied_collections=1" in (found.hint or "")
            self.check(made, allow(Guards(), "max_emptied_collections=1"))

    def test_a_set_that_keeps_a_record_or_hands_one_on_is_not_emptied(self) -> None:
        kept = world(removable("leads.leto"), removable("leads.duke", "003D", on_remove=OnRemove.KEEP))
        self.check(kept, Guards())
        moved = replace(record("contacts.duke", {"Email": "duke@x.org"}), former=("leads.duke",))
        handed = world(
            removable("leads.leto"),
            removable("leads.duke", "003D"),
            declared=(record("contacts.paul", PAUL), moved),
        )
        assert handed.change("contacts.duke").action is Action.MOVE
        assert handed.change("leads.leto").action is Action.DELETE
        self.check(handed, Guards())

    def test_a_collection_of_which_something_is_declared_may_lose_records(self) -> None:
        self.check(world(removable()), Guards())

    def test_each_limit_on_deletions_refuses_and_says_how_to_go_on(self) -> None:
        entries = [removable(f"contacts.x{number}", f"00{number}") for number in range(11)]
        made = world(*entries, rows=[row("003P", PAUL), *(row(f"00{number}", LETO) for number in range(11))])
        with pytest.raises(GuardError) as caught:
            self.check(made, Guards(max_deletes=10, max_deletes_percent=90))
        assert [each.hint for each in caught.value.diagnostics] == [
            "if that is meant, allow it once with --allow max_deletes=11",
            "if that is meant, allow it once with --allow max_deletes_percent=92",
        ]
        self.check(made, Guards(max_deletes=11, max_deletes_percent=92))


class TestRenamed:
    """A move that the manifest declares, for a record whose key changed with its name."""

    def renamed(self, *former: LockEntry, **options: Any) -> World:
        duke = replace(
            record("contacts.duke", {"Email": "duke@x.org", "Name": "Leto"}, **options),
            former=tuple(each.address for each in former),
        )
        return world(*former, declared=(record("contacts.paul", PAUL), duke))

    def test_it_takes_the_entry_along_and_sends_nothing(self) -> None:
        made = self.renamed(removable())
        found = made.change("contacts.duke")
        assert (found.action, found.code, found.moved_from) == (Action.MOVE, "moved", "contacts.leto")
        assert (found.upstream_id, made.plan().batches) == ("003L", ())
        assert [each.address for each in made.plan().changes] == ["contacts.duke", "contacts.paul"]

    def test_a_move_that_was_made_does_nothing_more(self) -> None:
        made = self.renamed(removable())
        made.entries[1] = replace(made.entries[1], address="contacts.duke")
        assert made.change("contacts.duke").action in (Action.UNCHANGED, Action.UPDATE)

    def test_without_a_locked_former_address_it_is_a_record_like_any_other(self) -> None:
        made = self.renamed(removable())
        made.entries = made.entries[:1]
        assert made.change("contacts.duke").action is Action.CREATE

    def test_a_record_that_the_list_does_not_show_keeps_its_id_all_the_same(self) -> None:
        made = self.renamed(removable())
        made.observations = [seen(row("003P", PAUL), target=PLACE)]
        assert made.change("contacts.duke").action is Action.MOVE

    def test_several_locked_former_addresses_are_for_a_person(self) -> None:
        made = self.renamed(removable(), removable("contacts.atreides", "003A"))
        found = made.change("contacts.duke")
        assert (found.code, found.upstream_ids) == ("moved-from-several", ("003A", "003L"))
        # Neither is deleted: the declared record may be either.
        assert {made.change(each).code for each in ("contacts.leto", "contacts.atreides")} == {"held-by-another"}

    def test_a_record_does_not_move_to_another_collection(self) -> None:
        made = self.renamed(removable(target=replace(PLACE, sync_id="s0")))
        assert made.change("contacts.duke").code == "target-changed"

    def test_an_open_attempt_under_the_former_address_holds_the_move(self) -> None:
        made = self.renamed(removable())
        made.attempts = [attempt("contacts.leto", kind="update", upstream_id="003L", target=PLACE)]
        assert made.change("contacts.duke").code == "waits-for-unknown"
        made.entries = made.entries[:1]
        assert made.change("contacts.duke").code == "waits-for-unknown"

    def test_the_manifest_s_own_upstream_id_must_be_the_same(self) -> None:
        assert self.renamed(removable(), upstream_id="003X").change("contacts.duke").code == "other-id-declared"
        assert self.renamed(removable(), upstream_id="003L").change("contacts.duke").code == "moved"

    def test_what_is_declared_of_its_removal_goes_along(self) -> None:
        made = self.renamed(removable(), protect=True)
        assert made.change("contacts.duke").desired is not None
        assert made.plan().digest != self.renamed(removable()).plan().digest
