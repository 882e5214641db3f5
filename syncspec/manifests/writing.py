"""Writes manifests whole, and several of them together or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncspec.whole_file import write_whole

__all__ = ["ChangedMeanwhileError", "FileChange", "replace_file", "write_files"]

_MODE = 0o666
"""Of a new file, before the process's mask."""


class ChangedMeanwhileError(OSError):
    """A file is not what it was when the change of it was worked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file's content now and then; `before` None: there is no such file yet. `path` is a real path."""

    path: Path
    before: bytes | None
    after: bytes


def write_files(changes: Sequence[FileChange]) -> None:
    """Carry out all changes or none; a file that somebody else changed in the meantime keeps all from being written.

    Raises ChangedMeanwhileError, OSError; what was written by then is put back.
    """
    for change in changes:
        _check_unchanged(change)
    done: list[FileChange] = []
    try:
        for change in changes:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            if change.before is None:
                change.path.touch(mode=_MODE, exist_ok=False)
            done.append(change)
            replace_file(change.path, change.after)
    except BaseException:
        for change in reversed(done):
            if change.before is None:
                change.path.unlink(missing_ok=True)
            else:
                replace_file(change.path, change.before)
        raise


def _check_unchanged(change: FileChange) -> None:
    now = change.path.read_bytes() if change.path.exists() else None
    if now != change.before:
        raise ChangedMeanwhileError(f"{change.path.name} was changed in the meantime")


def replace_file(path: Path, content: bytes, *, fsync: Callable[[int], None] = os.fsync) -> None:
    """Put `content` in the place of a file that exists; its mode stays. `path` must be a real path, not a link.

    Raises OSError; the old content still stands then, unless it is the last fsync of `write_whole` that failed.
    """
    write_whole(path, content, mode=stat.S_IMODE(path.stat().st_mode), fsync=fsync)
