"""Find out what became of attempts whose outcome is open, from what the upstream shows now. Pure.

A create was applied where exactly one live record that nobody else holds carries its marker or its strict key: none
did when it was sent. A record that only looks like it is locked too, but not taken for ours: the attempt is watched
until its horizon. A create was not applied where a whole list of one unchanged stream, begun after its horizon, shows
nothing like it; that sends the record once more, and the second such proof needs a person. Nothing else sends a record
again, except where the upstream itself refuses a second one. What became of an update or a deletion its record tells:
`changed.py` and `removed.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncspec.apply.announcement import announced_by
from syncspec.apply.attempts import Settlement
from syncspec.apply.changed import ChangeCase
from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.likeness import CollectionRows
from syncspec.apply.removed import RemovalCase
from syncspec.apply.resemblance import Unclaimed
from syncspec.apply.sighting import Place, Reading, Reconciled
from syncspec.apply.states import AttemptState
from syncspec.lockfile import LockEntry, OpenAttempt, Origin
from syncspec.records import Absence, Observation, ObservedRecord
from syncspec.upstream.protocol import MutationKind
from syncspec.values import short_id
from syncspec.values.instants import seconds_of

__all__ = ["Reading", "Reconciled", "intent_of", "reconcile", "visible_matches"]

_S = AttemptState
_REFUSALS = frozenset({400, 409, 422})
_MOST_RESENDS = 5


def reconcile(attempts: Iterable[OpenAttempt], reading: Reading) -> Reconciled:
    """Judge every attempt by the reading of its collection; those whose collection was not read stay as they are."""
    found: list[Settlement] = []
    doubts: dict[str, str] = {}
    for case in _cases(tuple(attempts), reading):
        settlement = _judge(case)
        if settlement is not None:
            found.append(settlement)
        elif case.is_over and (doubt := case.doubt):
            doubts[case.attempt.attempt] = doubt
    return Reconciled(settlements=tuple(_without_shared(found)), doubts=doubts)


def visible_matches(attempts: Sequence[OpenAttempt], reading: Reading) -> Iterator[tuple[OpenAttempt, ObservedRecord]]:
    """Live records that may be an attempt's: by the IDs of its answer, its marker, its key, or else by the rest."""
    for case in _cases(attempts, reading):
        ids = {short_id(candidate) for candidate in case.attempt.candidates}
        returned = [row for upstream_id, row in case.rows.by_id.items() if upstream_id in ids and not row.deleted]
        alike = _matches(case)[0] or case.unclaimed.resembling(case.attempt)
        yield from ((case.attempt, row) for row in case.free([*returned, *alike]))


def _cases(attempts: Sequence[OpenAttempt], reading: Reading) -> Iterator[_Case]:
    """Every attempt whose collection was read, with its rows, which are indexed once."""
    known: dict[Place, tuple[CollectionRows, Unclaimed]] = {}
    siblings = Counter(_batch_of(attempt) for attempt in attempts if attempt.state == _S.UNMAPPED)
    for attempt in attempts:
        place = attempt.target.place
        seen = reading.observations.get(place)
        if seen is None or not seen.readable:
            continue
        if place not in known:
            rows = CollectionRows(seen, reading.entries.keys)
            known[place] = (rows, Unclaimed(place, rows.live, reading))
        yield _Case(attempt, seen, *known[place], reading, alone=siblings[_batch_of(attempt)] == 1)


def intent_of(attempt: OpenAttempt) -> Moment:
    """The moment of an attempt's intent; long ago where it is not known."""
    wall = datetime.fromisoformat(attempt.intended_at or "1970-01-01T00:00:00Z")
    return Moment(wall=wall, boot=attempt.boot, uptime=attempt.uptime)


def _batch_of(attempt: OpenAttempt) -> str:
    return attempt.attempt.rpartition(".")[0]


