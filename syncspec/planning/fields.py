"""One record's fields: declared against observed, and who changed what since it was locked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import assert_never

from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry
from syncspec.planning.plan import FieldChange
from syncspec.planning.state import PlaceRows
from syncspec.providers import provider
from syncspec.records import Compare, DesiredRecord, DesiredSet, Json, ObservedRecord
from syncspec.values import digest, equal, loosely_equal
from syncspec.values.instants import seconds_of

__all__ = ["Verdicts", "differing", "field_changes", "judge", "needs_new_baseline", "new_fields", "unknown_fields"]


class _Cause(Enum):
    SETTLED = auto()
    STORED = auto()
    UPSTREAM = auto()
    FIRST_READING = auto()
    AUTHOR = auto()
    CONFLICT = auto()
    STALE = auto()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The differing fields by who is behind them; `settled` fields differ as they did when they were last seen.

    `first_reading` are those of `upstream` of which nothing had been seen since the record was written, `uncertain`
    those of them that the provider may merely store in another form. `conflict`: changed by both. `stale`: shown as
    before our last write. `may_lag`: the row may be from before that write, so that it is no baseline.
    """

    author: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    first_reading: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    may_lag: bool = False


_ALL_EQUAL = Verdicts()


def new_fields(record_set: DesiredSet, record: DesiredRecord) -> tuple[FieldChange, ...]:
    """What a creation sends, as it is declared, the marker included."""
    after = record.data
    if record_set.marker_field is not None and record.marker is not None:
        after = {**after, record_set.marker_field: record.marker}
    rules, default = record_set.rules.fields, record_set.rules.default
    known = [
        FieldChange(path=name, sensitive=True)
        if rules.get(name, default).sensitive
        else FieldChange(path=name, after=after[name])
        for name in sorted(after)
    ]
    if not record.unbound:
        return tuple(known)
    return tuple(sorted([*known, *unknown_fields(record_set, record)], key=lambda each: each.path))


def unknown_fields(
    record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord | None = None
) -> list[FieldChange]:
    """The fields whose values hold IDs that are known after apply, without those that are left to the upstream."""
    shown = row.data if row is not None else {}
    left = record.lifecycle.ignore_changes if row is not None else ()
    return [
        replace(_field_change(record_set, name, shown.get(name), None), known_after_apply=True)
        for name in record.unbound
        if name not in left
    ]


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


def judge(
    record_set: DesiredSet,
    record: DesiredRecord,
    entry: LockEntry,
    row: ObservedRecord,
    rows: PlaceRows,
    digest_keys: DigestKeys,
    *,
    recently_written: bool = False,
) -> Verdicts:
    """Tell for each differing field who changed it: what was sent and first seen against what is declared and shown.

    A field that no row of the collection shows cannot be compared and counts as settled, unless the author changed it.
    `recently_written`: our last update is so young that the list may show what was there before it.
    """
    unequal = differing(record_set, record, row)
    names = list(unequal)
    versions = _versions(row, entry)
    may_lag = versions is _Versions.OLDER or (versions is _Versions.NOT_TOLD and recently_written)
    if may_lag:
        # What equals an old row may still have been changed since it was last sent.
        names += [name for name in _own_changes(record, entry, digest_keys, record_set) if name not in names]
    elif not names:
        return _ALL_EQUAL
    causes: dict[_Cause, list[str]] = {cause: [] for cause in _Cause}
    for name in names:
        if name in record.lifecycle.ignore_changes:
            continue
        reading = _reading(name, record_set, record, entry, row, rows, digest_keys, versions)
        cause = _cause(reading)
        if (
            cause is _Cause.STORED
            and name in record_set.match_on
            and not loosely_equal(reading.desired, reading.observed)
        ):
            # A key that is another one by every form is another record's, or somebody's change.
            cause = _Cause.UPSTREAM
        if may_lag and (versions is _Versions.OLDER or reading.shows_what_was_before):
            cause = _before_our_write(cause)
        elif name not in unequal:
            continue
        causes[cause].append(name)
    first = causes[_Cause.FIRST_READING]
    return Verdicts(
        author=tuple(causes[_Cause.AUTHOR]),
        upstream=tuple(sorted(causes[_Cause.UPSTREAM] + first)),
        first_reading=tuple(first),
        uncertain=tuple(first) if versions is _Versions.NOT_TOLD else (),
        stored=tuple(causes[_Cause.STORED]),
        settled=tuple(causes[_Cause.SETTLED]),
        conflict=tuple(causes[_Cause.CONFLICT]),
        stale=tuple(causes[_Cause.STALE]),
        may_lag=may_lag,
    )


def needs_new_baseline(
    record_set: DesiredSet, record: DesiredRecord, entry: LockEntry, row: ObservedRecord, digest_keys: DigestKeys
) -> bool:
    """Whether a record whose fields are as declared is locked with others: a field is new, or both sides changed it.

    Where the row is the version that was locked, the upstream changed nothing, and the locked baseline still holds.
    """
    if any(name not in entry.fields and name not in record.lifecycle.ignore_changes for name in record.data):
        return True
    return _versions(row, entry) is not _Versions.SAME and bool(_own_changes(record, entry, digest_keys, record_set))


