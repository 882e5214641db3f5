"""One request under way, as it is told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncspec.apply.attempts import Intended
from syncspec.apply.clock import Moment
from syncspec.apply.delivery import Delivery
from syncspec.apply.events import BatchFinished, BatchSent
from syncspec.apply.outcomes import Verdict

__all__ = ["Sending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A delivery whose intents are on disk and whose request leaves in `wave`, at the moment `began`."""

    delivery: Delivery
    intended: Intended
    wave: int
    began: Moment

    def sent(self) -> BatchSent:
        """What is told before the request leaves."""
        return BatchSent(**self._batch(), attempt=self.delivery.tries + 1)

    def finished(self, verdict: Verdict, *, seconds: float) -> BatchFinished:
        """What is told when it is known how the request ended."""
        return BatchFinished(
            **self._batch(), outcome=verdict.kind, message=verdict.message, status=verdict.status, seconds=seconds
        )

    def _batch(self) -> dict[str, Any]:
        return {
            "run": self.intended.run,
            "batch": self.intended.batch,
            "wave": self.wave,
            "kind": self.delivery.kind,
            "target": self.delivery.target,
            "attempts": self.intended.attempts,
        }
