"""What a state starts from: the lockfile on disk, or the one in the git ref that the project's runs share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from syncspec.apply.announcement import announced_by
from syncspec.apply.clock import Moment
from syncspec.apply.journal import Journal
from syncspec.apply.lease import Lease
from syncspec.apply.stateref import Snapshot, StateRef
from syncspec.errors import StateError
from syncspec.lockfile import LockEntry, Lockfile
from syncspec.lockfile.file import parse_lockfile, read_lockfile, render_lockfile
from syncspec.settings import LoadedProject, StateBackend

__all__ = [
    "Base",
    "View",
    "entries_beside",
    "files_of",
    "known_here",
    "open_ref",
    "read_base",
    "read_own_lockfile",
    "read_view",
]

_LOCKFILE = "lockfile"
_LEASE = "lock.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The lockfile that a journal is folded into.

    `shared`: it is the one of the ref, which is true whatever a file says; the journal adds to it what was never
    published. `cold_since` then says since when the shared state knows all runs; None: always.
    """

    lockfile: Lockfile
    shared: bool = False
    cold_since: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a ref held when it was read; `lockfile` is None where it does not exist yet."""

    commit: str | None = None
    lockfile: Lockfile | None = None
    lease: Lease = field(default_factory=Lease)

    def base(self, own: Lockfile) -> Base:
        """What to start from; `own` counts where there is no ref yet."""
        if self.lockfile is None:
            return Base(lockfile=own)
        since = self.lease.since
        return Base(lockfile=self.lockfile, shared=True, cold_since=Moment(wall=since) if since is not None else None)


def open_ref(project: LoadedProject) -> StateRef:
    """Get ready for the project's shared state; the remote is not asked yet. Blocks. Raises StateError."""
    return StateRef.open(
        project.root, project=project.name, environment=project.environment, remote=project.state.remote, timeout=60.0
    )


def read_view(ref: StateRef, project: LoadedProject) -> View:
    """Ask the remote for the shared state. Blocks. Raises StateError, LockfileError."""
    return _view_of(ref.read(), project, str(ref))


def _view_of(snapshot: Snapshot, project: LoadedProject, where: str) -> View:
    if snapshot.commit is None:
        return View()
    try:
        content, lease = snapshot.files[_LOCKFILE], Lease.parsed(snapshot.files[_LEASE])
    except (KeyError, ValueError) as error:
        what = f'it has no file "{error.args[0]}"' if isinstance(error, KeyError) else f'"{_LEASE}" cannot be read'
        raise StateError(
            "The shared state is not whole",
            detail=f"{where} is at {snapshot.commit[:12]}: {what}. It is left as it is. Nothing was sent.",
            hint="find out who wrote it; an earlier commit of the ref can be put back with: git push --force",
        ) from error
    lockfile = parse_lockfile(content, file=where, project=project.name, environment=project.environment)
    return View(commit=snapshot.commit, lockfile=lockfile, lease=lease)


def files_of(lockfile: Lockfile, lease: Lease) -> dict[str, bytes]:
    """The files of a shared state."""
    return {_LOCKFILE: render_lockfile(lockfile), _LEASE: lease.printed()}


def read_base(project: LoadedProject) -> Base:
    """What the project's state starts from now. Blocks. Raises LockfileError, StateError."""
    if project.state.backend is not StateBackend.GIT:
        return Base(lockfile=read_own_lockfile(project))
    with open_ref(project) as ref:
        view = read_view(ref, project)
    return view.base(view.lockfile or read_own_lockfile(project))


def read_own_lockfile(project: LoadedProject) -> Lockfile:
    """The project's lockfile as it is on disk. Raises LockfileError."""
    return read_lockfile(project.lockfile, project=project.name, environment=project.environment)


def entries_beside(project: LoadedProject) -> tuple[LockEntry, ...]:
    """What lockfiles of other environments, beside the project's own, hold at its endpoints: nobody deletes that here.

    A fresh checkout has these files and no journal. Raises LockfileError.
    """
    endpoints = {settings.endpoint for settings in project.upstreams.values()}
    found: list[LockEntry] = []
    for path in sorted(project.lockfile.parent.glob("syncspec*.lock")):
        environment = path.name.removeprefix("syncspec").removesuffix(".lock").removeprefix(".") or None
        if path != project.lockfile and path.is_file():
            status = path.stat()
            found += _entries_of(path, project.name, environment, (status.st_mtime_ns, status.st_size))
    return tuple(entry for entry in found if entry.target.endpoint in endpoints)


@lru_cache(maxsize=16)
def _entries_of(path: Path, project: str, environment: str | None, _: tuple[int, int]) -> tuple[LockEntry, ...]:
    """A file that did not change is not read again in one process."""
    return tuple(read_lockfile(path, project=project, environment=environment).entries.values())


def known_here(lockfile: Lockfile, journal: Journal) -> Lockfile:
    """The lockfile without announcements of runs of this journal, which knows better what they sent."""
    pending = tuple(
        attempt for attempt in lockfile.pending if (run := announced_by(attempt)) is None or not journal.knows_run(run)
    )
    return replace(lockfile, pending=pending) if len(pending) < len(lockfile.pending) else lockfile
