"""What lies between two states of a project's manifests, in records: pure, and without any upstream."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncspec.diagnostics import Diagnostic, Source
from syncspec.lockfile import LockEntry, Lockfile
from syncspec.planning.expectation import Effect, effect_of_change, effect_of_removal
from syncspec.planning.known_ids import with_expressions
from syncspec.planning.plan import FieldChange
from syncspec.planning.renames import renamed
from syncspec.planning.selection import Selection
from syncspec.planning.set_settings import SettingChange, project_settings, set_settings
from syncspec.records import Declared, DesiredSet, Json, Lifecycle, Target
from syncspec.settings import LoadedProject
from syncspec.values import equal

__all__ = ["Comparison", "DeclaredChange", "Kind", "compare", "folded", "parted"]


class Kind(StrEnum):
    """What became of a record's declaration."""

    ADDED = "added"
    CHANGED = "changed"
    RENAMED = "renamed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChange:
    """One record whose declaration differs.

    `fields` are those of its data that differ; `settings` what else is declared of it, as its lifecycle. `released`
    are fields that are no longer declared: nothing is cleared upstream. `former` is the address of a renamed record.
    `protected`: the newer side says so, or says nothing and its lock entry does. `unprotected`: it was, and the newer
    side says that it is no more.
    `source` is in the newer manifests, of what was removed in the older ones.
    """

    address: str
    kind: Kind
    effect: Effect
    target: Target
    upstream_id: str | None = None
    former: str | None = None
    fields: tuple[FieldChange, ...] = ()
    settings: tuple[FieldChange, ...] = ()
    released: tuple[str, ...] = ()
    protected: bool = False
    unprotected: bool = False
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that differs, sorted by address, in one environment or in several in which it is the same.

    `environments` is empty where the project declares none. `unchanged` counts the records that are declared alike.
    """

    project: str
    environments: tuple[str, ...]
    changes: tuple[DeclaredChange, ...]
    settings: tuple[SettingChange, ...] = ()
    unchanged: int = 0
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing that is declared differs."""
        return not self.changes and not self.settings

    @property
    def summary(self) -> Mapping[Kind, int]:
        """The number of changes per kind; every kind is present."""
        return {kind: sum(change.kind is kind for change in self.changes) for kind in Kind}


def compare(
    before: LoadedProject | None,
    after: LoadedProject,
    *,
    lockfile: Lockfile | None,
    selection: Selection | None = None,
    diagnostics: Iterable[Diagnostic] = (),
) -> Comparison:
    """Compare what is declared. `before` None: nothing was. `lockfile` None: what is locked is not known.

    A record is selected where it is on either side.
    """
    chosen = selection or Selection()
    old = _declared(before.sets) if before is not None else {}
    new = _declared(after.sets)
    entries = lockfile.entries if lockfile is not None else None
    former = renamed(
        {address: found for address, found in old.items() if address not in new},
        {address: found for address, found in new.items() if address not in old},
    )
    changes: list[DeclaredChange] = []
    unchanged = 0
    for address, found in new.items():
        name = address if address in old else former.get(address)
        if not (chosen(found[0], address) or (name is not None and chosen(old[name][0], name))):
            continue
        if name is None:
            changes.append(_added(address, found, entries))
        else:
            change = _between(name, address, old[name], found, entries)
            unchanged += change is None
            changes += [change] if change is not None else []
    gone = old.keys() - new.keys() - set(former.values())
    changes += [_removed(name, old[name], entries) for name in gone if chosen(old[name][0], name)]
    return Comparison(
        project=after.name,
        environments=() if after.environment is None else (after.environment,),
        changes=tuple(sorted(changes, key=lambda change: change.address)),
        settings=_settings(before, after, chosen) if before is not None else (),
        unchanged=unchanged,
        diagnostics=tuple(diagnostics),
    )


