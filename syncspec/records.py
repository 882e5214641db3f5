"""The values that travel through the house: targets, field rules, desired and observed records.

A record is followed from a manifest (`DesiredRecord`) over what the upstream shows
(`ObservedRecord`, `Observation`) to the lock entry in `syncspec.lockfile`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias

from syncspec.deferred import NOTHING, Deferred
from syncspec.diagnostics import Source

__all__ = [
    "Absence",
    "AwaitConsumers",
    "Compare",
    "Data",
    "Declared",
    "DesiredRecord",
    "DesiredSet",
    "FieldRule",
    "FieldRules",
    "FieldType",
    "Json",
    "Lens",
    "Lifecycle",
    "MatchKey",
    "Observation",
    "ObservedRecord",
    "OnAdopt",
    "OnDrift",
    "OnMissing",
    "OnRemove",
    "Target",
]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Data: TypeAlias = "dict[str, Json]"
"""Field name to value, as it is sent or was read."""


class FieldType(StrEnum):
    """How a field's values are read and compared."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    MULTI = "multi"
    ID = "id"
    JSON = "json"


class Compare(StrEnum):
    """How strictly text is compared; `exact` also tells null, absent and "" apart."""

    EXACT = "exact"
    TRIM = "trim"
    CASEFOLD = "casefold"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How one field is read, compared and shown. `type` None: judged by the value itself."""

    type: FieldType | None = None
    compare: Compare | None = None
    scale: int | None = None
    separator: str = ";"
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """The rules of one set: declared fields, and what the provider does to all others.

    `scalars_as_text`: the provider stores every scalar as text (HubSpot), so 5 and "5" are equal.
    """

    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    scalars_as_text: bool = False
    default: FieldRule = FieldRule()

    def rule(self, name: str) -> FieldRule:
        return self.fields.get(name, self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """How records of a set are recognised in a row: by the values of `match_on` under `rules`, or by their marker."""

    match_on: tuple[str, ...] = ()
    rules: FieldRules = FieldRules()
    marker_field: str | None = None

    @classmethod
    def of(cls, match_on: tuple[str, ...], rules: FieldRules, marker_field: str | None = None) -> Self:
        """The lens of a set, with the rules of no other field than those of its key."""
        kept = FieldRules(fields={name: rules.rule(name) for name in match_on}, scalars_as_text=rules.scalars_as_text)
        return cls(match_on=match_on, rules=kept, marker_field=marker_field)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """Where records of a set live. `endpoint` fingerprints the upstream's address, without secrets."""

    upstream: str
    endpoint: str
    sync_id: str
    collection_id: str

    @property
    def provider(self) -> str:
        """The part of the collection ID before the colon: `salesforce` of `salesforce:contact`."""
        return self.collection_id.partition(":")[0]

    @property
    def place(self) -> tuple[str, str, str]:
        """What identifies a collection, whatever name the project gives its upstream."""
        return (self.endpoint, self.sync_id, self.collection_id)


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A record's natural key. `strict` holds normalised values, `loose` the widest form of sameness."""

    strict: str = field(repr=False)
    loose: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitConsumers:
    """Consumers that a mutation waits for; `timeout_ms` None leaves the service's default (30,000)."""

    ids: tuple[str, ...]
    timeout_ms: int | None = None

    @property
    def seconds(self) -> float:
        """How long an answer may take beyond the request's own time-out."""
        return (30_000 if self.timeout_ms is None else self.timeout_ms) / 1000


class OnDrift(StrEnum):
    """What a plan does where only the upstream changed a field."""

    REPORT = "report"
    RESTORE = "restore"
    FAIL = "fail"


class OnAdopt(StrEnum):
    """What a plan does with a record that exists upstream before we locked it; `update` also writes what differs."""

    REPORT = "report"
    UPDATE = "update"
    BLOCK = "block"


class OnMissing(StrEnum):
    """What a plan does with a locked record of which the upstream shows a tombstone."""

    BLOCK = "block"
    RECREATE = "recreate"


