"""To which upstreams and collections a run sends nothing more, and why."""

from __future__ import annotations

from collections import Counter
from typing import assert_never

from syncspec.apply.outcomes import Stop, Verdict
from syncspec.records import Target

__all__ = ["Stops"]

_SAME_REJECTIONS = 10


class Stops:
    """What sending has ended for; the first reason counts, and nothing is taken up again in the same run."""

    def __init__(self) -> None:
        self._reasons: dict[str | tuple[str, str, str], str] = {}
        self._rejections: Counter[tuple[tuple[str, str, str], str]] = Counter()

    def reason(self, target: Target) -> str | None:
        """Why nothing more is sent to a target; None where it is open."""
        return self._reasons.get(target.upstream) or self._reasons.get(target.place)

    def close(self, upstream: str, why: str) -> None:
        """Send nothing more to an upstream."""
        self._reasons.setdefault(upstream, f"sending to {upstream} stopped: {why}")

    def take(self, target: Target, verdict: Verdict) -> None:
        """Stop what an answer says to stop."""
        match verdict.stop:
            case Stop.NOTHING:
                return
            case Stop.COLLECTION:
                self._close_collection(target, verdict.message)
            case Stop.UPSTREAM:
                self.close(target.upstream, verdict.message)
            case _ as unreachable:
                assert_never(unreachable)

    def rejected(self, target: Target, message: str) -> None:
        """A collection that refuses record after record alike, and accepts none, is not asked for ever."""
        self._rejections[(target.place, message)] += 1
        if self._rejections[(target.place, message)] >= _SAME_REJECTIONS:
            self._close_collection(target, f"{_SAME_REJECTIONS} records were refused alike: {message}")

    def accepted(self, target: Target) -> None:
        """A collection that accepts a record is counted anew."""
        for place, message in list(self._rejections):
            if place == target.place:
                del self._rejections[(place, message)]

    def _close_collection(self, target: Target, why: str) -> None:
        self._reasons.setdefault(target.place, f"sending to {target.collection_id} stopped: {why}")
