"""A plan as a reviewer reads it: per set what is done with each record, then what it rests on and what is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import assert_never

from syncspec.planning.plan import Action, Change, FieldChange, ObservationSummary, Plan
from syncspec.records import Absence
from syncspec.render.terminal import Painter, Style, visible
from syncspec.render.values import counted, size_text, value_text

__all__ = ["MANY_CREATES", "plan_text", "summary_line"]

MANY_CREATES = 20
"""Up to this many creates of a set are all shown; of more only the first few."""

_FIRST_CREATES = 5

_SYMBOLS = {
    Action.CREATE: ("+", Style.ADDED),
    Action.ADOPT: ("=", Style.LOCKED),
    Action.UPDATE: ("~", Style.CHANGED),
    Action.DELETE: ("-", Style.STOPPED),
    Action.MOVE: (">", Style.LOCKED),
    Action.UNCHANGED: (" ", Style.FAINT),
    Action.DRIFT: ("*", Style.CHANGED),
    Action.BLOCKED: ("!", Style.STOPPED),
    Action.UNKNOWN: ("?", Style.WARNING),
}

_WORDS = {
    Action.CREATE: "to create",
    Action.ADOPT: "to adopt",
    Action.UPDATE: "to update",
    Action.DELETE: "to delete",
    Action.MOVE: "to move",
    Action.DRIFT: "drifted",
    Action.BLOCKED: "blocked",
    Action.UNKNOWN: "unknown",
    Action.UNCHANGED: "unchanged",
}


def plan_text(plan: Plan, *, color: bool = False, full: bool = False) -> str:
    """The plan without its diagnostics. `full` shows every create; what needs an eye is always shown whole."""
    paint = Painter(color=color)
    shown = (change for change in plan.changes if change.action is not Action.UNCHANGED)
    parts: list[str] = []
    for name, changes in groupby(shown, key=lambda change: change.address.partition(".")[0]):
        parts += _set_lines(name, list(changes), paint, full=full)
        parts.append("")
    parts += _observation_lines(plan)
    parts += _request_lines(plan)
    parts.append(paint(summary_line(plan), Style.STRONG))
    return "\n".join(parts) + "\n"


def summary_line(plan: Plan) -> str:
    """`Plan: 3 to create, 2 unchanged.`, or that there is nothing to do."""
    summary = plan.summary
    told = ", ".join(f"{summary[action]:,} {words}" for action, words in _WORDS.items() if summary[action])
    if not plan.is_empty:
        return f"Plan: {told}."
    if summary[Action.UNCHANGED] == len(plan.changes):
        if not plan.changes:
            return "No changes. No records are declared."
        are = "is" if len(plan.changes) == 1 else "are"
        return f"No changes. {counted(len(plan.changes), 'record')} {are} as declared."
    return f"Nothing to apply: {told}."


def _set_lines(name: str, changes: Sequence[Change], paint: Painter, *, full: bool) -> Iterator[str]:
    target = changes[0].target
    yield f"{paint(visible(name), Style.STRONG)} ({visible(target.collection_id)} in {visible(target.upstream)})"
    creates = sum(change.action is Action.CREATE for change in changes)
    shown = creates if full or creates <= MANY_CREATES else _FIRST_CREATES
    told = 0
    for change in changes:
        if change.action is Action.CREATE:
            told += 1
            if told > shown:
                continue
        yield from _change_lines(change, paint)
    if creates > shown:
        yield f"  … and {creates - shown:,} more to create (--full shows all)"


def _change_lines(change: Change, paint: Painter) -> Iterator[str]:
    symbol, style = _SYMBOLS[change.action]
    known = f"  {visible(change.upstream_id)}" if change.upstream_id else ""
    yield f"  {paint(f'{symbol} {visible(change.address)}', style)}{known}"
    if change.action is not Action.CREATE or change.absence is not Absence.PROVED:
        place = f" ({visible(str(change.source))})" if change.source and change.action in _NEEDS_PLACE else ""
        yield f"      {visible(change.reason)}{place}"
    width = max((len(visible(each.path)) for each in change.fields), default=0)
    for each in change.fields:
        yield f"      {visible(each.path):<{width}}  {_values(each, change)}"


_NEEDS_PLACE = frozenset({Action.BLOCKED, Action.UNKNOWN})


def _values(field: FieldChange, change: Change) -> str:
    if field.sensitive:
        return "(sensitive)"
    if change.action is Action.CREATE:
        return value_text(field.after)
    if change.is_sent:
        return f"{value_text(field.before)} → {value_text(field.after)}"
    return f"{value_text(field.before)} upstream, {value_text(field.after)} declared"


def _observation_lines(plan: Plan) -> Iterator[str]:
    """How it is known that what is to be created is not there yet, and what could not be read."""
    created = {change.target.place for change in plan.changes if change.action is Action.CREATE}
    told = [seen for seen in plan.observations if not seen.readable or seen.target.place in created]
    if told:
        yield "Read:"
        yield from (f"  {_observation(seen)}" for seen in told)
        yield ""


def _observation(seen: ObservationSummary) -> str:
    where = f"{visible(seen.target.collection_id)} in {visible(seen.target.upstream)}"
    because = f": {visible(seen.reason)}" if seen.reason else ""
    if not seen.readable:
        return f"{where} could not be read{because}"
    rows = counted(seen.live_rows, "record")
    match seen.absence:
        case Absence.PROVED:
            return f"{where}: {rows}, the whole list{because and f' ({because[2:]})'}"
        case Absence.ASSUMED:
            return f"{where}: {rows}, assumed to be the whole list{because}"
        case Absence.UNKNOWN:
            return f"{where}: {rows}, not the whole list{because}"
        case _ as unreachable:
            assert_never(unreachable)


def _request_lines(plan: Plan) -> Iterator[str]:
    if not plan.batches:
        return
    groups: Counter[tuple[str, str, str]] = Counter()
    records: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[tuple[str, str, str]] = Counter()
    for batch in plan.batches:
        group = (batch.target.upstream, batch.target.collection_id, batch.kind)
        groups[group] += 1
        records[group] += len(batch.changes)
        sizes[group] += batch.size
    yield "Requests:"
    for group in sorted(groups):
        upstream, collection, kind = map(visible, group)
        yield (
            f"  {counted(groups[group], 'request')} to {upstream}: {kind} {counted(records[group], 'record')} "
            f"of {collection} ({size_text(sizes[group])})"
        )
    yield ""
