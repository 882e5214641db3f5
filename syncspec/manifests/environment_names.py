"""Which environments a project declares, told without choosing one."""

from __future__ import annotations

from pathlib import Path

from syncspec.manifests.discovery import PROJECT_FILE, existing, find_project_file
from syncspec.manifests.reader import read_file

__all__ = ["environment_names"]


def environment_names(path: Path) -> tuple[str, ...]:
    """The names in the project file that a path belongs to, in order; none where it cannot be read or has none.

    Raises UsageError where the path does not exist.
    """
    project_path = find_project_file(existing(path))
    if project_path is None:
        return ()
    documents, _ = read_file(project_path, file=PROJECT_FILE)
    value = documents[0].value if len(documents) == 1 else None
    spec = value.get("spec") if isinstance(value, dict) else None
    declared = spec.get("environments") if isinstance(spec, dict) else None
    return tuple(declared) if isinstance(declared, dict) else ()
