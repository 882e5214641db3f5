"""Time as an argument, so that every schedule can be replayed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock", "rfc3339"]


class Clock(Protocol):
    """Wall time and sleep. Wall time may step; whoever compares two readings must expect it to run backwards."""

    def now(self) -> datetime:
        """The present moment in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for that long."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


def rfc3339(moment: datetime) -> str:
    """Print in UTC with milliseconds; texts of two moments sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
