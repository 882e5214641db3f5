"""Read one collection and keep only the rows that can matter: memory follows what is declared, not what exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from syncspec.errors import UpstreamError
from syncspec.keys import key_digest, loose_key_of
from syncspec.records import Absence, Data, Lens, Observation, ObservedRecord, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import Reader, SyncInfo
from syncspec.values.instants import seconds_of

__all__ = ["Sought", "Wanted", "came_at", "freshness", "observe"]

MAX_FIELD_NAMES = 20_000
"""Names kept of what rows carry; a collection with more is broken or hostile, and then only declared ones count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Records known by digests alone: the loose keys under a lens, keyed by a secret where they are sensitive."""

    lens: Lens
    loose: frozenset[str]
    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What makes a row of one collection relevant: its ID, its loose key under any lens, or its marker.

    Loose keys are enough: rows with an equal strict key have an equal loose key. `upstream_ids` are short IDs, see
    `syncspec.values.short_id`. `fields` are all declared names; `sought` is what was sent and may have been created.
    `since`: so is a row that came into being at that time or later, in seconds, as far as the upstream tells.
    `everything`: every row is.
    """

    lenses: tuple[Lens, ...] = ()
    upstream_ids: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()
    markers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    sought: tuple[Sought, ...] = ()
    since: Decimal | None = None
    everything: bool = False


async def observe(
    reader: Reader,
    target: Target,
    wanted: Wanted,
    *,
    settings: UpstreamSettings,
    now: Callable[[], datetime],
    on_progress: Callable[[int], None] | None = None,
) -> Observation:
    """List the whole collection once; a list that breaks off is never read as absence.

    A record that occurs twice counts as its later version. `observed_at` is the time before the first page.
    `on_progress` gets the number of rows read after each page. Raises UpstreamError where the sync cannot be
    described, or where an endpoint without syncs routes refuses the very first page: then nothing says that the
    upstream is there and lets us in.
    """
    info = await reader.describe(target.sync_id)
    absence, reason = freshness(info, target, settings)
    observed_at = now()
    sieve = _Sieve(wanted)
    cursor: str | None = None
    stream: str | None = None
    try:
        async for page in reader.pages(target.sync_id, target.collection_id):
            sieve.take(page.records)
            cursor = page.cursor
            stream = stream or page.stream_id
            if on_progress is not None:
                on_progress(sieve.rows_read)
        if info is not None:
            _check_unchanged(info, await reader.describe(target.sync_id))
    except UpstreamError as error:
        if info is None and sieve.rows_read == 0:
            raise
        return Observation(
            target=target,
            observed_at=observed_at,
            readable=False,
            absence=Absence.UNKNOWN,
            reason=f"the list broke off: {_told(error)}",
        )
    polling = info.polling_seconds if info is not None else None
    stream = stream or (info.stream_id if info is not None else None)
    seen = sieve.observation(target, observed_at)
    return replace(seen, absence=absence, reason=reason, cursor=cursor, polling_seconds=polling, stream=stream)


def _told(error: UpstreamError) -> str:
    """What went wrong, fit to stand in a sentence whose end says what was not changed."""
    first = error.diagnostics[0]
    return (first.detail or first.summary).removesuffix("Nothing was changed.").rstrip(" .")


def _check_unchanged(before: SyncInfo, after: SyncInfo | None) -> None:
    """Raise UpstreamError where the sync was rebuilt, or began to fail, while its list was read."""
    if after is None or _state(before) != _state(after):
        raise UpstreamError(
            "The upstream could not be read",
            detail=f"the sync {before.sync_id} changed while its list was read. Nothing was changed.",
            hint="run the command again",
        )


def _state(info: SyncInfo) -> tuple[object, ...]:
    return (info.stream_id, info.backfilled, info.healthy, info.max_age_days)


def came_at(row: ObservedRecord) -> Decimal | None:
    """When a record came into being, in seconds, or at the latest: when it was last changed. None: no time is told."""
    return seconds_of(row.created_at) or seconds_of(row.updated_at)


