"""What no model can say: which keys of a rule go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncspec.manifests.documents import Path
from syncspec.manifests.findings import Refusal
from syncspec.upstream.embedded.faults.models import FaultsSpec, MutationRule, ReadRule
from syncspec.upstream.embedded.faults.terms import Committed, MutationFault, PeriodSpec, RangeSpec, ReadFault, Route

__all__ = ["PAGE_FAULTS", "misfits"]

PAGE_FAULTS = frozenset({ReadFault.EMPTY_PAGE, ReadFault.DUPLICATED_ROWS, ReadFault.STREAM_RESET})
"""Faults that only a list of records can have."""

_OPTIONS: Mapping[str, frozenset[str]] = {
    "error": frozenset({"status", "message"}),
    "rate_limited": frozenset({"retry_after_seconds", "retry_after_form"}),
    "no_answer": frozenset({"seconds"}),
    "ids_only": frozenset({"shuffled"}),
    "echo": frozenset({"shuffled"}),
    "duplicated_rows": frozenset({"share"}),
    "stream_reset": frozenset({"old_cursors", "refill_seconds"}),
}
"""The keys that only some faults know."""

_WHOLE = (Committed.ALL,)
_ANY = (Committed.ALL, Committed.NONE, Committed.PART, Committed.LATE)

_COMMITS: Mapping[MutationFault, tuple[Committed, ...]] = {
    MutationFault.TIMEOUT: _ANY,
    MutationFault.ERROR: _ANY,
    MutationFault.RATE_LIMITED: _ANY,
    MutationFault.CONSUMER_TIMEOUT: _WHOLE,
    MutationFault.DROPPED_CONNECTION: _ANY,
    MutationFault.NO_ANSWER: _ANY,
    MutationFault.TRUNCATED_BODY: (Committed.ALL, Committed.PART),
    MutationFault.UNREADABLE_BODY: _ANY,
    MutationFault.IDS_ONLY: _WHOLE,
    MutationFault.ECHO: _WHOLE,
    MutationFault.OUT_OF_ORDER: _WHOLE,
    MutationFault.LATENCY: _WHOLE,
}


def misfits(spec: FaultsSpec) -> Iterator[tuple[Path, Refusal]]:
    """Give every pair of keys that does not go together, with its place under `spec`."""
    yield from _ranges(spec.replica_lag_seconds, ("replica_lag_seconds",))
    if spec.syncs is not None:
        yield from _periods(spec.syncs.during, ("syncs", "during"))
    for number, mutation in enumerate(spec.mutations):
        yield from _rule(mutation, ("mutations", number))
        yield from _commit(mutation, ("mutations", number))
    for number, read in enumerate(spec.reads):
        yield from _rule(read, ("reads", number))
        yield from _route(read, ("reads", number))


def _rule(rule: MutationRule | ReadRule, at: Path) -> Iterator[tuple[Path, Refusal]]:
    given = [name for name in ("every", "probability", "requests") if getattr(rule, name) is not None]
    if len(given) > 1:
        yield (*at, given[1]), _misfit(f'"{given[0]}" and "{given[1]}" cannot both choose.', "keep one of them")
    known = _OPTIONS.get(rule.fault, frozenset())
    for name in sorted(frozenset().union(*_OPTIONS.values()) - known):
        if getattr(rule, name, None) is not None:
            users = " or ".join(fault for fault, names in _OPTIONS.items() if name in names)
            hint = f"remove it, or use it with fault: {users}"
            yield (*at, name), _misfit(f'"{name}" means nothing for the fault {rule.fault}.', hint)
    if rule.fault in (MutationFault.LATENCY, ReadFault.LATENCY) and rule.delay_seconds is None:
        yield (*at, "fault"), _misfit("latency needs delay_seconds.", "add delay_seconds: 2")
    yield from _periods(rule.during, (*at, "during"))
    for name in type(rule).model_fields:
        yield from _ranges(getattr(rule, name), (*at, name))


def _commit(rule: MutationRule, at: Path) -> Iterator[tuple[Path, Refusal]]:
    allowed = _COMMITS[rule.fault]
    named = " or ".join(allowed)
    if rule.commit is None and Committed.NONE in allowed:
        said = f"The fault {rule.fault} does not tell whether the records are stored."
        yield (*at, "fault"), _misfit(said, f"add commit: {named}")
    elif rule.commit is not None and rule.commit not in allowed:
        said = f"The answer of {rule.fault} shows records, so that they are stored."
        yield (*at, "commit"), _misfit(said, f"write commit: {named}")
    if rule.part is not None and rule.commit is not Committed.PART:
        yield (*at, "part"), _misfit('"part" goes with commit: part.', "remove it, or write commit: part")
    if rule.part is not None and rule.part.records is not None and rule.part.share is not None:
        yield (*at, "part", "share"), _misfit('"records" and "share" both say how many.', "keep one of them")
    if (rule.late_seconds is None) == (rule.commit is Committed.LATE):
        lacking = rule.late_seconds is None
        where = "commit" if lacking else "late_seconds"
        hint = "add late_seconds: 20" if lacking else "remove it, or write commit: late"
        yield (*at, where), _misfit('"late_seconds" and commit: late go together.', hint)


def _route(rule: ReadRule, at: Path) -> Iterator[tuple[Path, Refusal]]:
    if rule.route is not Route.SYNCS:
        return
    if rule.fault in PAGE_FAULTS:
        yield (*at, "route"), _misfit(f"Only a list of records can have {rule.fault}.", "remove route")
    if rule.collection_id is not None:
        said = "A read of syncs names no collection, so that the rule never applies."
        yield (*at, "collection_id"), _misfit(said, "remove it, or write route: records")


def _ranges(value: object, at: Path) -> Iterator[tuple[Path, Refusal]]:
    if isinstance(value, RangeSpec) and value.min > value.max:
        yield (*at, "max"), _misfit(f'"max" is less than "min", which is {value.min:g}.', "exchange them")


def _periods(value: PeriodSpec | None, at: Path) -> Iterator[tuple[Path, Refusal]]:
    if value is not None and value.to_seconds is not None and value.to_seconds <= (value.from_seconds or 0):
        yield (*at, "to_seconds"), _misfit("The time is over before it begins.", "write a larger to_seconds")


def _misfit(detail: str, hint: str) -> Refusal:
    return Refusal(code="misfit", summary="Keys do not go together", detail=detail, hint=hint)