class OnRemove(StrEnum):
    """What a plan does with the record of an address that is no longer declared."""

    KEEP = "keep"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """How a record lives after it was created; the nearest declaration wins, key by key.

    `protect` None: nobody says anything of it, so that what is locked holds.
    """

    on_drift: OnDrift = OnDrift.REPORT
    on_adopt: OnAdopt = OnAdopt.REPORT
    on_missing: OnMissing = OnMissing.BLOCK
    ignore_changes: tuple[str, ...] = ()
    protect: bool | None = None
    on_remove: OnRemove = OnRemove.KEEP
    delete_adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredRecord:
    """One declared record: defaults merged, expressions resolved.

    `data` is what the author manages, null values included; `key` is None where the set has no `match_on`;
    `marker` is the value for the set's marker field, None where it has none; `upstream_id` names the very
    record to adopt. `former` are the addresses that it was declared under before, the latest first.

    `deferred` are fields whose values hold IDs that the manifest cannot tell, as they are declared: they are in `data`,
    too, once they are bound, and the key is None until its fields are. `needs` are the addresses of the records that
    the values refer to, `follows` those of them whose values are repeated here, `lookups` the records that are looked
    up; each sorted.
    """

    address: str
    data: Data = field(repr=False)
    source: Source
    key: MatchKey | None = None
    marker: str | None = None
    upstream_id: str | None = None
    lifecycle: Lifecycle = Lifecycle()
    former: tuple[str, ...] = ()
    deferred: Mapping[str, Deferred] = field(default_factory=lambda: NOTHING)
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()

    @property
    def unbound(self) -> list[str]:
        """The fields whose values are not known yet."""
        return [name for name in self.deferred if name not in self.data]

    @property
    def refers(self) -> bool:
        """Whether any value refers to another record."""
        return bool(self.needs or self.lookups)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredSet:
    """A record set, ready to plan. `records` are in the order of the manifest."""

    name: str
    target: Target
    source: Source
    records: tuple[DesiredRecord, ...]
    rules: FieldRules = FieldRules()
    match_on: tuple[str, ...] = ()
    marker_field: str | None = None
    max_records: int = 100
    await_consumers: AwaitConsumers | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def lens(self) -> Lens:
        """How the set's records are recognised in a row."""
        return Lens.of(self.match_on, self.rules, self.marker_field)


Declared: TypeAlias = tuple[DesiredSet, DesiredRecord]
"""A record with its set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRecord:
    """A record as the upstream shows it; `deleted` marks a tombstone; times are the wire's own strings."""

    upstream_id: str
    data: Data = field(repr=False)
    deleted: bool = False
    created_at: str | None = None
    updated_at: str | None = None


class Absence(StrEnum):
    """What a missing match in an observation is worth.

    PROVED: a whole list of a sync that is complete. ASSUMED: a whole list, and nobody says whether it is
    complete. UNKNOWN: the list is known to be incomplete or could not be read.
    """

    PROVED = "proved"
    ASSUMED = "assumed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was read of one collection, cut down to the rows that can matter to the declared and locked records.

    `rows` is ordered by upstream ID and holds live rows and tombstones. `live_rows` counts all live rows read,
    `keyed_rows` those of them in which every key field is present; `fields` are all field names seen in live rows.
    `absence` and `reason` say what a missing match is worth and why. `readable` False: a page failed.
    Sets that share the collection may match on different fields: `keyed` counts per tuple of them, and `keyed_rows`
    is the count of a tuple that it lacks. `marked` counts the live rows that carry a field, for each marker field.
    `polling_seconds`: how often the sync asks the provider, `stream`: the stream that was read, where they are told.
    """

    target: Target
    observed_at: datetime
    rows: tuple[ObservedRecord, ...] = ()
    readable: bool = True
    absence: Absence = Absence.PROVED
    reason: str = ""
    live_rows: int = 0
    keyed_rows: int = 0
    keyed: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()
    marked: Mapping[str, int] = field(default_factory=dict)
    cursor: str | None = None
    polling_seconds: float | None = None
    stream: str | None = None

    def shows_key(self, match_on: tuple[str, ...]) -> bool:
        """Whether a row with a key over these fields would show it: false where rows exist and none carries all."""
        return not self.live_rows or bool(self.keyed.get(match_on, self.keyed_rows))

    def shows_marker(self, marker_field: str) -> bool:
        """Whether a row with a marker would show it."""
        return not self.live_rows or bool(self.marked.get(marker_field))
