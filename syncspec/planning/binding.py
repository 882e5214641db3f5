"""What a planned step rests on, kept as digests: enough to tell later whether it still holds, and what changed.

Nothing here gives a value away: digests of sensitive fields are keyed, and tokens are no part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import sha256

from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.lockfile.lines import entry_line, pending_line
from syncspec.planning.fingerprint import StepParts, deleted_data, is_step, step_parts
from syncspec.planning.known_ids import with_expressions
from syncspec.planning.plan import Action, Change, Plan
from syncspec.records import (
    AwaitConsumers,
    DesiredRecord,
    DesiredSet,
    FieldRule,
    FieldRules,
    Json,
    Lifecycle,
    ObservedRecord,
)
from syncspec.settings import UpstreamSettings
from syncspec.values import digest

__all__ = [
    "RULE_OF",
    "Binding",
    "EntryMark",
    "Ground",
    "Settings",
    "bind",
    "declared_digests",
    "entry_mark",
    "identity_digests",
    "row_digests",
    "settings_now",
    "settings_of",
    "trait_digests",
    "unkeyed_sets",
]

Settings = Mapping[str, Mapping[str, str]]
"""By what they are settings of, such as `set contacts` or `upstream crm`: name to digest."""

RULE_OF = "fields."
"""What the name of a setting begins with that is one field's rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The declared and the locked beside a plan. `attempts` are the open ones by address; `key` keys digests."""

    sets: Mapping[str, DesiredSet]
    entries: Mapping[str, LockEntry]
    attempts: Mapping[str, Sequence[OpenAttempt]]
    upstreams: Mapping[str, UpstreamSettings]
    key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMark:
    """A lock entry: whose record it is, when our last update was written, and a digest of all of it."""

    upstream_id: str
    written_at: str | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What the step of one address rests on.

    `step` are the parts by which it enters the plan's digest, None where apply leaves the address alone.
    `declared`: each declared field's digest, as the lockfile would keep it of what was sent; `traits`: those of all
    else that is declared; None: the address is not declared. `row`: what the matched row showed, by field.
    """

    step: StepParts | None = None
    declared: Mapping[str, str] | None = None
    traits: Mapping[str, str] = field(default_factory=dict)
    entry: EntryMark | None = None
    attempts: str | None = None
    row: Mapping[str, str] | None = None


def bind(change: Change, ground: Ground) -> Binding:
    """What a change rests on; no value is bound where apply leaves its address alone."""
    step = step_parts(change, ground.sets, ground.key)
    if not is_step(change):
        return Binding(step=step)
    record_set, desired = ground.sets.get(change.set_name), change.desired
    attempts = ground.attempts.get(change.address)
    return Binding(
        step=step,
        declared=declared_digests(record_set, desired, ground.key) if record_set and desired else None,
        traits=trait_digests(desired) if desired else {},
        entry=entry_mark(ground.entries.get(change.address)),
        attempts=sha256(b"\n".join(map(pending_line, attempts))).hexdigest()[:16] if attempts else None,
        row=row_digests(change, record_set, ground.key),
    )


def declared_digests(record_set: DesiredSet, record: DesiredRecord, key: bytes | None) -> dict[str, str]:
    """Each declared field's digest; of one that holds another record's ID, that of how it is declared."""
    declared = with_expressions(record, bound_too=True)
    return {name: _value_digest(name, value, record_set.rules, key) for name, value in declared.items()}


def trait_digests(record: DesiredRecord) -> dict[str, str]:
    """The digests of what a record declares besides its data, by name."""
    return {**_lifecycle_digests(record.lifecycle), **identity_digests(record)}


def identity_digests(record: DesiredRecord) -> dict[str, str]:
    """Those of them that say which record it is."""
    return {"upstream_id": digest(record.upstream_id), "marker": digest(record.marker)}


@lru_cache(maxsize=64)
def _lifecycle_digests(lifecycle: Lifecycle) -> Mapping[str, str]:
    values = {each.name: getattr(lifecycle, each.name) for each in fields(lifecycle)}
    return {name: digest([*value] if isinstance(value, tuple) else value) for name, value in values.items()}


def entry_mark(entry: LockEntry | None) -> EntryMark | None:
    """What is kept of a lock entry."""
    if entry is None:
        return None
    whole = sha256(entry_line(entry)).hexdigest()[:16]
    return EntryMark(upstream_id=entry.upstream_id, written_at=entry.written_at, digest=whole)


def row_digests(change: Change, record_set: DesiredSet | None, key: bytes | None) -> dict[str, str] | None:
    """What the matched row shows of the fields that are declared or changed; all of what is deleted, and its time."""
    row: ObservedRecord | None = change.observed
    if row is None:
        return None
    if change.action is Action.DELETE:
        shown = {name: digest(value, key=key) for name, value in sorted(deleted_data(change, key).items())}
        return {**shown, "updated_at": digest(row.updated_at)}
    names = {each.path for each in change.fields} | set(_fields_of(change.desired))
    rules = record_set.rules if record_set is not None else FieldRules()
    return {name: _value_digest(name, row.data[name], rules, key) for name in sorted(names) if name in row.data}


def _fields_of(record: DesiredRecord | None) -> Iterable[str]:
    return () if record is None else (*record.data, *record.deferred)


def unkeyed_sets(plan: Plan, ground: Ground) -> list[str]:
    """The sets whose sensitive values a step rests on while there is no key for their digests, sorted.

    So does a deletion whose row tells no time, where nobody tells which of its values are sensitive.
    """
    if ground.key is not None:
        return []
    return sorted(
        {
            change.set_name
            for change in plan.changes
            if is_step(change) and _rests_on_hidden(change, ground.sets.get(change.set_name))
        }
    )


def _rests_on_hidden(change: Change, record_set: DesiredSet | None) -> bool:
    if change.action is Action.DELETE and change.observed is not None and change.observed.updated_at is None:
        return record_set is None or any(each.sensitive for each in change.fields)
    return record_set is not None and any(record_set.rules.rule(name).sensitive for name in _names(change))


def _names(change: Change) -> set[str]:
    declared = _fields_of(change.desired)
    return {*declared, *(each.path for each in change.fields)}


def settings_of(plan: Plan, ground: Ground) -> Settings:
    """The settings that the plan's steps rest on; of a set's rules those of the fields that they speak of."""
    names: dict[str, set[str]] = {}
    upstreams: set[str] = set()
    for change in plan.changes:
        if is_step(change):
            names.setdefault(change.set_name, set()).update(_names(change))
            upstreams.add(change.target.upstream)
    found = {f"upstream {name}": settings_now(f"upstream {name}", ground.sets, ground.upstreams) for name in upstreams}
    for name, spoken_of in names.items():
        settings = settings_now(f"set {name}", ground.sets, ground.upstreams)
        found[f"set {name}"] = {
            key: value
            for key, value in settings.items()
            if not key.startswith(RULE_OF) or key.removeprefix(RULE_OF) in spoken_of
        }
    return {subject: settings for subject, settings in sorted(found.items()) if settings}


def settings_now(
    subject: str, sets: Mapping[str, DesiredSet], upstreams: Mapping[str, UpstreamSettings]
) -> Mapping[str, str]:
    """The settings of `set contacts` or `upstream crm`; none where there is no such thing."""
    kind, _, name = subject.partition(" ")
    if kind == "set":
        return dict(_of_set(sets[name])) if name in sets else {}
    return dict(_of_upstream(upstreams[name])) if name in upstreams else {}


def _of_set(record_set: DesiredSet) -> Iterator[tuple[str, str]]:
    target = record_set.target
    yield "upstream", digest(target.upstream)
    yield "sync_id", digest(target.sync_id)
    yield "collection_id", digest(target.collection_id)
    yield "match_on", digest([*record_set.match_on])
    yield "marker_field", digest(record_set.marker_field)
    yield "await_consumers", digest(_waits(record_set.await_consumers))
    for name, rule in record_set.rules.fields.items():
        yield f"{RULE_OF}{name}", digest(_rule(rule))


def _of_upstream(settings: UpstreamSettings) -> Iterator[tuple[str, str]]:
    """What decides where requests go, and what an answer or a missing one is worth."""
    yield "base_url", digest(settings.endpoint)
    yield "settle_seconds", digest(settings.settle)
    yield "atomic_batches", digest(settings.atomic_batches)
    yield "unique_upstream", digest(settings.unique)
    yield "assume_complete", digest(settings.assume_complete)


def _waits(waits: AwaitConsumers | None) -> Json:
    return None if waits is None else [[*waits.ids], waits.timeout_ms]


def _rule(rule: FieldRule) -> Json:
    return [rule.type, rule.compare, rule.scale, rule.separator, rule.sensitive]


def _value_digest(name: str, value: Json, rules: FieldRules, key: bytes | None) -> str:
    return digest(value, key=key if rules.rule(name).sensitive else None)
