"""Whether everything that a run needs is in place: project, lockfile, state, and each upstream."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import anyio

from syncspec.apply.base import open_ref
from syncspec.apply.clock import SystemClock
from syncspec.apply.holders import lock_holders
from syncspec.apply.state import read_state
from syncspec.errors import SyncspecError, UsageError
from syncspec.project.opening import Opening
from syncspec.project.reading import connections_of
from syncspec.records import Absence, Target
from syncspec.settings import LoadedProject, StateBackend, UpstreamSettings
from syncspec.upstream.observe import freshness
from syncspec.upstream.protocol import Connection

__all__ = ["Check", "Health", "check_up"]

PATIENCE_SECONDS = 20.0
"""How long one upstream may take to answer."""
CLOCK_TOLERANCE_SECONDS = 30.0


class Health(StrEnum):
    """GOOD, WARNING: works, with a caveat; BAD: a run would fail."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    health: Health
    detail: str
    hint: str | None = None


async def check_up(opening: Opening) -> AsyncIterator[Check]:
    """Check one thing after the other, each bounded in time; a failure does not end the checks that can go on."""
    try:
        loaded = opening.load(resolve_env=True)
    except UsageError:
        raise
    except SyncspecError as error:
        for diagnostic in error.diagnostics:
            where = f"{diagnostic.source}: " if diagnostic.source else ""
            detail = f"{where}{diagnostic.summary}. {diagnostic.detail}".rstrip()
            yield Check(name="project", health=Health.BAD, detail=detail, hint=diagnostic.hint)
        return
    records = sum(len(each.records) for each in loaded.sets)
    yield Check(
        name="project", health=Health.GOOD, detail=f"{loaded.name}: {records:,} records, {len(loaded.sets)} sets"
    )
    for check in _local(loaded):
        yield check
    for name in sorted({target.upstream for target in _targets(loaded)}):
        for check in await _upstream(loaded, name):
            yield check


def _local(loaded: LoadedProject) -> Iterator[Check]:
    folder = loaded.state_dir if loaded.state_dir.exists() else loaded.state_dir.parent
    writable = os.access(folder, os.W_OK | os.X_OK) and folder.is_dir()
    yield Check(
        name="state",
        health=Health.GOOD if writable else Health.BAD,
        detail=f"{loaded.state_dir} {'can' if writable else 'cannot'} be written",
        hint=None if writable else "give write access, or name another folder in SYNCSPEC_STATE_DIR",
    )
    is_shared = loaded.state.backend is StateBackend.GIT
    try:
        state = read_state(loaded, clock=SystemClock())
        holders = lock_holders(loaded, clock=SystemClock())
        if is_shared:
            with open_ref(loaded) as ref:
                yield Check(name="shared state", health=Health.GOOD, detail=f"{ref} can be read")
    except SyncspecError as error:
        yield _failed("shared state" if is_shared else "lockfile", error)
        return
    open_attempts = len(state.open_attempts)
    yield Check(
        name="lockfile",
        health=Health.WARNING if open_attempts else Health.GOOD,
        detail=f"{loaded.lockfile.name}: {len(state.lockfile.entries):,} locked, {open_attempts:,} not settled",
        hint="syncspec lock check tells more" if open_attempts else None,
    )
    for holder in holders:
        yield Check(name="run lock", health=Health.WARNING, detail=f"held by {holder}")


def _targets(loaded: LoadedProject) -> set[Target]:
    """Every collection that is written or read."""
    return {each.target for each in loaded.sets} | {each.target for each in loaded.lookups}


async def _upstream(loaded: LoadedProject, name: str) -> list[Check]:
    settings = loaded.upstreams[name]
    targets = sorted(target for target in _targets(loaded) if target.upstream == name)
    where = settings.base_url or "embedded"
    checks = [Check(name=name, health=Health.GOOD, detail=where)]
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            async with connections_of(loaded) as connections:
                for target in targets:
                    checks += await _collection(connections[name], target, settings)
    except SyncspecError as error:
        checks.append(_failed(name, error))
    except TimeoutError:
        detail = f"{where} did not answer within {PATIENCE_SECONDS:g} seconds"
        checks.append(Check(name=name, health=Health.BAD, detail=detail, hint="check base_url and the network"))
    return checks


async def _collection(connection: Connection, target: Target, settings: UpstreamSettings) -> list[Check]:
    """Describe the sync, read one page of the collection, and compare clocks where its answer tells the time."""
    absence, reason = freshness(await connection.describe(target.sync_id), target, settings)
    rows, clock = 0, SystemClock()
    checks: list[Check] = []
    began = clock.now()
    async for page in connection.pages(target.sync_id, target.collection_id):
        rows = len(page.records)
        if page.answered_at is not None:
            checks += _clocks(target, page.answered_at, began=began, ended=clock.now())
        break
    return [_readable(target, absence, reason, rows), *checks]


def _clocks(target: Target, told: datetime, *, began: datetime, ended: datetime) -> list[Check]:
    """Warn where our clock and the other side's, which tells whole seconds, are further apart than the answer took."""
    ahead = max((began - told).total_seconds() - 1, (told - ended).total_seconds(), 0.0)
    if ahead <= CLOCK_TOLERANCE_SECONDS:
        return []
    side = "ahead of" if told < began else "behind"
    return [
        Check(
            name=f"{target.upstream} clock",
            health=Health.WARNING,
            detail=f"this machine's clock is {ahead:,.0f} seconds {side} the upstream's",
            hint="set the clock by NTP: a clock that is put right in the midst of a run delays what is not settled",
        )
    ]


def _readable(target: Target, absence: Absence, reason: str, rows: int) -> Check:
    name = f"{target.upstream} {target.collection_id}"
    detail = f"sync {target.sync_id} can be read; the first page holds {rows:,} records"
    match absence:
        case Absence.PROVED:
            return Check(name=name, health=Health.GOOD, detail=detail)
        case Absence.ASSUMED:
            return Check(name=name, health=Health.WARNING, detail=f"{detail}; absence is assumed: {reason}")
        case Absence.UNKNOWN:
            return Check(name=name, health=Health.WARNING, detail=f"{detail}; creates are blocked: {reason}")


def _failed(name: str, error: SyncspecError) -> Check:
    first = error.diagnostics[0]
    detail = f"{first.summary}. {first.detail}".rstrip()
    return Check(name=name, health=Health.BAD, detail=detail, hint=first.hint)
