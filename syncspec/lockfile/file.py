"""Reading and writing the lockfile on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import orjson
from pydantic import ValidationError

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import LockfileError
from syncspec.lockfile.entries import FieldDigests, LockEntry, Lockfile, OpenAttempt, conflict_of, identity_of
from syncspec.lockfile.lines import VERSION, Header, entry_line, header_line, parse_line, pending_line
from syncspec.whole_file import write_whole

__all__ = ["parse_lockfile", "read_lockfile", "render_lockfile", "salvage_lockfile", "write_lockfile"]

_CONFLICT = re.compile(rb"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)( |$)")
_SHOWN = 20
_REBUILD = (
    "restore the file from git, or run: syncspec lock rebuild (it keeps the damaged file, and takes every line that "
    "can be read and all that the journal knows)"
)


def read_lockfile(path: Path, *, project: str, environment: str | None) -> Lockfile:
    """Read the lockfile; one that does not exist is empty.

    Raises LockfileError, with a line for each problem, where it cannot be read, is of a newer version, belongs to
    another project or environment, holds conflict markers, or says two things at once.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Lockfile(project=project, environment=environment)
    except OSError as error:
        raise LockfileError(
            "The lockfile cannot be read",
            detail=f"{path.name}: {error.strerror or error}. Nothing was sent.",
            hint="give read access; where something else has its name, move that away and run: syncspec lock rebuild",
        ) from error
    return parse_lockfile(content, file=path.name, project=project, environment=environment)


def salvage_lockfile(
    content: bytes, *, file: str, project: str, environment: str | None
) -> tuple[Lockfile, tuple[Diagnostic, ...]]:
    """What can be read of a damaged lockfile, and a warning for each thing that cannot.

    Two IDs for one address become a conflict for a person to settle; an ID that two addresses hold is given to
    neither. Raises LockfileError where the file is another project's or of a newer version: its lines are not ours.
    """
    reading = _Reading(file, project, environment)
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            reading.take(number, line.rstrip(b"\r"))
    return reading.salvage()


def parse_lockfile(content: bytes, *, file: str, project: str, environment: str | None) -> Lockfile:
    """Parse a lockfile's content; see `read_lockfile`."""
    reading = _Reading(file, project, environment)
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            reading.take(number, line.rstrip(b"\r"))
    return reading.finish()


