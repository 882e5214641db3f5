"""Replaces a file whole: whoever reads it sees the old content or the new one, also after a power cut."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, content: bytes, *, make: bool = False, fsync: Callable[[int], None] = os.fsync) -> None:
    """Put `content` in the place of a file that exists; its mode stays. `path` must be a real path, not a link.

    `make`: one that does not exist is made.

    Temporary file beside it, fsync, rename, fsync of the folder. Raises OSError; the old content still stands then,
    unless it is the last fsync that failed.
    """
    mode = 0o666 & ~_umask() if make and not path.exists() else stat.S_IMODE(path.stat().st_mode)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    """What the process takes away from the modes of its files; the system tells it only by changing it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