def _without_shared(settlements: Sequence[Settlement]) -> Iterable[Settlement]:
    """Where several addresses would get one record, none of them does."""
    claims: dict[tuple[Place, str], set[str]] = {}
    for item in settlements:
        if item.entry is not None:
            claim = (item.entry.target.place, short_id(item.entry.upstream_id))
            claims.setdefault(claim, set()).add(item.entry.address)
    for item in settlements:
        if item.entry is None or len(claims[(item.entry.target.place, short_id(item.entry.upstream_id))]) == 1:
            yield item


@dataclass(slots=True)
class _Case:
    """One attempt with its collection's rows. `alone`: no other attempt of its batch is unmapped."""

    attempt: OpenAttempt
    seen: Observation
    rows: CollectionRows
    unclaimed: Unclaimed
    reading: Reading
    alone: bool

    @property
    def is_comparable(self) -> bool:
        """Whether rows can be compared with what was sent: digests may be keyed by a key that is not at hand."""
        key_id = self.attempt.key_id
        return key_id is None or self.reading.entries.keys.secret_of(key_id) is not None

    @property
    def is_over(self) -> bool:
        """Whether the reading began after the horizon, by every clock."""
        horizon = datetime.fromisoformat(self.attempt.horizon)
        return self.reading.began.has_reached(horizon, since=intent_of(self.attempt))

    @property
    def margin(self) -> timedelta:
        """How long after its intent an attempt may take effect; nothing where the intent's time is not known."""
        if self.attempt.intended_at is None:
            return timedelta()
        return datetime.fromisoformat(self.attempt.horizon) - datetime.fromisoformat(self.attempt.intended_at)

    @property
    def is_rebuilt(self) -> bool:
        """Whether the list is another one than that which was read before sending."""
        known = self.attempt.stream
        return known is not None and self.seen.stream is not None and known != self.seen.stream

    @property
    def doubt(self) -> str:
        """Why nothing alike in this list proves nothing; empty where it proves that nothing was created or changed."""
        attempt, seen, lens = self.attempt, self.seen, self.attempt.lens
        if attempt.kind == MutationKind.UPDATE:
            return self.change.doubt
        if attempt.kind == MutationKind.DELETE:
            return self.removal.doubt
        if attempt.key is None and attempt.marker is None:
            return "it has neither a match key nor a marker to be recognised by"
        if not self.is_comparable:
            return "its match key is sensitive, and the digest key that was used is not at hand"
        if seen.absence is not Absence.PROVED:
            return seen.reason or "the list may not be complete"
        if lens is None:
            return "how it is recognised was not recorded"
        if attempt.key is not None and not seen.shows_key(lens.match_on):
            return f"no record shows {', '.join(lens.match_on)}"
        if attempt.key is None and lens.marker_field is not None and not seen.shows_marker(lens.marker_field):
            return f"no record shows {lens.marker_field}"
        return self.unclaimed.doubt(attempt) if attempt.state != _S.WATCHED else ""

    @property
    def change(self) -> ChangeCase:
        """The attempt as a change of a record that exists."""
        attempt, reading = self.attempt, self.reading
        declared = reading.declared.get(attempt.address)
        return ChangeCase(
            attempt=attempt,
            seen=self.seen,
            row=self.own_row,
            locked=self.own_entry,
            declared=declared if declared and declared[0].target.place == attempt.target.place else None,
            entries=reading.entries,
            is_over=self.is_over,
        )

    @property
    def removal(self) -> RemovalCase:
        """The attempt as a deletion of a record that existed."""
        return RemovalCase(
            attempt=self.attempt,
            seen=self.seen,
            row=self.own_row,
            locked=self.own_entry,
            is_over=self.is_over,
            is_rebuilt=self.is_rebuilt,
            horizon_if_rebuilt=rfc3339(self.reading.began.wall + self.margin),
        )

    @property
    def own_row(self) -> ObservedRecord | None:
        """The record that the attempt was to change or delete, as the list shows it."""
        return self.rows.by_id.get(short_id(self.attempt.upstream_id or ""))

    @property
    def own_entry(self) -> LockEntry | None:
        """The lock entry of that very record, where the address still holds it."""
        attempt, locked = self.attempt, self.reading.locked.get(self.attempt.address)
        if locked is None or locked.target.place != attempt.target.place:
            return None
        return locked if short_id(locked.upstream_id) == short_id(attempt.upstream_id or "") else None

    def is_deleted(self, entry: LockEntry) -> bool:
        """Whether the list shows that an entry's record is gone, so that another one may take its address."""
        row = self.rows.by_id.get(short_id(entry.upstream_id))
        return row is not None and row.deleted and entry.target.place == self.attempt.target.place

    def free(self, rows: Iterable[ObservedRecord]) -> list[ObservedRecord]:
        """Those that no other address holds, each once."""
        place, address = self.attempt.target.place, self.attempt.address
        own = {short_id(row.upstream_id): row for row in rows}
        return [row for row in own.values() if not set(self.reading.holders(place, row.upstream_id)) - {address}]

    def settled(self, state: AttemptState, evidence: str, **more: object) -> Settlement:
        return replace(Settlement(attempt=self.attempt, state=state, evidence=evidence), **more)  # type: ignore[arg-type]


