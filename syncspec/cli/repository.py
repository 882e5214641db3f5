"""Where a project lies in the repository whose pull request is annotated."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["folder_in_repository"]


def folder_in_repository(path: Path) -> str:
    """The way from the repository, or else this folder, to the project: what annotations' paths begin with."""
    from syncspec.manifests.discovery import find_project_file

    found = find_project_file(path)
    root = found.parent if found is not None else path.resolve()
    repository = Path(os.environ.get("GITHUB_WORKSPACE") or ".").resolve()
    return root.relative_to(repository).as_posix() if root.is_relative_to(repository) and root != repository else ""
