"""What is sent in one request, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from syncspec.apply.attempts import AttemptOutcome, Intent
from syncspec.apply.mapping import SentRecord
from syncspec.apply.outcomes import Verdict, VerdictKind
from syncspec.apply.states import AttemptState
from syncspec.keys import key_digest
from syncspec.records import AwaitConsumers, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import MutationKind, MutationRequest

__all__ = ["SEND_WITHIN", "Delivery"]

SEND_WITHIN = timedelta(seconds=10)
"""How long after its intent a request may leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Records of one collection that go in one request of one kind.

    `repeats` maps address to the attempt that came before.
    `tries` counts requests for these very records that are known to have changed nothing; `absences`, by address, how
    often a change was sent and then proved not to be made. `alone`: the one record was in a request that was refused.
    `cursor` is where the list that the plan rests on ended, `stream` which one it was, `polling_seconds` how often
    its sync asks the provider, where they are told.
    """

    target: Target
    records: tuple[SentRecord, ...]
    kind: MutationKind = MutationKind.CREATE
    await_consumers: AwaitConsumers | None = None
    cursor: str | None = None
    stream: str | None = None
    polling_seconds: float | None = None
    tries: int = 0
    absences: Mapping[str, int] = field(default_factory=dict)
    alone: bool = False
    repeats: Mapping[str, str] = field(default_factory=dict)

    @property
    def await_seconds(self) -> float:
        """How long an answer may take beyond the request's own time-out."""
        return 0.0 if self.await_consumers is None else self.await_consumers.seconds

    def margin(self, settings: UpstreamSettings) -> timedelta:
        """How long after the last moment at which the request may leave it may still take effect and show."""
        settle = max(settings.settle, 2 * (self.polling_seconds or 0.0))
        return timedelta(seconds=settings.request_timeout + self.await_seconds + settle)

    def request(self) -> MutationRequest:
        ids = (record.upstream_id for record in self.records)
        return MutationRequest(
            kind=self.kind,
            sync_id=self.target.sync_id,
            collection_id=self.target.collection_id,
            records=tuple(record.wire for record in self.records),
            upstream_ids=tuple(upstream_id for upstream_id in ids if upstream_id is not None),
            await_consumers=self.await_consumers,
        )

    def intents(self) -> list[Intent]:
        """What the journal keeps of each record before it is sent."""
        return [self._intent(record) for record in self.records]

    def _intent(self, record: SentRecord) -> Intent:
        # What is changed is known by its upstream ID, and makes nothing that a key would find.
        creates = self.kind is MutationKind.CREATE
        desired = record.desired if creates else None
        key = desired.key if desired else None
        return Intent(
            address=record.address,
            kind=self.kind,
            target=self.target,
            key=key_digest(key.strict, secret=record.key_secret) if key else None,
            loose_key=key_digest(key.loose, secret=record.key_secret) if key else None,
            key_id=record.key_id if key else None,
            marker=desired.marker if desired else None,
            lens=record.lens if creates else None,
            sent=record.sent,
            upstream_id=record.upstream_id,
            cursor=self.cursor,
            stream=self.stream,
            repeats=self.repeats.get(record.address),
            absences=self.absences.get(record.address, 0),
            alone=self.alone,
            before=record.before,
        )

    def outcomes(self, state: AttemptState, verdict: Verdict) -> list[AttemptOutcome]:
        """The same outcome for every record."""
        return [
            AttemptOutcome(
                address=record.address,
                state=state,
                message=verdict.message,
                status=verdict.status,
                refused=verdict.refused,
            )
            for record in self.records
        ]

    def masked(self, verdict: Verdict) -> Verdict:
        """The verdict without the other side's words, which may quote them, where its records have sensitive values.

        Values are not searched for in the words: a provider quotes them shortened, trimmed or in another case.
        """
        sensitive = any(
            record.opaque or any(value not in (None, "") for _, value in record.secrets) for record in self.records
        )
        if not sensitive or verdict.status is None or verdict.kind is VerdictKind.APPLIED:
            return verdict
        return replace(
            verdict, message=f"answered {verdict.status}; its text is left out, for it may quote sensitive values"
        )

    def again(self, attempts: Mapping[str, str], *, tries: int) -> Delivery:
        """The same records once more, as a repetition of these attempts."""
        return replace(self, repeats=attempts, tries=tries)

    def halves(self, attempts: Mapping[str, str]) -> Sequence[Delivery]:
        """The same records in two requests."""
        middle = len(self.records) // 2
        parts = (self.records[:middle], self.records[middle:])
        return [replace(self, records=part, repeats=attempts, tries=0) for part in parts]
