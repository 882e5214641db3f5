"""From the documents of a saved plan to its values; what does not fit together is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncspec.diagnostics import Diagnostic, Source
from syncspec.planning.binding import Binding, EntryMark
from syncspec.planning.fingerprint import parts_from, plan_digest
from syncspec.planning.plan import Action, Batch, Change, FieldChange, ObservationSummary, Plan
from syncspec.planning.selection import Selection
from syncspec.planning.staleness import Approved
from syncspec.records import AwaitConsumers, DesiredRecord, Lifecycle, Target
from syncspec.render.documents import (
    ChangeDocument,
    DiagnosticDocument,
    ObservationDocument,
    RequestDocument,
    SourceDocument,
)
from syncspec.render.saved_documents import (
    RequestExtra,
    SavedBody,
    SavedHeader,
    SeenDocument,
    StepDocument,
    UnchangedRow,
)

__all__ = ["unpacked"]


def unpacked(header: SavedHeader, body: SavedBody) -> tuple[Approved, Selection]:
    """The plan with what it rests on, and what was selected.

    Raises ValueError or LookupError where parts are missing, or where the digest is not that of these steps.
    """
    targets = [
        Target(upstream=each.upstream, endpoint=each.endpoint, sync_id=each.sync_id, collection_id=each.collection_id)
        for each in body.targets
    ]
    told = [_change(change, step, targets) for change, step in zip(body.plan.changes, body.steps, strict=True)]
    changes = sorted([*told, *(_unchanged(row, targets, body.texts) for row in body.unchanged)], key=_address)
    by_address = {change.address: change for change in changes}
    if len(by_address) < len(changes):
        raise ValueError("an address stands twice")
    bindings = {
        change.address: _binding(change, step, body.traits) for change, step in zip(told, body.steps, strict=True)
    }
    plan = Plan(
        project=header.project,
        environment=header.environment,
        changes=tuple(changes),
        batches=tuple(
            _batch(request, extra, targets, by_address)
            for request, extra in zip(body.plan.requests, body.requests, strict=True)
        ),
        observations=tuple(
            _observation(seen, more, targets)
            for seen, more in zip(body.plan.observations, body.observations, strict=True)
        ),
        diagnostics=tuple(map(_diagnostic, body.plan.diagnostics)),
        digest=header.digest,
    )
    _check_digest(plan, bindings)
    selection = Selection(
        include=body.selection.include,
        exclude=body.selection.exclude,
        labels=body.selection.labels,
        paths=body.selection.paths,
    )
    return Approved(plan=plan, bindings=bindings, settings=body.settings), selection


def _check_digest(plan: Plan, bindings: Mapping[str, Binding]) -> None:
    steps = (
        step
        for change in plan.changes
        if (binding := bindings.get(change.address)) is not None and (step := binding.step) is not None
    )
    if plan_digest(plan.project, plan.environment, steps, plan.batches) != plan.digest:
        raise ValueError("the digest is not that of these steps")


def _address(change: Change) -> str:
    return change.address


def _change(document: ChangeDocument, step: StepDocument, targets: Sequence[Target]) -> Change:
    if document.action is Action.UNCHANGED and not (step.relocks or step.drops):
        raise ValueError("an unchanged record stands among the changes")
    source = _source(document.source)
    return Change(
        address=document.address,
        action=document.action,
        code=step.code,
        reason=document.reason,
        target=targets[step.target],
        upstream_id=document.upstream_id,
        upstream_ids=step.upstream_ids,
        absence=document.absence,
        moved_from=step.moved_from,
        fields=tuple(
            FieldChange(
                path=each.path,
                before=each.before,
                after=each.after,
                sensitive=each.sensitive,
                known_after_apply=each.known_after_apply,
            )
            for each in document.fields
        ),
        source=source,
        desired=_protected(document.address, source) if step.protect else None,
        rewrites=step.rewrites,
        after=step.after,
        relocks=step.relocks,
        drops=step.drops,
        waits_for=document.waits_for,
    )


def _protected(address: str, source: Source | None) -> DesiredRecord:
    """What reviewers are told of a record that is protected; its data are not saved."""
    return DesiredRecord(address=address, data={}, source=source or Source(file=""), lifecycle=Lifecycle(protect=True))


def _unchanged(row: UnchangedRow, targets: Sequence[Target], texts: Sequence[str]) -> Change:
    address, target, code, reason, upstream_id, file, line, column = row
    return Change(
        address=address,
        action=Action.UNCHANGED,
        code=texts[code],
        reason=texts[reason],
        target=targets[target],
        upstream_id=upstream_id,
        source=Source(file=texts[file], line=line, column=column) if file is not None else None,
    )


def _binding(change: Change, step: StepDocument, traits: Sequence[Mapping[str, str]]) -> Binding:
    entry = step.entry
    return Binding(
        step=parts_from(change, declaration=step.declaration, shown=step.shown, removal=step.removal),
        declared=step.declared,
        traits=traits[step.traits] if step.traits is not None else {},
        entry=EntryMark(upstream_id=entry.upstream_id, written_at=entry.written_at, digest=entry.digest)
        if entry is not None
        else None,
        attempts=step.attempts,
        row=step.row,
    )


def _batch(
    request: RequestDocument, extra: RequestExtra, targets: Sequence[Target], changes: Mapping[str, Change]
) -> Batch:
    waits = extra.await_consumers
    return Batch(
        wave=request.wave,
        kind=request.kind,
        target=targets[extra.target],
        changes=tuple(changes[address] for address in request.addresses),
        size=request.bytes,
        await_consumers=AwaitConsumers(ids=waits.ids, timeout_ms=waits.timeout_ms) if waits is not None else None,
    )


def _observation(seen: ObservationDocument, more: SeenDocument, targets: Sequence[Target]) -> ObservationSummary:
    return ObservationSummary(
        target=targets[more.target],
        readable=seen.readable,
        absence=seen.absence,
        reason=seen.reason,
        live_rows=seen.live_rows,
        cursor=more.cursor,
        stream=more.stream,
        polling_seconds=more.polling_seconds,
    )


def _diagnostic(document: DiagnosticDocument) -> Diagnostic:
    return Diagnostic(
        severity=document.severity,
        code=document.code,
        summary=document.summary,
        detail=document.detail,
        source=_source(document.source),
        address=document.address,
        hint=document.hint,
    )


def _source(document: SourceDocument | None) -> Source | None:
    return None if document is None else Source(file=document.file, line=document.line, column=document.column)