def folded(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Those that tell the same put together: upstream IDs and endpoints, which differ by environment, are left out."""
    if len(comparisons) < 2:
        return tuple(comparisons)
    groups: list[tuple[Comparison, list[Comparison]]] = []
    for comparison in comparisons:
        form = _form(comparison)
        same = next((members for known, members in groups if known == form), None)
        if same is None:
            groups.append((form, [comparison]))
        else:
            same.append(comparison)
    return tuple(
        members[0]
        if len(members) == 1
        else dataclasses.replace(form, environments=tuple(name for each in members for name in each.environments))
        for form, members in groups
    )


def parted(comparisons: Sequence[Comparison]) -> tuple[Comparison | None, tuple[Comparison, ...]]:
    """What settings and findings all of several have in common, and each without it; None where there is no such."""
    if len(comparisons) < 2:
        return None, tuple(comparisons)
    first, *others = comparisons
    settings = tuple(each for each in first.settings if all(each in other.settings for other in others))
    findings = tuple(each for each in first.diagnostics if all(each in other.diagnostics for other in others))
    if not settings and not findings:
        return None, tuple(comparisons)
    common = Comparison(project=first.project, environments=(), changes=(), settings=settings, diagnostics=findings)
    return common, tuple(
        dataclasses.replace(
            each,
            settings=tuple(item for item in each.settings if item not in settings),
            diagnostics=tuple(item for item in each.diagnostics if item not in findings),
        )
        for each in comparisons
    )


def _form(comparison: Comparison) -> Comparison:
    return dataclasses.replace(
        comparison,
        environments=(),
        changes=tuple(
            dataclasses.replace(change, upstream_id=None, target=dataclasses.replace(change.target, endpoint=""))
            for change in comparison.changes
        ),
    )


def _declared(sets: Iterable[DesiredSet]) -> dict[str, Declared]:
    return {record.address: (each, record) for each in sets for record in each.records}


def _settings(before: LoadedProject, after: LoadedProject, chosen: Selection) -> tuple[SettingChange, ...]:
    old = {each.name: each for each in before.sets}
    found: list[SettingChange] = list(project_settings(before.declared, after.declared))
    for each in after.sets:
        if each.name in old and chosen.selects_set(each):
            found += set_settings(old[each.name], each)
    return tuple(found)


def _added(address: str, found: Declared, entries: Mapping[str, LockEntry] | None) -> DeclaredChange:
    record_set, record = found
    data = with_expressions(record)
    entry = entries.get(address) if entries is not None else None
    locked = Effect.ATTACH if entry is not None else Effect.CREATE
    return DeclaredChange(
        address=address,
        kind=Kind.ADDED,
        effect=Effect.UNKNOWN if entries is None else locked,
        target=record_set.target,
        upstream_id=entry.upstream_id if entry is not None else record.upstream_id,
        fields=tuple(_field(name, None, value, (record_set,)) for name, value in sorted(data.items())),
        settings=tuple(_lifecycle(Lifecycle(), record.lifecycle)),
        protected=bool(record.lifecycle.protect),
        source=record.source,
    )


def _removed(address: str, found: Declared, entries: Mapping[str, LockEntry] | None) -> DeclaredChange:
    record_set, record = found
    entry = entries.get(address) if entries is not None else None
    effect = Effect.UNKNOWN if entries is None else effect_of_removal(entry)
    return DeclaredChange(
        address=address,
        kind=Kind.REMOVED,
        effect=effect,
        target=record_set.target,
        upstream_id=entry.upstream_id if entry is not None else None,
        protected=entry.protect if entry is not None else bool(record.lifecycle.protect),
        source=record.source,
    )


def _between(
    name: str, address: str, old: Declared, new: Declared, entries: Mapping[str, LockEntry] | None
) -> DeclaredChange | None:
    """What became of one record; None where it is declared as it was."""
    before, (record_set, after) = old[1], new
    fields = tuple(_fields(old, new))
    released = tuple(sorted(with_expressions(before).keys() - with_expressions(after).keys()))
    settings = list(_lifecycle(before.lifecycle, after.lifecycle))
    if before.upstream_id != after.upstream_id:
        settings.append(FieldChange(path="upstream_id", before=before.upstream_id, after=after.upstream_id))
    if name == address and not fields and not released and not settings:
        return None
    entry = None if entries is None else entries.get(address) or entries.get(name)
    was_protected = entry is not None and entry.protect
    return DeclaredChange(
        address=address,
        kind=Kind.CHANGED if name == address else Kind.RENAMED,
        effect=effect_of_change(entries, entry, name, address, bool(fields)),
        target=record_set.target,
        upstream_id=entry.upstream_id if entry is not None else after.upstream_id,
        former=None if name == address else name,
        fields=fields,
        settings=tuple(settings),
        released=released,
        protected=(was_protected and after.lifecycle.protect is not False) or bool(after.lifecycle.protect),
        unprotected=(was_protected or bool(before.lifecycle.protect)) and after.lifecycle.protect is False,
        source=after.source,
    )


def _fields(old: Declared, new: Declared) -> Iterator[FieldChange]:
    """The fields of the newer side whose value is another one, as the set compares values."""
    (old_set, before), (record_set, after) = old, new
    rules, data = record_set.rules, with_expressions(before)
    for name, value in sorted(with_expressions(after).items()):
        former = data.get(name)
        if name in data:
            if type(former) is type(value) and former == value and not isinstance(value, dict | list):
                continue
            if equal(value, former, rules.rule(name), scalars_as_text=rules.scalars_as_text):
                continue
        yield _field(name, former, value, (old_set, record_set))


def _field(name: str, before: Json, after: Json, sets: Iterable[DesiredSet]) -> FieldChange:
    """What either side calls sensitive is not shown."""
    if any(each.rules.rule(name).sensitive for each in sets):
        return FieldChange(path=name, sensitive=True)
    return FieldChange(path=name, before=before, after=after)


def _lifecycle(before: Lifecycle, after: Lifecycle) -> Iterator[FieldChange]:
    if before == after:
        return
    for each in dataclasses.fields(Lifecycle):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if old != new:
            yield FieldChange(path=f"lifecycle.{each.name}", before=_json(old), after=_json(new))


def _json(value: object) -> Json:
    if isinstance(value, StrEnum):
        return value.value
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]
