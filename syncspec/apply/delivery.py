"""What is sent in one request, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncspec.apply.journal import AttemptOutcome, Intent
from syncspec.apply.mapping import SentRecord
from syncspec.apply.outcomes import Verdict
from syncspec.apply.states import AttemptState
from syncspec.keys import key_digest
from syncspec.records import AwaitConsumers, Target
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.values import digest

__all__ = ["DEFAULT_AWAIT_MS", "Delivery"]

DEFAULT_AWAIT_MS = 30_000
"""How long the service waits for consumers where a request does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Records of one collection that go in one request. `repeats` maps address to the attempt that came before.

    `tries` counts requests for these very records that are known to have changed nothing; `cursor` is where the
    list that the plan rests on ended.
    """

    target: Target
    records: tuple[SentRecord, ...]
    await_consumers: AwaitConsumers | None = None
    cursor: str | None = None
    tries: int = 0
    repeats: Mapping[str, str] = field(default_factory=dict)

    @property
    def await_seconds(self) -> float:
        """How long an answer may take beyond the request's own time-out."""
        if self.await_consumers is None:
            return 0.0
        timeout_ms = self.await_consumers.timeout_ms
        return (DEFAULT_AWAIT_MS if timeout_ms is None else timeout_ms) / 1000

    def request(self) -> MutationRequest:
        return MutationRequest(
            kind=MutationKind.CREATE,
            sync_id=self.target.sync_id,
            collection_id=self.target.collection_id,
            records=tuple(record.wire for record in self.records),
            await_consumers=self.await_consumers,
        )

    def intents(self) -> list[Intent]:
        return [self._intent(record) for record in self.records]

    def _intent(self, record: SentRecord) -> Intent:
        key = record.desired.key
        return Intent(
            address=record.address,
            kind=MutationKind.CREATE,
            target=self.target,
            payload=digest(record.wire),
            key=key_digest(key.strict) if key else None,
            loose_key=key_digest(key.loose) if key else None,
            marker=record.desired.marker,
            cursor=self.cursor,
            repeats=self.repeats.get(record.address),
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
        """The verdict with the values of sensitive fields taken out of what the other side said."""
        message = verdict.message
        for record in self.records:
            for name, value in record.wire.items():
                if record.rules.rule(name).sensitive and value not in (None, "", True, False):
                    message = message.replace(str(value), "***")
        return replace(verdict, message=message)

    def again(self, attempts: Mapping[str, str], *, tries: int) -> Delivery:
        """The same records once more, as a repetition of these attempts."""
        return replace(self, repeats=attempts, tries=tries)

    def halves(self, attempts: Mapping[str, str]) -> Sequence[Delivery]:
        """The same records in two requests."""
        middle = len(self.records) // 2
        parts = (self.records[:middle], self.records[middle:])
        return [replace(self, records=part, repeats=attempts, tries=0) for part in parts]
