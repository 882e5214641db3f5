"""Decide what becomes of locked records that are no longer declared: kept, deleted, or let go of.

A record is deleted only where its lock entry says so, we created it, the upstream shows it, and no declared record may
be it. Whatever is not known keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from syncspec.lockfile import LockEntry, Origin
from syncspec.planning.claims import Claims, claims_of
from syncspec.planning.deletion_order import in_order
from syncspec.planning.looked_up import LookedUp
from syncspec.planning.plan import Action, Change, FieldChange
from syncspec.planning.rules import Rule
from syncspec.planning.state import PlanningState
from syncspec.planning.wording import attempt_reason
from syncspec.records import DesiredSet, ObservedRecord, OnRemove, Target
from syncspec.values import short_id

__all__ = ["Removal", "decide_removals", "is_ours", "removable"]


def is_ours(entry: LockEntry) -> bool:
    """Whether deleting a record is ours to do: we created it, or whoever declared it said that it does not matter."""
    return entry.origin is Origin.CREATED or entry.delete_adopted


def removable(entries: Iterable[LockEntry], sets: Iterable[DesiredSet]) -> list[LockEntry]:
    """Entries that may lead to a deletion, so that their collections are to be read."""
    found = [entry for entry in entries if entry.on_remove is OnRemove.DELETE and is_ours(entry)]
    declared = {record.address for each in sets for record in each.records} if found else ()
    return [entry for entry in found if entry.address not in declared]


@dataclass(frozen=True, slots=True)
class Removal:
    """One lock entry whose record is to be deleted, if that may be, and `why`, where not for want of a declaration.

    `record_set` is that of its address.
    """

    state: PlanningState
    entry: LockEntry
    record_set: DesiredSet | None
    why: str | None = None

    def decide(self) -> Change:
        """Delete it, drop its entry where it is deleted already, or say what blocks that."""
        entry = self.entry
        if entry.protect:
            return self.blocked(
                Rule.PROTECTED,
                "it is protected; declare it with protect: false and apply that first, or drop it from the lockfile "
                f"and keep it upstream with: syncspec lock forget --force {entry.address}",
            )
        return self._elsewhere() or self._by_row()

    @property
    def undeclared(self) -> str:
        """That nothing declares the record here, and why where its set is for other environments only."""
        name, inputs = self.entry.address.partition(".")[0], self.state.inputs
        if not inputs.is_elsewhere(name):
            return "no longer declared"
        return f"no longer declared: the set {name} is not in environment {inputs.environment} any more"

    def waiting(self) -> Change | None:
        """What an open attempt of the address leads to; None where there is none."""
        attempts = self.state.attempts.get(self.entry.address)
        if not attempts:
            return None
        reason = attempt_reason(attempts, self.state.inputs.doubts)
        ids = sorted({upstream_id for each in attempts for upstream_id in each.candidates})
        return replace(self.change(Action.UNKNOWN, Rule.OPEN_ATTEMPT, reason), upstream_ids=tuple(ids))

    def _elsewhere(self) -> Change | None:
        """What blocks it before any row is looked at."""
        entry = self.entry
        holders = self.state.holders_of(entry.target.place, entry.upstream_id)
        if len(holders) > 1:
            names = " and ".join(sorted(holder.address for holder in holders))
            return self.blocked(
                Rule.LOCKED_TWICE, f"{entry.upstream_id} is locked by {names}; take the wrong line out of the lockfile"
            )
        if (entry.target.place, short_id(entry.upstream_id)) in self.state.held_elsewhere:
            return self.blocked(
                Rule.HELD,
                f"another environment or project holds {entry.upstream_id}, too; drop it in one of the two with: "
                f"syncspec lock forget {entry.address}",
            )
        if self.target is None:
            return self.blocked(
                Rule.TARGET_CHANGED,
                f"no upstream of the project has the endpoint that {entry.target.upstream} had when it was locked; "
                "restore that, or drop it from the lockfile and keep it upstream with: syncspec lock forget "
                f"{entry.address}",
            )
        if self.record_set is not None and self.record_set.target.place != entry.target.place:
            return self.blocked(
                Rule.TARGET_CHANGED,
                f"it is locked in {entry.target.collection_id} of sync {entry.target.sync_id}, and the set lives "
                "elsewhere by now; restore the former target to have it deleted, or drop it from the lockfile with: "
                f"syncspec lock forget {entry.address}",
            )
        return None

    def _by_row(self) -> Change:
        entry, rows = self.entry, self.state.places.get(self.entry.target.place)
        if rows is None or not rows.observation.readable:
            why = rows.observation.reason if rows is not None else "it was not read"
            return self.blocked(
                Rule.NOT_READABLE, f"its collection could not be read: {why}; plan again when it can be read"
            )
        row = rows.by_id(entry.upstream_id)
        if row is None:
            return self.blocked(
                Rule.NOT_VISIBLE,
                f"{entry.upstream_id} is not in the upstream's list, which does not prove that it is gone; plan again "
                f"when it is, or, where it is gone, syncspec lock forget {entry.address}",
            )
        if row.deleted:
            return replace(
                self.change(
                    Action.UNCHANGED, Rule.GONE, f"{entry.upstream_id} is deleted upstream; its entry is dropped"
                ),
                drops=True,
            )
        resend = self.state.repeat_of_deletion(entry)
        reason = self.why or f"{self.undeclared}, and on_remove is delete"
        if resend is not None:
            reason = f"it was sent before and the record is still there; it is sent once more: {reason}"
        change = self.change(Action.DELETE, Rule.REMOVED, reason)
        return replace(change, fields=self._shown(row), observed=row, resend=resend)

    def _shown(self, row: ObservedRecord) -> tuple[FieldChange, ...]:
        """What is deleted: the fields that we sent; none where its set is gone. Where in doubt, their names only."""
        record_set = self.record_set
        if record_set is None:
            return ()
        rules = self.state.secrecy.rules(record_set, self.entry, row)
        names = sorted(name for name in {*self.entry.fields, *record_set.match_on} if name in row.data)
        return tuple(
            FieldChange(path=name, sensitive=True)
            if rules.rule(name).sensitive
            else FieldChange(path=name, before=row.data[name])
            for name in names
        )

    @property
    def target(self) -> Target | None:
        """The entry's target, under the name that the project gives its upstream now; None where it has none."""
        target, upstreams = self.entry.target, self.state.inputs.upstreams
        named = upstreams.get(target.upstream)
        if named is not None and named.endpoint == target.endpoint:
            return target
        names = sorted(name for name, each in upstreams.items() if each.endpoint == target.endpoint)
        return replace(target, upstream=names[0]) if names else None

    def blocked(self, rule: Rule, reason: str) -> Change:
        return self.change(Action.BLOCKED, rule, reason)

    def change(self, action: Action, rule: Rule, reason: str) -> Change:
        return Change(
            address=self.entry.address,
            action=action,
            code=rule.value,
            reason=reason,
            target=self.target or self.entry.target,
            upstream_id=self.entry.upstream_id,
        )


