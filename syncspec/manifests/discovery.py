"""Finds the project file and the manifests of a project; nothing outside the project is ever read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncspec.errors import ManifestError

__all__ = [
    "PROJECT_FILE",
    "Found",
    "OutsideError",
    "find_manifests",
    "find_project_file",
    "inside",
    "shown",
    "with_others",
]

PROJECT_FILE = "syncspec.yaml"
_SUFFIXES = (".yaml", ".yml")
_MOST_FOLDERS = 100_000


class OutsideError(ValueError):
    """A path that leaves the project, or cannot be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What stands in the folders that were searched, each sorted by its name as shown.

    `files` are (path, name as shown) of manifests; `refused` are (name as shown, what is wrong).
    """

    files: tuple[tuple[Path, str], ...]
    refused: tuple[tuple[str, str], ...]


def find_project_file(path: Path) -> Path | None:
    """The project file of a folder, or of a file's folder, or of the nearest folder above; None where there is none.

    Raises ManifestError where the path does not exist.
    """
    start = existing(path)
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.parents):
        if os.path.lexists(candidate / PROJECT_FILE):
            return candidate / PROJECT_FILE
    return None


def existing(path: Path) -> Path:
    """The path without symlinks. Raises ManifestError where nothing is there, or it cannot be followed."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be followed"
        raise ManifestError(
            "A path cannot be found",
            detail=f"{path}: {reason}.",
            hint="name a manifest, or a folder that holds manifests",
        ) from error


def inside(root: Path, name: str) -> Path:
    """The real path that a project's file names, relative to the root. `root` must be a real path.

    Raises OutsideError where it leaves the root, by its text or by a symlink.
    """
    if "\0" in name:
        raise OutsideError("it holds a character that no path can hold")
    if Path(name).is_absolute() or name.startswith(("/", "\\", "~")) or ":" in name[:2]:
        raise OutsideError("it is not relative to the project's folder")
    try:
        real = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise OutsideError("its links cannot be followed") from error
    if not real.is_relative_to(root):
        raise OutsideError("it leads out of the project's folder")
    return real


def shown(path: Path, root: Path) -> str:
    """The path as messages show it: relative to the root with forward slashes, absolute outside it."""
    text = (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
    return os.fsencode(text).decode("utf-8", "replace")


def find_manifests(root: Path, starts: Sequence[Path], *, skip: Sequence[Path]) -> Found:
    """All manifests under the given files and folders, each real file once.

    Hidden names and the paths in `skip` are passed over; a link that leads out of the project is refused. A start
    that is a file counts as a manifest whatever its name.
    """
    left_out = {_real(path) for path in skip}
    files: dict[Path, tuple[Path, str]] = {}
    refused: dict[str, str] = {}
    seen: set[Path] = set()
    for start in starts:
        if not start.is_dir():
            if _real(start) not in left_out:
                files.setdefault(_real(start), (start, shown(start, root)))
            continue
        for path, problem in _walk(start, root, left_out, seen):
            if problem is not None:
                refused[shown(path, root)] = problem
            elif _real(path) not in left_out:
                files.setdefault(_real(path), (path, shown(path, root)))
    by_name = sorted(files.values(), key=lambda entry: entry[1])
    return Found(files=tuple(by_name), refused=tuple(sorted(refused.items())))


def with_others(found: Found, others: Iterable[Path], root: Path, starts: Sequence[Path]) -> Found:
    """What would be found were there these files, too; those in no folder that is searched are left out.

    All are real paths.
    """
    known = {_real(path) for path, _ in found.files}
    new = {path for path in others if path not in known and path.name.lower().endswith(_SUFFIXES)}
    reached = [(path, shown(path, root)) for path in new if any(_is_searched(path, _real(start)) for start in starts)]
    return replace(found, files=tuple(sorted([*found.files, *reached], key=lambda entry: entry[1])))


def _is_searched(path: Path, start: Path) -> bool:
    """Whether a file at this path would be found from there: no name on the way to it is hidden."""
    return path.is_relative_to(start) and not any(part.startswith(".") for part in path.relative_to(start).parts)


def _walk(start: Path, root: Path, left_out: set[Path], seen: set[Path]) -> Iterator[tuple[Path, str | None]]:
    """Every manifest below a folder, and what cannot be read; folders in sorted order, each real folder once."""
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        real = _real(folder)
        if real in seen or real in left_out:
            continue
        seen.add(real)
        if len(seen) > _MOST_FOLDERS:
            yield folder, f"more than {_MOST_FOLDERS:,} folders are searched for manifests"
            return
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            yield folder, f"the folder cannot be read: {error.strerror}"
            continue
        folders = []
        for name in names:
            path = folder / name
            if name.startswith("."):
                continue
            is_folder = path.is_dir()
            if not is_folder and not name.lower().endswith(_SUFFIXES):
                continue
            if path.is_symlink() and not _real(path).is_relative_to(root):
                yield path, "the link leads out of the project's folder"
            elif is_folder:
                folders.append(path)
            else:
                yield path, None
        waiting.extend(reversed(folders))


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
