"""Opening a file that someone else named: only regular files, only up to a size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from syncspec.manifests.findings import Refusal

__all__ = ["bytes_of", "too_large"]

_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without O_NONBLOCK, opening a named pipe would wait for its writer."""


def bytes_of(path: Path, *, max_bytes: int) -> bytes | Refusal:
    """Read a regular file, or say why not; never waits on a pipe, never reads more than `max_bytes` and one."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return _not_regular(path)
        with os.fdopen(os.open(path, _OPEN), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                return _not_regular(path)
            if status.st_size > max_bytes:
                return too_large(status.st_size, max_bytes)
            content = stream.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        return _unreadable(error)
    return too_large(len(content), max_bytes) if len(content) > max_bytes else content


def too_large(size: int, max_bytes: int) -> Refusal:
    """The refusal of a file of `size` bytes."""
    return Refusal(
        code="file-too-large",
        summary="The file is too large",
        detail=f"It holds {size:,} bytes or more; at most {max_bytes:,} are read. It was not read.",
        hint="split the records over several files",
    )


def _not_regular(path: Path) -> Refusal:
    kind = "a folder" if path.is_dir() else "a pipe, a device or a socket"
    return Refusal(
        code="not-a-file",
        summary="Not a regular file",
        detail=f"This is {kind}. It was not read.",
        hint="name a file",
    )


def _unreadable(error: OSError | ValueError) -> Refusal:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Refusal(
        code="unreadable-file",
        summary="The file cannot be read",
        detail=f"The system says: {reason}.",
        hint="check the name and the permissions",
    )
