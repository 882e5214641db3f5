"""The shape of the JSON documents that commands print, for their JSON Schemas.

The documents themselves are built as plain values, for speed; tests hold both together. Readers must accept keys that
they do not know: a minor step of `format_version` adds some.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from syncspec.apply.report import RecordOutcome
from syncspec.diagnostics import Severity
from syncspec.planning.comparison import Kind
from syncspec.planning.expectation import Effect
from syncspec.planning.plan import Action
from syncspec.records import Absence

__all__ = ["ChangesDocument", "PlanDocument", "ReportDocument", "RequestsDocument"]


class Document(BaseModel):
    """A frozen part of a document; unknown keys are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Count = Annotated[int, Field(ge=0)]
Value: TypeAlias = Any


class SourceDocument(Document):
    """A place in a file, counted from 1."""

    file: Annotated[str, Field(description="Relative to the project's folder.", examples=["manifests/people.yaml"])]
    line: Annotated[int, Field(description="Line.", ge=0, examples=[14])]
    column: Annotated[int, Field(description="Column, in characters.", ge=0, examples=[5])]


class DiagnosticDocument(Document):
    """One finding."""

    severity: Annotated[Severity, Field(description="How much it weighs.", examples=["warning"])]
    code: Annotated[str, Field(description="A stable name of the kind of finding.", examples=["unreadable"])]
    summary: Annotated[str, Field(description="What is wrong, without data.")]
    detail: Annotated[str, Field(description="What is wrong here; may be empty.")]
    hint: Annotated[str | None, Field(description="One way out.")]
    address: Annotated[str | None, Field(description="The record that it is about.", examples=["contacts.paul"])]
    source: Annotated[SourceDocument | None, Field(description="Where it stands.")]


class FieldDocument(Document):
    """One field of a change. Of a sensitive field both values are null."""

    path: Annotated[str, Field(description="The field's name.", examples=["Email"])]
    before: Annotated[Value, Field(description="The value upstream.")]
    after: Annotated[Value, Field(description="The declared value.", examples=["paul@arrakis.org"])]
    sensitive: Annotated[bool, Field(description="Whether the values are hidden.")]
    known_after_apply: Annotated[
        bool, Field(description="Whether the value holds the ID of a record that is created first.")
    ]


class ChangeDocument(Document):
    """What a plan does with one address."""

    address: Annotated[str, Field(description="Set and record.", examples=["contacts.paul"])]
    action: Annotated[Action, Field(description="The planned step.", examples=["create"])]
    reason: Annotated[str, Field(description="Why, for people.")]
    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    upstream_id: Annotated[str | None, Field(description="The known or matched upstream ID.")]
    absence: Annotated[Absence | None, Field(description="How the absence of what is created is known.")]
    fields: Annotated[tuple[FieldDocument, ...], Field(description="The fields that differ, or that are sent.")]
    source: Annotated[SourceDocument | None, Field(description="Where the record is declared.")]
    waits_for: Annotated[
        tuple[str, ...],
        Field(description="Addresses of records of this plan that come first.", examples=[["accounts.atreides"]]),
    ]


class PlanSummary(Document):
    """How many changes a plan has of each action."""

    create: Annotated[Count, Field(description="Records that are made upstream.")]
    adopt: Annotated[Count, Field(description="Upstream records that are locked as they are.")]
    update: Annotated[Count, Field(description="Records of which fields are written.")]
    delete: Annotated[Count, Field(description="Records that are removed upstream.")]
    move: Annotated[Count, Field(description="IDs that go over to another address.")]
    unchanged: Annotated[Count, Field(description="Records with nothing to do.")]
    drift: Annotated[Count, Field(description="Records that somebody changed upstream.")]
    blocked: Annotated[Count, Field(description="Records that something stands in the way of.")]
    unknown: Annotated[Count, Field(description="Records of which an earlier attempt is not settled.")]


class RequestDocument(Document):
    """One mutation request that apply would send."""

    wave: Annotated[int, Field(description="Requests of a wave depend on those of earlier waves only.", ge=0)]
    kind: Annotated[str, Field(description="The kind of mutation.", examples=["create"])]
    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    addresses: Annotated[tuple[str, ...], Field(description="The records, in the order of the request.")]
    bytes: Annotated[int, Field(description="The length of the body.", ge=0, examples=[812])]


class ObservationDocument(Document):
    """What was read of one collection."""

    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    readable: Annotated[bool, Field(description="Whether the whole list could be read.")]
    absence: Annotated[Absence, Field(description="What a missing record in it is worth.")]
    reason: Annotated[str, Field(description="Why that is so; empty where the list is whole.")]
    live_rows: Annotated[int, Field(description="The number of records in it that are not deleted.", ge=0)]


