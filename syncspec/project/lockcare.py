"""Care for the lockfile: make it anew, take its entries to another target, forget one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncspec.address import matches_any
from syncspec.apply.base import read_own_lockfile
from syncspec.apply.opening import open_run
from syncspec.diagnostics import Diagnostic, did_you_mean
from syncspec.errors import LockfileError, StateError, UsageError
from syncspec.lockfile import LockEntry
from syncspec.lockfile.file import salvage_lockfile, write_lockfile
from syncspec.planning.notes import counted, listed
from syncspec.project.core import AsyncProject
from syncspec.project.outlook import observe
from syncspec.project.reading import connections_of
from syncspec.records import DesiredSet, Target
from syncspec.values import short_id

__all__ = ["Rebuilt", "forget", "matching", "rebuild", "retarget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A lockfile that was made anew. `kept_as` is where the damaged one lies, `lost` what could not be read of it."""

    entries: int
    pending: int
    kept_as: Path | None
    lost: tuple[Diagnostic, ...]


async def rebuild(project: AsyncProject, *, lock_timeout: float = 0.0) -> Rebuilt:
    """Make the lockfile of every line of it that can be read and all that the journal knows; offline.

    A damaged lockfile is kept beside the new one. Two IDs for one address stay for a person to settle; an ID that two
    addresses hold is given to neither. Raises RunLockedError, StateError, and LockfileError where the file is another
    project's.
    """
    loaded = project.load(resolve_env=False)
    lost: list[Diagnostic] = []
    kept: list[Path] = []

    def repair() -> None:
        try:
            read_own_lockfile(loaded)
        except LockfileError:
            if not loaded.lockfile.is_file():
                raise
            content = loaded.lockfile.read_bytes()
            salvaged, problems = salvage_lockfile(
                content, file=loaded.lockfile.name, project=loaded.name, environment=loaded.environment
            )
            aside = _free_name(loaded.lockfile)
            loaded.lockfile.rename(aside)
            write_lockfile(loaded.lockfile, salvaged)
            lost.extend(problems)
            kept.append(aside)

    opened = open_run(
        loaded, command="syncspec lock rebuild", lock_timeout=lock_timeout, clock=project.clock, repair=repair
    )
    async with opened as run:
        made = run.state.lockfile
    return Rebuilt(
        entries=len(made.entries), pending=len(made.pending), kept_as=kept[0] if kept else None, lost=tuple(lost)
    )


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


async def retarget(
    project: AsyncProject, addresses: Sequence[str] = (), *, force: bool = False, lock_timeout: float = 0.0
) -> list[LockEntry]:
    """Take entries to where their records are declared now; gives those that were taken.

    Without `addresses` all whose target is no longer the manifest's. Each ID must be visible in its new place, unless
    `force` is given: nothing is changed where one is not. Raises UsageError, StateError, and what `plan` raises.
    """
    loaded = project.load()
    opened = open_run(loaded, command="syncspec lock retarget", lock_timeout=lock_timeout, clock=project.clock)
    async with opened as run:
        targets = {record.address: each.target for each in loaded.sets for record in each.records}
        entries = run.state.lockfile.entries
        _check_known(addresses, entries)
        moved = {
            address: entry
            for address, entry in entries.items()
            if (not addresses or address in addresses)
            and address in targets
            and targets[address].place != entry.target.place
        }
        if moved and not force:
            async with connections_of(loaded, run.state) as connections:
                observations = await observe(
                    loaded,
                    run.state,
                    _only(moved),
                    connections,
                    clock=project.clock,
                    also=[entry.upstream_id for entry in moved.values()],
                )
            shown = {
                (seen.target.place, short_id(row.upstream_id))
                for seen in observations
                for row in seen.rows
                if not row.deleted
            }
            _check_visible(moved, targets, shown)
        made = [replace(entry, target=targets[address]) for address, entry in moved.items()]
        run.put(made, replaced=moved)
    return made


def _only(addresses: Collection[str]) -> Callable[[DesiredSet | None, str], bool]:
    return lambda _, address: address in addresses


def _check_visible(
    moved: dict[str, LockEntry], targets: dict[str, Target], shown: set[tuple[tuple[str, str, str], str]]
) -> None:
    missing = [
        address
        for address, entry in moved.items()
        if (targets[address].place, short_id(entry.upstream_id)) not in shown
    ]
    if missing:
        raise StateError(
            "Records are not visible in their new place",
            detail=f"{counted(len(missing), 'record')} ({listed(missing)}): the list there does not show its ID. "
            "Nothing was changed.",
            hint="check base_url, sync_id and collection_id; --force takes the entries there all the same",
        )


async def forget(
    project: AsyncProject, addresses: Sequence[str], *, force: bool = False, lock_timeout: float = 0.0
) -> list[LockEntry]:
    """Drop entries from the lockfile, and with them their upstream IDs; gives what was dropped. Offline.

    `addresses` may be sets and patterns. Refused for addresses with an open attempt, and for protected ones unless
    `force` is given: nothing is then changed. Raises UsageError where an address is not locked,
    StateError where it is refused.
    """
    loaded = project.load(resolve_env=False)
    opened = open_run(loaded, command="syncspec lock forget", lock_timeout=lock_timeout, clock=project.clock)
    async with opened as run:
        entries = run.state.lockfile.entries
        chosen = matching(addresses, entries)
        dropped = [entries[address] for address in chosen]
        unsettled = sorted({attempt.address for attempt in run.state.open_attempts}.intersection(chosen))
        if unsettled:
            raise _refused(f"{listed(unsettled)}: not settled", "settle it first: syncspec resolve")
        protected = [entry.address for entry in dropped if entry.protect]
        if protected and not force:
            raise _refused(f"{listed(protected)}: protected", "--force drops it all the same")
        run.put([], removed=dropped)
    return dropped


def matching(patterns: Sequence[str], entries: Collection[str]) -> list[str]:
    """The locked addresses that these addresses, sets and patterns name. Raises UsageError where one names none."""
    for pattern in patterns:
        if not any(matches_any(address, [pattern]) for address in entries):
            _check_known([pattern], entries)
    return [address for address in entries if matches_any(address, patterns)]


def _check_known(addresses: Sequence[str], entries: Collection[str]) -> None:
    for address in addresses:
        if address not in entries:
            raise UsageError(
                "Not a locked address",
                detail=f"The lockfile holds no entry of {address}. Nothing was changed.",
                hint=did_you_mean(address, list(entries)) or "syncspec lock list shows them",
            )


def _refused(detail: str, hint: str) -> StateError:
    return StateError("The entry stays", detail=f"{detail}. Nothing was changed.", hint=hint)
