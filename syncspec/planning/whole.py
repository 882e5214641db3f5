"""A plan of changes that are decided: in order, in batches, with what it rests on and its digest."""

from __future__ import annotations

from collections.abc import Iterable

from syncspec.diagnostics import Diagnostic, sorted_diagnostics
from syncspec.planning.batches import make_batches
from syncspec.planning.deletion_order import deletions_last
from syncspec.planning.fingerprint import plan_digest, step_parts
from syncspec.planning.plan import Change, ObservationSummary, Plan
from syncspec.planning.rejections import apart
from syncspec.planning.state import PlanningState

__all__ = ["plan_of"]


def plan_of(state: PlanningState, changes: Iterable[Change], diagnostics: Iterable[Diagnostic]) -> Plan:
    """The plan of these changes, one per address."""
    inputs = state.inputs
    sets = {record_set.name: record_set for record_set in inputs.sets}
    ordered = tuple(sorted(apart(state, sets, deletions_last(changes)), key=lambda change: change.address))
    batches = make_batches(ordered, sets, inputs.upstreams)
    steps = (parts for change in ordered if (parts := step_parts(change, sets, inputs.digest_keys.shared)))
    return Plan(
        project=inputs.project,
        environment=inputs.environment,
        changes=ordered,
        batches=batches,
        observations=_summaries(state),
        diagnostics=sorted_diagnostics(diagnostics),
        digest=plan_digest(inputs.project, inputs.environment, steps, batches),
    )


def _summaries(state: PlanningState) -> tuple[ObservationSummary, ...]:
    seen = (rows.observation for rows in state.places.values())
    return tuple(
        ObservationSummary(
            target=each.target,
            readable=each.readable,
            absence=each.absence,
            reason=each.reason,
            live_rows=each.live_rows,
            cursor=each.cursor,
            stream=each.stream,
            polling_seconds=each.polling_seconds,
        )
        for each in sorted(seen, key=lambda each: each.target)
    )