class PlanDocument(Document):
    """A plan, as `syncspec plan --json` prints it. Planning twice from the same inputs gives identical bytes."""

    format_version: Annotated[str, Field(pattern=r"^1\.\d+$", description="The version of this document's format.")]
    syncspec_version: Annotated[str, Field(description="The version that made it.", examples=["0.1.0"])]
    project: Annotated[str, Field(description="The project's name.", examples=["arrakis"])]
    environment: Annotated[str | None, Field(description="The environment, where the project has any.")]
    digest: Annotated[str, Field(description="Changes with all that decides what apply would do.")]
    summary: Annotated[PlanSummary, Field(description="The number of changes per action.")]
    changes: Annotated[tuple[ChangeDocument, ...], Field(description="One per address, sorted by address.")]
    requests: Annotated[tuple[RequestDocument, ...], Field(description="What would be sent, in order.")]
    observations: Annotated[tuple[ObservationDocument, ...], Field(description="What was read.")]
    diagnostics: Annotated[tuple[DiagnosticDocument, ...], Field(description="Findings.")]


class DeclaredChangeDocument(Document):
    """One record whose declaration differs."""

    address: Annotated[str, Field(description="Set and record.", examples=["contacts.paul"])]
    change: Annotated[Kind, Field(description="What became of the declaration.", examples=["added"])]
    effect: Annotated[Effect, Field(description="What the newer side's lockfile lets expect of apply.")]
    former: Annotated[str | None, Field(description="The address that a renamed record had.")]
    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    upstream_id: Annotated[str | None, Field(description="The locked or declared upstream ID.")]
    protected: Annotated[bool, Field(description="Whether the record is protected.")]
    fields: Annotated[
        tuple[FieldDocument, ...], Field(description="The fields that differ; before is the older side's value.")
    ]
    settings: Annotated[
        tuple[FieldDocument, ...], Field(description="What else is declared of the record, such as its lifecycle.")
    ]
    released: Annotated[tuple[str, ...], Field(description="Fields that are no longer declared; nothing is cleared.")]
    source: Annotated[
        SourceDocument | None, Field(description="Its place: in the newer manifests, of a removed record in the older.")
    ]


class SettingDocument(Document):
    """One setting of the project, or of a set, that differs."""

    set: Annotated[str | None, Field(description="The set; null: the project's own.", examples=["contacts"])]
    name: Annotated[str, Field(description="The setting, with dots.", examples=["match_on"])]
    before: Annotated[Value, Field(description="The older side's value.")]
    after: Annotated[Value, Field(description="The newer side's value.")]
    hidden: Annotated[bool, Field(description="Whether the values are hidden.")]
    grave: Annotated[bool, Field(description="Whether it needs an eye.")]
    source: Annotated[SourceDocument | None, Field(description="Its place in the newer files.")]


class ComparisonSummary(Document):
    """The number of records per kind of change, and of settings that differ."""

    added: Annotated[Count, Field(description="Records that only the newer side declares.")]
    changed: Annotated[Count, Field(description="Records that are declared in another way.")]
    renamed: Annotated[Count, Field(description="Records that are declared under another address.")]
    removed: Annotated[Count, Field(description="Records that only the older side declares.")]
    unchanged: Annotated[Count, Field(description="Records that are declared alike.")]
    settings: Annotated[Count, Field(description="Settings that differ.")]


class ComparisonDocument(Document):
    """What differs in one environment, or in several in which it is the same."""

    environments: Annotated[tuple[str, ...], Field(description="The environments; empty where there are none.")]
    summary: Annotated[ComparisonSummary, Field(description="Numbers.")]
    changes: Annotated[tuple[DeclaredChangeDocument, ...], Field(description="One per address, sorted by address.")]
    settings: Annotated[tuple[SettingDocument, ...], Field(description="Settings that differ.")]
    diagnostics: Annotated[tuple[DiagnosticDocument, ...], Field(description="Findings.")]


class ChangesDocument(Document):
    """What differs between two revisions, as `syncspec changes --json` prints it."""

    format_version: Annotated[str, Field(pattern=r"^1\.\d+$", description="The version of this document's format.")]
    syncspec_version: Annotated[str, Field(description="The version that made it.", examples=["0.1.0"])]
    project: Annotated[str, Field(description="The project's name.", examples=["arrakis"])]
    older: Annotated[str, Field(description="The older side.", examples=["main (1f0c2d3e4a5b)"])]
    newer: Annotated[str, Field(description="The newer side.", examples=["the working tree"])]
    comparisons: Annotated[tuple[ComparisonDocument, ...], Field(description="One per group of environments.")]


