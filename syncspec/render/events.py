"""Events of an apply as JSON objects, and as a line for people."""

from __future__ import annotations

from typing import assert_never

from syncspec.apply.events import (
    BatchFinished,
    BatchSent,
    Event,
    Interrupted,
    Locked,
    RecordFinished,
    RunFinished,
    RunStarted,
    Waiting,
)
from syncspec.apply.outcomes import VerdictKind
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.records import Json
from syncspec.render.diagnostics import diagnostic_json, source_json
from syncspec.render.json_bytes import log_line
from syncspec.render.redaction import HIDDEN, redacted_diagnostics
from syncspec.render.values import counted

__all__ = [
    "event_fields",
    "event_level",
    "event_line",
    "event_message",
    "event_name",
    "failed_line",
    "kind_name",
    "opened_line",
]

_NAMES: dict[type[Event], str] = {
    RunStarted: "run-started",
    BatchSent: "batch-sent",
    BatchFinished: "batch-finished",
    RecordFinished: "record-finished",
    Waiting: "waiting",
    Locked: "locked",
    Interrupted: "interrupted",
    RunFinished: "run-finished",
}


def event_name(event: Event) -> str:
    """The stable name of the kind of event."""
    return kind_name(type(event))


def kind_name(kind: type[Event]) -> str:
    """The stable name of a kind of event."""
    return _NAMES[kind]


def event_line(event: Event, *, time: str, redact: bool = False) -> bytes:
    """The event as one line of JSON with a newline at its end; `time` is RFC 3339.

    `redact` hides the wording of errors, which may quote values.
    """
    return log_line({"time": time, "event": event_name(event), "run": event.run, **event_fields(event, redact=redact)})


def opened_line(run: str, *, command: str, time: str) -> bytes:
    """The line of a run that holds the run lock."""
    return log_line({"time": time, "event": "run-opened", "run": run, "command": command})


def failed_line(error: Diagnostic, *, exit_code: int, run: str | None, time: str, redact: bool = False) -> bytes:
    """The line of an apply that ended with an error; `run` None: it did not hold the run lock yet."""
    (shown,) = redacted_diagnostics([error]) if redact else [error]
    return log_line(
        {"time": time, "event": "run-failed", "run": run, "exit_code": exit_code, "error": diagnostic_json(shown)}
    )


def event_fields(event: Event, *, redact: bool = False) -> dict[str, Json]:
    """What the event says besides its name and its run."""
    match event:
        case RunStarted():
            return {
                "command": event.command,
                "project": event.project,
                "environment": event.environment,
                "plan_digest": event.plan_digest,
                "batches": event.batches,
                "records": event.records,
                "actions": {action.value: number for action, number in event.actions.items()},
            }
        case BatchSent():
            return {**_batch(event), "attempt": event.attempt}
        case BatchFinished():
            return {
                **_batch(event),
                "outcome": event.outcome.value,
                "status": event.status,
                "reason": _words(event.message, redact),
                "seconds": round(event.seconds, 3),
            }
        case RecordFinished():
            return _record(event.record, redact)
        case Waiting():
            return {
                "upstream": event.upstream,
                "reason": _words(event.reason, redact),
                "seconds": round(event.seconds, 3),
            }
        case Locked():
            return {"lockfile": event.lockfile, "entries": event.entries, "pending": event.pending}
        case Interrupted():
            return {"at_once": event.at_once}
        case RunFinished():
            summary: dict[str, Json] = {outcome.value: number for outcome, number in event.summary.items()}
            return {"exit_code": event.exit_code, "summary": summary, "requests": event.requests}
        case _ as unreachable:
            assert_never(unreachable)


def _batch(event: BatchSent | BatchFinished) -> dict[str, Json]:
    return {
        "batch": event.batch,
        "wave": event.wave,
        "kind": event.kind.value,
        "upstream": event.target.upstream,
        "sync_id": event.target.sync_id,
        "collection_id": event.target.collection_id,
        "records": event.records,
        "addresses": list(event.addresses),
        "attempts": list(event.attempts.values()),
    }


def _record(record: RecordReport, redact: bool) -> dict[str, Json]:
    return {
        "address": record.address,
        "outcome": record.outcome.value,
        "upstream_id": record.upstream_id,
        "error": _words(record.error, redact) if record.error else None,
        "candidates": list(record.candidates),
        "source": source_json(record.source),
    }


def _words(text: str, redact: bool) -> str:
    return HIDDEN if redact and text else text


_TROUBLED = frozenset({RecordOutcome.REJECTED, RecordOutcome.UNKNOWN, RecordOutcome.NOT_ATTEMPTED})


def event_level(event: Event) -> Severity:
    """How much the event weighs in a log."""
    match event:
        case BatchFinished():
            return Severity.NOTE if event.outcome is VerdictKind.APPLIED else Severity.WARNING
        case RecordFinished():
            return Severity.WARNING if event.record.outcome in _TROUBLED else Severity.NOTE
        case Interrupted():
            return Severity.WARNING
        case RunFinished():
            return Severity.WARNING if event.exit_code else Severity.NOTE
        case RunStarted() | BatchSent() | Waiting() | Locked():
            return Severity.NOTE
        case _ as unreachable:
            assert_never(unreachable)


def event_message(event: Event) -> str:
    """The event in a sentence without data of the user's; its fields tell the rest."""
    match event:
        case RunStarted():
            return f"The run began: {counted(event.records, 'record')} in {counted(event.batches, 'request')}."
        case BatchSent():
            return f"Batch {event.batch} ({counted(event.records, 'record')}) is sent."
        case BatchFinished():
            status = f" with status {event.status}" if event.status is not None else ""
            return f"Batch {event.batch} ended{status}: {_spoken(event.outcome.value)}."
        case RecordFinished():
            return f"A record's outcome is known: {_spoken(event.record.outcome.value)}."
        case Waiting():
            return f"Waiting {event.seconds:.0f} s."
        case Locked():
            return f"The lockfile is written: {counted(event.entries, 'record')} locked, {event.pending:,} not settled."
        case Interrupted():
            return "Stopping at once." if event.at_once else "Finishing what is in flight."
        case RunFinished():
            return f"The run ended with exit code {event.exit_code}."
        case _ as unreachable:
            assert_never(unreachable)


def _spoken(word: str) -> str:
    return word.replace("_", " ")
