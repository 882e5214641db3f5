"""Time as an argument, so that every schedule can be replayed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import anyio

__all__ = ["Clock", "Moment", "SystemClock", "elapsed", "moment_of", "remaining", "rfc3339"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A reading of wall time, with the machine's uptime where it tells one.

    Wall time may step; uptime may not, and counts while the machine sleeps. `boot` names the start of the machine
    that `uptime`, in seconds, counts from: readings of different boots cannot be compared.
    """

    wall: datetime
    boot: str | None = None
    uptime: float = 0.0

    def has_reached(self, horizon: datetime, *, since: Moment) -> bool:
        """Whether a horizon that was set at `since` has passed by this moment.

        A wall clock that stepped forward must not end a wait: as much uptime as was to pass has to have passed, where
        both moments tell it. One that ran backwards means that the horizon has not passed.
        """
        return remaining(horizon, since=since, now=self) == 0

    def is_within(self, limit: datetime, *, since: Moment) -> bool:
        """Whether no more time has passed since then than until the limit, by every clock, and none ran backwards."""
        if not since.wall <= self.wall <= limit:
            return False
        same_boot = self.boot is not None and self.boot == since.boot
        return not same_boot or self.uptime - since.uptime <= (limit - since.wall).total_seconds()


def remaining(horizon: datetime, *, since: Moment, now: Moment) -> float:
    """Seconds until a horizon that was set at `since` has passed by every clock; 0 where it has."""
    left = (horizon - now.wall).total_seconds()
    if now.boot is not None and now.boot == since.boot:
        left = max(left, (horizon - since.wall).total_seconds() - (now.uptime - since.uptime))
    return max(left, 0.0)


def elapsed(since: Moment, now: Moment) -> float:
    """Seconds from one moment to a later one, by uptime where both tell it; else by the wall clock, which may step."""
    if since.boot is not None and since.boot == now.boot:
        return now.uptime - since.uptime
    return max((now.wall - since.wall).total_seconds(), 0.0)


class Clock(Protocol):
    """Wall time, uptime and sleep. Wall time may step; whoever compares two readings must expect that."""

    def now(self) -> datetime:
        """The present moment in UTC."""

    def uptime(self) -> tuple[str, float] | None:
        """The name of the machine's present boot and the seconds since then; None where the machine does not tell."""

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def uptime(self) -> tuple[str, float] | None:
        boot = _boot_id()
        return None if boot is None else (boot, time.clock_gettime(time.CLOCK_BOOTTIME))

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def moment_of(clock: Clock) -> Moment:
    """Read a clock."""
    uptime = clock.uptime()
    if uptime is None:
        return Moment(wall=clock.now())
    return Moment(wall=clock.now(), boot=uptime[0], uptime=uptime[1])


@cache
def _boot_id() -> str | None:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def rfc3339(moment: datetime) -> str:
    """Print in UTC with milliseconds; texts of two moments sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
