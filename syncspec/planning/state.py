"""The inputs of a plan, indexed: which rows could be a record, who holds an ID, what is unsettled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from syncspec.keys import KeyReader, has_sensitive_key, key_digest, loose_key_of, strict_key_of
from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.lookups import Lookups
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.plan import Resend
from syncspec.planning.secrecy import Secrecy
from syncspec.records import DesiredRecord, DesiredSet, FieldRules, Observation, ObservedRecord
from syncspec.upstream.protocol import MutationKind
from syncspec.values import short_id

__all__ = ["Place", "PlaceRows", "PlanningState", "marker_of"]

Place = tuple[str, str, str]
Rows = dict[str, list[ObservedRecord]]


class PlaceRows:
    """One collection's relevant rows, found by ID, key or marker; indices are made when first asked for."""

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self._by_id = {short_id(row.upstream_id): row for row in observation.rows}
        own = {row.upstream_id: row for row in observation.rows}
        # Where no row stands under two forms of its ID, an ID as the row has it need not be shortened first.
        self._by_own_id = own if len(own) == len(self._by_id) else {}
        self._live = [row for row in self._by_id.values() if not row.deleted]
        self._lenses: dict[Hashable, _Lens] = {}
        self._lens_of_set: dict[str, _Lens] = {}
        self._markers: dict[str, Rows] = {}
        self._fields: frozenset[str] | None = observation.fields or None

    def by_id(self, upstream_id: str) -> ObservedRecord | None:
        return self._by_own_id.get(upstream_id) or self._by_id.get(short_id(upstream_id))

    def by_key(self, record_set: DesiredSet | Lookups, strict: str) -> Sequence[ObservedRecord]:
        """Live rows with this strict key, as the set reads rows."""
        return self._lens(record_set).strict.get(strict, ())

    def by_loose_key(self, record_set: DesiredSet | Lookups, loose: str) -> Sequence[ObservedRecord]:
        return self._lens(record_set).loose.get(loose, ())

    def with_key_of(
        self, record_set: DesiredSet | Lookups, row: ObservedRecord, loose: str
    ) -> Sequence[ObservedRecord]:
        """Live rows with the very key that `row` shows, which is the loose key `loose` in a form of the upstream's."""
        lens = self._lens(record_set)
        strict = lens.strict_of(row.data) if lens.loose_of(row.data) == loose else None
        return lens.strict.get(strict, ()) if strict is not None else ()

    def by_marker(self, marker_field: str, marker: str) -> Sequence[ObservedRecord]:
        if marker_field not in self._markers:
            rows: Rows = defaultdict(list)
            for row in self._live:
                value = marker_of(row, marker_field)
                if value is not None:
                    rows[value].append(row)
            self._markers[marker_field] = rows
        return self._markers[marker_field].get(marker, ())

    def carries(self, name: str) -> bool:
        """Whether any live row shows the field."""
        return name in self.fields

    @property
    def fields(self) -> frozenset[str]:
        if self._fields is None:
            self._fields = frozenset().union(*(row.data for row in self._live))
        return self._fields

    def key_is_readable(self, record_set: DesiredSet | Lookups) -> bool:
        """Whether a row with the set's key would show it."""
        return self.observation.shows_key(record_set.match_on)

    def _lens(self, record_set: DesiredSet | Lookups) -> _Lens:
        """The set's indices; sets that read rows alike share them."""
        lens = self._lens_of_set.get(record_set.name)
        if lens is None:
            rules, names = record_set.rules, record_set.match_on
            reading = (names, tuple(rules.rule(name) for name in names), rules.scalars_as_text)
            lens = self._lenses.setdefault(reading, _Lens(self._live, names, rules))
            self._lens_of_set[record_set.name] = lens
        return lens


class _Lens:
    """Live rows by key, as sets with the same match_on and rules see them."""

    def __init__(self, live: Sequence[ObservedRecord], match_on: Sequence[str], rules: FieldRules) -> None:
        self._live = live
        self.strict_of, self.loose_of = strict_key_of(match_on, rules), loose_key_of(match_on, rules)

    @cached_property
    def strict(self) -> Rows:
        return self._indexed(self.strict_of)

    @cached_property
    def loose(self) -> Rows:
        return self._indexed(self.loose_of)

    def _indexed(self, key_of: KeyReader) -> Rows:
        rows: Rows = defaultdict(list)
        for row in self._live:
            key = key_of(row.data)
            if key is not None:
                rows[key].append(row)
        return rows


def marker_of(row: ObservedRecord, marker_field: str | None) -> str | None:
    """The marker that a row carries, None where it carries none."""
    value = row.data.get(marker_field) if marker_field else None
    return (value.strip() or None) if isinstance(value, str) else None


