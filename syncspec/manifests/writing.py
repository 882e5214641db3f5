"""Replaces a manifest whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from syncspec.whole_file import write_whole

__all__ = ["replace_file"]


def replace_file(path: Path, content: bytes, *, fsync: Callable[[int], None] = os.fsync) -> None:
    """Put `content` in the place of a file that exists; its mode stays. `path` must be a real path, not a link.

    Raises OSError; the old content still stands then, unless it is the last fsync of `write_whole` that failed.
    """
    write_whole(path, content, mode=stat.S_IMODE(path.stat().st_mode), fsync=fsync)
