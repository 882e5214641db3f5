"""A plan as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncspec._version import __version__
from syncspec.planning.plan import Batch, Change, FieldChange, ObservationSummary, Plan
from syncspec.records import Json, Target
from syncspec.render.diagnostics import diagnostic_json, source_json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.redaction import redacted_plan

__all__ = ["plan_document", "plan_json"]


def plan_json(plan: Plan, *, redact: bool = False) -> bytes:
    """The plan as its one JSON document: no time in it, so that equal plans are equal bytes.

    `redact` hides every value: fields then look as sensitive ones do.
    """
    shown = redacted_plan(plan) if redact else plan
    return json_bytes(plan_document(shown, shown.changes))


def plan_document(plan: Plan, changes: Iterable[Change]) -> dict[str, object]:
    """The document as a value, with these of the plan's changes."""
    return {
        "format_version": FORMAT_VERSION,
        "syncspec_version": __version__,
        "project": plan.project,
        "environment": plan.environment,
        "digest": plan.digest,
        "summary": {action.value: number for action, number in plan.summary.items()},
        "changes": [_change(change) for change in changes],
        "requests": [_request(batch) for batch in plan.batches],
        "observations": [_observation(seen) for seen in plan.observations],
        "diagnostics": [diagnostic_json(item) for item in plan.diagnostics],
    }


def _request(batch: Batch) -> Mapping[str, object]:
    return {
        "wave": batch.wave,
        "kind": batch.kind,
        **_place(batch.target),
        "addresses": [change.address for change in batch.changes],
        "bytes": batch.size,
    }


def _observation(seen: ObservationSummary) -> Mapping[str, object]:
    return {
        **_place(seen.target),
        "readable": seen.readable,
        "absence": seen.absence.value,
        "reason": seen.reason,
        "live_rows": seen.live_rows,
    }


def _change(change: Change) -> Mapping[str, object]:
    target = change.target
    return {
        "address": change.address,
        "action": change.action.value,
        "reason": change.reason,
        "upstream": target.upstream,
        "sync_id": target.sync_id,
        "collection_id": target.collection_id,
        "upstream_id": change.upstream_id,
        "absence": change.absence.value if change.absence is not None else None,
        "fields": [_field(each) for each in change.fields],
        "source": source_json(change.source),
        "waits_for": list(change.waits_for),
    }


def _field(change: FieldChange) -> Mapping[str, Json]:
    hidden = change.sensitive
    return {
        "path": change.path,
        "before": None if hidden else change.before,
        "after": None if hidden else change.after,
        "sensitive": hidden,
        "known_after_apply": change.known_after_apply,
    }


def _place(target: Target) -> Mapping[str, str]:
    return {"upstream": target.upstream, "sync_id": target.sync_id, "collection_id": target.collection_id}
