"""What lies between two states of what is declared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.builders import TARGET, desired, locked, record_set

from syncspec.deferred import IdOf
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import UsageError
from syncspec.lockfile import LockEntry, Lockfile, Origin
from syncspec.planning.comparison import Comparison, DeclaredChange, Kind, compare, folded, parted
from syncspec.planning.expectation import Effect
from syncspec.planning.plan import FieldChange
from syncspec.planning.selection import Selection
from syncspec.records import (
    Compare,
    DesiredRecord,
    DesiredSet,
    FieldRule,
    FieldRules,
    Lifecycle,
    OnDrift,
    OnRemove,
)
from syncspec.settings import DeclaredSetting, Guards, LoadedProject

SENSITIVE = FieldRules(fields={"SSN": FieldRule(sensitive=True)})


def project(*sets: DesiredSet, environment: str | None = None, **declared: Any) -> LoadedProject:
    return LoadedProject(
        root=Path("/p"),
        name="arrakis",
        environment=environment,
        upstreams={},
        sets=sets,
        guards=Guards(),
        lockfile=Path("/p/syncspec.lock"),
        state_dir=Path("/p/.syncspec"),
        declared={
            name.replace("__", "."): DeclaredSetting(
                value=value, source=Source(file="syncspec.yaml"), secret=name.endswith("token")
            )
            for name, value in declared.items()
        },
    )


def lock(*entries: LockEntry) -> Lockfile:
    return Lockfile(project="arrakis", entries={entry.address: entry for entry in entries})


def between(
    old: list[DesiredRecord],
    new: list[DesiredRecord],
    *entries: LockEntry,
    rules: FieldRules | None = None,
    **more: Any,
) -> Comparison:
    kind = {"rules": rules or FieldRules()}
    return compare(
        project(record_set(*old, **kind)), project(record_set(*new, **kind)), lockfile=lock(*entries), **more
    )


def only(comparison: Comparison) -> DeclaredChange:
    (change,) = comparison.changes
    return change


def with_lifecycle(record: DesiredRecord, **lifecycle: Any) -> DesiredRecord:
    return replace(record, lifecycle=Lifecycle(**lifecycle))


PAUL = desired("contacts.paul", Email="paul@x", Age=15)


def test_what_is_declared_alike_is_counted_and_no_change() -> None:
    found = between([PAUL], [desired("contacts.paul", Age=15, Email="paul@x")])
    assert (found.changes, found.unchanged, found.is_empty) == ((), 1, True)


def test_an_added_record_shows_its_data_and_is_to_be_created_or_adopted() -> None:
    found = only(between([], [PAUL]))
    assert (found.kind, found.effect, found.upstream_id) == (Kind.ADDED, Effect.CREATE, None)
    assert found.fields == (FieldChange(path="Age", after=15), FieldChange(path="Email", after="paul@x"))


def test_an_added_record_whose_address_is_locked_is_attached() -> None:
    found = only(between([], [PAUL], locked("contacts.paul", "003A")))
    assert (found.effect, found.upstream_id) == (Effect.ATTACH, "003A")


def test_a_changed_field_is_told_from_what_to_what_and_is_an_update_of_what_is_locked() -> None:
    found = only(between([PAUL], [desired("contacts.paul", Email="paul@x", Age=16)], locked("contacts.paul", "003A")))
    assert (found.kind, found.effect, found.upstream_id) == (Kind.CHANGED, Effect.UPDATE, "003A")
    assert found.fields == (FieldChange(path="Age", before=15, after=16),)


def test_a_changed_record_that_is_not_locked_is_still_to_be_created() -> None:
    assert only(between([PAUL], [desired("contacts.paul", Email="paul@x", Age=16)])).effect is Effect.CREATE


def test_what_the_set_compares_as_equal_is_no_change() -> None:
    rules = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})
    new = [desired("contacts.paul", rules=rules, Email="PAUL@x", Age=15)]
    assert between([PAUL], new, rules=rules).is_empty
    assert not between([PAUL], new).is_empty


@pytest.mark.parametrize(
    ("before", "after"), [(1, True), ("1", "01"), (None, "x"), ([1, 2], [2, 1]), ({"a": 1}, {"a": 2})]
)
def test_values_of_other_kinds_and_forms_are_changes(before: Any, after: Any) -> None:
    found = only(between([desired("contacts.a", Email="e", X=before)], [desired("contacts.a", Email="e", X=after)]))
    assert found.fields == (FieldChange(path="X", before=before, after=after),)


def test_null_clears_and_leaving_a_field_out_releases_it() -> None:
    new = desired("contacts.paul", Email="paul@x", Age=None)
    assert only(between([PAUL], [new])).fields == (FieldChange(path="Age", before=15, after=None),)
    found = only(between([PAUL], [desired("contacts.paul", Email="paul@x")], locked("contacts.paul", "003A")))
    assert (found.fields, found.released, found.effect) == ((), ("Age",), Effect.NOTHING)


@pytest.mark.parametrize("sensitive_in", ["older", "newer"])
def test_a_field_that_is_sensitive_on_either_side_shows_no_value(sensitive_in: str) -> None:
    old, new = desired("contacts.a", Email="e", SSN="canary-1"), desired("contacts.a", Email="e", SSN="canary-2")
    rules = {"older": (SENSITIVE, FieldRules()), "newer": (FieldRules(), SENSITIVE)}[sensitive_in]
    found = compare(project(record_set(old, rules=rules[0])), project(record_set(new, rules=rules[1])), lockfile=lock())
    assert only(found).fields == (FieldChange(path="SSN", sensitive=True),)
    assert "canary" not in repr(found)


def test_that_a_field_is_no_longer_sensitive_is_grave() -> None:
    found = compare(project(record_set(PAUL, rules=SENSITIVE)), project(record_set(PAUL)), lockfile=lock())
    (setting,) = found.settings
    assert (setting.name, setting.set_name, setting.grave) == ("fields.SSN", "contacts", True)
    assert setting.told == "its values are shown from now on"


@pytest.mark.parametrize(
    ("entry", "effect"),
    [
        ({}, Effect.KEEP),
        ({"protect": True}, Effect.KEEP),
        ({"on_remove": OnRemove.DELETE}, Effect.DELETE),
        ({"on_remove": OnRemove.DELETE, "protect": True}, Effect.PROTECTED),
        ({"on_remove": OnRemove.DELETE, "origin": Origin.ADOPTED}, Effect.RELEASE),
        ({"on_remove": OnRemove.DELETE, "origin": Origin.ADOPTED, "delete_adopted": True}, Effect.DELETE),
        ({"on_remove": OnRemove.DELETE, "origin": Origin.IMPORTED}, Effect.RELEASE),
    ],
)
def test_what_becomes_of_a_removed_record_is_what_its_lock_entry_says(entry: dict[str, Any], effect: Effect) -> None:
    found = only(between([PAUL], [], locked("contacts.paul", "003A", **entry)))
    assert (found.kind, found.effect, found.upstream_id) == (Kind.REMOVED, effect, "003A")
    assert found.protected is bool(entry.get("protect"))


def test_nothing_is_known_upstream_of_a_removed_record_that_is_not_locked() -> None:
    assert only(between([PAUL], [])).effect is Effect.NOTHING


def test_without_a_lockfile_no_effect_is_claimed() -> None:
    new = [desired("contacts.paul", Email="paul@x", Age=16), desired("contacts.new", Email="n")]
    found = compare(
        project(record_set(PAUL, desired("contacts.old", Email="o"))), project(record_set(*new)), lockfile=None
    )
    assert {change.effect for change in found.changes} == {Effect.UNKNOWN}
    assert found.summary == {Kind.ADDED: 1, Kind.CHANGED: 1, Kind.RENAMED: 0, Kind.REMOVED: 1}


def test_the_same_key_under_another_address_is_a_rename() -> None:
    found = only(between([PAUL], [desired("contacts.muad", Email="paul@x", Age=15)], locked("contacts.paul", "003A")))
    assert (found.kind, found.address, found.former) == (Kind.RENAMED, "contacts.muad", "contacts.paul")
    assert (found.effect, found.fields, found.upstream_id) == (Effect.MOVE, (), "003A")


def test_a_renamed_record_may_change_too() -> None:
    found = only(between([PAUL], [desired("contacts.muad", Email="paul@x", Age=16)]))
    assert (found.kind, found.effect) == (Kind.RENAMED, Effect.CREATE)
    assert found.fields == (FieldChange(path="Age", before=15, after=16),)


def test_without_a_key_the_same_data_tells_a_rename() -> None:
    old, new = desired("contacts.a", match_on=(), Email="x"), desired("contacts.b", match_on=(), Email="x")
    other = desired("contacts.c", match_on=(), Email="y")
    assert only(between([old], [new])).former == "contacts.a"
    assert [change.kind for change in between([old], [other]).changes] == [Kind.REMOVED, Kind.ADDED]


def test_a_rename_that_the_manifest_tells_needs_no_likeness() -> None:
    new = replace(desired("contacts.muad", Email="muad@x", Age=15), former=("contacts.gone", "contacts.paul"))
    found = only(between([PAUL], [new], locked("contacts.paul", "003A")))
    assert (found.kind, found.former, found.effect) == (Kind.RENAMED, "contacts.paul", Effect.MOVE)
    assert found.fields == (FieldChange(path="Email", before="paul@x", after="muad@x"),)


def test_a_rename_that_was_done_before_is_none() -> None:
    assert between([PAUL], [replace(PAUL, former=("contacts.long-ago",))]).is_empty


def test_a_rename_that_could_be_of_several_records_is_none() -> None:
    old = [desired(f"contacts.a{n}", match_on=(), Email="x") for n in (1, 2)]
    found = between(old, [desired("contacts.b", match_on=(), Email="x")])
    assert [change.kind for change in found.changes] == [Kind.REMOVED, Kind.REMOVED, Kind.ADDED]


def test_the_same_key_in_another_collection_is_no_rename() -> None:
    elsewhere = replace(TARGET, collection_id="salesforce:lead")
    found = compare(
        project(record_set(PAUL)),
        project(record_set(desired("leads.paul", Email="paul@x", Age=15), name="leads", target=elsewhere)),
        lockfile=lock(),
    )
    assert [change.kind for change in found.changes] == [Kind.REMOVED, Kind.ADDED]


def test_a_record_that_only_moves_between_files_does_not_change() -> None:
    assert between([PAUL], [replace(PAUL, source=Source(file="elsewhere.yaml", line=99))]).is_empty


def test_a_lifecycle_is_told_key_by_key_and_a_lifted_protection_too() -> None:
    old = with_lifecycle(PAUL, protect=True, ignore_changes=("Age",))
    found = only(
        between([old], [with_lifecycle(PAUL, on_drift=OnDrift.FAIL, protect=False)], locked("contacts.paul", "003A"))
    )
    assert {(each.path, repr(each.before), repr(each.after)) for each in found.settings} == {
        ("lifecycle.on_drift", "'report'", "'fail'"),
        ("lifecycle.ignore_changes", "['Age']", "[]"),
        ("lifecycle.protect", "True", "False"),
    }
    assert (found.unprotected, found.protected, found.effect) == (True, False, Effect.NOTHING)


@pytest.mark.parametrize(
    ("declared", "entry", "protected", "unprotected"),
    [(None, True, True, False), (False, True, False, True), (None, False, False, False), (True, False, True, False)],
)
def test_a_locked_protection_holds_until_the_manifest_takes_it_away(
    declared: bool | None, entry: bool, protected: bool, unprotected: bool
) -> None:
    new = with_lifecycle(desired("contacts.paul", Email="paul@x", Age=16), protect=declared)
    found = only(between([PAUL], [new], locked("contacts.paul", "003A", protect=entry)))
    assert (found.protected, found.unprotected) == (protected, unprotected)


def test_a_declared_upstream_id_is_told() -> None:
    found = only(between([PAUL], [replace(PAUL, upstream_id="003B")]))
    assert found.settings == (FieldChange(path="upstream_id", before=None, after="003B"),)
    assert found.upstream_id == "003B"


def test_nothing_before_means_that_everything_is_added() -> None:
    found = compare(None, project(record_set(PAUL), guards__max_deletes=1), lockfile=lock())
    assert (only(found).kind, found.settings) == (Kind.ADDED, ())


def test_changes_are_sorted_whatever_the_order_of_the_manifests() -> None:
    records = [desired(f"contacts.r{n}", Email=str(n)) for n in range(5)]
    assert between([], records) == between([], records[::-1])


def test_a_selection_takes_what_is_selected_on_either_side() -> None:
    old, new = desired("contacts.paul", Email="p"), desired("contacts.muad", Email="p")
    for pattern in ("contacts.paul", "contacts.muad"):
        assert only(between([old], [new], selection=Selection(include=(pattern,)))).kind is Kind.RENAMED
    removed = between([old, desired("contacts.x", Email="x")], [], selection=Selection(include=("contacts.x",)))
    assert only(removed).address == "contacts.x"
    with pytest.raises(UsageError):
        Selection(include=("nothing",)).check([record_set(old)])


SET_SETTINGS = [
    ("match_on", {"match_on": ("Name",)}, ["Email"], ["Name"], True),
    ("marker_field", {"marker_field": "M"}, None, "M", True),
    ("batch.max_records", {"max_records": 7}, 200, 7, False),
    ("labels", {"labels": {"team": "x"}}, {}, {"team": "x"}, False),
    ("sync_id", {"target": replace(TARGET, sync_id="sync-2")}, "sync-1", "sync-2", True),
    ("upstream", {"target": replace(TARGET, upstream="other")}, "crm", "other", True),
    ("fields.Age", {"rules": FieldRules(fields={"Age": FieldRule(scale=2)})}, {}, {"scale": 2}, False),
]


@pytest.mark.parametrize(("name", "changes", "before", "after", "grave"), SET_SETTINGS)
def test_settings_of_a_set_that_differ_are_told(
    name: str, changes: dict[str, Any], before: Any, after: Any, grave: bool
) -> None:
    found = compare(project(record_set(PAUL)), project(record_set(PAUL, **changes)), lockfile=lock())
    (setting,) = found.settings
    assert (setting.set_name, setting.name, setting.before, setting.after) == ("contacts", name, before, after)
    assert setting.grave is grave
    assert not found.is_empty


PROJECT_SETTINGS = [
    ({"guards__max_deletes": 10}, {"guards__max_deletes": 100}, True),
    ({"guards__max_deletes": 100}, {"guards__max_deletes": 10}, False),
    ({"guards__max_deletes": 10}, {}, True),
    ({}, {"guards__max_deletes": 10}, False),
    ({"upstreams__crm__type": "sequin"}, {"upstreams__crm__type": "sequin", "upstreams__crm__base_url": "u"}, True),
    ({"upstreams__crm__base_url": "a"}, {"upstreams__crm__base_url": "b"}, True),
    ({"upstreams__crm__syncs__sf": "a"}, {"upstreams__crm__syncs__sf": "b"}, True),
    ({"upstreams__crm__concurrency": 4}, {"upstreams__crm__concurrency": 8}, False),
    ({}, {"upstreams__new__base_url": "b"}, False),
    ({"state__backend": "git"}, {"state__backend": "local"}, True),
]


@pytest.mark.parametrize(("old", "new", "grave"), PROJECT_SETTINGS)
def test_settings_of_the_project_that_differ_are_told(old: dict[str, Any], new: dict[str, Any], grave: bool) -> None:
    found = compare(project(**old), project(**new), lockfile=lock())
    (setting,) = found.settings
    assert (setting.set_name, setting.grave) == (None, grave)


def test_a_token_is_named_and_never_shown() -> None:
    found = compare(
        project(upstreams__crm__token="canary-1"), project(upstreams__crm__token="canary-2"), lockfile=lock()
    )
    (setting,) = found.settings
    assert (setting.name, setting.secret, setting.grave) == ("upstreams.crm.token", True, True)
    assert "canary" not in repr(found)


def in_environment(
    name: str, *records: DesiredRecord, upstream_id: str | None = None, endpoint: str = "0"
) -> Comparison:
    entries = [locked(records[0].address, upstream_id)] if upstream_id else []
    target = replace(TARGET, endpoint=endpoint)
    return compare(None, project(record_set(*records, target=target), environment=name), lockfile=lock(*entries))


def test_environments_in_which_the_same_differs_stand_together_without_ids() -> None:
    found = folded(
        [
            in_environment("a", PAUL, upstream_id="1", endpoint="a"),
            in_environment("b", desired("contacts.paul", Email="other")),
            in_environment("c", PAUL, upstream_id="2", endpoint="c"),
        ]
    )
    assert [each.environments for each in found] == [("a", "c"), ("b",)]
    assert only(found[0]).upstream_id is None


def test_environments_with_another_effect_stand_apart() -> None:
    assert len(folded([in_environment("a", PAUL, upstream_id="1"), in_environment("b", PAUL)])) == 2


def test_a_single_environment_keeps_its_ids() -> None:
    (found,) = folded([in_environment("a", PAUL, upstream_id="1")])
    assert only(found).upstream_id == "1"


def test_what_all_environments_have_in_common_is_told_once() -> None:
    note = Diagnostic(severity=Severity.NOTE, code="x", summary="x")
    sides = project(guards__max_deletes=1), project(guards__max_deletes=2)
    base = compare(*sides, lockfile=lock(), diagnostics=[note])
    more = compare(project(record_set(PAUL)), project(record_set(PAUL, max_records=1)), lockfile=lock())
    several = (base, replace(base, settings=(*base.settings, *more.settings)))
    common, (first, second) = parted(several)
    assert common is not None
    assert (common.settings, common.diagnostics) == (base.settings, (note,))
    assert (first.settings, second.settings, second.diagnostics) == ((), more.settings, ())
    assert parted([base]) == (None, (base,))


def referring(address: str = "contacts.paul", to: str = "accounts.acme", **data: Any) -> DesiredRecord:
    made = desired(address, **{"Email": "paul@x", **data})
    return replace(made, deferred={"AccountId": IdOf(to)}, needs=(to,))


def test_a_reference_is_shown_as_it_is_declared() -> None:
    acme, ball = "${record.accounts.acme.upstream_id}", "${record.accounts.ball.upstream_id}"
    added = only(between([], [referring()]))
    assert [(each.path, each.after) for each in added.fields] == [("AccountId", acme), ("Email", "paul@x")]
    changed = only(between([referring()], [referring(to="accounts.ball")]))
    assert changed.fields == (FieldChange(path="AccountId", before=acme, after=ball),)
    assert between([referring()], [referring()]).changes == ()


def test_a_value_that_becomes_a_reference_is_changed_and_not_released() -> None:
    change = only(between([desired("contacts.paul", Email="paul@x", AccountId="001A")], [referring()]))
    assert [(each.path, each.before) for each in change.fields] == [("AccountId", "001A")]
    assert change.released == ()
    assert only(between([referring()], [desired("contacts.paul", Email="paul@x")])).released == ("AccountId",)
