"""Which requests a rule hits: counted and drawn per rule, so that no rule disturbs another."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from syncspec.upstream.embedded.faults.models import Rule
from syncspec.upstream.embedded.faults.terms import PeriodSpec, RangeSpec

__all__ = ["Hit", "Schedules", "amount", "draws", "is_during"]

R = TypeVar("R", bound=Rule)


def draws(seed: int, *names: object) -> random.Random:
    """Give the source of all draws about one thing: always the same for the same seed and names."""
    return random.Random(":".join(map(str, (seed, *names))))  # noqa: S311 - replayable on purpose


def amount(span: RangeSpec, draw: random.Random) -> float:
    """A number of the range; nothing is drawn where it has only one."""
    return span.min if span.min == span.max else draw.uniform(span.min, span.max)


def is_during(period: PeriodSpec | None, elapsed: float) -> bool:
    """Whether a moment, in seconds from the start, lies in a period; its end does not."""
    if period is None:
        return True
    return (period.from_seconds or 0) <= elapsed and (period.to_seconds is None or elapsed < period.to_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Generic[R]):
    """A request that is hit, the rule that decides, and the source of what there is to draw about it."""

    rule: R
    draw: random.Random

    def amount(self, span: RangeSpec) -> float:
        return amount(span, self.draw)


class Schedules(Generic[R]):
    """The rules of one kind of request, in order; the first that hits a request decides.

    Every rule counts each request that it is about, whether or not an earlier rule decides.
    """

    def __init__(self, rules: Iterable[R], *, name: str, seed: int) -> None:
        self._schedules = [_Schedule(rule, f"{name}:{number}", seed) for number, rule in enumerate(rules)]

    def hit(self, is_about: Callable[[R], bool], elapsed: float) -> Hit[R] | None:
        """Count a request that comes so many seconds after the start; None: nothing goes wrong with it."""
        found: tuple[_Schedule[R], random.Random] | None = None
        for schedule in self._schedules:
            if is_during(schedule.rule.during, elapsed) and is_about(schedule.rule):
                draw = schedule.count()
                found = found or (None if draw is None else (schedule, draw))
        if found is None:
            return None
        schedule, draw = found
        schedule.used += 1
        return Hit(rule=schedule.rule, draw=draw)


class _Schedule(Generic[R]):
    def __init__(self, rule: R, name: str, seed: int) -> None:
        self.rule = rule
        self.used = 0
        self._name = name
        self._seed = seed
        self._requests = 0

    def count(self) -> random.Random | None:
        """Count a request; None where it is not hit."""
        self._requests += 1
        rule, number = self.rule, self._requests
        if rule.times is not None and self.used >= rule.times:
            return None
        draw = draws(self._seed, self._name, number)
        if rule.requests is not None:
            return draw if number in rule.requests else None
        if rule.every is not None:
            return draw if number % rule.every == 0 else None
        if rule.probability is not None:
            return draw if draw.random() < rule.probability else None
        return draw