def _judge(case: _Case) -> Settlement | None:
    match case.attempt.kind:
        case MutationKind.CREATE:
            return _judge_create(case)
        case MutationKind.UPDATE:
            return case.change.judge()
        case MutationKind.DELETE:
            return case.removal.judge()
        case _:
            return None


def _judge_create(case: _Case) -> Settlement | None:
    attempt = case.attempt
    if attempt.state == _S.WATCHED:
        return _judge_watched(case)
    if not case.is_comparable:
        return None
    if attempt.state == _S.UNMAPPED and attempt.candidates:
        return _judge_candidates(case)
    matches, proof = _matches(case)
    if len(matches) > 1:
        return _duplicate(case, matches)
    if matches:
        return _found(case, matches[0], proof)
    return None if attempt.state in (_S.UNMAPPED, _S.DUPLICATE, _S.NEEDS_PERSON) else _unseen(case)


def _judge_watched(case: _Case) -> Settlement | None:
    """A record was locked that only looks like the one that was sent: another one like it may be ours, come later."""
    alike = case.free([*case.rows.marked(case.attempt), *case.rows.alike(case.attempt, "loose")])
    held = case.reading.locked.get(case.attempt.address)
    found = [row.upstream_id for row in alike] + ([held.upstream_id] if held is not None else [])
    ids = {short_id(upstream_id): upstream_id for upstream_id in found}
    if len(ids) > 1:
        return case.settled(_S.DUPLICATE, f"{len(ids)} records match it", found=tuple(sorted(ids.values())))
    is_closed = case.is_over and not case.doubt
    return case.settled(_S.CLOSED, f"{case.attempt.evidence}; its horizon passed") if is_closed else None


def _matches(case: _Case) -> tuple[list[ObservedRecord], str]:
    """Live records that may be the attempt's, and what says so: nothing where they only look like it."""
    marked = case.free(case.rows.marked(case.attempt))
    if marked:
        return marked, "its marker"
    strict = case.free(case.rows.alike(case.attempt, "strict"))
    if strict:
        return strict, "its match key"
    return case.free(case.rows.alike(case.attempt, "loose")), ""


def _duplicate(case: _Case, rows: Sequence[ObservedRecord]) -> Settlement | None:
    ids = tuple(sorted(row.upstream_id for row in rows))
    if case.attempt.state == _S.DUPLICATE and case.attempt.candidates == ids:
        return None
    return case.settled(_S.DUPLICATE, f"{len(ids)} records upstream match it", found=ids)


