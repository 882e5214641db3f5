"""A project's name and its environments, told without choosing one of them."""

from __future__ import annotations

from pathlib import Path

from syncspec.manifests.discovery import PROJECT_FILE, existing, find_project_file
from syncspec.manifests.documents import Value
from syncspec.manifests.reader import read_file

__all__ = ["environment_names", "project_name"]


def environment_names(path: Path) -> tuple[str, ...]:
    """The names in the project file that a path belongs to, in order; none where it cannot be read or has none.

    Raises UsageError where the path does not exist.
    """
    spec = _told(path).get("spec")
    declared = spec.get("environments") if isinstance(spec, dict) else None
    return tuple(declared) if isinstance(declared, dict) else ()


def project_name(path: Path) -> str | None:
    """The name in the project file that a path belongs to; None where it cannot be read or has none.

    Raises UsageError where the path does not exist.
    """
    metadata = _told(path).get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else None


def _told(path: Path) -> dict[str, Value]:
    project_path = find_project_file(existing(path))
    if project_path is None:
        return {}
    documents, _ = read_file(project_path, file=PROJECT_FILE)
    value = documents[0].value if len(documents) == 1 else None
    return value if isinstance(value, dict) else {}
