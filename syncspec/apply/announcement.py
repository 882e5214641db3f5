"""Lines in the shared state that say, before a wave is sent, which records may be.

Whoever takes over from a runner that vanished finds in them everything that it may have sent after it was last heard
of, and treats each as an attempt whose outcome is unknown. On the machine that made them they say nothing: its journal
holds an intent for every request that left.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncspec.apply.attempts import Intent
from syncspec.apply.clock import rfc3339
from syncspec.apply.delivery import Delivery
from syncspec.apply.states import AttemptState
from syncspec.lockfile import Lockfile, OpenAttempt
from syncspec.settings import UpstreamSettings

__all__ = ["Announcements", "announced_by"]

_NAME = re.compile(r"(?P<run>.+)\.w\d+\.\d+")


def announced_by(attempt: OpenAttempt) -> str | None:
    """The run that announced an attempt; None where the attempt is one of a journal."""
    found = _NAME.fullmatch(attempt.attempt)
    return found["run"] if found else None


@dataclass(frozen=True, slots=True)
class _Announced:
    line: OpenAttempt
    margin: timedelta


class Announcements:
    """What one run has announced and not concluded yet, by address."""

    def __init__(self, run: str, upstreams: Mapping[str, UpstreamSettings]) -> None:
        self._run, self._upstreams = run, upstreams
        self._waves = self._number = 0
        self._announced: dict[str, _Announced] = {}

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(self._announced)

    def begin(self, wave: Iterable[Delivery], *, at: datetime) -> None:
        """Announce a wave; the one before it is over."""
        self._waves += 1
        self._number = 0
        self._announced = {}
        for delivery in wave:
            self.add(delivery, at=at)

    def add(self, delivery: Delivery, *, at: datetime) -> None:
        """Announce what of a delivery is not announced yet."""
        margin = delivery.margin(self._upstreams[delivery.target.upstream])
        for intent in delivery.intents():
            if intent.address not in self._announced:
                name = f"{self._run}.w{self._waves}.{self._number}"
                self._announced[intent.address] = _Announced(_line(intent, name, margin, at), margin)
                self._number += 1

    def conclude(self, addresses: Collection[str]) -> None:
        """Take back what is recorded by now."""
        for address in addresses:
            self._announced.pop(address, None)

    def added_to(self, lockfile: Lockfile, *, until: datetime) -> Lockfile:
        """The lockfile with a line for all that may be sent until then.

        A line stands for the intents of its address, too: they end earlier.
        """
        kept = [
            attempt
            for attempt in lockfile.pending
            if attempt.state != AttemptState.INTENDED or attempt.address not in self._announced
        ]
        lines = [replace(each.line, horizon=rfc3339(until + each.margin)) for each in self._announced.values()]
        pending = sorted([*kept, *lines], key=lambda attempt: (attempt.address, attempt.attempt))
        return replace(lockfile, pending=tuple(pending))


def _line(intent: Intent, name: str, margin: timedelta, at: datetime) -> OpenAttempt:
    return OpenAttempt(
        attempt=name,
        address=intent.address,
        target=intent.target,
        kind=intent.kind,
        state=AttemptState.INTENDED,
        horizon=rfc3339(at + margin),
        intended_at=rfc3339(at),
        key=intent.key,
        loose_key=intent.loose_key,
        key_id=intent.key_id,
        marker=intent.marker,
        lens=intent.lens,
        evidence="its run was about to send it",
        upstream_id=intent.upstream_id,
        refused=intent.alone,
        stream=intent.stream,
        absences=intent.absences,
        sent=intent.sent,
    )
