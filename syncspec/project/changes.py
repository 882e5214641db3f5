"""What a change of manifests means in records: two states of a project, of which git holds one or both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import LockfileError, ManifestError, SyncspecError
from syncspec.lockfile import Lockfile
from syncspec.lockfile.file import read_lockfile
from syncspec.manifests.discovery import find_project_file
from syncspec.manifests.environment_names import environment_names
from syncspec.manifests.loader import load
from syncspec.planning.comparison import Comparison, compare, folded
from syncspec.planning.selection import Selection
from syncspec.project.formats import render_changes
from syncspec.project.opening import Opening
from syncspec.project.revisions import Repository, Span, parse_span
from syncspec.settings import LoadedProject, StateBackend

__all__ = ["DeclaredChanges", "changes"]

_PROJECT_FILE = "syncspec.yaml"
_WORKING_TREE = "the working tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChanges:
    """What differs between two revisions; environments in which it is the same stand together.

    `environment` is the one that was asked for, None where all were.
    """

    older: str
    newer: str
    comparisons: tuple[Comparison, ...]
    environment: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing that is declared differs."""
        return all(comparison.is_empty for comparison in self.comparisons)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is to be known beside the changes, once."""
        return tuple(dict.fromkeys(item for each in self.comparisons for item in each.diagnostics))

    def render(
        self,
        format: str = "text",
        *,
        color: bool = False,
        full: bool = False,
        redact: bool = False,
        folder: str = "",
    ) -> str:
        """Print in one of the formats of `ReviewablePlan.render`. Raises UsageError for another format."""
        return render_changes(
            self.comparisons,
            format,
            older=self.older,
            newer=self.newer,
            environment=self.environment,
            color=color,
            full=full,
            redact=redact,
            folder=folder,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One state of the project: the folder that holds it, its name for people, and what is not in it."""

    folder: Path
    name: str
    findings: tuple[Diagnostic, ...] = ()

    @property
    def has_project(self) -> bool:
        return os.path.lexists(self.folder / _PROJECT_FILE)


def changes(
    opening: Opening,
    revisions: str,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    paths: Sequence[str | Path] = (),
) -> DeclaredChanges:
    """Compare two revisions, or one with the working tree. Nothing but the repository and the project is read.

    `opening` names the project in the working tree; of its `environ` only what it holds itself counts, never the
    process's environment. Without an environment all are compared that the newer side declares.
    Raises UsageError, SyncspecError where a revision cannot be read, ManifestError where the newer side has errors.
    """
    span = parse_span(revisions)
    found = find_project_file(opening.path)
    if found is None:
        raise ManifestError(
            "No project file",
            detail=f"Neither {opening.path} nor a folder above it holds {_PROJECT_FILE}. Nothing was read.",
            hint="run the command in the project's folder, or name it with -C",
        )
    root = found.parent
    selection = Selection(
        include=tuple(include), exclude=tuple(exclude), labels=dict(labels or {}), paths=_names(root, paths)
    )
    with _sides(root, span) as (older, newer):
        pairs = [_pair(older, newer, name, opening) for name in _environments(opening, newer)]
        _check_selection(selection, pairs)
        comparisons = [
            compare(each.before, each.after, lockfile=each.lockfile, selection=selection, diagnostics=each.diagnostics)
            for each in pairs
        ]
    return DeclaredChanges(older=older.name, newer=newer.name, comparisons=folded(comparisons), environment=opening.env)


@contextmanager
def _sides(root: Path, span: Span) -> Iterator[tuple[_Side, _Side]]:
    """Both states, each in a folder; those of git are removed at the end."""
    repository = Repository(root)
    newer = None if span.newer is None else repository.commit(span.newer)
    older = repository.commit(span.older)
    name = f"{span.older} ({older[:12]})"
    if span.from_base and newer is not None:
        older = repository.merge_base(older, newer)
        name = f"the merge base of {span.older} and {span.newer} ({older[:12]})"
    with TemporaryDirectory(prefix="syncspec-", ignore_cleanup_errors=True) as scratch:
        yield (
            _written(repository, older, name, Path(scratch).resolve() / "older" / root.name),
            _Side(folder=root, name=_WORKING_TREE)
            if newer is None
            else _written(
                repository, newer, f"{span.newer} ({newer[:12]})", Path(scratch).resolve() / "newer" / root.name
            ),
        )


