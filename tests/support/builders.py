"""Short ways to build the values that tests need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from syncspec.diagnostics import Source
from syncspec.keys import match_key
from syncspec.lockfile import FieldDigests, LockEntry, Origin
from syncspec.records import DesiredRecord, DesiredSet, FieldRules, ObservedRecord, Target

TARGET = Target(upstream="crm", endpoint="0" * 16, sync_id="sync-1", collection_id="salesforce:contact")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def desired(
    address: str, *, match_on: tuple[str, ...] = ("Email",), rules: FieldRules | None = None, **data: Any
) -> DesiredRecord:
    return DesiredRecord(
        address=address,
        data=data,
        source=Source(file="contacts.yaml", line=3),
        key=match_key(data, match_on, rules or FieldRules()) if match_on else None,
    )


def record_set(*records: DesiredRecord, name: str = "contacts", **changes: Any) -> DesiredSet:
    values: dict[str, Any] = {
        "name": name,
        "target": TARGET,
        "source": Source(file="contacts.yaml"),
        "records": records,
        "match_on": ("Email",),
        "max_records": 200,
    }
    return DesiredSet(**{**values, **changes})


def observed(upstream_id: str, *, deleted: bool = False, updated_at: str | None = None, **data: Any) -> ObservedRecord:
    return ObservedRecord(upstream_id=upstream_id, data=data, deleted=deleted, updated_at=updated_at)


def locked(address: str, upstream_id: str, **changes: Any) -> LockEntry:
    values: dict[str, Any] = {
        "address": address,
        "target": TARGET,
        "upstream_id": upstream_id,
        "origin": Origin.CREATED,
        "locked_at": "2026-01-01T00:00:00.000Z",
    }
    return LockEntry(**{**values, **changes})


def digests(**pairs: tuple[str | None, str | None]) -> Mapping[str, FieldDigests]:
    return {name: FieldDigests(sent=sent, seen=seen) for name, (sent, seen) in pairs.items()}


class VirtualClock:
    """Time that moves only when somebody sleeps, or a test moves it; `step` moves the wall clock alone."""

    def __init__(self, start: datetime = NOW, *, boot: str = "boot-1") -> None:
        self.moment = start
        self.slept: list[float] = []
        self._boot, self._started_at = boot, start
        self._stepped = 0.0

    def now(self) -> datetime:
        return self.moment

    def uptime(self) -> tuple[str, float]:
        return self._boot, (self.moment - self._started_at).total_seconds() - self._stepped

    def step(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self._stepped += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)