class ReportSummary(Document):
    """How many records a run has of each outcome."""

    created: Annotated[Count, Field(description="Records that were made upstream.")]
    adopted: Annotated[Count, Field(description="Upstream records that were locked.")]
    updated: Annotated[Count, Field(description="Records of which fields were written.")]
    deleted: Annotated[Count, Field(description="Records that were removed upstream.")]
    unchanged: Annotated[Count, Field(description="Records with nothing to do.")]
    rejected: Annotated[Count, Field(description="Records that the upstream refused.")]
    unknown: Annotated[Count, Field(description="Records whose outcome is not known.")]
    not_attempted: Annotated[Count, Field(description="Records that were not sent.")]


class RecordDocument(Document):
    """What became of one record."""

    address: Annotated[str, Field(description="Set and record.", examples=["contacts.paul"])]
    outcome: Annotated[RecordOutcome, Field(description="What became of it.", examples=["created"])]
    upstream_id: Annotated[str | None, Field(description="Its upstream ID, where it is known.")]
    error: Annotated[str | None, Field(description="Why it was rejected, is unknown or was not attempted.")]
    source: Annotated[SourceDocument | None, Field(description="Where the record is declared.")]


class KeptBody(Document):
    """What is kept of a request; values of sensitive fields are hidden in it."""

    body: Annotated[Value, Field(description="The JSON that was sent; where it was cut, the beginning of its text.")]
    truncated: Annotated[bool, Field(description="Whether it was cut.")]


class KeptAnswer(KeptBody):
    """What is kept of an answer; what quotes sensitive values or a token is hidden in it."""

    status: Annotated[int, Field(description="The HTTP status.", examples=[422])]
    headers: Annotated[dict[str, str], Field(description="Some of its headers.")]
    bytes: Annotated[int, Field(description="The length of its body as it came.", ge=0)]


class FailedBatchDocument(Document):
    """A batch that was rejected, was not applied, or whose outcome was unknown when its request ended."""

    batch: Annotated[int, Field(description="Counts from 1 within the run.", ge=1)]
    wave: Annotated[int, Field(description="Counts from 1 within the run.", ge=1)]
    kind: Annotated[str, Field(description="The kind of mutation.", examples=["create"])]
    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]
    addresses: Annotated[tuple[str, ...], Field(description="The records, in the order of the request.")]
    attempts: Annotated[tuple[str, ...], Field(description="Their attempts in the journal, in the same order.")]
    outcome: Annotated[str, Field(description="What became of the request.", examples=["rejected", "unmapped"])]
    status: Annotated[int | None, Field(description="The answer's HTTP status; null where there was none.")]
    reason: Annotated[str, Field(description="Why it did not succeed, for people.")]
    sent_at: Annotated[str, Field(description="When it was sent, in UTC (RFC 3339).")]
    seconds: Annotated[float, Field(description="From the request to its end.", ge=0)]


class KeptBatchDocument(FailedBatchDocument):
    """A batch that failed, with what was sent and answered."""

    request: Annotated[KeptBody, Field(description="What was sent.")]
    answer: Annotated[KeptAnswer | None, Field(description="What came back; null where nothing did.")]


class RequestsDocument(Document):
    """The failed batches of a run, as `syncspec runs RUN --requests --json` prints them."""

    format_version: Annotated[str, Field(pattern=r"^1\.\d+$", description="The version of this document's format.")]
    run: Annotated[str, Field(description="The run's name.")]
    failed_batches: Annotated[tuple[KeptBatchDocument, ...], Field(description="In the order in which they ended.")]


class ReportDocument(Document):
    """A run's report, as `syncspec apply --json` prints it and `--report` writes it.

    The file of `--report` is written for an apply that failed as well: `error` then says why, and `run` is null where
    the run lock was not held yet. Of a run that was refused before it sent anything, `syncspec runs` knows nothing.
    """

    format_version: Annotated[str, Field(pattern=r"^1\.\d+$", description="The version of this document's format.")]
    run: Annotated[str | None, Field(description="The run's name.")]
    exit_code: Annotated[int, Field(description="The command's exit code; it follows from what stands here.")]
    interrupted: Annotated[bool, Field(description="Whether the run was asked to end early.")]
    summary: Annotated[ReportSummary, Field(description="The number of records per outcome.")]
    records: Annotated[tuple[RecordDocument, ...], Field(description="Every record of the plan, sorted by address.")]
    diagnostics: Annotated[tuple[DiagnosticDocument, ...], Field(description="Findings.")]
    error: Annotated[DiagnosticDocument | None, Field(description="Why the apply failed as a whole.")]
    failed_batches: Annotated[
        tuple[FailedBatchDocument, ...], Field(description="The batches that failed, where a past run is shown.")
    ] = ()
