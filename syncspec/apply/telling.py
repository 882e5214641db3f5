"""What a run reports of a record, from what became known of its attempt, or from a plan that sends nothing for it."""

from __future__ import annotations

from collections.abc import Mapping

from syncspec.apply.attempts import Settlement
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.apply.states import AttemptState
from syncspec.lockfile import Origin
from syncspec.planning.plan import Action, Change
from syncspec.upstream.protocol import MutationKind

__all__ = ["SETTLED_AS", "applied_outcome", "report_unsent"]

SETTLED_AS: Mapping[AttemptState, RecordOutcome] = {
    AttemptState.APPLIED: RecordOutcome.CREATED,
    AttemptState.WATCHED: RecordOutcome.ADOPTED,
    AttemptState.REJECTED: RecordOutcome.REJECTED,
    AttemptState.NEEDS_PERSON: RecordOutcome.UNKNOWN,
    AttemptState.DUPLICATE: RecordOutcome.UNKNOWN,
}
"""What a settlement means for the report; what is not there is still open, or sent again."""


def applied_outcome(item: Settlement) -> RecordOutcome:
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
