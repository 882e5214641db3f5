"""Formats a project's files, or those that are named: each by itself, so that one that is refused stops no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import UsageError
from syncspec.manifests.discovery import find_manifests, find_project_file, shown
from syncspec.manifests.files import bytes_of
from syncspec.manifests.findings import Refusal
from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.limits import DEFAULT_LIMITS
from syncspec.manifests.problems import Problems
from syncspec.manifests.reader import read_file
from syncspec.manifests.sensitive import sensitive_fields
from syncspec.manifests.writing import replace_file
from syncspec.project.opening import Opening

__all__ = ["STDIN", "FormattedFile", "Selected", "format_files", "format_stdin", "select_files", "write_formatted"]

STDIN = "<stdin>"
_OURS = re.compile(rb"""apiVersion["']?\s*:\s*["']?syncspec/""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The files to format, as (real path, name to show), and what could not be followed.

    `named`: they were named, so that there may be files among them that are not syncspec's.
    """

    files: tuple[tuple[Path, str], ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FormattedFile:
    """A file and its canonical form: `after` is None where it was refused, and why stands in `diagnostics`.

    `foreign`: it holds no document of syncspec's, and was not looked at. `sensitive` are fields whose values no output
    may show.
    """

    path: Path
    name: str
    before: bytes = b""
    after: bytes | None = None
    foreign: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    sensitive: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_changed(self) -> bool:
        return self.after is not None and self.after != self.before


def select_files(opening: Opening, paths: Sequence[Path]) -> Selected:
    """The files that are named, all YAML files in folders that are named; else the files of the project.

    Links that lead out of their project, or out of the folder that was named, are refused. Raises UsageError where a
    path does not exist, and ManifestError where there is neither a path nor a project.
    """
    if not paths:
        return _of_project(opening)
    files: dict[Path, str] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        if not path.exists():
            raise UsageError("No such path", detail=f"{path} does not exist.", hint="name a manifest or a folder")
        root = _root_of(path)
        found = find_manifests(root, [path], skip=[])
        problems += (_not_followed(name, why) for name, why in found.refused)
        for each, _ in found.files:
            _add(each, root, files, problems)
    return Selected(files=tuple(files.items()), diagnostics=tuple(problems), named=True)


def format_files(selected: Selected) -> Iterator[FormattedFile]:
    """Format one file after the other; nothing is written."""
    inherited = _Inherited()
    for path, name in selected.files:
        content = bytes_of(path, max_bytes=DEFAULT_LIMITS.max_bytes)
        if isinstance(content, Refusal):
            yield FormattedFile(path=path, name=name, diagnostics=(_about(name, content),))
        elif selected.named and not _OURS.search(content):
            yield FormattedFile(path=path, name=name, before=content, after=content, foreign=True)
        else:
            yield _formatted(path, name, content, inherited.by(path))


def format_stdin(content: bytes, folder: Path) -> FormattedFile:
    """Format what came from stdin, whatever it is; it counts as a file of the folder's project."""
    return _formatted(folder / STDIN, STDIN, content, _Inherited().by(folder / STDIN))


def write_formatted(file: FormattedFile) -> Diagnostic | None:
    """Put the canonical form in the place of a file; gives what kept it from being written."""
    assert file.after is not None, "a file that was refused is not written"
    try:
        if file.path.read_bytes() != file.before:
            return _not_written(file.name, "Someone else changed it in the meantime.")
        replace_file(file.path, file.after)
    except OSError as error:
        return _not_written(file.name, f"The system says: {error.strerror or error}.")
    return None


class _Inherited:
    """The sensitive fields that project files declare; each is read once."""

    def __init__(self) -> None:
        self._known: dict[Path, frozenset[str]] = {}

    def by(self, path: Path) -> frozenset[str]:
        """Those that a file inherits from its project."""
        project = find_project_file(path.parent)
        if project is None:
            return frozenset()
        if project not in self._known:
            self._known[project] = sensitive_fields(read_file(project, file=project.name)[0])
        return self._known[project]


def _formatted(path: Path, name: str, content: bytes, inherited: frozenset[str]) -> FormattedFile:
    result = format_manifest(content, file=name)
    sensitive = result.sensitive | inherited
    problems = Problems()
    problems.take(result.diagnostics)
    problems.hide_fields(name, sensitive)
    return FormattedFile(
        path=path,
        name=name,
        before=content,
        after=result.content,
        diagnostics=problems.diagnostics(),
        sensitive=sensitive,
    )


def _of_project(opening: Opening) -> Selected:
    from syncspec.manifests.project_files import find_files

    found = find_files(opening.path, **opening.inputs())
    files: dict[Path, str] = {}
    problems = list(found.diagnostics)
    for path in found.files:
        _add(path, found.root, files, problems)
    return Selected(files=tuple(files.items()), diagnostics=tuple(problems))


def _add(path: Path, root: Path, files: dict[Path, str], problems: list[Diagnostic]) -> None:
    """Add a file once, whatever names lead to it; one outside the root is a problem."""
    name, real = shown(path.absolute(), Path.cwd()), path.resolve()
    if real.is_relative_to(root):
        files.setdefault(real, name)
    else:
        problems.append(_not_followed(name, "the link leads out of the project's folder"))


def _root_of(path: Path) -> Path:
    """The folder that a named path may not lead out of: its project's, else the one that it stands in, or is."""
    absolute = path.absolute()
    start = absolute if absolute.is_dir() and not absolute.is_symlink() else absolute.parent
    project = find_project_file(start)
    return start.resolve() if project is None else project.parent


def _not_followed(name: str, why: str) -> Diagnostic:
    return _about(
        name,
        Refusal(
            code="unreadable-path",
            summary="A path cannot be followed",
            detail=f"{why[0].upper()}{why[1:]}. It was left as it is.",
            hint="name the file that it leads to, or remove it",
        ),
    )


def _not_written(name: str, why: str) -> Diagnostic:
    return _about(
        name,
        Refusal(
            code="not-written",
            summary="A file cannot be written",
            detail=f"{why} It was left as it is.",
            hint="run the same command again; files that are formatted already stay as they are",
        ),
    )


def _about(name: str, refusal: Refusal) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code=refusal.code,
        summary=refusal.summary,
        detail=refusal.detail,
        source=Source(file=name),
        hint=refusal.hint,
    )