def _own_changes(record: DesiredRecord, entry: LockEntry, digest_keys: DigestKeys, record_set: DesiredSet) -> list[str]:
    """The fields that are declared otherwise than they were last sent, as far as that can be told."""
    found = []
    for name, desired in record.data.items():
        known = entry.fields.get(name)
        if known is None or known.sent is None or name in record.lifecycle.ignore_changes:
            continue
        sensitive = record_set.rules.rule(name).sensitive
        key = _digest_key(known, digest_keys) if sensitive else None
        if (not sensitive or key is not None) and known.sent != digest(desired, key=key):
            found.append(name)
    return found


def _digest_key(known: FieldDigests | None, digest_keys: DigestKeys) -> bytes | None:
    return digest_keys.private if known is not None and known.private else digest_keys.shared


def _before_our_write(cause: _Cause) -> _Cause:
    """What a field of a row from before our last write tells: nothing of the upstream, and the author's wish stands."""
    match cause:
        case _Cause.UPSTREAM | _Cause.FIRST_READING | _Cause.STORED | _Cause.STALE:
            return _Cause.STALE
        case _Cause.CONFLICT | _Cause.AUTHOR:
            return _Cause.AUTHOR
        case _Cause.SETTLED:
            return _Cause.SETTLED
        case _ as unreachable:
            assert_never(unreachable)


class _Versions(Enum):
    """Whether the row is the version that the lock entry describes, by the upstream's own times."""

    SAME = auto()
    OLDER = auto()
    NEWER = auto()
    NOT_TOLD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    desired: Json
    observed: Json
    shown: bool
    known: FieldDigests | None
    versions: _Versions
    written: bool
    sensitive: bool
    digest_key: bytes | None

    @property
    def comparable(self) -> bool:
        return not self.sensitive or self.digest_key is not None

    @property
    def is_our_version(self) -> bool:
        """Whether the row is the very version that we wrote the field in."""
        return self.versions is _Versions.SAME and self.written

    @property
    def shows_what_was_before(self) -> bool:
        before = self.known.before if self.known is not None else None
        return before is not None and self.comparable and self.is_digest_of(before, self.observed)

    def is_digest_of(self, digest_text: str, value: Json) -> bool:
        return digest_text == digest(value, key=self.digest_key)


def _reading(
    name: str,
    record_set: DesiredSet,
    record: DesiredRecord,
    entry: LockEntry,
    row: ObservedRecord,
    rows: PlaceRows,
    digest_keys: DigestKeys,
    versions: _Versions,
) -> _Reading:
    sensitive = record_set.rules.rule(name).sensitive
    known = entry.fields.get(name)
    return _Reading(
        desired=record.data[name],
        observed=row.data.get(name),
        shown=name in row.data or rows.carries(name),
        known=known,
        versions=versions,
        # An update wrote only the fields that have a value from before it; a creation wrote all.
        written=entry.written_at is None or (known is not None and known.before is not None),
        sensitive=sensitive,
        digest_key=_digest_key(known, digest_keys) if sensitive else None,
    )


def _versions(row: ObservedRecord, entry: LockEntry) -> _Versions:
    if row.updated_at is None or entry.updated_at is None:
        return _Versions.NOT_TOLD
    if row.updated_at == entry.updated_at:
        return _Versions.SAME
    shown, locked = seconds_of(row.updated_at), seconds_of(entry.updated_at)
    if shown is None or locked is None:
        return _Versions.NEWER
    if shown == locked:
        return _Versions.SAME
    return _Versions.OLDER if shown < locked else _Versions.NEWER


def _cause(reading: _Reading) -> _Cause:
    known = reading.known
    if known is None or not reading.comparable:
        # Digests of sensitive fields may be another machine's own: without them nobody's change can be told.
        return _Cause.SETTLED if reading.sensitive else _Cause.AUTHOR
    sent, seen = known.sent, known.seen
    if sent is not None and not reading.is_digest_of(sent, reading.desired):
        return _changed_by_author(reading, sent)
    if not reading.shown:
        return _Cause.SETTLED
    if seen is None:
        same = reading.is_our_version or loosely_equal(reading.desired, reading.observed)
        return _Cause.STORED if same else _Cause.FIRST_READING
    if reading.is_digest_of(seen, reading.observed):
        # Never sent, and unchanged since it was first seen: the difference is the author's wish.
        return _Cause.SETTLED if sent is not None else _Cause.AUTHOR
    return _changed_upstream(reading, echoed=sent is not None and sent == seen)


def _changed_by_author(reading: _Reading, sent: str) -> _Cause:
    """The author's wish alone, unless the upstream shows neither what was sent nor what was first seen then.

    What differs from the wish only in form is no other wish: so an update looks whose answer was lost, where the
    provider stores the value otherwise.
    """
    assert reading.known is not None
    unchanged = (
        loosely_equal(reading.desired, reading.observed)
        or not reading.shown
        or reading.is_our_version
        or reading.is_digest_of(sent, reading.observed)
        or (reading.known.seen is not None and reading.is_digest_of(reading.known.seen, reading.observed))
    )
    return _Cause.AUTHOR if unchanged else _Cause.CONFLICT


def _changed_upstream(reading: _Reading, *, echoed: bool) -> _Cause:
    """The value is not the one first seen; an answer may have echoed what the provider then stored otherwise."""
    match reading.versions:
        case _Versions.SAME:
            return _Cause.STORED if reading.written else _Cause.UPSTREAM
        case _Versions.OLDER | _Versions.NEWER:
            return _Cause.UPSTREAM
        case _Versions.NOT_TOLD:
            stored = echoed and loosely_equal(reading.desired, reading.observed)
            return _Cause.STORED if stored else _Cause.UPSTREAM
        case _ as unreachable:
            assert_never(unreachable)
