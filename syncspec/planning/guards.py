"""Guards: limits on what one plan may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from syncspec.diagnostics import Diagnostic, Severity, did_you_mean
from syncspec.errors import GuardError, UsageError
from syncspec.planning.plan import Action, Plan
from syncspec.records import DesiredSet
from syncspec.settings import Guards

__all__ = ["allow", "check_guards", "guard_warnings"]

PERCENT_FLOOR = 10
"""Up to this many locked records a percentage says nothing: one of three is a third."""


def check_guards(plan: Plan, guards: Guards, *, locked_count: int, sets: Iterable[DesiredSet] | None = None) -> None:
    """Raise GuardError with one diagnostic per exceeded guard; return only where none is.

    `locked_count` is the number of lock entries, of which `max_deletes_percent` is taken. `sets` are all that is
    declared: a collection in which that is nothing is not emptied; None: emptying collections is what was asked for.
    """
    found = [
        Diagnostic(
            severity=Severity.ERROR,
            code=GuardError.code,
            summary="A guard refused the plan",
            detail=f"{detail} Nothing was sent.",
            hint=f"if that is meant, allow it once with --allow {allowed}",
        )
        for detail, allowed in _findings(plan, guards, locked_count, sets)
    ]
    if found:
        raise GuardError("A guard refused the plan", diagnostics=found)


def guard_warnings(
    plan: Plan, guards: Guards, *, locked_count: int, sets: Iterable[DesiredSet] | None = None
) -> list[Diagnostic]:
    """What `check_guards` would refuse, for whoever reviews the plan."""
    return [
        Diagnostic(
            severity=Severity.WARNING,
            code=GuardError.code,
            summary="A guard refuses to apply this plan",
            detail=detail,
            hint=f"if that is meant, allow it once with apply --allow {allowed}",
        )
        for detail, allowed in _findings(plan, guards, locked_count, sets)
    ]


def _findings(
    plan: Plan, guards: Guards, locked_count: int, sets: Iterable[DesiredSet] | None
) -> Iterator[tuple[str, str]]:
    """What is exceeded, as a sentence, and what would allow it."""
    for name, verb, number, limit, needed in _exceeded(plan, guards, locked_count):
        yield f"The plan would {verb} {number:,} {_records(number)}; {name} allows {limit:g}.", f"{name}={needed:g}"
    if sets is not None:
        yield from _emptied(plan, guards, sets)


def allow(guards: Guards, text: str) -> Guards:
    """The guards with one limit replaced for this run, from text such as `max_creates=6000`.

    Raises UsageError where the text names no guard or no number.
    """
    names = [guard.name for guard in fields(Guards)]
    name, _, number = text.partition("=")
    if name not in names:
        raise UsageError(
            "Unknown guard",
            detail=f'"{name}" is not a guard; the guards are {", ".join(names)}.',
            hint=did_you_mean(name, names),
        )
    whole = number.isascii() and number.isdigit() and len(number) <= 12
    if not whole:
        raise UsageError(
            "The limit of a guard is not a whole number",
            detail=f'--allow {name} is followed by "{number}".',
            hint=f"write it as --allow {name}=100",
        )
    match name:
        case "max_deletes_percent":
            return replace(guards, max_deletes_percent=float(number))
        case "max_deletes":
            return replace(guards, max_deletes=int(number))
        case "max_emptied_collections":
            return replace(guards, max_emptied_collections=int(number))
        case "max_updates":
            return replace(guards, max_updates=int(number))
        case "max_adopts":
            return replace(guards, max_adopts=int(number))
        case _:
            return replace(guards, max_creates=int(number))


def _exceeded(plan: Plan, guards: Guards, locked_count: int) -> Iterator[tuple[str, str, int, float, float]]:
    """Name, verb, number, limit, and the limit that would let the plan pass."""
    counted = plan.summary
    updates = counted[Action.UPDATE] + sum(change.rewrites for change in plan.changes)
    limits = (
        ("max_creates", Action.CREATE, counted[Action.CREATE], guards.max_creates),
        ("max_adopts", Action.ADOPT, counted[Action.ADOPT], guards.max_adopts),
        ("max_updates", Action.UPDATE, updates, guards.max_updates),
        ("max_deletes", Action.DELETE, counted[Action.DELETE], guards.max_deletes),
    )
    for name, action, number, limit in limits:
        if limit is not None and number > limit:
            yield name, action.value, number, limit, number
    deletes, percent = counted[Action.DELETE], guards.max_deletes_percent
    if percent is not None and locked_count > PERCENT_FLOOR and deletes * 100 > percent * locked_count:
        yield "max_deletes_percent", "delete", deletes, percent, -(-deletes * 100 // locked_count)


def _emptied(plan: Plan, guards: Guards, sets: Iterable[DesiredSet]) -> Iterator[tuple[str, str]]:
    """What is wrong where records are deleted from collections or sets of which no manifest speaks any more."""
    sets = tuple(sets)
    spoken_of = {each.target.place for each in sets if each.records}
    doomed = [change for change in plan.changes if change.action is Action.DELETE]
    emptied = {change.target.place: change.target for change in doomed if change.target.place not in spoken_of}
    others = [change for change in doomed if change.target.place not in emptied]
    gone = {change.set_name for change in others} - _kept_sets(plan, sets)
    if len(emptied) + len(gone) <= guards.max_emptied_collections:
        return
    number = sum(change.target.place in emptied or change.set_name in gone for change in doomed)
    names = sorted(f"{target.collection_id} of {target.upstream}" for target in emptied.values())
    names += [f"set {name}" for name in sorted(gone)]
    yield (
        f"The plan would delete {number:,} {_records(number)} of {', '.join(names)}, where nothing is declared any "
        "more: manifests or their rows may be missing.",
        f"max_emptied_collections={len(emptied) + len(gone)}",
    )


def _kept_sets(plan: Plan, sets: Iterable[DesiredSet]) -> set[str]:
    """The sets of which something is declared, and those of which something locked is not deleted."""
    kept = {each.name for each in sets if each.records}
    for change in plan.changes:
        if change.action is not Action.DELETE and not change.drops:
            kept.add(change.set_name)
        if change.moved_from is not None:
            kept.add(change.moved_from.partition(".")[0])
    return kept


def _records(number: int) -> str:
    return "record" if number == 1 else "records"
