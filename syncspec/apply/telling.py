"""What a run reports of records beside what it sends: what became known of an attempt, what a later plan decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from syncspec.apply.attempts import Settlement
from syncspec.apply.ledger import Ledger
from syncspec.apply.report import DONE, RecordOutcome, RecordReport
from syncspec.apply.states import AttemptState
from syncspec.lockfile import Origin
from syncspec.planning.plan import Action, Change, Plan
from syncspec.upstream.protocol import MutationKind

__all__ = ["report_unsent", "tell_planned", "tell_settled", "unknown_of"]

_SETTLED_AS: Mapping[AttemptState, RecordOutcome] = {
    AttemptState.APPLIED: RecordOutcome.CREATED,
    AttemptState.WATCHED: RecordOutcome.ADOPTED,
    AttemptState.REJECTED: RecordOutcome.REJECTED,
    AttemptState.NEEDS_PERSON: RecordOutcome.UNKNOWN,
    AttemptState.DUPLICATE: RecordOutcome.UNKNOWN,
}
"""What a settlement means for the report; what is not there is still open, or sent again."""


def _applied_outcome(item: Settlement) -> RecordOutcome:
    """What an attempt did that turned out to be applied."""
    if item.attempt.kind == MutationKind.UPDATE:
        return RecordOutcome.UPDATED
    if item.attempt.kind == MutationKind.DELETE:
        return RecordOutcome.DELETED
    found = item.entry is not None and item.entry.origin is not Origin.CREATED
    return RecordOutcome.ADOPTED if found else RecordOutcome.CREATED


_UNSENT = {
    Action.ADOPT: RecordOutcome.ADOPTED,
    Action.MOVE: RecordOutcome.UNCHANGED,
    Action.UNCHANGED: RecordOutcome.UNCHANGED,
    Action.DRIFT: RecordOutcome.UNCHANGED,
    Action.BLOCKED: RecordOutcome.NOT_ATTEMPTED,
    Action.UNKNOWN: RecordOutcome.UNKNOWN,
}


def report_unsent(change: Change) -> RecordReport:
    """Report a change that no request belongs to."""
    outcome = _UNSENT[change.action]
    silent = outcome in (RecordOutcome.ADOPTED, RecordOutcome.UNCHANGED) and change.action is not Action.DRIFT
    silent = silent and not change.drops
    return RecordReport(
        address=change.address,
        outcome=outcome,
        upstream_id=change.upstream_id,
        error=None if silent else change.reason,
        source=change.source,
        candidates=change.upstream_ids if change.action is Action.UNKNOWN else (),
    )


def unknown_of(plan: Plan, ledger: Ledger) -> set[str]:
    """Addresses of a plan that the run was to write and whose outcome is unknown."""
    return {
        change.address
        for change in plan.changes
        if (change.desired is not None or change.action in {Action.DELETE, Action.UNKNOWN})
        and (
            ledger.reports[change.address].outcome is RecordOutcome.UNKNOWN
            if change.address in ledger.reports
            else change.action is Action.UNKNOWN
        )
    }


def tell_settled(ledger: Ledger, settlements: Iterable[Settlement], addresses: Collection[str]) -> None:
    """Report what became known of these addresses while the run waited."""
    for item in settlements:
        outcome = _SETTLED_AS.get(item.state)
        if item.attempt.address not in addresses or outcome is None:
            continue
        if outcome is RecordOutcome.CREATED:
            outcome = _applied_outcome(item)
        ledger.report(
            item.attempt.address,
            outcome,
            upstream_id=item.entry.upstream_id if item.entry is not None else item.attempt.upstream_id,
            error=None if outcome in DONE else item.evidence,
            candidates=item.found,
        )


def tell_planned(ledger: Ledger, plan: Plan) -> None:
    """Report what a later plan of the run decided: what it sends is open again, the rest is as it says."""
    for change in plan.changes:
        known = ledger.reports.get(change.address)
        if known is not None and known.outcome is not RecordOutcome.UNKNOWN:
            continue
        if change.is_sent:
            ledger.reports.pop(change.address, None)
        else:
            ledger.take(report_unsent(change))