class _Reading:
    """One pass over the lines; problems are gathered and raised together."""

    def __init__(self, file: str, project: str, environment: str | None) -> None:
        self._file, self._project, self._environment = file, project, environment
        self._problems: list[Diagnostic] = []
        self._headers = 0
        self._lines = 0
        self._is_foreign = False
        self._conflicts: list[OpenAttempt] = []
        self._entries: dict[str, tuple[int, LockEntry]] = {}
        self._pending: dict[str, OpenAttempt] = {}

    def take(self, number: int, line: bytes) -> None:
        self._lines += 1
        if _CONFLICT.match(line):
            self._problem(
                number,
                "The lockfile holds git's conflict markers",
                "The merge that wrote it was not finished.",
                'syncspec lock rebuild keeps the lines of both sides; "*.lock merge=union" in .gitattributes does so '
                "in the next merge",
            )
            return
        try:
            parsed = parse_line(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            detail = f"{where}: {first['msg']}.".removeprefix(": ")
            self._problem(number, "A lockfile line is not valid", detail, _REBUILD)
        except orjson.JSONDecodeError as error:
            # Its own words count lines within the line.
            self._problem(number, "A lockfile line cannot be read", f"{error.msg}, column {error.colno}.", _REBUILD)
        except ValueError as error:
            self._problem(number, "A lockfile line cannot be read", f"{error}.", _REBUILD)
        else:
            self._place(number, parsed)

    def _place(self, number: int, parsed: Header | LockEntry | OpenAttempt) -> None:
        if isinstance(parsed, Header):
            self._take_header(number, parsed)
        elif isinstance(parsed, OpenAttempt):
            self._pending[parsed.attempt + "\0" + parsed.address] = parsed
        else:
            self._take_entry(number, parsed)

    def _take_header(self, number: int, header: Header) -> None:
        self._headers += 1
        self._is_foreign |= header.lockfile_version > VERSION
        self._is_foreign |= (header.project, header.environment) != (self._project, self._environment)
        if header.lockfile_version > VERSION:
            detail = f"It is of version {header.lockfile_version}; this syncspec reads version {VERSION}."
            self._problem(number, "The lockfile is of a newer version", detail, "use a newer syncspec")
        elif header.lockfile_version < 1:
            self._problem(number, "A lockfile line is not valid", "lockfile_version starts at 1.", _REBUILD)
        if (header.project, header.environment) != (self._project, self._environment):
            detail = (
                f"It is of {_whose(header.project, header.environment)}, "
                f"and this is {_whose(self._project, self._environment)}."
            )
            self._problem(number, "The lockfile belongs to another project", detail, "restore this project's lockfile")

    def _take_entry(self, number: int, entry: LockEntry) -> None:
        known = self._entries.get(entry.address)
        if known is None:
            self._entries[entry.address] = (number, entry)
        elif known[1].upstream_id != entry.upstream_id or known[1].target.place != entry.target.place:
            detail = (
                f"{entry.address} is {_identity(known[1])} in line {known[0]} and {_identity(entry)} in line {number}."
            )
            self._conflicts.append(conflict_of(known[1], entry, evidence=f"the lockfile held two IDs: {detail}"))
            self._problem(
                number,
                "The lockfile holds two IDs for one address",
                detail,
                "one of the two records is a duplicate: find out which upstream; syncspec lock rebuild keeps both IDs, "
                "and syncspec resolve --created ID chooses",
                address=entry.address,
            )
        else:
            self._entries[entry.address] = (known[0], _folded(known[1], entry))

    def _check_ids(self) -> None:
        holders: dict[tuple[object, ...], tuple[int, LockEntry]] = {}
        for number, entry in self._entries.values():
            holder = holders.setdefault((*entry.target.place, entry.upstream_id), (number, entry))
            if holder[1].address != entry.address:
                detail = (
                    f"{entry.upstream_id} of {entry.target.collection_id} is {holder[1].address} in line {holder[0]} "
                    f"and {entry.address} in line {number}."
                )
                self._problem(
                    number,
                    "The lockfile gives one upstream ID to two addresses",
                    detail,
                    "syncspec lock rebuild gives it to neither, and the next apply finds the declared one by its match "
                    "key; or delete the wrong line",
                )

    def salvage(self) -> tuple[Lockfile, tuple[Diagnostic, ...]]:
        if self._is_foreign:
            raise LockfileError("The lockfile cannot be used", diagnostics=self._problems[:_SHOWN])
        holders: dict[tuple[str, ...], list[str]] = {}
        for address, (_, entry) in self._entries.items():
            holders.setdefault(identity_of(entry), []).append(address)
        self._check_ids()
        shared = {address for addresses in holders.values() if len(addresses) > 1 for address in addresses}
        doubtful = shared | {attempt.address for attempt in self._conflicts}
        salvaged = Lockfile(
            project=self._project,
            environment=self._environment,
            entries={
                address: entry for address, (_, entry) in sorted(self._entries.items()) if address not in doubtful
            },
            pending=(*(attempt for _, attempt in sorted(self._pending.items())), *self._conflicts),
        )
        return salvaged, tuple(self._left_out(item) for item in self._problems)

    def _left_out(self, problem: Diagnostic) -> Diagnostic:
        """The problem, now that what could be read was taken."""
        chosen = problem.address is not None
        hint = f"syncspec resolve {problem.address} --created ID says which one it is" if chosen else None
        return replace(problem, severity=Severity.WARNING, hint=hint)

    def finish(self) -> Lockfile:
        self._check_ids()
        if self._lines and not self._headers:
            self._problem(1, "The lockfile has no header", "Its first line is missing.", _REBUILD)
        if self._problems:
            shown = [replace(item, detail=f"{item.detail} Nothing was sent.") for item in self._problems[:_SHOWN]]
            raise LockfileError("The lockfile cannot be used", diagnostics=shown)
        return Lockfile(
            project=self._project,
            environment=self._environment,
            entries={address: entry for address, (_, entry) in sorted(self._entries.items())},
            pending=tuple(attempt for _, attempt in sorted(self._pending.items())),
        )

    def _problem(self, line: int, summary: str, detail: str, hint: str, *, address: str | None = None) -> None:
        source = Source(file=self._file, line=line)
        self._problems.append(
            Diagnostic(
                severity=Severity.ERROR,
                code="lockfile",
                summary=summary,
                detail=detail,
                source=source,
                hint=hint,
                address=address,
            )
        )


def _whose(project: str, environment: str | None) -> str:
    return f'project "{project}"' + (f', environment "{environment}"' if environment else "")


def _identity(entry: LockEntry) -> str:
    return f"{entry.upstream_id} in {entry.target.collection_id} of sync {entry.target.sync_id}"


def _folded(one: LockEntry, other: LockEntry) -> LockEntry:
    """Fold two versions of one entry, as a union merge leaves them.

    The later `updated_at` wins where both tell one; else a digest on which they differ is not known any more.
    Of `on_remove` and `delete_adopted` the word that keeps the record wins, and `depends_on` holds what either side
    names. Protection and the earliest `locked_at` stay; an entry that either side still declares is locked.
    """
    written_at = max(one.written_at or "", other.written_at or "") or None
    if one.updated_at and other.updated_at and one.updated_at != other.updated_at:
        later = max(one, other, key=lambda entry: entry.updated_at or "")
        fields, written_at = later.fields, later.written_at
    else:
        unknown = FieldDigests()
        fields = {
            name: digests if one.fields.get(name, digests) == other.fields.get(name, digests) else unknown
            for name, digests in {**one.fields, **other.fields}.items()
        }
    return replace(
        one,
        locked_at=min(one.locked_at, other.locked_at),
        updated_at=max(one.updated_at or "", other.updated_at or "") or None,
        protect=one.protect or other.protect,
        on_remove=max(one.on_remove, other.on_remove),
        delete_adopted=one.delete_adopted and other.delete_adopted,
        depends_on=tuple(sorted({*one.depends_on, *other.depends_on})),
        state=min(one.state, other.state),
        key=one.key if one.key == other.key else None,
        marker=one.marker or other.marker,
        written_at=written_at,
        fields=fields,
    )


def render_lockfile(lockfile: Lockfile) -> bytes:
    """Print the lockfile: header, then entries and open attempts by address. Equal values give equal bytes."""
    lines = [(address, 0, "", entry_line(entry)) for address, entry in lockfile.entries.items()]
    lines += [(attempt.address, 1, attempt.attempt, pending_line(attempt)) for attempt in lockfile.pending]
    body: Iterable[bytes] = (line for *_, line in sorted(lines))
    return b"\n".join([header_line(lockfile.project, lockfile.environment), *body]) + b"\n"


def write_lockfile(path: Path, lockfile: Lockfile, *, fsync: Callable[[int], None] = os.fsync) -> bool:
    """Replace the file whole, as `write_whole` does. An equal file is left alone.

    Returns whether it wrote. Raises LockfileError; the file that was there then still stands.
    """
    content = render_lockfile(lockfile)
    try:
        if path.exists() and path.read_bytes() == content:
            return False
        write_whole(path, content, mode=_mode(path), fsync=fsync)
    except OSError as error:
        raise LockfileError(
            "The lockfile cannot be written",
            detail=f"{path}: {error.strerror or error}. The journal holds everything that it lacks.",
            hint="make room or give write access, then run the same command again",
        ) from error
    return True


def _mode(path: Path) -> int:
    """The mode of the file that is replaced; else what the umask leaves of 0666."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
