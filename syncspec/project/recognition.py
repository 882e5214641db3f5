"""Telling saved plans from manifests, by what they hold and whatever they are called."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["is_saved_plan"]

_BEGINNING = re.compile(rb'\s*\{\s*"kind"\s*:\s*"SavedPlan"')


def is_saved_plan(path: Path) -> bool:
    """Whether a file says of itself that it is a saved plan; one that cannot be read is none."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _BEGINNING.match(file.read(256)) is not None
    except OSError:
        return False
