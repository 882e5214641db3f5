"""Loads a whole project: finds its files, reads them, puts them together, and checks everything there is to check.

Nothing here looks at the process: variables and the environment are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import ManifestError, UsageError
from syncspec.manifests.assembly import Layout, assemble
from syncspec.manifests.collector import paused_collector
from syncspec.manifests.discovery import (
    PROJECT_FILE,
    Found,
    OutsideError,
    existing,
    find_manifests,
    find_project_file,
    inside,
    shown,
    with_others,
)
from syncspec.manifests.documents import Document, document_from
from syncspec.manifests.findings import shortened
from syncspec.manifests.lookup_models import LookupSet
from syncspec.manifests.models import API_VERSION, RecordSet
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Inputs, Settings, read_project
from syncspec.manifests.project_models import ProjectFile
from syncspec.manifests.reader import read as read_bytes
from syncspec.manifests.reader import read_file
from syncspec.manifests.variables import read_var_file
from syncspec.settings import LoadedProject

__all__ = ["ProjectFiles", "find_files", "find_project_file", "load", "load_sets", "read_var_file"]

_STATE = ".syncspec"
_TRIAL = "trial"

_SOFT = frozenset(
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


def load(
    path: Path,
    *,
    environment: str | None = None,
    variables: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    upstream: str | None = None,
    state_dir: Path | None = None,
    resolve_env: bool = True,
    placeholders: bool = False,
    contents: Mapping[Path, bytes] | None = None,
) -> LoadedProject:
    """Load the whole project that a file or folder belongs to.

    `variables` win over those of the project file. `upstream="embedded"` puts an embedded upstream in the place of
    every declared one; the run then keeps lockfile and state in a folder of its own under the state folder, so that
    a trial never touches the real ones. It is also the only way to load manifests without a project file.
    `resolve_env` False: variables of the environment may be missing, as it suffices for checking. `placeholders`: they
    stand as `${env.NAME}` in the records' values, too, and the project's `declared` are filled in.
    `contents` is what manifests, by their real paths, would hold: it counts instead of what they hold, and a file that
    is not there yet counts where its folder is searched.

    Raises ManifestError with all errors of all files, sorted by place; warnings are in the project's diagnostics.
    Raises UsageError for an unknown `upstream`.
    """
    trial, start = _is_trial(upstream), existing(path)
    project_path = find_project_file(start)
    if project_path is None:
        _require_project(path, environment=environment, trial=trial)
    root = (start if start.is_dir() else start.parent) if project_path is None else project_path.parent
    inputs = _inputs(environment, variables, environ, resolve_env=resolve_env, trial=trial, placeholders=placeholders)
    problems = Problems()
    settings = None if project_path is None else _read_settings(project_path, inputs, problems)
    layout = _layout(root, settings, has_file=project_path is not None, trial=trial, state_dir=state_dir)
    documents: list[Document] = []
    starts = _starts(root, settings, has_file=project_path is not None, problems=problems)
    if starts is not None:
        skip = [root / PROJECT_FILE, root / _STATE, *([state_dir] if state_dir is not None else [])]
        found = find_manifests(root, starts, skip=skip)
        if contents:
            found = with_others(found, contents, root, starts)
        _check_found(found, start, root, has_file=layout.has_file, problems=problems)
        documents = _read_manifests(found, contents or {}, problems)
    with paused_collector():
        return assemble(documents, settings=settings, inputs=inputs, layout=layout, problems=problems)


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
    inputs = _inputs(environment, variables, environ, resolve_env=False, trial=False)
    starts = _starts(root, _read_settings(project_path, inputs, problems), has_file=True, problems=problems)
    if starts is None:
        problems.add_plain(
            code="unreadable-path",
            summary="The manifests cannot be found",
            detail="The project file has errors, so that it is not known which folders hold manifests.",
            hint="run syncspec validate, which tells what is wrong with it",
            file=PROJECT_FILE,
        )
    skip = [project_path, root / _STATE, *([state_dir] if state_dir is not None else [])]
    found = find_manifests(root, starts or [], skip=skip)
    _check_found(found, root, root, has_file=True, problems=problems)
    return ProjectFiles(
        root=root,
        files=(project_path, *(each for each, _ in found.files)),
        folders=tuple(start for start in starts or () if start.is_dir()),
        diagnostics=tuple(item for item in problems.diagnostics() if item.code in _ABOUT_PATHS),
    )


def load_sets(
    sets: Sequence[RecordSet | LookupSet],
    project: ProjectFile | None,
    *,
    root: Path,
    environment: str | None = None,
    variables: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    upstream: str | None = None,
    state_dir: Path | None = None,
    resolve_env: bool = True,
) -> LoadedProject:
    """Load record sets and lookup sets that were built in Python, by the same rules as `load`.

    `root` is where the lockfile goes, and what the paths of files are relative to.
    Raises ManifestError with all errors; their places name `<python>`.
    """
    trial = _is_trial(upstream)
    root = existing(root)
    if project is None:
        _require_project(root, environment=environment, trial=trial)
    inputs = _inputs(environment, variables, environ, resolve_env=resolve_env, trial=trial)
    problems = Problems()
    settings = None
    if project is not None:
        body = {"kind": "Project", **project.model_dump(by_alias=True, exclude_unset=True), "apiVersion": API_VERSION}
        document = document_from(body)
        settings = read_project([document], file=document.file, inputs=inputs, problems=problems)
    layout = _layout(root, settings, has_file=project is not None, trial=trial, state_dir=state_dir)
    documents = [
        document_from(
            {**each.model_dump(by_alias=True, exclude_unset=True), "kind": each.kind, "apiVersion": API_VERSION}
        )
        for each in sets
    ]
    with paused_collector():
        return assemble(documents, settings=settings, inputs=inputs, layout=layout, problems=problems)


def _is_trial(upstream: str | None) -> bool:
    if upstream not in (None, "embedded"):
        raise UsageError(
            "Unknown upstream", detail=f'"{shortened(upstream or "")}" is not known here.', hint="write embedded"
        )
    return upstream is not None


def _require_project(path: Path, *, environment: str | None, trial: bool) -> None:
    """Refuse to work without a project file, unless the upstream was named."""
    if not trial:
        raise ManifestError(
            "No project file",
            detail=f"Neither {path} nor a folder above it holds {PROJECT_FILE}, so that it is not known where records "
            "would go. Nothing was read.",
            hint="run syncspec init to make one, or add --upstream embedded to try the manifests out",
        )
    if environment:
        raise ManifestError(
            "No project file",
            detail=f'The environment "{shortened(environment)}" is named, and no {PROJECT_FILE} declares any.',
            hint="leave -e and SYNCSPEC_ENV away, or run syncspec init",
        )


def _inputs(
    environment: str | None,
    variables: Mapping[str, object] | None,
    environ: Mapping[str, str] | None,
    *,
    resolve_env: bool,
    trial: bool,
    placeholders: bool = False,
) -> Inputs:
    return Inputs(
        environment=environment or None,
        variables=dict(variables or {}),
        environ=environ or {},
        resolve_env=resolve_env and not placeholders,
        trial=trial,
        placeholders=placeholders,
    )


def _layout(root: Path, settings: Settings | None, *, has_file: bool, trial: bool, state_dir: Path | None) -> Layout:
    environment = settings.environment if settings is not None else None
    lockfile = "syncspec.lock" if environment is None else f"syncspec.{environment}.lock"
    state = (root / _STATE if state_dir is None else state_dir).absolute()
    keep_apart = trial and has_file
    return Layout(
        root=root,
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).lstrip("._-") or "project",
        lockfile=(state / _TRIAL if keep_apart else root) / lockfile,
        state_dir=state / _TRIAL if keep_apart else state,
        has_file=has_file,
    )


def _read_settings(path: Path, inputs: Inputs, problems: Problems) -> Settings | None:
    documents, found = read_file(path, file=PROJECT_FILE)
    problems.take(found)
    if any(item.is_error and item.code not in _SOFT for item in found):
        return None
    return read_project(documents, file=PROJECT_FILE, inputs=inputs, problems=problems)


def _starts(root: Path, settings: Settings | None, *, has_file: bool, problems: Problems) -> list[Path] | None:
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


def _check_found(found: Found, start: Path, root: Path, *, has_file: bool, problems: Problems) -> None:
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


def _read_manifests(found: Found, contents: Mapping[Path, bytes], problems: Problems) -> list[Document]:
    documents: list[Document] = []
    for path, name in found.files:
        content = contents.get(path.resolve()) if contents else None
        read, findings = read_file(path, file=name) if content is None else read_bytes(content, file=name)
        problems.take(findings)
        if not any(item.is_error and item.code not in _SOFT for item in findings):
            documents.extend(document for document in read if document.value is not None)
    return documents
