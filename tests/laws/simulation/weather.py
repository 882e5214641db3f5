"""What goes wrong upstream: drawn from a seed, and within the bounds of what syncspec promises to bear."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
from starlette.responses import Response

from syncspec.records import Json
from syncspec.upstream.embedded.faults import Honest
from syncspec.upstream.embedded.faults.injection import Faults, Injected
from syncspec.upstream.embedded.faults.models import FaultsSpec
from syncspec.upstream.embedded.listing import Listing
from syncspec.upstream.embedded.mutations import Mutation

__all__ = ["Limits", "Weather", "drawn_spec"]

_REFUSALS = (400, 401, 403, 404, 409, 413, 422)
"""Answers that say of one record alone that it was not created: an upstream that lies there cannot be borne."""
_OTHERS = (408, 500, 502, 503, 504)
_ANY = ("all", "none", "part", "late")
_WHOLE = ("consumer_timeout", "ids_only", "echo", "out_of_order", "latency")
_OPEN = ("timeout", "error", "error", "rate_limited", "dropped_connection", "no_answer", "unreadable_body")
_READS = (
    *("error", "rate_limited", "dropped_connection", "no_answer", "truncated_body", "unreadable_body"),
    *("latency", "empty_page", "duplicated_rows", "stream_reset"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a request may take to be executed, and what it made to show: together within `settle`.

    `delay` before it is executed or answered, `late` after its answer, `lag` until lists show it.
    """

    settle: float
    delay: float
    late: float
    lag: float

    @classmethod
    def drawn(cls, draw: random.Random, settle: float) -> Limits:
        parts = [draw.random() ** 2 for _ in range(3)]
        whole = max(sum(parts), draw.choice([0.001, 0.001, 1.0])) / (0.98 * settle)
        delay, late, lag = (round(part / whole, 3) for part in parts)
        return cls(settle=settle, delay=delay, late=late, lag=lag)


def drawn_spec(draw: random.Random, limits: Limits) -> dict[str, Any]:
    """A faults file's `spec`, as it would be written by hand."""
    spec: dict[str, Any] = {
        "mutations": [_mutation(draw, limits) for _ in range(draw.choice([0, 1, 2, 2, 3, 4]))],
        "reads": [_read(draw, limits) for _ in range(draw.choice([0, 0, 1, 1, 2]))],
    }
    if draw.random() < 0.7:
        spec["replica_lag_seconds"] = {"min": draw.choice([0, 0.7]) * limits.lag, "max": limits.lag}
    if draw.random() < 0.2:
        spec["syncs"] = _syncs(draw) | {"during": {"from_seconds": 0, "to_seconds": draw.uniform(1, 300)}}
    return spec


def _mutation(draw: random.Random, limits: Limits) -> dict[str, Any]:
    fault = draw.choice((*_OPEN, *_OPEN, *_WHOLE, "truncated_body"))
    rule: dict[str, Any] = {"fault": fault, "probability": draw.choice([0.1, 0.3, 0.6, 1.0])}
    if fault in _OPEN:
        rule["commit"] = draw.choice(_ANY)
    elif fault == "truncated_body":
        rule["commit"] = draw.choice(("all", "part"))
    if rule.get("commit") == "part":
        rule["part"] = {"share": draw.choice([0.3, 0.5, 0.7]), "random": draw.random() < 0.5}
    if rule.get("commit") == "late":
        rule["late_seconds"] = {"min": draw.choice([0, 0.7]) * limits.late, "max": limits.late}
    if fault == "error":
        rule["status"] = draw.choice((*_REFUSALS, *_OTHERS))
    if fault == "rate_limited" and draw.random() < 0.7:
        rule["retry_after_seconds"] = {"min": 0, "max": draw.choice([2, 90])}
        rule["retry_after_form"] = draw.choice(["seconds", "date"])
    if fault == "no_answer":
        rule["seconds"] = draw.choice([3, 200])
    if fault in ("ids_only", "echo"):
        rule["shuffled"] = draw.random() < 0.5
    if fault == "latency" or draw.random() < 0.4:
        rule["delay_seconds"] = {"min": 0, "max": limits.delay}
    if draw.random() < 0.3:
        rule["times"] = draw.randint(1, 3)
    return rule


def _read(draw: random.Random, limits: Limits) -> dict[str, Any]:
    fault = draw.choice(_READS)
    rule: dict[str, Any] = {"fault": fault, "probability": draw.choice([0.05, 0.2, 0.5])}
    if fault == "error":
        rule["status"] = draw.choice([401, 404, 500, 503])
    if fault == "rate_limited" and draw.random() < 0.5:
        rule["retry_after_seconds"] = {"min": 0, "max": 5}
    if fault == "no_answer":
        rule["seconds"] = draw.choice([3, 200])
    if fault == "latency":
        rule["delay_seconds"] = {"min": 0, "max": 20}
    if fault == "stream_reset":
        rule["times"] = draw.randint(1, 3)
        rule["old_cursors"] = draw.choice(["refuse", "restart"])
        if draw.random() < 0.7:
            rule["refill_seconds"] = {"min": 0, "max": limits.settle}
    return rule


def _syncs(draw: random.Random) -> dict[str, Any]:
    return draw.choice(
        [
            {"health": "unhealthy"},
            {"status": "paused"},
            {"backfilling": True},
            {"max_age_days": 90},
            {"sync_frequency": "1m"},
            {"missing": True},
        ]
    )


class Weather:
    """An `Around` of drawn faults that ends when `clear` is called; what is late then still comes.

    Requests whose refusal is certain (of one record, or to an upstream that is declared atomic) meet the same faults,
    only that a refusal of theirs is true.
    """

    def __init__(
        self, spec: dict[str, Any], *, seed: int, now: Callable[[], datetime], atomic: bool, counts: Counter[str]
    ) -> None:
        def tell(injected: Injected) -> None:
            counts[injected.kind] += 1

        def faults(values: dict[str, Any]) -> Faults:
            parsed = FaultsSpec.model_validate(values, by_name=False)
            return Faults(parsed, seed=seed, now=now, sleep=anyio.sleep, on_fault=tell)

        true = {**spec, "mutations": [_with_true_refusals(rule) for rule in spec["mutations"]]}
        self._rough, self._true = faults(spec), faults(true)
        self._calm = faults({key: spec[key] for key in ("replica_lag_seconds",) if key in spec})
        self._atomic = atomic
        self.is_clear = False

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self.is_clear = True

    @property
    def waiting(self) -> int:
        """The mutations that are still to be committed late."""
        return self._rough.waiting + self._true.waiting

    async def settle(self) -> None:
        """Commit what is late and due."""
        await self._rough.settle()
        await self._true.settle()

    async def mutation(self, mutation: Mutation, honest: Honest) -> Response:
        await self.settle()
        certain = self._atomic or len(mutation.items) == 1
        faults = self._calm if self.is_clear else self._true if certain else self._rough
        return await faults.mutation(mutation, honest)

    async def listing(self, listing: Listing, honest: Honest) -> Response:
        await self.settle()
        return await (self._calm if self.is_clear else self._rough).listing(listing, honest)

    async def syncs(self, sync_id: str | None, read: Callable[[], Awaitable[Json]], honest: Honest) -> Response:
        return await (self._calm if self.is_clear else self._rough).syncs(sync_id, read, honest)


def _with_true_refusals(rule: dict[str, Any]) -> dict[str, Any]:
    if rule["fault"] != "rate_limited" and rule.get("status") not in _REFUSALS:
        return rule
    return {key: value for key, value in rule.items() if key not in ("part", "late_seconds")} | {"commit": "none"}
