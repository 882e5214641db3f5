"""Whether a saved plan still holds: each of its steps against what is planned now.

A step holds where the same one is due, where the lock shows it as done, and where less is done than was approved: a
creation that turns out to exist is adopted, and what is blocked or not settled is left alone. Nothing else is: what is
due now and was not in the saved plan is left out, and a step that is due no more, or otherwise, makes the plan stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from syncspec.planning.batches import make_batches
from syncspec.planning.binding import RULE_OF, Binding, Ground, Settings, entry_mark, settings_now
from syncspec.planning.causes import causes_of, declaration_causes
from syncspec.planning.fingerprint import is_step, step_parts
from syncspec.planning.known_ids import without
from syncspec.planning.narrowing import is_the_same_update
from syncspec.planning.plan import Action, Change, Plan
from syncspec.records import Absence, DesiredRecord, DesiredSet
from syncspec.settings import UpstreamSettings
from syncspec.values.structure import structure

__all__ = ["Approved", "Held", "Stale", "changed_settings", "hold", "limited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A plan that was saved, with what each address's step rests on and the settings that all rest on."""

    plan: Plan
    bindings: Mapping[str, Binding]
    settings: Settings

    def steps(self) -> dict[str, Change]:
        """The changes that apply would do something with, by address."""
        return {change.address: change for change in self.plan.changes if is_step(change)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Why the step of one address is not due any more as it was approved."""

    change: Change
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What may be done now. `plan` holds nothing that the saved one does not cover.

    `done` are the addresses whose step was carried out before, `left_out` those with a step that was not approved.
    """

    plan: Plan
    stale: tuple[Stale, ...] = ()
    done: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class _Verdict(Enum):
    """DUE: to be done; DONE: done before; BACK: nothing is done for now; STALE: not as it was approved."""

    DUE = auto()
    DONE = auto()
    BACK = auto()
    STALE = auto()


def changed_settings(
    approved: Approved, sets: Sequence[DesiredSet], upstreams: Mapping[str, UpstreamSettings]
) -> list[tuple[str, str]]:
    """What the steps rest on and is set otherwise now: subject and setting; a field's rule counts for its field.

    Of a subject that is not there any more there is no setting to name.
    """
    fields, by_name = _fields_by_set(approved), {each.name: each for each in sets}
    found = []
    for subject, before in approved.settings.items():
        now = settings_now(subject, by_name, upstreams)
        if not now:
            found.append((subject, ""))
        for name in sorted({*before, *now}) if now else ():
            if name.startswith(RULE_OF) and name.removeprefix(RULE_OF) not in fields.get(subject, ()):
                continue
            if before.get(name) != now.get(name):
                found.append((subject, name))
    return found


def _fields_by_set(approved: Approved) -> dict[str, set[str]]:
    fields: dict[str, set[str]] = {}
    for address, change in approved.steps().items():
        declared = approved.bindings[address].declared or ()
        fields.setdefault(f"set {change.set_name}", set()).update(declared, (each.path for each in change.fields))
    return fields


def hold(approved: Approved, now: Plan, ground: Ground) -> Held:
    """Narrow what is planned now, by the same selection, to what was approved; `stale` says where that is refused."""
    due = {change.address: change for change in now.changes}
    rebuilt = _rebuilt(approved.plan, now)
    verdicts: dict[str, _Verdict] = {}
    stale = []
    for address, change in approved.steps().items():
        binding = approved.bindings[address]
        verdicts[address] = _verdict(change, binding, due.get(address), ground, rebuilt)
        if verdicts[address] is _Verdict.STALE:
            now_due = _as_it_was(change, due[address]) if address in due else None
            causes = causes_of(change, binding, now_due, ground, rebuilt=change.target.place in rebuilt)
            stale.append(Stale(change=change, causes=causes))
    left_out = tuple(
        change.address
        for change in now.changes
        if is_step(change) and verdicts.get(change.address) not in (_Verdict.DUE, _Verdict.BACK)
    )
    kept = [change for change in now.changes if change.address not in frozenset(left_out)] if left_out else now.changes
    return Held(
        plan=_narrowed(now, kept, ground, approved.plan.digest),
        stale=tuple(stale),
        done=tuple(address for address, verdict in verdicts.items() if verdict is _Verdict.DONE),
        left_out=left_out,
    )


def limited(approved: Approved, now: Plan, ground: Ground) -> Plan:
    """What is planned in the course of a run, with everything blocked that was not approved."""
    before = approved.steps()
    changes = []
    for change in now.changes:
        step = before.get(change.address)
        verdict = _verdict(step, approved.bindings[step.address], change, ground, ()) if step is not None else None
        if is_step(change) and verdict not in (_Verdict.DUE, _Verdict.BACK):
            reason = f"what is due by now ({change.action.value}) is not in the saved plan; plan again"
            change = replace(
                change,
                action=Action.BLOCKED,
                code="not-in-saved-plan",
                reason=reason,
                rewrites=False,
                relocks=False,
                drops=False,
            )
        changes.append(change)
    return _narrowed(now, changes, ground, approved.plan.digest)


def _narrowed(now: Plan, changes: Sequence[Change], ground: Ground, digest: str) -> Plan:
    same = len(changes) == len(now.changes) and all(a is b for a, b in zip(changes, now.changes, strict=True))
    batches = now.batches if same else make_batches(changes, ground.sets, ground.upstreams)
    return replace(now, changes=tuple(changes), batches=batches, digest=digest)


def _rebuilt(one: Plan, other: Plan) -> frozenset[tuple[str, str, str]]:
    """The collections whose list is of another stream now, where both are told."""
    before = {seen.target.place: seen.stream for seen in one.observations}
    return frozenset(
        seen.target.place
        for seen in other.observations
        if seen.stream is not None and before.get(seen.target.place) not in (None, seen.stream)
    )


def _verdict(
    step: Change, binding: Binding, now: Change | None, ground: Ground, rebuilt: Sequence[object] | frozenset[object]
) -> _Verdict:
    """One approved step against what is planned for its address now.

    An ID that was to be known after apply may be known by now.
    """
    desired = now.desired if now is not None else None
    now = _as_it_was(step, now) if now is not None else None
    if declaration_causes(step, binding, now, ground):
        return _Verdict.STALE
    if _is_done(step, binding, desired, ground) or _is_relocked(step, now):
        return _Verdict.DONE
    if now is None:
        return _Verdict.STALE
    if now.action in (Action.BLOCKED, Action.UNKNOWN):
        return _Verdict.BACK
    if step.action is Action.UNKNOWN:
        other = now.action is Action.UPDATE and not is_the_same_update(now)
        is_stale = other or now.rewrites or now.action in (Action.DELETE, Action.MOVE)
        return _Verdict.STALE if is_stale else _Verdict.DUE
    if step.action is Action.CREATE and step.target.place in rebuilt:
        return _Verdict.STALE
    return _Verdict.DUE if _is_same(step, binding, now, ground) or _is_less(step, now) else _Verdict.STALE


def _is_relocked(step: Change, now: Change | None) -> bool:
    """Whether the lock shows what a step without a request was to write into it."""
    only_locks = step.relocks and not step.is_sent and now is not None
    return only_locks and now is not None and now.action is step.action and not now.relocks


def _is_done(step: Change, binding: Binding, desired: DesiredRecord | None, ground: Ground) -> bool:
    """Whether the lock shows the step: an entry that was not there, with what the step was to write."""
    entry, before = ground.entries.get(step.address), binding.entry
    if step.action is Action.UNKNOWN:
        return False
    if step.action is Action.DELETE or step.drops:
        return entry is None and before is not None
    mark = entry_mark(entry)
    if entry is None or mark is None or entry.target.place != step.target.place:
        return False
    if before is not None and (before.upstream_id, before.written_at) == (mark.upstream_id, mark.written_at):
        return False
    if step.upstream_id is not None and step.upstream_id != entry.upstream_id:
        return False
    if step.action is Action.MOVE:
        return step.moved_from not in ground.entries
    declared = binding.declared or {}
    fields = [each.path for each in step.fields] if step.action is Action.UPDATE else declared
    # Which ID was sent is not kept with the plan.
    referring = desired.deferred if desired is not None else {}
    names = [name for name in fields if name not in referring]
    return all(name in entry.fields and entry.fields[name].sent == declared.get(name) for name in names)


def _is_same(step: Change, binding: Binding, now: Change, ground: Ground) -> bool:
    """Whether the very step is due, shown as it was; that absence is proved by now where it was assumed is as good."""
    if step.absence is Absence.ASSUMED and now.absence is Absence.PROVED:
        now = replace(now, absence=Absence.ASSUMED)
    return step_parts(now, ground.sets, ground.key) == binding.step and _show_the_same(step, now)


def _as_it_was(step: Change, now: Change) -> Change:
    """The change as it is shown where what was to be known only after apply is not known."""
    later = {each.path for each in step.fields if each.known_after_apply}
    if not later or now.desired is None:
        return now
    shown = (replace(each, after=None, known_after_apply=True) if each.path in later else each for each in now.fields)
    return replace(now, desired=without(now.desired, later), fields=tuple(shown))


def _is_less(step: Change, now: Change) -> bool:
    """Whether a creation turned out to exist, or an adoption is locked and only its update is left."""
    if step.target.place != now.target.place:
        return False
    if step.action is Action.CREATE:
        return now.action is Action.ADOPT and not now.rewrites
    left = step.action is Action.ADOPT and step.rewrites and now.action is Action.UPDATE
    return left and step.upstream_id == now.upstream_id and _show_the_same(step, now)


def _show_the_same(one: Change, other: Change) -> bool:
    """Whether a reviewer saw the same fields with the same values."""
    # What is written alike is the same, and nearly always that is so.
    return repr(one.fields) == repr(other.fields) or _shown(one) == _shown(other)


def _shown(change: Change) -> str:
    return structure(
        [[each.path, each.before, each.after, each.sensitive, each.known_after_apply] for each in change.fields]
    )
