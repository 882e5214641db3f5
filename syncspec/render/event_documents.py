"""The shape of the lines of an events file, for their JSON Schema; a test holds both together."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from syncspec.apply.outcomes import VerdictKind
from syncspec.apply.report import RecordOutcome
from syncspec.planning.plan import Action
from syncspec.render.documents import Count, DiagnosticDocument, Document, ReportSummary, SourceDocument
from syncspec.upstream.protocol import MutationKind

__all__ = ["EventLine"]

Seconds = Annotated[float, Field(ge=0)]


class _Moment(Document):
    """What every line holds beside its run."""

    time: Annotated[str, Field(description="When, in UTC (RFC 3339).", examples=["2026-01-01T12:00:00.000Z"])]


class _Line(_Moment):
    """What every line of a run holds."""

    run: Annotated[str, Field(description="The run's name.", examples=["20260101T120000-1f2e3d"])]


class RunOpenedLine(_Line):
    """The run holds the run lock, and nothing is planned yet. It is the first line of every run."""

    event: Literal["run-opened"]
    command: Annotated[str, Field(description="What was typed; values of variables are left out.")]


class RunStartedLine(_Line):
    """The run began: it holds the run lock, and its plan is made."""

    event: Literal["run-started"]
    command: Annotated[str, Field(description="What was typed; values of variables are left out.")]
    project: Annotated[str, Field(description="The project's name.")]
    environment: Annotated[str | None, Field(description="The environment, where the project has any.")]
    plan_digest: Annotated[str, Field(description="The digest of the plan that is carried out.")]
    batches: Annotated[Count, Field(description="Requests that the plan would send.")]
    records: Annotated[Count, Field(description="Records that the plan would send.")]
    actions: Annotated[dict[Action, Count], Field(description="The number of changes per action.")]


class _BatchLine(_Line):
    """A request: its place in the run, its collection and its records."""

    batch: Annotated[int, Field(description="Counts from 1 within the run.", ge=1)]
    wave: Annotated[int, Field(description="Counts from 1 within the run.", ge=1)]
    kind: Annotated[MutationKind, Field(description="The kind of mutation.")]
    upstream: Annotated[str, Field(description="The upstream's name in the project.")]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    records: Annotated[Count, Field(description="The number of records.")]
    addresses: Annotated[tuple[str, ...], Field(description="The records, in the order of the request.")]
    attempts: Annotated[tuple[str, ...], Field(description="Their attempts in the journal, in the same order.")]


class BatchSentLine(_BatchLine):
    """The intent is on disk, and the request is about to leave."""

    event: Literal["batch-sent"]
    attempt: Annotated[int, Field(description="Counts requests for these very records from 1.", ge=1)]


class BatchFinishedLine(_BatchLine):
    """The request was answered or given up, and what that says of its records is recorded."""

    event: Literal["batch-finished"]
    outcome: Annotated[VerdictKind, Field(description="What became of the request.")]
    status: Annotated[int | None, Field(description="The answer's HTTP status; null where there was none.")]
    reason: Annotated[str, Field(description="Why it did not succeed, for people; may be empty.")]
    seconds: Annotated[Seconds, Field(description="From the request to its end.")]


class RecordFinishedLine(_Line):
    """A record's outcome in this run is known and recorded; an unknown one may be followed by another."""

    event: Literal["record-finished"]
    address: Annotated[str, Field(description="Set and record.", examples=["contacts.paul"])]
    outcome: Annotated[RecordOutcome, Field(description="What became of it.")]
    upstream_id: Annotated[str | None, Field(description="Its upstream ID, where it is known.")]
    error: Annotated[str | None, Field(description="Why it was rejected, is unknown or was not attempted.")]
    candidates: Annotated[tuple[str, ...], Field(description="Upstream IDs that may be its own.")]
    source: Annotated[SourceDocument | None, Field(description="Where the record is declared.")]


class WaitingLine(_Line):
    """Nothing is sent to an upstream for a while."""

    event: Literal["waiting"]
    upstream: Annotated[str, Field(description="The upstream's name in the project.")]
    reason: Annotated[str, Field(description="Why, for people.")]
    seconds: Annotated[Seconds, Field(description="For how long.")]


class LockedLine(_Line):
    """The lockfile on disk holds all that is recorded so far."""

    event: Literal["locked"]
    lockfile: Annotated[str, Field(description="The file's name.", examples=["syncspec.lock"])]
    entries: Annotated[Count, Field(description="Addresses with their upstream IDs.")]
    pending: Annotated[Count, Field(description="Attempts that are not settled.")]


class InterruptedLine(_Line):
    """The run was asked to end early."""

    event: Literal["interrupted"]
    at_once: Annotated[bool, Field(description="Whether what is in flight is given up; else it finishes first.")]


class RunFinishedLine(_Line):
    """The run ended, and the lockfile is final. A run that was killed has neither this line nor `run-failed`."""

    event: Literal["run-finished"]
    exit_code: Annotated[int, Field(description="The exit code of the command.")]
    summary: Annotated[ReportSummary, Field(description="The number of records per outcome.")]
    requests: Annotated[Count, Field(description="The number of mutation requests that left.")]


class RunFailedLine(_Moment):
    """The apply was refused or broke off with an error, and there is no report. No other line of it follows.

    Nothing was sent, unless batches of the same run stand before it.
    """

    event: Literal["run-failed"]
    run: Annotated[str | None, Field(description="The run's name; null where the run lock was not held yet.")]
    exit_code: Annotated[int, Field(description="The exit code of the command.")]
    error: Annotated[DiagnosticDocument, Field(description="Why it failed.")]


EventLine: TypeAlias = Annotated[
    RunOpenedLine
    | RunStartedLine
    | BatchSentLine
    | BatchFinishedLine
    | RecordFinishedLine
    | WaitingLine
    | LockedLine
    | InterruptedLine
    | RunFinishedLine
    | RunFailedLine,
    Field(
        discriminator="event",
        description="One thing that happened in a run, as `apply --events` writes it. There may be more kinds one day: "
        "pass over those that you do not know.",
    ),
]
