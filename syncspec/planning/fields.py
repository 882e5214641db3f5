"""One record's fields: declared against observed, and who changed what since it was locked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry
from syncspec.planning.plan import FieldChange
from syncspec.planning.state import PlaceRows
from syncspec.providers import provider
from syncspec.records import Compare, DesiredRecord, DesiredSet, Json, ObservedRecord
from syncspec.values import digest, equal, loosely_equal
from syncspec.values.instants import seconds_of

__all__ = ["Verdicts", "differing", "field_changes", "is_older", "judge", "new_fields"]


class _Cause(Enum):
    SETTLED = auto()
    STORED = auto()
    UPSTREAM = auto()
    FIRST_READING = auto()
    AUTHOR = auto()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The differing fields by who is behind them; `settled` fields differ as they did when they were last seen.

    `first_reading` are those of `upstream` of which nothing had been seen since the record was created.
    """

    author: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    first_reading: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()


_ALL_EQUAL = Verdicts()


def new_fields(record_set: DesiredSet, record: DesiredRecord) -> tuple[FieldChange, ...]:
    """What a creation sends, as it is declared, the marker included."""
    after = record.data
    if record_set.marker_field is not None and record.marker is not None:
        after = {**after, record_set.marker_field: record.marker}
    rules, default = record_set.rules.fields, record_set.rules.default
    return tuple(
        [
            FieldChange(path=name, sensitive=True)
            if rules.get(name, default).sensitive
            else FieldChange(path=name, after=after[name])
            for name in sorted(after)
        ]
    )


def field_changes(
    record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord, names: Iterable[str]
) -> tuple[FieldChange, ...]:
    """The named fields, from what is observed to what is declared; values of sensitive ones are left out."""
    return tuple(
        _field_change(record_set, name, row.data.get(name), record.data.get(name)) for name in sorted(set(names))
    )


def _field_change(record_set: DesiredSet, name: str, before: Json, after: Json) -> FieldChange:
    if record_set.rules.rule(name).sensitive:
        return FieldChange(path=name, sensitive=True)
    return FieldChange(path=name, before=before, after=after)


def differing(record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord) -> list[str]:
    """The declared fields whose observed value is another one."""
    rules = record_set.rules
    found = []
    for name, desired in record.data.items():
        observed = row.data.get(name)
        if type(desired) is type(observed) and desired == observed and not isinstance(desired, (dict, list)):
            continue
        rule = rules.rule(name)
        if rule.compare is Compare.EXACT:
            desired = provider(record_set.target.provider).null if desired is None else desired
            if name not in row.data:
                found.append(name)
                continue
        if not equal(desired, observed, rule, scalars_as_text=rules.scalars_as_text):
            found.append(name)
    return found


def is_older(row: ObservedRecord, entry: LockEntry) -> bool:
    """Whether the row shows a version from before the one that was locked; false where a time is not known."""
    shown, locked = seconds_of(row.updated_at), seconds_of(entry.updated_at)
    return shown is not None and locked is not None and shown < locked


def judge(
    record_set: DesiredSet,
    record: DesiredRecord,
    entry: LockEntry,
    row: ObservedRecord,
    rows: PlaceRows,
    digest_keys: DigestKeys,
) -> Verdicts:
    """Tell for each differing field who changed it: what was sent and first seen against what is declared and shown.

    A field that no row of the collection shows cannot be compared and counts as settled, unless the author changed it.
    """
    names = differing(record_set, record, row)
    if not names:
        return _ALL_EQUAL
    causes: dict[_Cause, list[str]] = {cause: [] for cause in _Cause}
    versions = _versions(row, entry)
    for name in names:
        if name in record.lifecycle.ignore_changes:
            continue
        sensitive = record_set.rules.rule(name).sensitive
        known = entry.fields.get(name)
        key = digest_keys.private if known is not None and known.private else digest_keys.shared
        reading = _Reading(
            desired=record.data[name],
            observed=row.data.get(name),
            shown=name in row.data or rows.carries(name),
            known=known,
            versions=versions,
            sensitive=sensitive,
            digest_key=key if sensitive else None,
        )
        cause = _cause(reading)
        if (
            cause is _Cause.STORED
            and name in record_set.match_on
            and not loosely_equal(reading.desired, reading.observed)
        ):
            # A key that is another one by every form is another record's, or somebody's change.
            cause = _Cause.UPSTREAM
        causes[cause].append(name)
    return Verdicts(
        author=tuple(causes[_Cause.AUTHOR]),
        upstream=tuple(sorted(causes[_Cause.UPSTREAM] + causes[_Cause.FIRST_READING])),
        first_reading=tuple(causes[_Cause.FIRST_READING]),
        stored=tuple(causes[_Cause.STORED]),
        settled=tuple(causes[_Cause.SETTLED]),
    )


class _Versions(Enum):
    """Whether the row is the version that the lock entry describes, by the upstream's own times."""

    SAME = auto()
    OTHER = auto()
    NOT_TOLD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    desired: Json
    observed: Json
    shown: bool
    known: FieldDigests | None
    versions: _Versions
    sensitive: bool
    digest_key: bytes | None

    @property
    def comparable(self) -> bool:
        return not self.sensitive or self.digest_key is not None

    def is_digest_of(self, digest_text: str, value: Json) -> bool:
        return digest_text == digest(value, key=self.digest_key)


def _versions(row: ObservedRecord, entry: LockEntry) -> _Versions:
    shown, locked = seconds_of(row.updated_at), seconds_of(entry.updated_at)
    if shown is None or locked is None:
        told = row.updated_at is not None and entry.updated_at is not None
        return (
            (_Versions.SAME if row.updated_at == entry.updated_at else _Versions.OTHER) if told else _Versions.NOT_TOLD
        )
    return _Versions.SAME if shown == locked else _Versions.OTHER


def _cause(reading: _Reading) -> _Cause:
    known = reading.known
    if known is None or not reading.comparable:
        # Digests of sensitive fields may be another machine's own: without them nobody's change can be told.
        return _Cause.SETTLED if reading.sensitive else _Cause.AUTHOR
    sent, seen = known.sent, known.seen
    if sent is not None and not reading.is_digest_of(sent, reading.desired):
        return _Cause.AUTHOR
    if not reading.shown:
        return _Cause.SETTLED
    if seen is None:
        same = reading.versions is _Versions.SAME or loosely_equal(reading.desired, reading.observed)
        return _Cause.STORED if same else _Cause.FIRST_READING
    if reading.is_digest_of(seen, reading.observed):
        # Never sent, and unchanged since it was first seen: the difference is the author's wish.
        return _Cause.SETTLED if sent is not None else _Cause.AUTHOR
    return _changed_upstream(reading, echoed=sent is not None and sent == seen)


def _changed_upstream(reading: _Reading, *, echoed: bool) -> _Cause:
    """The value is not the one first seen; an answer may have echoed what the provider then stored otherwise."""
    match reading.versions:
        case _Versions.SAME:
            return _Cause.STORED
        case _Versions.OTHER:
            return _Cause.UPSTREAM
        case _Versions.NOT_TOLD:
            stored = echoed and loosely_equal(reading.desired, reading.observed)
            return _Cause.STORED if stored else _Cause.UPSTREAM
        case _ as unreachable:
            assert_never(unreachable)
