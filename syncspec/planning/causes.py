"""Why a saved plan's step is not due any more: which declaration, lock entry, attempt or row changed. Names only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncspec.planning.binding import Binding, Ground, bind, declared_digests, identity_digests, trait_digests
from syncspec.planning.fingerprint import declaration_digest
from syncspec.planning.plan import Action, Change
from syncspec.records import Absence
from syncspec.values.structure import structure

__all__ = ["causes_of", "declaration_causes"]


def declaration_causes(step: Change, binding: Binding, now: Change | None, ground: Ground) -> list[str]:
    """What is declared otherwise than it was. How a record lives counts by what it leads to, not by itself."""
    if binding.declared is None:
        return []
    record_set, desired = ground.sets.get(step.set_name), now.desired if now is not None else None
    if desired is None or record_set is None:
        return ["it is not declared any more, or not selected"]
    identity = identity_digests(desired)
    names = [name for name in identity if identity[name] != binding.traits.get(name)]
    approved = binding.step.declaration if binding.step is not None else ""
    if approved != declaration_digest(record_set, desired, ground.key):
        names += _differing(binding.declared, declared_digests(record_set, desired, ground.key))
        return [f"its declaration changed: {', '.join(names)}" if names else "what it refers to has another ID by now"]
    return [f"its declaration changed: {', '.join(names)}"] if names else []


def causes_of(step: Change, binding: Binding, now: Change | None, ground: Ground, *, rebuilt: bool) -> tuple[str, ...]:
    """Everything that changed and may be why; never nothing. `rebuilt`: its collection's list is of another stream."""
    declared = declaration_causes(step, binding, now, ground)
    if declared:
        return tuple(declared)
    found = [*_entry(step, binding, ground), *_lifecycle(binding, now)]
    if rebuilt:
        found.append(f"the list of {step.target.collection_id} was rebuilt")
    if now is not None:
        found += _row(step, binding, now, ground)
    if not found:
        due = now.action.value if now is not None else "nothing"
        found.append(f"{due} is due by now, and not {step.action.value}")
    return tuple(found)


def _entry(step: Change, binding: Binding, ground: Ground) -> Iterator[str]:
    before, entry, now = binding.entry, ground.entries.get(step.address), bind(step, ground)
    if binding.attempts != now.attempts:
        yield "what is open of earlier attempts changed"
    if before == now.entry:
        return
    if entry is None:
        yield "its lock entry is gone"
    elif before is None or before.upstream_id != entry.upstream_id:
        yield f"its lock entry changed: it is {entry.upstream_id}"
    else:
        yield "its lock entry changed"


def _lifecycle(binding: Binding, now: Change | None) -> Iterator[str]:
    if now is not None and now.desired is not None and binding.declared is not None:
        names = _differing(binding.traits, trait_digests(now.desired))
        if names:
            yield f"its declaration changed: {', '.join(names)}"


def _row(step: Change, binding: Binding, now: Change, ground: Ground) -> Iterator[str]:
    """What the upstream shows otherwise, and what a missing record is worth."""
    if step.absence is Absence.PROVED and now.absence is Absence.ASSUMED:
        yield "that it is absent upstream is only assumed by now"
    if step.action is Action.CREATE:
        if now.upstream_id is not None:
            yield f"a row matches it by now: {now.upstream_id}"
    elif step.upstream_id is not None and now.upstream_id is None:
        yield f"its row {step.upstream_id} is not seen any more"
    elif now.upstream_id != step.upstream_id:
        yield f"another row matches it: {now.upstream_id}"
    else:
        row = bind(now, ground).row
        names = _differing(binding.row, row) if binding.row and row else _differing(_sides(step), _sides(now))
        if names:
            yield f"its row changed upstream: {', '.join(names)}"


def _sides(change: Change) -> dict[str, str]:
    return {each.path: structure([each.before, each.after]) for each in change.fields}


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names whose digests differ, or that one side lacks, sorted."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