def _written(repository: Repository, commit: str, name: str, folder: Path) -> _Side:
    folder.mkdir(parents=True)
    return _Side(folder=folder, name=name, findings=tuple(repository.write(commit, folder)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Both sides of one environment, loaded. `before` None: there was nothing, or nothing that loads."""

    before: LoadedProject | None
    after: LoadedProject
    lockfile: Lockfile | None
    diagnostics: tuple[Diagnostic, ...]


def _environments(opening: Opening, newer: _Side) -> tuple[str | None, ...]:
    if not newer.has_project:
        raise ManifestError(
            "No project file",
            detail=f"{newer.name} holds no {_PROJECT_FILE} in this folder. Nothing was compared.",
            hint="name a revision that holds the project",
        )
    if opening.env is not None:
        return (opening.env,)
    return environment_names(newer.folder) or (None,)


def _pair(older: _Side, newer: _Side, environment: str | None, opening: Opening) -> _Pair:
    try:
        after = _load(newer, environment, opening)
    except ManifestError as error:
        raise ManifestError(
            "The newer side has errors", diagnostics=[_newer_side(newer, environment), *error.diagnostics]
        ) from error
    findings = list(dict.fromkeys((*newer.findings, *older.findings)))
    before: LoadedProject | None = None
    if not older.has_project:
        findings.append(_note("new-project", "The project is new", f"{older.name} holds no {_PROJECT_FILE} here."))
    elif environment is not None and environment not in (known := environment_names(older.folder)):
        shown = f"it declares {', '.join(known)}" if known else "it declares none"
        text = f"{older.name} does not declare it; {shown}. All its records are shown as added."
        findings.append(_note("new-environment", "The environment is new", text))
    else:
        try:
            before = _load(older, environment, opening)
        except ManifestError as error:
            findings.append(_older_side(older, error))
    lockfile, told = _lockfile(after)
    return _Pair(before=before, after=after, lockfile=lockfile, diagnostics=(*findings, *told))


def _load(side: _Side, environment: str | None, opening: Opening) -> LoadedProject:
    return load(
        side.folder,
        environment=environment,
        variables=opening.variables,
        environ=opening.environ or {},
        state_dir=opening.state_dir,
        placeholders=True,
    )


def _lockfile(after: LoadedProject) -> tuple[Lockfile | None, tuple[Diagnostic, ...]]:
    """The lockfile of the newer side, or why it is not known what is locked."""
    if after.state.backend is StateBackend.GIT:
        text = "The project keeps its state in a git ref, which is not read here: what is locked is not known."
        return None, (_note("lock-unknown", "What is locked is not known", text),)
    try:
        return read_lockfile(after.lockfile, project=after.name, environment=after.environment), ()
    except LockfileError as error:
        detail = "; ".join(f"{item.summary}: {item.detail}" for item in error.diagnostics[:1])
        return None, (
            Diagnostic(
                severity=Severity.WARNING,
                code="lockfile",
                summary="The lockfile cannot be used",
                detail=f"{detail} What is locked is not known here.",
                source=Source(file=after.lockfile.name),
            ),
        )


def _newer_side(newer: _Side, environment: str | None) -> Diagnostic:
    where = "" if environment is None else f", environment {environment}"
    return Diagnostic(
        severity=Severity.ERROR,
        code="newer-side",
        summary="The newer side has errors, so that nothing was compared",
        detail=f"These are of {newer.name}{where}.",
        hint="run syncspec validate there",
    )


def _older_side(older: _Side, error: SyncspecError) -> Diagnostic:
    first, *more = error.diagnostics
    place = f" at {first.source}" if first.source is not None else ""
    rest = f" (and {len(more):,} more)" if more else ""
    return Diagnostic(
        severity=Severity.WARNING,
        code="older-side",
        summary="The older side has errors, so that all records are shown as added",
        detail=f"{older.name}: {first.summary}{place}{rest}.",
        hint="compare with a revision that syncspec validate accepts",
    )


def _note(code: str, summary: str, detail: str) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, code=code, summary=summary, detail=detail)


def _names(root: Path, paths: Sequence[str | Path]) -> tuple[str, ...]:
    """The paths as record sets name their files; they need not exist any more. "." stands for everything."""
    names = []
    for path in paths:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are written
        real = Path(os.path.realpath(absolute.parent)) / absolute.name
        name = next((each.relative_to(root) for each in (absolute, real) if each.is_relative_to(root)), None)
        if name is None:
            raise SyncspecError(
                "A path lies outside the project",
                detail=f"{path} is not in {root}. Nothing was compared.",
                hint="name paths of one project",
            )
        if name.as_posix() in (".", _PROJECT_FILE):
            return ()
        names.append(name.as_posix())
    return tuple(names)


def _check_selection(selection: Selection, pairs: Sequence[_Pair]) -> None:
    """Raise UsageError where a part of the selection names nothing on either side, in no environment."""
    if selection.is_everything:
        return
    loaded = [each for pair in pairs for each in (pair.before, pair.after) if each is not None]
    sets = [record_set for each in loaded for record_set in each.sets]
    elsewhere = {name: other for each in loaded for name, other in each.elsewhere.items()}
    selection.check(sets, elsewhere=elsewhere)
