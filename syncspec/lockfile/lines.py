"""The lines of a lockfile, between JSON and values; `schemas/lockfile.v1.schema.json` is made from their models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from syncspec.lockfile.entries import EntryState, FieldDigests, LockEntry, OpenAttempt, Origin
from syncspec.records import Compare, FieldRule, FieldRules, FieldType, Lens, OnRemove, Target

__all__ = [
    "Header",
    "LockedLine",
    "LockfileLine",
    "PendingLine",
    "entry_line",
    "lens_text",
    "line_entry",
    "parse_lens",
    "parse_line",
    "pending_line",
]

VERSION = 1

Text: TypeAlias = Annotated[str, Field(min_length=1)]
Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Header(_Line):
    """The first line: whose lockfile this is."""

    lockfile_version: int = Field(description="The format's version; a newer one is refused.", examples=[VERSION])
    project: Text = Field(description="The project's name.", examples=["arrakis"])
    environment: Text | None = Field(default=None, description="The environment; absent where there is none.")


@lru_cache(maxsize=256)
def _target(upstream: str, endpoint: str, sync_id: str, collection_id: str) -> Target:
    """One object for all lines of a collection: a project has few targets and many lines."""
    return Target(upstream=upstream, endpoint=endpoint, sync_id=sync_id, collection_id=collection_id)


class _Place(_Line):
    address: Text = Field(description="<set>.<record>", examples=["contacts.paul"])
    upstream: Text = Field(description="The upstream's name in the project file.", examples=["crm"])
    endpoint: Digest = Field(description="Fingerprint of the upstream's address.")
    sync_id: Text = Field(description="The sync that the record lives in.")
    collection_id: Text = Field(description="provider:collection", examples=["salesforce:contact"])

    def target(self) -> Target:
        return _target(self.upstream, self.endpoint, self.sync_id, self.collection_id)


class LockedLine(_Place):
    """A record whose upstream ID is known."""

    upstream_id: Text = Field(description="The upstream's own identifier.", examples=["0035g00000XyZaBAAV"])
    origin: Literal["created", "adopted", "imported"] = Field(description="How the ID came to be known.")
    state: Literal["locked", "retained"] = Field(description="`retained`: no longer declared, still ours.")
    protect: bool = Field(default=False, description="Whether removal is refused; survives the declaration.")
    on_remove: Literal["keep", "delete"] = Field(
        default="keep", description="What becomes of the record when its declaration goes; survives the declaration."
    )
    delete_adopted: bool = Field(
        default=False, description="Whether `on_remove: delete` deletes a record that was adopted or imported, too."
    )
    depends_on: tuple[Text, ...] = Field(
        default=(), strict=False, description="Addresses of the records that this one's values refer to, sorted."
    )
    key: Digest | None = Field(default=None, description="Digest of the match key.")
    marker: Text | None = Field(default=None, description="The value of the marker field.")
    locked_at: Text = Field(description="When the ID was first recorded, RFC 3339; never changes.")
    updated_at: Text | None = Field(default=None, description="The upstream's time of the version last seen.")
    sent: dict[str, Digest | None] = Field(default_factory=dict, description="Per field, the digest of what was sent.")
    seen: dict[str, Digest | None] = Field(
        default_factory=dict,
        description="Per field, the digest of what the upstream then showed, where it differs from `sent`; "
        "null: not seen yet.",
    )
    before: dict[str, Digest | None] = Field(
        default_factory=dict,
        description="Per field of our last update, the digest of what the upstream showed before it.",
    )
    written_at: Text | None = Field(default=None, description="When our last update took effect, RFC 3339.")


class KeyFieldLine(_Line):
    """The rule of one field of a match key."""

    type: FieldType | None = Field(default=None, strict=False, description="The field's type, where it is declared.")
    compare: Compare | None = Field(default=None, strict=False, description="How strictly its text is compared.")
    scale: int | None = Field(default=None, description="Digits after the point that count.")
    separator: str = Field(default=";", description="What stands between the parts of a multi.")
    sensitive: bool = Field(default=False, description="Whether its values are shown nowhere.")


class LensLine(_Line):
    """How a record is recognised in a row."""

    match_on: dict[str, KeyFieldLine] = Field(default_factory=dict, description="The key's fields and their rules.")
    scalars_as_text: bool = Field(default=False, description="Whether the provider stores every scalar as text.")
    marker_field: Text | None = Field(default=None, description="The field that carries the marker.")


class PendingLine(_Place):
    """An attempt whose outcome is not settled; its record is not sent again."""

    state: Literal["pending"] = Field(description="What tells it from the line of a locked record.")
    attempt: Text = Field(description="The attempt in the journal of the run that made it.")
    kind: Literal["create", "update", "delete"] = Field(description="The mutation's kind.")
    attempt_state: Text = Field(description="intended, unknown, unmapped, …", examples=["unknown"])
    horizon: Text = Field(description="The time from which the record's absence may be believed, RFC 3339.")
    key: Digest | None = Field(default=None, description="Digest of the match key.")
    loose_key: Digest | None = Field(default=None, description="Digest of the loose match key.")
    marker: Text | None = Field(default=None, description="The value of the marker field.")
    key_id: Text | None = Field(default=None, description="What the keys' digests are keyed by, where they are.")
    lens: LensLine | None = Field(default=None, description="How the record is recognised in a row.")
    evidence: str = Field(default="", description="Why the outcome is not known.")
    candidates: tuple[Text, ...] = Field(default=(), description="IDs that the answer carried, not told apart.")
    upstream_id: Text | None = Field(default=None, description="The record that an update or a delete was for.")
    intended_at: Text | None = Field(default=None, description="When it was about to be sent, RFC 3339.")
    status: int | None = Field(default=None, description="The status of the answer, where there was one.")
    refused: bool = Field(default=False, description="Whether a request of several records was refused.")
    stream: Text | None = Field(default=None, description="The stream that was read before it was sent.")
    absences: int = Field(default=0, ge=0, description="How often it was sent before and then proved absent.")
    sent: dict[str, Digest | None] = Field(default_factory=dict, description="Per field, the digest of what was sent.")


LockfileLine: TypeAlias = Annotated[Header | LockedLine | PendingLine, Field(union_mode="left_to_right")]
"""One line of the lockfile."""

_ORIGINS = {origin.value: origin for origin in Origin}
_STATES = {state.value: state for state in EntryState}
_REMOVALS = {word.value: word for word in OnRemove}

_HEADER, _LOCKED, _PENDING = TypeAdapter(Header), TypeAdapter(LockedLine), TypeAdapter(PendingLine)
_LENS = TypeAdapter(LensLine)
_ANY_RULE = FieldRule()


def parse_line(text: bytes) -> Header | LockEntry | OpenAttempt:
    """Read one line. Raises ValueError (pydantic's and orjson's are such)."""
    value = orjson.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")
    if "lockfile_version" in value:
        return _HEADER.validate_python(value)
    if value.get("state") == "pending":
        return _open_attempt(_PENDING.validate_json(text))
    return line_entry(_LOCKED.validate_python(value))


def line_entry(line: LockedLine) -> LockEntry:
    """Turn a line into a lock entry: a field that `seen` does not name was seen as it was sent."""
    seen, before = line.seen, line.before
    if before:
        fields = {
            name: FieldDigests(sent=sent, seen=seen.get(name, sent), before=before.get(name))
            for name, sent in line.sent.items()
        }
    elif seen:
        fields = {name: FieldDigests(sent=sent, seen=seen.get(name, sent)) for name, sent in line.sent.items()}
    else:
        fields = {name: FieldDigests(sent=sent, seen=sent) for name, sent in line.sent.items()}
    return LockEntry(
        address=line.address,
        target=line.target(),
        upstream_id=line.upstream_id,
        origin=_ORIGINS[line.origin],
        locked_at=line.locked_at,
        state=_STATES[line.state],
        protect=line.protect,
        on_remove=_REMOVALS[line.on_remove],
        delete_adopted=line.delete_adopted,
        depends_on=line.depends_on,
        key=line.key,
        marker=line.marker,
        updated_at=line.updated_at,
        written_at=line.written_at,
        fields=fields,
    )


def _open_attempt(line: PendingLine) -> OpenAttempt:
    return OpenAttempt(
        attempt=line.attempt,
        address=line.address,
        target=line.target(),
        kind=line.kind,
        state=line.attempt_state,
        horizon=line.horizon,
        intended_at=line.intended_at,
        key=line.key,
        loose_key=line.loose_key,
        key_id=line.key_id,
        marker=line.marker,
        lens=_lens(line.lens) if line.lens else None,
        evidence=line.evidence,
        candidates=line.candidates,
        upstream_id=line.upstream_id,
        status=line.status,
        refused=line.refused,
        stream=line.stream,
        absences=line.absences,
        sent={name: FieldDigests(sent=sent) for name, sent in line.sent.items()},
    )


def _lens(line: LensLine) -> Lens:
    fields = {
        name: FieldRule(
            type=rule.type, compare=rule.compare, scale=rule.scale, separator=rule.separator, sensitive=rule.sensitive
        )
        for name, rule in line.match_on.items()
    }
    rules = FieldRules(fields=fields, scalars_as_text=line.scalars_as_text)
    return Lens(match_on=tuple(line.match_on), rules=rules, marker_field=line.marker_field)


def parse_lens(text: bytes) -> Lens:
    """Read what `lens_text` printed. Raises ValueError."""
    return _lens(_LENS.validate_json(text))


def lens_text(lens: Lens) -> bytes:
    """Print a lens; what holds by default is left out."""
    return orjson.dumps(_lens_value(lens))


def _lens_value(lens: Lens) -> dict[str, object]:
    rules = ((name, lens.rules.rule(name)) for name in lens.match_on)
    value: dict[str, object] = {
        "match_on": {name: _without_defaults(rule) for name, rule in rules} or None,
        "scalars_as_text": lens.rules.scalars_as_text or None,
        "marker_field": lens.marker_field,
    }
    return {name: item for name, item in value.items() if item is not None}


def _without_defaults(rule: FieldRule) -> dict[str, object]:
    values = {name: getattr(rule, name) for name in FieldRule.__slots__}
    return {name: value for name, value in values.items() if value != getattr(_ANY_RULE, name)}


def entry_line(entry: LockEntry) -> bytes:
    """Print a lock entry; keys in a fixed order, those without content and private digests left out."""
    fields = {name: digests for name, digests in sorted(entry.fields.items()) if not digests.private}
    value: dict[str, object] = {
        **_place(entry.address, entry.target),
        "upstream_id": entry.upstream_id,
        "origin": entry.origin,
        "state": entry.state,
        "protect": entry.protect or None,
        "on_remove": entry.on_remove if entry.on_remove is not OnRemove.KEEP else None,
        "delete_adopted": entry.delete_adopted or None,
        "depends_on": entry.depends_on or None,
        "key": entry.key,
        "marker": entry.marker or None,
        "locked_at": entry.locked_at,
        "updated_at": entry.updated_at or None,
        "written_at": entry.written_at,
    }
    line = {name: item for name, item in value.items() if item is not None}
    if fields:
        line["sent"] = {name: digests.sent for name, digests in fields.items()}
    seen = {name: digests.seen for name, digests in fields.items() if digests.seen != digests.sent}
    if seen:
        line["seen"] = seen
    before = {name: digests.before for name, digests in fields.items() if digests.before is not None}
    if before:
        line["before"] = before
    return orjson.dumps(line)


def pending_line(attempt: OpenAttempt) -> bytes:
    """Print an open attempt as a pending line."""
    value: dict[str, object] = {
        **_place(attempt.address, attempt.target),
        "state": "pending",
        "attempt": attempt.attempt,
        "kind": attempt.kind,
        "attempt_state": attempt.state,
        "horizon": attempt.horizon,
        "key": attempt.key,
        "loose_key": attempt.loose_key,
        "marker": attempt.marker,
        "key_id": attempt.key_id,
        "lens": _lens_value(attempt.lens) if attempt.lens else None,
        "evidence": attempt.evidence or None,
        "candidates": attempt.candidates or None,
        "upstream_id": attempt.upstream_id,
        "intended_at": attempt.intended_at,
        "status": attempt.status,
        "refused": attempt.refused or None,
        "stream": attempt.stream,
        "absences": attempt.absences or None,
        "sent": {name: item.sent for name, item in sorted(attempt.sent.items()) if not item.private} or None,
    }
    return orjson.dumps({name: item for name, item in value.items() if item is not None})


def header_line(project: str, environment: str | None) -> bytes:
    """Print the header."""
    value: Mapping[str, object] = {"lockfile_version": VERSION, "project": project}
    return orjson.dumps({**value, "environment": environment} if environment else value)


def _place(address: str, target: Target) -> dict[str, object]:
    return {
        "address": address,
        "upstream": target.upstream,
        "endpoint": target.endpoint,
        "sync_id": target.sync_id,
        "collection_id": target.collection_id,
    }
