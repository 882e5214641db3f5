"""Plan the reverse of one past run: delete what it created, and put back what it overwrote. Pure.

Only what is unchanged since is touched: whoever changed a record after the run, here or upstream, has the last word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncspec.keys import match_key
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry, Origin
from syncspec.planning.claims import Claims, claims_of
from syncspec.planning.deletion_order import in_order
from syncspec.planning.destruction import as_declared, still_declared
from syncspec.planning.fields import field_changes
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.notes import listed
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.referring import refers_once_written
from syncspec.planning.removal import Removal
from syncspec.planning.rules import Rule
from syncspec.planning.state import PlanningState
from syncspec.planning.whole import plan_of
from syncspec.planning.wording import attempt_reason
from syncspec.records import Data, Declared, DesiredRecord, DesiredSet, Lifecycle, ObservedRecord, Target
from syncspec.upstream.protocol import MutationKind
from syncspec.values import digest, short_id

__all__ = ["PastStep", "plan_undo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStep:
    """What a run did with one record. `kind` None: it locked a record that it had not made.

    Without an `upstream_id` it is not known yet what became of the step.
    `sent` are the digests of what it sent, `before` the values that an update overwrote, but for sensitive ones.
    """

    address: str
    kind: MutationKind | None
    target: Target
    upstream_id: str | None
    sent: Mapping[str, FieldDigests] = field(default_factory=dict)
    before: Data = field(default_factory=dict)


def plan_undo(inputs: PlanningInput, steps: Sequence[PastStep]) -> Plan:
    """The plan that takes these steps back; what cannot be taken back is in it, too, and why."""
    state = PlanningState(inputs)
    declared = {record.address: (each, record) for each in inputs.sets for record in each.records}
    claims = claims_of(state)
    by_id: dict[str, list[str]] = defaultdict(list)
    for entry in inputs.lockfile.entries.values():
        by_id[short_id(entry.upstream_id)].append(entry.address)
    changes: dict[str, Change] = {}
    for step in steps:
        change = _Undo(state, declared, claims, by_id, step).decide()
        found = declared.get(change.address)
        if inputs.selects(found[0] if found else None, change.address):
            changes.setdefault(change.address, change)
    ordered = in_order(changes, inputs.lockfile.entries, declared={}, selected=())
    return plan_of(state, ordered.values(), still_declared(ordered.values(), declared))


@dataclass(frozen=True, slots=True)
class _Undo:
    state: PlanningState
    declared: Mapping[str, Declared]
    claims: Claims
    by_id: Mapping[str, Sequence[str]]
    step: PastStep

    def decide(self) -> Change:
        step = self.step
        attempts = self.state.attempts.get(step.address)
        if attempts:
            return self._plain(Action.UNKNOWN, Rule.OPEN_ATTEMPT, attempt_reason(attempts, self.state.inputs.doubts))
        holders = self.state.holders_of(step.target.place, step.upstream_id) if step.upstream_id else ()
        if step.kind is MutationKind.DELETE:
            return self._plain(Action.BLOCKED, Rule.NOT_UNDOABLE, "it was deleted, which cannot be undone")
        if not holders:
            reason = f"{step.upstream_id or 'what it sent'} is not locked any more, so that nothing is left to undo"
            return self._plain(Action.UNCHANGED, Rule.UNDONE, reason)
        entry = as_declared(holders[0], self.declared, self.claims)
        found = self.declared.get(entry.address)
        removal = Removal(self.state, entry, found[0] if found else self._set_of(entry), self._why(entry))
        waiting = removal.waiting()
        if waiting is not None:
            return waiting
        if step.kind is None:
            reason = "the run only locked it; syncspec lock forget drops it from the lockfile and leaves it upstream"
            return removal.change(Action.UNCHANGED, Rule.RELEASED, reason)
        return self._created(removal) if step.kind is MutationKind.CREATE else self._updated(removal)

    def _set_of(self, entry: LockEntry) -> DesiredSet | None:
        name = entry.address.partition(".")[0]
        return next((each for each in self.state.inputs.sets if each.name == name), None)

    def _why(self, entry: LockEntry) -> str:
        again = "; it is still declared, so that the next apply creates it again"
        return f"the run created it{again if entry.address in self.declared else ''}"

    def _plain(self, action: Action, rule: Rule, reason: str) -> Change:
        step = self.step
        return Change(
            address=step.address,
            action=action,
            code=rule.value,
            reason=reason,
            target=step.target,
            upstream_id=step.upstream_id,
        )

    def _created(self, removal: Removal) -> Change:
        if removal.entry.origin is not Origin.CREATED:
            reason = "it was found upstream and not proved to be the run's own, so that it stays"
            return removal.change(Action.BLOCKED, Rule.NOT_UNDOABLE, reason)
        change = removal.decide()
        if change.action is not Action.DELETE or change.observed is None:
            return change
        row, sent = change.observed, self.step.sent
        return self._if_unchanged(removal, row, sent, others=_added(removal.entry, row, sent)) or change

    def _updated(self, removal: Removal) -> Change:
        """Put back what an update overwrote."""
        entry, record_set = removal.entry, removal.record_set
        change = removal.decide()
        if change.action is Action.BLOCKED:
            return change
        if change.observed is None:
            reason = f"{entry.upstream_id} is deleted upstream, so that nothing is left to restore"
            return removal.change(Action.UNCHANGED, Rule.UNDONE, reason)
        row, before = change.observed, self.step.before
        hidden = sorted(set(self.step.sent) - before.keys())
        if record_set is None:
            reason = "its set is not declared any more, which told how values are written; declare the set first"
            return removal.change(Action.BLOCKED, Rule.NOT_UNDOABLE, reason)
        if before and all(row.data.get(name) == value for name, value in before.items()):
            reason = "it shows the values from before the run" + _hidden(hidden)
            return removal.change(Action.UNCHANGED, Rule.UNDONE, reason)
        if not before:
            reason = f"what {listed(self.step.sent)} held before is not kept, since it is sensitive"
            return removal.change(Action.BLOCKED, Rule.NOT_UNDOABLE, reason)
        names = {name: known for name, known in self.step.sent.items() if name in before}
        return self._if_unchanged(removal, row, names) or self._restore(removal, record_set, row, hidden)

    def _if_unchanged(
        self, removal: Removal, row: ObservedRecord, sent: Mapping[str, FieldDigests], *, others: Sequence[str] = ()
    ) -> Change | None:
        """What blocks it where the record is not as the run left it; `others`: what changed besides what it sent."""
        keys = self.state.inputs.digest_keys
        changed = [name for name, known in sent.items() if not _is_as_sent(name, known, removal.entry, row, keys)]
        if not changed and not others:
            return None
        reason = f"{listed([*changed, *others])} changed since the run, so that it stays as it is; change it by hand"
        return removal.change(Action.BLOCKED, Rule.CHANGED_SINCE, reason)

    def _restore(self, removal: Removal, record_set: DesiredSet, row: ObservedRecord, hidden: Sequence[str]) -> Change:
        entry, before = removal.entry, self.step.before
        names = [name for name, value in before.items() if row.data.get(name) != value]
        found = self.declared.get(entry.address)
        record = _as_before(entry, found[1] if found else None, record_set, before, row)
        again = "; the manifest still says otherwise, so that the next apply writes it again" if found else ""
        taken = _others_with_key(self.state, record_set, record, entry) if set(names) & set(record_set.match_on) else []
        if taken:
            reason = f"with its former key it would be the same record as {listed(taken)}"
            return removal.change(Action.BLOCKED, Rule.KEY_TAKEN, reason)
        change = removal.change(
            Action.UPDATE, Rule.RESTORED_BEFORE, f"the run overwrote {listed(names)}{_hidden(hidden)}{again}"
        )
        return replace(
            change,
            fields=field_changes(record_set, record, row, names),
            source=record.source if found else None,
            desired=record,
            observed=row,
            refers_to=refers_once_written(self.state, row, before, self._may_refer_to(entry)),
        )

    def _may_refer_to(self, entry: LockEntry) -> set[str]:
        """What its values referred to after the run, and the locked records that the former ones name."""
        former = {short_id(value) for value in self.step.before.values() if isinstance(value, str)}
        named = {each for upstream_id in former for each in self.by_id.get(upstream_id, ())}
        return {*entry.depends_on, *named} - {entry.address}


def _others_with_key(
    state: PlanningState, record_set: DesiredSet, record: DesiredRecord, entry: LockEntry
) -> list[str]:
    rows = state.rows_of(record_set)
    found = rows.by_key(record_set, record.key.strict) if rows is not None and record.key is not None else ()
    return [row.upstream_id for row in found if short_id(row.upstream_id) != short_id(entry.upstream_id)]


def _hidden(names: Sequence[str]) -> str:
    return f"; what {listed(names)} held is not kept, since it is sensitive" if names else ""


def _added(entry: LockEntry, row: ObservedRecord, sent: Mapping[str, FieldDigests]) -> list[str]:
    """The fields that are declared since the run and hold something: whoever filled them counts on the record."""
    return [name for name in entry.fields if name not in sent and row.data.get(name) not in (None, "")]


def _is_as_sent(name: str, known: FieldDigests, entry: LockEntry, row: ObservedRecord, keys: DigestKeys) -> bool:
    """Whether a field still shows what was sent, or what the upstream first made of that."""
    locked = entry.fields.get(name)
    if known.sent is None or (locked is not None and locked.sent is not None and locked.sent != known.sent):
        return False
    shown = _digests(row.data.get(name), known, keys)
    return bool(shown & {known.sent, locked.seen if locked is not None else known.sent})


def _digests(value: object, known: FieldDigests, keys: DigestKeys) -> set[str | None]:
    """The digests that a value may have: whether the field was sensitive is known of private ones only."""
    at_hand = [keys.private] if known.private else [None, keys.shared]
    return {digest(value, key=key) for key in at_hand if key is not None or not known.private}  # type: ignore[arg-type]


def _as_before(
    entry: LockEntry, declared: DesiredRecord | None, record_set: DesiredSet, before: Data, row: ObservedRecord
) -> DesiredRecord:
    """The record as it is to be declared for this one update: what the manifest says of its life still holds."""
    key = match_key({**row.data, **before}, record_set.match_on, record_set.rules) if record_set.match_on else None
    if declared is not None:
        touches_key = set(record_set.match_on) & before.keys()
        known = declared.key if declared.key is not None and not touches_key else key
        # Nothing waits for IDs here: the values are those from before the run, and other fields are not sent.
        return replace(declared, data={**declared.data, **before}, key=known, deferred={})
    lifecycle = Lifecycle(protect=entry.protect, on_remove=entry.on_remove, delete_adopted=entry.delete_adopted)
    return DesiredRecord(address=entry.address, data=before, source=record_set.source, key=key, lifecycle=lifecycle)