def decide_removals(state: PlanningState, decided: Mapping[str, Change], looked_up: LookedUp) -> list[Change]:
    """The changes of all selected addresses that are locked and not declared; `decided` are those of all declared ones.

    An entry that a declared record takes over by a move has none.
    """
    inputs = state.inputs
    sets = {record_set.name: record_set for record_set in inputs.sets}
    moved = {change.moved_from for change in decided.values()}
    chosen = {address for address in decided if inputs.selects(sets.get(address.partition(".")[0]), address)}
    claims = Claims()
    if removable(inputs.lockfile.entries.values(), inputs.sets):
        claims = claims_of(state, decided, selected=chosen, looked_up=looked_up)
    changes: dict[str, Change] = {}
    for address, entry in inputs.lockfile.entries.items():
        if address in state.declared or address in moved or not inputs.selects(None, address):
            continue
        changes[address] = _decide(Removal(state, entry, sets.get(address.partition(".")[0])), claims)
    return list(in_order(changes, inputs.lockfile.entries, declared=decided, selected=chosen).values())


def _decide(removal: Removal, claims: Claims) -> Change:
    entry, claimed_by = removal.entry, claims.on(removal.entry)
    waiting = removal.waiting()
    if waiting is not None:
        return replace(waiting, reason=f"{removal.undeclared}; {waiting.reason}")
    if entry.on_remove is OnRemove.KEEP:
        reason = f"{removal.undeclared}; it stays upstream, and its ID stays locked"
        return removal.change(Action.UNCHANGED, Rule.RETAINED, reason)
    if not is_ours(entry):
        reason = (
            f"{removal.undeclared}; it was {entry.origin}, not created, so that on_remove: delete leaves it upstream"
        )
        return removal.change(Action.UNCHANGED, Rule.RELEASED, reason)
    if claimed_by:
        names = " and ".join(claimed_by)
        return removal.blocked(
            Rule.HELD, f"{entry.upstream_id} may be {names}, which is declared; it is not deleted until that is settled"
        )
    change, unsure = removal.decide(), claims.why_unsure(entry)
    if change.action is Action.DELETE and unsure is not None:
        return removal.blocked(
            Rule.HELD, f"it cannot be told whether it is declared under another name, for {unsure}; settle that first"
        )
    return change
