"""Files that are written whole: whoever reads one sees the old content or the new one, also after a power cut."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes, *, mode: int, fsync: Callable[[int], None] = os.fsync) -> None:
    """Make `path` a file with this content and mode, in the place of the one that may be there.

    Temporary file beside it, fsync, rename, fsync of the folder. Raises OSError; what was there then still stands,
    unless it is the last fsync that failed, and no temporary file is left.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - the pair of mkstemp
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fsync(folder)
    finally:
        os.close(folder)
