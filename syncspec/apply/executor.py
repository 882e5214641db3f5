"""Send a plan's batches: intent, request, verdict, outcome.

Each delivery goes through `_deliver`: wait for a turn, commit the intents, send once, class the answer, commit the
outcomes. Nothing is sent whose intent is not on disk, and nothing is reported that is not recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

import anyio

from syncspec.apply.answered import read_answer
from syncspec.apply.attempts import Intended
from syncspec.apply.clock import Clock, elapsed, moment_of
from syncspec.apply.delivery import SEND_WITHIN, Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.events import OnEvent, Waiting
from syncspec.apply.failed_batches import FailedBatches
from syncspec.apply.herald import Herald, Silence
from syncspec.apply.journal import Journal
from syncspec.apply.ledger import STOPPED_FIRST, Ledger
from syncspec.apply.outcomes import Verdict, VerdictKind, classify, says_duplicate
from syncspec.apply.report import RecordOutcome
from syncspec.apply.sending import Sending
from syncspec.apply.states import AttemptState
from syncspec.apply.stops import Stops
from syncspec.apply.throttle import Throttle
from syncspec.diagnostics import Source
from syncspec.errors import StateError
from syncspec.lockfile import LockEntry
from syncspec.records import ObservedRecord
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import Answered, Connection, MutationKind, SendResult

__all__ = ["Executor"]

_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Executor:
    """Delivers within one run; `ledger` holds what became of every record, `requests` how many left."""

    def __init__(
        self,
        *,
        run: str,
        journal: Journal,
        epochs: Mapping[str, int],
        upstreams: Mapping[str, UpstreamSettings],
        connections: Mapping[str, Connection],
        locked_ids: Mapping[tuple[str, str, str], frozenset[str]],
        entries: EntryMaker,
        clock: Clock,
        on_event: OnEvent,
        sources: Mapping[str, Source] | None = None,
        herald: Herald | None = None,
        failed: FailedBatches | None = None,
    ) -> None:
        self.ledger = Ledger(run=run, journal=journal, clock=clock, on_event=on_event, sources=sources)
        self.requests = 0
        self.interrupted = False
        self._run, self._journal, self._epochs = run, journal, epochs
        self._upstreams, self._connections = upstreams, connections
        self._taken = {place: set(ids) for place, ids in locked_ids.items()}
        self._entries, self._clock, self._on_event = entries, clock, on_event
        self._herald: Herald = herald or Silence()
        self._failed = failed
        self._throttles = {
            name: Throttle(clock, concurrency=settings.concurrency, rate_limit=settings.rate_limit)
            for name, settings in upstreams.items()
        }
        self._stops = Stops()
        self._waves = self._batches = 0
        self._scope = anyio.CancelScope()
        self._is_given_up = False
        self._waits: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Start nothing more; what is in flight finishes and is recorded."""
        self.interrupted = True
        self.ledger.halted = self.ledger.halted or STOPPED_FIRST
        for wait in self._waits:
            wait.cancel()

    def stop_now(self) -> None:
        """Give up what is in flight; its outcome is recorded as unknown."""
        self.stop()
        self._is_given_up = True
        self._scope.cancel()

    def take(self, entries: Iterable[LockEntry]) -> None:
        """Know IDs that were locked meanwhile: an answer that carries one proves no creation."""
        for entry in entries:
            self._taken.setdefault(entry.target.place, set()).add(entry.upstream_id)

    async def deliver(self, waves: Sequence[Sequence[Delivery]]) -> None:
        """Deliver wave after wave; within a wave, each upstream at its own concurrency. May be called again."""
        self._scope = anyio.CancelScope()
        if self._is_given_up:
            self._scope.cancel()
        with self._scope:
            for wave in waves:
                await self._deliver_wave(wave)
        for wave in waves:
            for delivery in wave:
                self.ledger.leave(delivery, self.ledger.halted or STOPPED_FIRST)

    async def _deliver_wave(self, wave: Sequence[Delivery]) -> None:
        self._waves += 1
        wave = [self.ledger.without_held(delivery) for delivery in wave]
        wave = [delivery for delivery in wave if delivery.records]
        if self.ledger.halted is None:
            try:
                await self._herald.announce(wave)
            except StateError as error:
                self.ledger.halt(error)
        queues: dict[str, deque[Delivery]] = {}
        for delivery in wave:
            queues.setdefault(delivery.target.upstream, deque()).append(delivery)
        async with anyio.create_task_group() as group:
            for upstream, queue in queues.items():
                for _ in range(self._upstreams[upstream].concurrency):
                    group.start_soon(self._drain, queue)

    async def _drain(self, queue: deque[Delivery]) -> None:
        while queue:
            delivery = queue.popleft()
            following = await self._deliver(delivery)
            self._herald.concluded(delivery, following)
            queue.extendleft(reversed(following))

    async def _deliver(self, delivery: Delivery) -> Sequence[Delivery]:
        """Send one request; returns what is to be sent next in its place."""
        throttle = self._throttles[delivery.target.upstream]
        if not await self._wait_for(throttle):
            self.ledger.leave(delivery, self.ledger.halted or STOPPED_FIRST)
            return ()
        try:
            reason = await self._reason_not_to_send(delivery)
            intended = None if reason else self._intend(delivery)
            if intended is None:
                self.ledger.leave(delivery, reason or self.ledger.halted or STOPPED_FIRST)
                return ()
            sending = Sending(delivery=delivery, intended=intended, wave=self._waves, began=moment_of(self._clock))
            if not sending.began.is_within(intended.not_after, since=intended.at):
                return self._too_late(delivery, intended)
            result = await self._send(sending)
            seconds = self._since(sending)
        finally:
            throttle.release()
        atomic = self._upstreams[delivery.target.upstream].atomic_batches
        creates = delivery.kind is MutationKind.CREATE
        verdict = classify(result, records=len(delivery.records), atomic=atomic, names_records=not creates)
        verdict = delivery.masked(verdict)
        following = self._conclude(delivery, intended, verdict, result)
        self._stops.take(delivery.target, verdict)
        if verdict.kind is VerdictKind.UNKNOWN and verdict.pause is not None:
            self._slow_down(delivery.target.upstream, verdict, verdict.pause)
        self._tell_finished(sending, verdict, result, seconds=seconds)
        return following

    async def _wait_for(self, throttle: Throttle) -> bool:
        with anyio.CancelScope() as wait:
            self._waits.add(wait)
            try:
                await throttle.acquire()
            finally:
                self._waits.discard(wait)
        return not wait.cancelled_caught

    async def _reason_not_to_send(self, delivery: Delivery) -> str | None:
        reason = self.ledger.halted or self._stops.reason(delivery.target)
        if reason is None:
            try:
                await self._herald.permit(delivery)
            except StateError as error:
                self.ledger.halt(error)
        # The run may have been stopped while the permission was asked for.
        return reason or self.ledger.halted or self._stops.reason(delivery.target)

    def _intend(self, delivery: Delivery) -> Intended | None:
        at = moment_of(self._clock)
        not_after = at.wall + SEND_WITHIN
        margin = delivery.margin(self._upstreams[delivery.target.upstream])
        self._batches += 1
        try:
            return self._journal.intend(
                self._run,
                self._batches,
                delivery.intents(),
                epochs=self._epochs,
                at=at,
                not_after=not_after,
                horizon=not_after + margin,
            )
        except StateError as error:
            self.ledger.halt(error)
            return None

    def _too_late(self, delivery: Delivery, intended: Intended) -> Sequence[Delivery]:
        """The process slept, or the clock stepped, between intent and request: begin again with a new intent."""
        verdict = Verdict(kind=VerdictKind.RETRY, message="the moment for sending had passed")
        if self.ledger.record(intended, delivery.outcomes(AttemptState.NOT_APPLIED, verdict)):
            return self._retry(delivery, intended, verdict)
        self.ledger.leave(delivery, verdict.message)
        return ()

    async def _send(self, sending: Sending) -> SendResult:
        delivery = sending.delivery
        self.requests += 1
        self._on_event(sending.sent())
        try:
            return await self._connections[delivery.target.upstream].run(delivery.request())
        except anyio.get_cancelled_exc_class():
            verdict = Verdict(kind=VerdictKind.UNKNOWN, message="the run was interrupted before an answer came")
            self._settle(delivery, sending.intended, verdict, AttemptState.UNKNOWN, RecordOutcome.UNKNOWN)
            self._tell_finished(sending, verdict, None, seconds=self._since(sending))
            raise

    def _conclude(
        self, delivery: Delivery, intended: Intended, verdict: Verdict, result: SendResult
    ) -> Sequence[Delivery]:
        rows = result.records if isinstance(result, Answered) else ()
        match verdict.kind:
            case VerdictKind.APPLIED:
                self._applied(delivery, intended, rows)
            case VerdictKind.REJECTED:
                self._rejected(delivery, intended, verdict)
            case VerdictKind.NOT_APPLIED:
                self._settle(delivery, intended, verdict, AttemptState.NOT_APPLIED, RecordOutcome.NOT_ATTEMPTED)
            case VerdictKind.UNKNOWN:
                self._settle(delivery, intended, verdict, AttemptState.UNKNOWN, RecordOutcome.UNKNOWN, rows)
            case VerdictKind.SPLIT | VerdictKind.RETRY:
                if not self.ledger.record(intended, delivery.outcomes(AttemptState.NOT_APPLIED, verdict)):
                    self.ledger.leave(delivery, verdict.message)
                elif verdict.kind is VerdictKind.SPLIT:
                    return delivery.halves(intended.attempts)
                else:
                    return self._retry(delivery, intended, verdict)
            case _ as unreachable:
                assert_never(unreachable)
        return ()

    def _rejected(self, delivery: Delivery, intended: Intended, verdict: Verdict) -> None:
        if self._exists(delivery, verdict):
            message = f"{verdict.message}; the upstream refuses a second record, so that it exists"
            verdict = replace(verdict, message=message)
            self._settle(delivery, intended, verdict, AttemptState.UNKNOWN, RecordOutcome.UNKNOWN)
        else:
            self._settle(delivery, intended, verdict, AttemptState.REJECTED, RecordOutcome.REJECTED)
            self._stops.rejected(delivery.target, verdict.message)

    def _exists(self, delivery: Delivery, verdict: Verdict) -> bool:
        """Whether the upstream, known to refuse a second record with the same key, says that there is one."""
        unique = delivery.kind is MutationKind.CREATE and self._upstreams[delivery.target.upstream].unique
        return unique and says_duplicate(verdict)

    def _applied(self, delivery: Delivery, intended: Intended, rows: tuple[ObservedRecord, ...]) -> None:
        """Take what a 2xx answer says of each record; what it does not say is kept as such, and not sent again."""
        taken = self._taken.setdefault(delivery.target.place, set())
        told = read_answer(delivery, rows, taken=taken, entries=self._entries)
        taken.update(each.outcome.entry.upstream_id for each in told if each.outcome.entry is not None)
        self._stops.accepted(delivery.target)
        if not self.ledger.record(intended, [each.outcome for each in told], rows):
            unwritten = "answered 2xx, but the journal could not be written"
            self.ledger.report_all(delivery, RecordOutcome.UNKNOWN, unwritten, rows)
            return
        for each in told:
            self.ledger.report(
                each.outcome.address,
                each.reported,
                upstream_id=each.upstream_id,
                error=each.outcome.message or None,
                candidates=each.candidates,
            )

    def _settle(
        self,
        delivery: Delivery,
        intended: Intended,
        verdict: Verdict,
        state: AttemptState,
        outcome: RecordOutcome,
        rows: Sequence[ObservedRecord] = (),
    ) -> None:
        """Record and report one outcome for the whole request. What cannot be recorded is reported all the same."""
        self.ledger.record(intended, delivery.outcomes(state, verdict), rows)
        self.ledger.report_all(delivery, outcome, verdict.message, rows)

    def _retry(self, delivery: Delivery, intended: Intended, verdict: Verdict) -> Sequence[Delivery]:
        """Nothing was applied: the same again after a pause, a bounded number of times."""
        upstream = delivery.target.upstream
        pause = verdict.pause if verdict.pause is not None else min(_FIRST_PAUSE * 2**delivery.tries, _LONGEST_PAUSE)
        if delivery.tries + 1 >= _TRIES:
            self._stops.close(upstream, verdict.message)
        elif self._slow_down(upstream, verdict, pause):
            return [delivery.again(intended.attempts, tries=delivery.tries + 1)]
        self.ledger.report_all(delivery, RecordOutcome.NOT_ATTEMPTED, verdict.message)
        return ()

    def _slow_down(self, upstream: str, verdict: Verdict, pause: float) -> bool:
        """Let nothing be sent to the upstream for a while; a while longer than we wait stops it: False."""
        if pause > self._upstreams[upstream].wait:
            self._stops.close(upstream, verdict.message)
            return False
        self._throttles[upstream].pause(pause)
        self._on_event(Waiting(run=self._run, upstream=upstream, reason=verdict.message, seconds=pause))
        return True

    def _since(self, sending: Sending) -> float:
        return elapsed(sending.began, moment_of(self._clock))

    def _tell_finished(self, sending: Sending, verdict: Verdict, result: SendResult | None, *, seconds: float) -> None:
        self._on_event(sending.finished(verdict, seconds=seconds))
        outcome = verdict.kind.value if verdict.kind is not VerdictKind.APPLIED else self._unmapped(sending.delivery)
        if self._failed is not None and outcome is not None:
            self._failed.keep(sending, verdict, result, seconds=seconds, as_=outcome)

    def _unmapped(self, delivery: Delivery) -> str | None:
        reports = self.ledger.reports
        lost = any(reports[record.address].outcome is RecordOutcome.UNKNOWN for record in delivery.records)
        return AttemptState.UNMAPPED.value if lost else None
