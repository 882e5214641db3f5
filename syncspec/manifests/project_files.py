"""Which files a project has: its own file, the folders and files that this names, and the manifests in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import ManifestError
from syncspec.manifests.discovery import (
    PROJECT_FILE,
    Found,
    OutsideError,
    find_manifests,
    find_project_file,
    inside,
    shown,
)
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Inputs, Settings, read_project
from syncspec.manifests.reader import read_file

__all__ = ["SOFT", "STATE_FOLDER", "ProjectFiles", "check_found", "find_files", "read_settings", "starts_of"]

STATE_FOLDER = ".syncspec"
"""Where working state is kept, beside the project file."""

SOFT = frozenset(
    {
        "ambiguous-number",
        "duplicate-key",
        "inexact-number",
        "merge-key",
        "non-string-key",
        "not-finite-number",
        "recursive-alias",
        "reused-anchor",
        "tag-mismatch",
        "undefined-alias",
        "unknown-tag",
        "unquoted-expression",
        "unset-with-value",
        "yaml-version",
    }
)
"""Findings of the reader after which the rest of the file is known."""

_ABOUT_PATHS = frozenset({"manifests-path", "unreadable-path"})
"""Findings that tell of manifests that were not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFiles:
    """The files of a project as they are, whatever is in them; `diagnostics` tell why some may be missing.

    `folders` are those that are searched for manifests.
    """

    root: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    diagnostics: tuple[Diagnostic, ...]


def find_files(
    path: Path,
    *,
    environment: str | None = None,
    variables: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    state_dir: Path | None = None,
) -> ProjectFiles:
    """The project file and the manifests of the project that a path belongs to; manifests are not read.

    Raises ManifestError where there is no project.
    """
    project_path = find_project_file(path)
    if project_path is None:
        raise ManifestError(
            "No project file",
            detail=f"Neither {path} nor a folder above it holds {PROJECT_FILE}. Nothing was read.",
            hint="name files or folders, or run syncspec init to make a project",
        )
    root, problems = project_path.parent, Problems()
    inputs = Inputs(
        environment=environment or None, variables=dict(variables or {}), environ=environ or {}, resolve_env=False
    )
    starts = starts_of(root, read_settings(project_path, inputs, problems), has_file=True, problems=problems)
    if starts is None:
        problems.add_plain(
            code="unreadable-path",
            summary="The manifests cannot be found",
            detail="The project file has errors, so that it is not known which folders hold manifests.",
            hint="run syncspec validate, which tells what is wrong with it",
            file=PROJECT_FILE,
        )
    skip = [project_path, root / STATE_FOLDER, *([state_dir] if state_dir is not None else [])]
    found = find_manifests(root, starts or [], skip=skip)
    check_found(found, root, root, has_file=True, problems=problems)
    return ProjectFiles(
        root=root,
        files=(project_path, *(each for each, _ in found.files)),
        folders=tuple(start for start in starts or () if start.is_dir()),
        diagnostics=tuple(item for item in problems.diagnostics() if item.code in _ABOUT_PATHS),
    )


def read_settings(path: Path, inputs: Inputs, problems: Problems) -> Settings | None:
    """Read the project file; None where it cannot be read, and a finding tells why."""
    documents, found = read_file(path, file=PROJECT_FILE)
    problems.take(found)
    if any(item.is_error and item.code not in SOFT for item in found):
        return None
    return read_project(documents, file=PROJECT_FILE, inputs=inputs, problems=problems)


def starts_of(root: Path, settings: Settings | None, *, has_file: bool, problems: Problems) -> list[Path] | None:
    """The folders and files to search; None where a broken project file leaves them unknown."""
    if settings is None:
        return None if has_file else [root]
    if settings.spec is None:
        spec = settings.document.value.get("spec") if isinstance(settings.document.value, dict) else None
        names = spec.get("manifests") if isinstance(spec, dict) else None
        if not isinstance(names, list):
            return [root] if names is None else None
        entries = [name if isinstance(name, str) else "" for name in names]
    else:
        entries = list(settings.spec.manifests or ())
    return [*_entries(root, settings, entries, problems)] if entries else [root]


def _entries(root: Path, settings: Settings, names: list[str], problems: Problems) -> list[Path]:
    starts = []
    for number, name in enumerate(names):
        why = None
        try:
            start = inside(root, name)
            if start.exists():
                starts.append(start)
            else:
                why = "nothing is there"
        except OutsideError as error:
            why = str(error)
        if why is not None:
            problems.add(
                settings.document,
                path=("spec", "manifests", number),
                code="manifests-path",
                summary="A folder of manifests cannot be used",
                detail=f'"{shortened(name)}": {why}.',
                hint="name folders and files in the project, relative to the project file",
            )
    return starts


def check_found(found: Found, start: Path, root: Path, *, has_file: bool, problems: Problems) -> None:
    """Report what cannot be read, and a path that holds nothing to work on."""
    for name, why in found.refused:
        problems.add_plain(
            code="unreadable-path",
            summary="A path under the manifests cannot be read",
            detail=f"{why[0].upper()}{why[1:]}.",
            hint="remove it, or give its name a dot at the beginning to have it skipped",
            file=name,
        )
    if start in (root, root / PROJECT_FILE):
        if not found.files and not found.refused:
            problems.add_plain(
                code="no-manifests",
                summary="No manifests are found",
                detail=f"No .yaml or .yml file is in the folders that are searched under {root}.",
                hint="write a manifest, or list its folder under spec.manifests",
                file=PROJECT_FILE if has_file else None,
                severity=Severity.WARNING if has_file else Severity.ERROR,
            )
    elif not any(path == start or path.resolve().is_relative_to(start) for path, _ in found.files):
        problems.add_plain(
            code="no-manifests",
            summary="The path holds no manifest of the project",
            detail=f"{shown(start, root)} is not, and does not hold, a manifest of the project in {root}.",
            hint="name a manifest or its folder, or list the folder under spec.manifests",
        )
