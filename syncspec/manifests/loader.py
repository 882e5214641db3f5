"""Loads a whole project: reads its files, puts them together, and checks everything there is to check.

Nothing here looks at the process: variables and the environment are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncspec.errors import ManifestError, UsageError
from syncspec.manifests.assembly import Layout, assemble
from syncspec.manifests.collector import paused_collector
from syncspec.manifests.discovery import (
    PROJECT_FILE,
    Found,
    existing,
    find_manifests,
    find_project_file,
    with_others,
)
from syncspec.manifests.documents import Document, document_from
from syncspec.manifests.findings import shortened
from syncspec.manifests.lookup_models import LookupSet
from syncspec.manifests.models import API_VERSION, RecordSet
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Inputs, Settings, read_project
from syncspec.manifests.project_files import SOFT, STATE_FOLDER, check_found, read_settings, starts_of
from syncspec.manifests.project_models import ProjectFile
from syncspec.manifests.reader import read as read_bytes
from syncspec.manifests.reader import read_file
from syncspec.settings import LoadedProject

__all__ = ["load", "load_sets"]

_TRIAL = "trial"


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
    settings = None if project_path is None else read_settings(project_path, inputs, problems)
    layout = _layout(root, settings, has_file=project_path is not None, trial=trial, state_dir=state_dir)
    documents: list[Document] = []
    starts = starts_of(root, settings, has_file=project_path is not None, problems=problems)
    if starts is not None:
        skip = [root / PROJECT_FILE, root / STATE_FOLDER, *([state_dir] if state_dir is not None else [])]
        found = find_manifests(root, starts, skip=skip)
        if contents:
            found = with_others(found, contents, root, starts)
        check_found(found, start, root, has_file=layout.has_file, problems=problems)
        documents = _read_manifests(found, contents or {}, problems)
    with paused_collector():
        return assemble(documents, settings=settings, inputs=inputs, layout=layout, problems=problems)


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
    state = (root / STATE_FOLDER if state_dir is None else state_dir).absolute()
    keep_apart = trial and has_file
    return Layout(
        root=root,
        name=re.sub(r"[^A-Za-z0-9._-]+", "-", root.name).lstrip("._-") or "project",
        lockfile=(state / _TRIAL if keep_apart else root) / lockfile,
        state_dir=state / _TRIAL if keep_apart else state,
        has_file=has_file,
    )


def _read_manifests(found: Found, contents: Mapping[Path, bytes], problems: Problems) -> list[Document]:
    documents: list[Document] = []
    for path, name in found.files:
        content = contents.get(path.resolve()) if contents else None
        read, findings = read_file(path, file=name) if content is None else read_bytes(content, file=name)
        problems.take(findings)
        if not any(item.is_error and item.code not in SOFT for item in findings):
            documents.extend(document for document in read if document.value is not None)
    return documents