def _found(case: _Case, row: ObservedRecord, proof: str) -> Settlement | None:
    """One live match: ours where its marker or key says so and nothing says otherwise, else locked and watched."""
    attempt = case.attempt
    entry, replaces = case.reading.locked.get(attempt.address), None
    if entry is not None and case.is_deleted(entry) and short_id(entry.upstream_id) != short_id(row.upstream_id):
        entry, replaces = None, entry
    if entry is not None and entry.target.place == attempt.target.place:
        if short_id(entry.upstream_id) == short_id(row.upstream_id):
            return case.settled(_S.APPLIED, f"locked as {entry.upstream_id}")
        ids = tuple(sorted({entry.upstream_id, row.upstream_id}))
        if attempt.state == _S.DUPLICATE and attempt.candidates == ids:
            return None
        return case.settled(_S.DUPLICATE, f"locked as {entry.upstream_id}, and {row.upstream_id} matches it", found=ids)
    if proof and (proof == "its marker" or (attempt.state != _S.DUPLICATE and not _is_older(case, row))):
        evidence = f"found upstream by {proof}"
        return case.settled(_S.APPLIED, evidence, entry=_entry(case, row, Origin.CREATED), replaces=replaces)
    evidence = "a record that matches it was found upstream; it is not proved to be the one that was sent"
    state = _S.APPLIED if attempt.state == _S.UNMAPPED else _S.WATCHED
    return case.settled(state, evidence, entry=_entry(case, row, Origin.ADOPTED), replaces=replaces)


def _is_older(case: _Case, row: ObservedRecord) -> bool:
    """Whether the upstream says that the record was there long before ours was sent."""
    created, intended = seconds_of(row.created_at), seconds_of(case.attempt.intended_at)
    if created is None or intended is None:
        return False
    return float(created) < float(intended) - case.margin.total_seconds()


def _entry(case: _Case, row: ObservedRecord, origin: Origin) -> LockEntry:
    declared = case.reading.declared.get(case.attempt.address)
    if declared is not None and declared[0].target.place != case.attempt.target.place:
        declared = None
    at = rfc3339(case.reading.began.wall)
    return case.reading.entries.found(case.attempt, row, origin=origin, declared=declared, at=at)


def _judge_candidates(case: _Case) -> Settlement | None:
    """A 2xx answer returned IDs that could not be told apart; the list may tell which is whose."""
    ids = {short_id(candidate) for candidate in case.attempt.candidates}
    rows = [row for upstream_id, row in case.rows.by_id.items() if upstream_id in ids and not row.deleted]
    rows = case.free(rows)
    alike = [row for row in _matches(case)[0] if short_id(row.upstream_id) in ids]
    if len(alike) == 1:
        row = alike[0]
    elif len(rows) == len(ids) == 1 and case.alone:
        row = rows[0]
    else:
        return None
    evidence = "its answer returned this ID, and it is the only one that can be its own"
    entry = case.reading.locked.get(case.attempt.address)
    replaces = entry if entry is not None and case.is_deleted(entry) else None
    return case.settled(_S.APPLIED, evidence, entry=_entry(case, row, Origin.CREATED), replaces=replaces)


def _unseen(case: _Case) -> Settlement | None:
    """Nothing upstream is like it."""
    attempt = case.attempt
    if case.is_rebuilt:
        horizon = rfc3339(case.reading.began.wall + case.margin)
        evidence = f"{attempt.evidence}; the upstream's list was rebuilt since"
        return case.settled(_S.UNKNOWN, evidence, stream=case.seen.stream, horizon=max(horizon, attempt.horizon))
    unique = attempt.target.upstream in case.reading.unique and attempt.key is not None
    exists = unique and attempt.status in _REFUSALS and not attempt.refused
    if unique and not exists and attempt.absences < _MOST_RESENDS:
        evidence = "the upstream refuses a second record with this match key, so that it may be sent again"
        return case.settled(_S.NOT_APPLIED, evidence, absent=True)
    if not case.is_over or case.doubt:
        return None
    if exists:
        return case.settled(_S.REJECTED, attempt.evidence)
    if attempt.status is not None and 200 <= attempt.status < 300:
        return case.settled(_S.NEEDS_PERSON, "it was answered as created, and no record upstream is like it")
    if attempt.absences:
        return case.settled(_S.NEEDS_PERSON, "it was sent twice, and no record upstream is like it", absent=True)
    evidence = f"no record upstream is like it in a whole list from after {attempt.horizon}"
    # What was only announced was perhaps not sent at all.
    return case.settled(_S.NOT_APPLIED, evidence, absent=announced_by(attempt) is None)
