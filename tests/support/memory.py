"""Where tests keep their folders: in memory where the machine has room, as they write to disk thousands of times."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["FOLDER"]

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3

FOLDER = str(_MEMORY) if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM else None
"""The folder for temporary ones; None: where the system has them."""