@dataclass(slots=True)
class PlanningState:
    """Everything that a decision looks up.

    `holders`: lock entries by place and short ID; `keyed`: the same by the digest of their key and by marker.
    `traces`: open creations by place and what tells their record; `absent_traces` and, by address, `absent`: those that
    were proved absent; `undone`: updates and deletes that were proved to have changed nothing. `orphans`: creations
    without a key whose address is no longer declared, by place and set. What other lockfiles of the state folder hold
    is kept apart: `traces_elsewhere`, `keyed_elsewhere`, and the IDs that they hold in `held_elsewhere`.
    """

    inputs: PlanningInput
    places: dict[Place, PlaceRows] = field(init=False)
    declared: frozenset[str] = field(init=False)
    holders: dict[tuple[Place, str], list[LockEntry]] = field(init=False)
    keyed: dict[tuple[Place, str], list[LockEntry]] = field(init=False)
    attempts: dict[str, list[OpenAttempt]] = field(init=False)
    traces: dict[tuple[Place, str], OpenAttempt] = field(init=False)
    orphans: dict[tuple[Place, str], OpenAttempt] = field(init=False)
    keyed_elsewhere: dict[tuple[Place, str], list[LockEntry]] = field(init=False)
    held_elsewhere: frozenset[tuple[Place, str]] = field(init=False)
    traces_elsewhere: dict[tuple[Place, str], OpenAttempt] = field(init=False)
    absent: dict[str, OpenAttempt] = field(init=False)
    undone: dict[str, OpenAttempt] = field(init=False)
    absent_traces: dict[tuple[Place, str], OpenAttempt] = field(init=False)
    secrecy: Secrecy = field(init=False)

    def __post_init__(self) -> None:
        inputs = self.inputs
        self.secrecy = Secrecy(keys=inputs.digest_keys)
        self.places = {seen.target.place: PlaceRows(seen) for seen in inputs.observations}
        self.declared = frozenset(record.address for each in inputs.sets for record in each.records)
        self.holders = defaultdict(list)
        for entry in inputs.lockfile.entries.values():
            place = entry.target.place
            self.holders[(place, short_id(entry.upstream_id))].append(entry)
        # Only records without an entry are looked up by key, and where there are none this saves much.
        unlocked = not self.declared <= inputs.lockfile.entries.keys()
        self.keyed = _by_key(inputs.lockfile.entries.values()) if unlocked else {}
        self.keyed_elsewhere = _by_key(inputs.entries_elsewhere)
        self.held_elsewhere = frozenset(
            (entry.target.place, short_id(entry.upstream_id)) for entry in inputs.entries_elsewhere
        )
        self.traces_elsewhere = {}
        for attempt in inputs.attempts_elsewhere:
            _trace(self.traces_elsewhere, attempt)
        creates = [attempt for attempt in inputs.absent if attempt.kind == MutationKind.CREATE]
        self.absent = {attempt.address: attempt for attempt in creates}
        self.undone = {attempt.address: attempt for attempt in inputs.absent if attempt.kind != MutationKind.CREATE}
        self.absent_traces = {}
        for attempt in creates:
            _trace(self.absent_traces, attempt)
        self.attempts, self.traces, self.orphans = defaultdict(list), {}, {}
        for attempt in sorted(inputs.open_attempts, key=lambda item: (item.address, item.attempt)):
            self.attempts[attempt.address].append(attempt)
            if attempt.kind != MutationKind.CREATE:
                continue
            _trace(self.traces, attempt)
            if attempt.key is None and attempt.loose_key is None and attempt.address not in self.declared:
                self.orphans.setdefault((attempt.target.place, attempt.address.partition(".")[0]), attempt)

    @property
    def some_id_is_shared(self) -> bool:
        """Whether any upstream ID is locked by more than one address."""
        return len(self.holders) < len(self.inputs.lockfile.entries)

    def attempt_in_the_way(self, record_set: DesiredSet, record: DesiredRecord) -> OpenAttempt | None:
        """An open attempt of another address that may have made this very record.

        Told by key or marker; where a set has no key, by an attempt of an address that the same set no longer
        declares, which may be this record under its former name.
        """
        found = _traced(self.traces, record_set, record, self._secret(record_set))
        if found is None and record.key is None:
            found = self.orphans.get((record_set.target.place, record_set.name))
        return found

    def attempt_elsewhere(self, record_set: DesiredSet, record: DesiredRecord) -> OpenAttempt | None:
        """An open attempt of another environment or project that may have made this very record."""
        return _traced(self.traces_elsewhere, record_set, record, self._secret(record_set))

    def resend_of(self, record_set: DesiredSet, record: DesiredRecord) -> Resend | None:
        """What was sent of this record, under this address or another one, and then proved absent."""
        found = _traced(self.absent_traces, record_set, record, self._secret(record_set))
        found = found or self.absent.get(record.address)
        if found is None or found.target.place != record_set.target.place:
            return None
        return _resend(found)

    def repeat_of(self, record_set: DesiredSet, record: DesiredRecord) -> Resend | None:
        """What was sent to change this locked record, and then proved to have changed nothing."""
        return self._repeat(record.address, record_set.target.place, MutationKind.UPDATE)

    def repeat_of_deletion(self, entry: LockEntry) -> Resend | None:
        """What was sent to delete this record, and then proved not to have done so."""
        return self._repeat(entry.address, entry.target.place, MutationKind.DELETE)

    def _repeat(self, address: str, place: Place, kind: MutationKind) -> Resend | None:
        found = self.undone.get(address)
        if found is None or found.target.place != place or found.kind != kind:
            return None
        return _resend(found)

    def locked_elsewhere(self, record_set: DesiredSet, record: DesiredRecord) -> Sequence[LockEntry]:
        """Entries of other environments or projects that were locked with this record's very key."""
        if record.key is None or not self.keyed_elsewhere:
            return ()
        return self.keyed_elsewhere.get(
            (record_set.target.place, f"key {self._key_digest(record_set, record.key.strict)}"), ()
        )

    def _key_digest(self, record_set: DesiredSet, text: str) -> str:
        return key_digest(text, secret=self._secret(record_set))

    def _secret(self, record_set: DesiredSet) -> bytes | None:
        sensitive = has_sensitive_key(record_set.match_on, record_set.rules)
        return self.inputs.digest_keys.best if sensitive else None

    def rows_of(self, record_set: DesiredSet | Lookups) -> PlaceRows | None:
        """The collection's rows; None where it could not be read."""
        rows = self.places.get(record_set.target.place)
        return rows if rows is not None and rows.observation.readable else None

    def why_unreadable(self, record_set: DesiredSet | Lookups) -> str:
        rows = self.places.get(record_set.target.place)
        return rows.observation.reason if rows is not None else "it was not read"

    def holders_of(self, place: Place, upstream_id: str) -> Sequence[LockEntry]:
        """Lock entries of that very record, whether their addresses are declared or not."""
        return self.holders.get((place, short_id(upstream_id)), ())

    def locked_alike(self, record_set: DesiredSet, record: DesiredRecord) -> list[LockEntry]:
        """Entries of other addresses that were locked with this record's very key or marker, by upstream ID."""
        if not self.keyed:
            return []
        place = record_set.target.place
        found = list(self.keyed.get((place, f"marker {record.marker}"), ())) if record.marker is not None else []
        if record.key is not None:
            found += self.keyed.get((place, f"key {self._key_digest(record_set, record.key.strict)}"), ())
        others = {short_id(entry.upstream_id): entry for entry in found if entry.address != record.address}
        return [others[upstream_id] for upstream_id in sorted(others)]

    def settle_of(self, record_set: DesiredSet, rows: PlaceRows) -> float:
        """Seconds after which the list should show what was written, by the settings and the sync's own pace."""
        settle = self.inputs.upstreams[record_set.target.upstream].settle
        polling = rows.observation.polling_seconds
        return max(settle, 2 * polling) if settle and polling else settle

    @property
    def marker_prefix(self) -> str:
        environment = self.inputs.environment
        return f"{self.inputs.project}@{environment}/" if environment else f"{self.inputs.project}/"


