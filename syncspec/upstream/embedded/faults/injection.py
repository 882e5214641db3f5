"""The faults of a faults file, put between the requests and the embedded upstream."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import assert_never

import anyio
import orjson
from starlette.responses import Response

from syncspec.errors import UsageError
from syncspec.records import Json
from syncspec.upstream.embedded.answers import ok, records
from syncspec.upstream.embedded.faults import Honest
from syncspec.upstream.embedded.faults.answers import Sleep, mutation_answer, read_answer
from syncspec.upstream.embedded.faults.fitting import PAGE_FAULTS, misfits
from syncspec.upstream.embedded.faults.late import LateCommits
from syncspec.upstream.embedded.faults.models import FaultsSpec, MutationRule, ReadRule
from syncspec.upstream.embedded.faults.reads import emptied, told, with_duplicates
from syncspec.upstream.embedded.faults.schedule import Hit, Schedules, amount, draws, is_during
from syncspec.upstream.embedded.faults.terms import (
    Committed,
    MutationFault,
    OldCursors,
    PartSpec,
    RangeSpec,
    ReadFault,
    Route,
)
from syncspec.upstream.embedded.listing import Listing, Page
from syncspec.upstream.embedded.mutations import Item, Mutation
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.replica import Lag

__all__ = ["Faults", "Injected"]

_COMMITTED: Mapping[Committed, str] = {
    Committed.ALL: "committed",
    Committed.NONE: "not committed",
    Committed.PART: "committed in part",
    Committed.LATE: "committed late",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """One fault that was injected: its kind, as `Faults.counts` names it, and what it was about."""

    kind: str
    about: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


class Faults:
    """An `Around` that does what a faults file says; give it to `create_app` as `faults`.

    The same seed, the same requests in the same order and the same readings of `now` give the same faults. `now` must
    be the clock of the store. Late mutations are committed when they are due before the next look at the store; run
    `watch` beside the server to have them committed also when no request comes. One object may serve several
    applications over one store after one another: a restarted upstream goes on where it was.
    Raises UsageError where keys of the rules do not go together.
    """

    def __init__(
        self,
        spec: FaultsSpec,
        *,
        seed: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Sleep = anyio.sleep,
        on_fault: Callable[[Injected], None] = lambda injected: None,
    ) -> None:
        for path, said in misfits(spec):
            where = ".".join(map(str, path))
            raise UsageError("The faults cannot be used", detail=f"{where}: {said.detail}", hint=said.hint)
        chosen = spec.seed if seed is None else seed
        self.seed = secrets.randbits(32) if chosen is None else chosen
        self._spec = spec
        self._now = now
        self._sleep = sleep
        self._on_fault = on_fault
        self._began = now()
        self._counts: Counter[str] = Counter()
        self._mutations = Schedules(spec.mutations, name="mutation", seed=self.seed)
        self._reads = Schedules(spec.reads, name="read", seed=self.seed)
        self._late = LateCommits(now=now, tell=self._tell)
        self._restart = any(rule.old_cursors is OldCursors.RESTART for rule in spec.reads)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind of fault was injected so far, such as "timeout, committed in part" or "read error"."""
        return MappingProxyType(self._counts)

    @property
    def waiting(self) -> int:
        """The mutations that are still to be committed late."""
        return len(self._late)

    async def settle(self) -> None:
        """Commit all late mutations that are due. The application that took the last request must still be open."""
        await self._late.settle()

    async def watch(self) -> None:
        """Commit late mutations as time goes by, until cancelled; by the clock of the event loop."""
        await self._late.watch()

    async def mutation(self, mutation: Mutation, honest: Honest) -> Response:
        self._reach(honest)
        hit = self._mutations.hit(lambda rule: _concerns(rule, mutation), self._elapsed())
        if hit is None:
            await self._late.settle()
            return records(await self._commit(mutation, honest))
        await self._delay(hit)
        await self._late.settle()
        stored, bodies = await self._carry_out(hit, mutation, honest)
        kind = f"{_words(hit.rule.fault)}, {_COMMITTED[hit.rule.commit or Committed.ALL]}"
        self._tell(kind, f"{_described(mutation)}{stored}")
        return mutation_answer(hit, mutation, bodies, now=self._now(), sleep=self._sleep)

    async def listing(self, listing: Listing, honest: Honest) -> Response:
        self._reach(honest)
        wanted = listing.wanted
        hit = self._hit_read(Route.RECORDS, wanted.sync_id, wanted.collection_id)
        if hit is not None:
            await self._delay(hit)
            self._tell(f"read {_words(hit.rule.fault)}", f"a page of {wanted.collection_id or 'all records'}")
        await self._late.settle()
        if hit is not None and hit.rule.fault is ReadFault.STREAM_RESET:
            await self._reset(hit.rule, honest)

        async def answer() -> Response:
            page = await honest.page(replace(listing, as_of=self._now(), restart=self._restart))
            return ok((page if hit is None else _spoilt(page, hit)).body())

        return await (answer() if hit is None else read_answer(hit, answer, now=self._now(), sleep=self._sleep))

    async def syncs(self, sync_id: str | None, read: Callable[[], Awaitable[Json]], honest: Honest) -> Response:
        hit = self._hit_read(Route.SYNCS, sync_id, None)
        if hit is not None:
            await self._delay(hit)
            self._tell(f"syncs {_words(hit.rule.fault)}", sync_id or "all syncs")

        async def answer() -> Response:
            return ok(orjson.dumps(self._told(await read(), sync_id)))

        return await (answer() if hit is None else read_answer(hit, answer, now=self._now(), sleep=self._sleep))

    def _reach(self, honest: Honest) -> None:
        """Commit what is late to the upstream that takes requests now."""
        self._late.commit = lambda mutation, due: self._commit(mutation, honest, at=due)

    def _hit_read(self, route: Route, sync_id: str | None, collection_id: str | None) -> Hit[ReadRule] | None:
        def concerns(rule: ReadRule) -> bool:
            routes = (Route.RECORDS,) if rule.fault in PAGE_FAULTS else (Route.RECORDS, Route.SYNCS)
            return (
                (route in routes if rule.route is None else route is rule.route)
                and rule.sync_id in (None, sync_id)
                and rule.collection_id in (None, collection_id)
            )

        return self._reads.hit(concerns, self._elapsed())

    async def _carry_out(self, hit: Hit[MutationRule], mutation: Mutation, honest: Honest) -> tuple[str, list[bytes]]:
        """Store what the rule says. Gives words for it, and the records that were stored by now."""
        rule = hit.rule
        match rule.commit:
            case None | Committed.ALL:
                return "", await self._commit(mutation, honest)
            case Committed.NONE:
                return "", []
            case Committed.PART:
                items = _part(mutation.items, rule.part or PartSpec(), hit.draw)
                stored = await self._commit(replace(mutation, items=items), honest) if items else []
                return f", {len(items)} of them stored", stored
            case Committed.LATE:
                seconds = hit.amount(rule.late_seconds) if rule.late_seconds is not None else 0.0
                self._late.add(mutation, self._now() + timedelta(seconds=seconds))
                return f", in {seconds:.3g} s", []
            case _:
                assert_never(rule.commit)

    async def _commit(self, mutation: Mutation, honest: Honest, *, at: datetime | None = None) -> list[bytes]:
        bodies = await honest.commit(mutation, at=at or self._now(), lag=self._lag())
        if self._spec.replica_lag_seconds is not None:
            self._tell("replica lag", _described(mutation))
        return bodies

    def _lag(self) -> Lag | None:
        span = self._spec.replica_lag_seconds
        return None if span is None else self._spread(span, "lag")

    def _spread(self, span: RangeSpec, name: str) -> Lag:
        """Give every position a number of the range that is always the same."""
        return lambda position: amount(span, draws(self.seed, name, position))

    async def _reset(self, rule: ReadRule, honest: Honest) -> None:
        self._restart = rule.old_cursors is OldCursors.RESTART
        fill = None if rule.refill_seconds is None else self._spread(rule.refill_seconds, "fill")
        await honest.rebuild(at=self._now(), fill=fill)

    def _told(self, answer: Json, sync_id: str | None) -> Json:
        spec = self._spec.syncs
        if spec is None or not is_during(spec.during, self._elapsed()):
            return answer
        if spec.missing:
            self._tell("syncs missing", sync_id or "all syncs")
            raise RefusedError(404, "Not found")
        said = told(spec, answer)
        if said != answer:
            self._tell("syncs told otherwise", sync_id or "all syncs")
        return said

    async def _delay(self, hit: Hit[MutationRule] | Hit[ReadRule]) -> None:
        if hit.rule.delay_seconds is not None:
            await self._sleep(hit.amount(hit.rule.delay_seconds))

    def _elapsed(self) -> float:
        return (self._now() - self._began).total_seconds()

    def _tell(self, kind: str, about: str) -> None:
        self._counts[kind] += 1
        self._on_fault(Injected(kind=kind, about=about))


def _concerns(rule: MutationRule, mutation: Mutation) -> bool:
    return (
        rule.kind in (None, mutation.kind)
        and rule.sync_id in (None, mutation.sync_id)
        and rule.collection_id in (None, mutation.collection_id)
    )


def _part(items: tuple[Item, ...], part: PartSpec, draw: random.Random) -> tuple[Item, ...]:
    """The records of a batch that are stored, in their order."""
    share = 0.5 if part.share is None else part.share
    count = int(len(items) * share) if part.records is None else min(part.records, len(items))
    if not part.random:
        return items[:count]
    return tuple(items[number] for number in sorted(draw.sample(range(len(items)), count)))


def _spoilt(page: Page, hit: Hit[ReadRule]) -> Page:
    if hit.rule.fault is ReadFault.EMPTY_PAGE:
        return emptied(page)
    if hit.rule.fault is ReadFault.DUPLICATED_ROWS:
        return with_duplicates(page, hit.rule.share, hit.draw)
    return page


def _described(mutation: Mutation) -> str:
    count = len(mutation.items)
    return f"{mutation.kind} of {count} record{'s' if count != 1 else ''} of {mutation.collection_id}"


def _words(fault: MutationFault | ReadFault) -> str:
    return fault.replace("_", " ")
