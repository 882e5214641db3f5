"""Read one collection and keep only the rows that can matter: memory follows what is declared, not what exists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from syncspec.errors import UpstreamError
from syncspec.keys import loose_key_of
from syncspec.records import Absence, Data, FieldRules, Observation, ObservedRecord, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import Reader, SyncInfo

__all__ = ["Lens", "Wanted", "freshness", "observe"]

MAX_FIELD_NAMES = 20_000
"""Names kept of what rows carry; a collection with more is broken or hostile, and then only declared ones count."""


_NO_RULES = FieldRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """How one set, or several that read alike, recognises its records in a row."""

    match_on: tuple[str, ...] = ()
    rules: FieldRules = _NO_RULES
    marker_field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What makes a row of one collection relevant: its ID, its loose key under any lens, or its marker.

    Loose keys are enough: rows with an equal strict key have an equal loose key. `upstream_ids` are short IDs, see
    `syncspec.values.short_id`. `fields` are all declared names.
    """

    lenses: tuple[Lens, ...] = ()
    upstream_ids: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()
    markers: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


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
    try:
        async for page in reader.pages(target.sync_id, target.collection_id):
            sieve.take(page.records)
            cursor = page.cursor
            if on_progress is not None:
                on_progress(sieve.rows_read)
    except UpstreamError as error:
        if info is None and sieve.rows_read == 0:
            raise
        return Observation(
            target=target,
            observed_at=observed_at,
            readable=False,
            absence=Absence.UNKNOWN,
            reason=f"the list broke off: {error}",
        )
    polling = info.polling_seconds if info is not None else None
    seen = sieve.observation(target, observed_at)
    return replace(seen, absence=absence, reason=reason, cursor=cursor, polling_seconds=polling)


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
    loose_keys: Sequence[Callable[[Data], str | None]] = field(init=False)
    marker_fields: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        lenses = self.wanted.lenses
        self.keyed = {lens.match_on: 0 for lens in lenses if lens.match_on}
        self.marker_fields = sorted({lens.marker_field for lens in lenses if lens.marker_field})
        self.loose_keys = [loose_key_of(lens.match_on, lens.rules) for lens in lenses if lens.match_on]

    def take(self, records: Sequence[ObservedRecord]) -> None:
        ids, rows = self.wanted.upstream_ids, self.rows
        self.rows_read += len(records)
        for row in records:
            if not row.deleted:
                self._count(row.data)
            upstream_id = row.upstream_id
            # Slicing is cheaper than checking a checksum, and a row too many does no harm.
            if upstream_id in ids or upstream_id[:15] in ids or self._recognised(row.data):
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

    def _recognised(self, data: Data) -> bool:
        loose, markers = self.wanted.loose, self.wanted.markers
        for key_of in self.loose_keys:
            if key_of(data) in loose:
                return True
        for name in self.marker_fields:
            marker = data.get(name)
            if isinstance(marker, str) and marker in markers:
                return True
        return False

    def observation(self, target: Target, observed_at: datetime) -> Observation:
        return Observation(
            target=target,
            observed_at=observed_at,
            rows=tuple(self.rows[upstream_id] for upstream_id in sorted(self.rows)),
            live_rows=self.live_rows,
            keyed_rows=min(self.keyed.values(), default=0),
            keyed=dict(self.keyed),
            fields=frozenset(self.fields),
        )
