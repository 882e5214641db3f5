"""The shape of a saved plan, for its JSON Schema and for reading it.

Two lines of JSON. The first tells whose plan it is and holds the SHA-256 of the second, so that a file that was cut
off or changed is not taken for a plan. The second holds the plan as `plan --json` prints it, without the records that
are as declared, which follow as rows of a table; and what each step rests on, as digests.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from syncspec.render.documents import Document, PlanDocument

__all__ = ["KIND", "SavedBody", "SavedHeader", "SavedLine"]

KIND = "SavedPlan"

ShortDigest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
LongDigest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digests: TypeAlias = dict[str, ShortDigest]
Index: TypeAlias = Annotated[int, Field(ge=0)]


class SavedHeader(Document):
    """The first line: whose plan this is."""

    kind: Annotated[Literal["SavedPlan"], Field(description="What the file is.")]
    format_version: Annotated[str, Field(pattern=r"^\d+\.\d+$", description="The version of the file's format.")]
    syncspec_version: Annotated[str, Field(description="The version that made it.", examples=["0.1.0"])]
    project: Annotated[str, Field(description="The project's name.", examples=["arrakis"])]
    environment: Annotated[str | None, Field(description="The environment, where the project has any.")]
    digest: Annotated[LongDigest, Field(description="The plan's digest, as it is approved.")]
    sha256: Annotated[LongDigest, Field(description="Of the second line, its newline left out.")]


class SelectionDocument(Document):
    """What was planned; empty parts select everything."""

    include: Annotated[tuple[str, ...], Field(description="Addresses, sets and patterns.")]
    exclude: Annotated[tuple[str, ...], Field(description="Addresses, sets and patterns.")]
    labels: Annotated[dict[str, str], Field(description="Labels of sets, all of which must be there.")]
    paths: Annotated[tuple[str, ...], Field(description="Files and folders in the project.")]


class TargetDocument(Document):
    """A collection in a sync of one upstream."""

    upstream: Annotated[str, Field(description="The upstream's name in the project.", examples=["crm"])]
    endpoint: Annotated[str, Field(description="Fingerprint of the upstream's address.")]
    sync_id: Annotated[str, Field(description="The sync.")]
    collection_id: Annotated[str, Field(description="The collection.", examples=["salesforce:contact"])]


class EntryDocument(Document):
    """The lock entry that a step rests on."""

    upstream_id: Annotated[str, Field(description="The record that is locked.")]
    written_at: Annotated[str | None, Field(description="When it was last updated by syncspec, RFC 3339.")]
    digest: Annotated[ShortDigest, Field(description="Of the whole entry.")]


class StepDocument(Document):
    """What `plan.changes` does not tell of the change at the same position."""

    target: Annotated[Index, Field(description="Position in `targets`.")]
    code: Annotated[str, Field(description="The rule that decided.", examples=["absent"])]
    upstream_ids: Annotated[tuple[str, ...], Field(description="All IDs, where several match.")] = ()
    moved_from: Annotated[str | None, Field(description="The former address.")] = None
    rewrites: Annotated[bool, Field(description="Whether an adoption also writes.")] = False
    relocks: Annotated[bool, Field(description="Whether what is locked of its removal is written anew.")] = False
    drops: Annotated[bool, Field(description="Whether its lock entry is dropped.")] = False
    after: Annotated[tuple[str, ...], Field(description="Addresses whose own steps come first.")] = ()
    removal: Annotated[str, Field(description="What is declared of its removal.")] = ""
    protect: Annotated[bool, Field(description="Whether the record is protected.")] = False
    declaration: Annotated[str, Field(description="Digest of what is declared, as it is sent.")] = ""
    shown: Annotated[str, Field(description="Digest of what is overwritten, or taken as the baseline.")] = ""
    declared: Annotated[Digests | None, Field(description="Digests of the declared fields.")] = None
    traits: Annotated[Index | None, Field(description="Position in `traits`.")] = None
    entry: Annotated[EntryDocument | None, Field(description="The lock entry.")] = None
    attempts: Annotated[ShortDigest | None, Field(description="Digest of the open attempts.")] = None
    row: Annotated[Digests | None, Field(description="Digests of the fields that the matched row shows.")] = None


class WaitDocument(Document):
    """Consumers that a request waits for."""

    ids: Annotated[tuple[str, ...], Field(description="Their IDs.")]
    timeout_ms: Annotated[int | None, Field(description="For how long; null: as long as the service does.")]


class SeenDocument(Document):
    """What `plan.observations` does not tell of the observation at the same position."""

    target: Annotated[Index, Field(description="Position in `targets`.")]
    cursor: Annotated[str | None, Field(description="Where the list ended.")]
    stream: Annotated[str | None, Field(description="The stream that was read.")]
    polling_seconds: Annotated[float | None, Field(description="How often the sync asks the provider.")]


class RequestExtra(Document):
    """What `plan.requests` does not tell of the request at the same position."""

    target: Annotated[Index, Field(description="Position in `targets`.")]
    await_consumers: Annotated[WaitDocument | None, Field(description="What it waits for.")] = None


UnchangedRow: TypeAlias = tuple[str, Index, Index, Index, str | None, Index | None, int, int]
"""Address; positions in `targets`, and of code and reason in `texts`; upstream ID; position of the manifest's name in
`texts`; line; column."""


class SavedBody(Document):
    """The second line: the plan, and what it rests on."""

    plan: Annotated[PlanDocument, Field(description="As `plan --json` prints it, without the unchanged records.")]
    steps: Annotated[tuple[StepDocument, ...], Field(description="One for each of `plan.changes`.")]
    requests: Annotated[tuple[RequestExtra, ...], Field(description="One for each of `plan.requests`.")]
    observations: Annotated[tuple[SeenDocument, ...], Field(description="One for each of `plan.observations`.")]
    unchanged: Annotated[
        tuple[UnchangedRow, ...],
        Field(description="Address, target, code, reason, upstream ID, file, line, column of the unchanged records."),
    ]
    selection: Annotated[SelectionDocument, Field(description="What was planned.")]
    settings: Annotated[dict[str, Digests], Field(description="Digests of the settings of sets and upstreams.")]
    targets: Annotated[tuple[TargetDocument, ...], Field(description="Where records live.")]
    traits: Annotated[tuple[Digests, ...], Field(description="What records declare besides their data, as digests.")]
    texts: Annotated[tuple[str, ...], Field(description="Texts that the unchanged records share.")]
    key_id: Annotated[str | None, Field(description="Names the key of sensitive fields' digests, where one is used.")]


SavedLine: TypeAlias = Annotated[SavedHeader | SavedBody, Field(union_mode="left_to_right")]
"""One line of a saved plan."""