def _resend(attempt: OpenAttempt) -> Resend:
    return Resend(
        attempt=attempt.attempt, absences=attempt.absences, alone=attempt.refused, fields=tuple(sorted(attempt.sent))
    )


def _by_key(entries: Iterable[LockEntry]) -> dict[tuple[Place, str], list[LockEntry]]:
    keyed: dict[tuple[Place, str], list[LockEntry]] = defaultdict(list)
    for entry in entries:
        if entry.key is not None:
            keyed[(entry.target.place, f"key {entry.key}")].append(entry)
        if entry.marker is not None:
            keyed[(entry.target.place, f"marker {entry.marker}")].append(entry)
    return keyed


def _trace(traces: dict[tuple[Place, str], OpenAttempt], attempt: OpenAttempt) -> None:
    for kind, value in (("key", attempt.key), ("loose", attempt.loose_key), ("marker", attempt.marker)):
        if value is not None:
            traces.setdefault((attempt.target.place, f"{kind} {value}"), attempt)


def _traced(
    traces: dict[tuple[Place, str], OpenAttempt],
    record_set: DesiredSet,
    record: DesiredRecord,
    secret: bytes | None,
) -> OpenAttempt | None:
    """The attempt of the record's marker, else of its loose key, else of its strict key."""
    if not traces:
        return None
    place = record_set.target.place
    found = traces.get((place, f"marker {record.marker}")) if record.marker is not None else None
    if found is None and record.key is not None:
        found = traces.get((place, f"loose {key_digest(record.key.loose, secret=secret)}"))
        found = found or traces.get((place, f"key {key_digest(record.key.strict, secret=secret)}"))
    return found