def freshness(info: SyncInfo | None, target: Target, settings: UpstreamSettings) -> tuple[Absence, str]:
    """What a missing row of a whole list is worth, and why.

    What the sync itself says against its list stands, whatever the project file assumes, but for `max_age_days`,
    which never ends: `assume_complete` makes that an assumption. An embedded upstream names the collections that it
    holds and takes any other, so there the names say nothing.
    """
    if info is None:
        if settings.assume_complete:
            return Absence.PROVED, "the project declares the upstream's list to be complete"
        return Absence.ASSUMED, "the upstream does not tell whether its list is complete"
    if info.backfilled is False:
        return Absence.UNKNOWN, "the sync has not finished its first backfill"
    if info.healthy is False:
        return Absence.UNKNOWN, f"the sync is not healthy ({info.health or info.status or 'no details given'})"
    if info.max_age_days is not None:
        words = f"the sync keeps only records of the last {info.max_age_days} days"
        return (Absence.ASSUMED if settings.assume_complete else Absence.UNKNOWN), words
    if info.collection_ids and target.collection_id not in info.collection_ids:
        return Absence.ASSUMED, f"the sync does not name {target.collection_id} among its collections"
    if info.healthy is None and (info.health or info.status) and not settings.assume_complete:
        return Absence.ASSUMED, f"what the sync's state means is not known ({info.health or info.status})"
    if info.backfilled is None and not settings.assume_complete:
        return Absence.ASSUMED, "the sync does not tell whether its backfill is complete"
    return Absence.PROVED, ""


@dataclass(slots=True)
class _Sieve:
    wanted: Wanted
    rows_read: int = 0
    live_rows: int = 0
    rows: dict[str, ObservedRecord] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    keyed: dict[tuple[str, ...], int] = field(init=False)
    marked: dict[str, int] = field(init=False)
    sought: Sequence[Callable[[Data], bool]] = field(init=False)
    loose_keys: Sequence[Callable[[Data], str | None]] = field(init=False)
    marker_fields: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        lenses = self.wanted.lenses
        self.keyed = {lens.match_on: 0 for lens in lenses if lens.match_on}
        self.marker_fields = sorted({lens.marker_field for lens in lenses if lens.marker_field})
        self.marked = dict.fromkeys(self.marker_fields, 0)
        self.loose_keys = [loose_key_of(lens.match_on, lens.rules) for lens in lenses if lens.match_on]
        self.sought = [_seeker(each) for each in self.wanted.sought]

    def take(self, records: Sequence[ObservedRecord]) -> None:
        ids, rows, every = self.wanted.upstream_ids, self.rows, self.wanted.everything
        self.rows_read += len(records)
        for row in records:
            if not row.deleted:
                self._count(row.data)
            upstream_id = row.upstream_id
            # Slicing is cheaper than checking a checksum, and a row too many does no harm.
            if every or upstream_id in ids or upstream_id[:15] in ids or self._recognised(row):
                rows[upstream_id] = row
            elif rows:
                rows.pop(upstream_id, None)

    def _count(self, data: Data) -> None:
        self.live_rows += 1
        if len(self.fields) < MAX_FIELD_NAMES:
            self.fields.update(data)
        else:
            self.fields.update(self.wanted.fields.intersection(data))
        for names in self.keyed:
            if all(name in data for name in names):
                self.keyed[names] += 1
        for name in self.marked:
            if name in data:
                self.marked[name] += 1

    def _recognised(self, row: ObservedRecord) -> bool:
        data, loose, markers = row.data, self.wanted.loose, self.wanted.markers
        for key_of in self.loose_keys:
            if key_of(data) in loose:
                return True
        for name in self.marker_fields:
            marker = data.get(name)
            if isinstance(marker, str) and marker.strip() in markers:
                return True
        return any(seeks(data) for seeks in self.sought) or self._is_new(row)

    def _is_new(self, row: ObservedRecord) -> bool:
        since = self.wanted.since
        if since is None or row.deleted:
            return False
        came = came_at(row)
        return came is not None and came >= since

    def observation(self, target: Target, observed_at: datetime) -> Observation:
        return Observation(
            target=target,
            observed_at=observed_at,
            rows=tuple(self.rows[upstream_id] for upstream_id in sorted(self.rows)),
            live_rows=self.live_rows,
            keyed_rows=min(self.keyed.values(), default=0),
            keyed=dict(self.keyed),
            marked=dict(self.marked),
            fields=frozenset(self.fields),
        )


def _seeker(sought: Sought) -> Callable[[Data], bool]:
    key_of = loose_key_of(sought.lens.match_on, sought.lens.rules)

    def seeks(data: Data) -> bool:
        key = key_of(data)
        return key is not None and key_digest(key, secret=sought.secret) in sought.loose

    return seeks
