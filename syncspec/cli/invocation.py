"""What all commands share of one command line, gathered while it is parsed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncspec.cli.output import Screen, write_result
from syncspec.diagnostics import Diagnostic
from syncspec.errors import UsageError

if TYPE_CHECKING:
    from syncspec.cli.log import Log
    from syncspec.project.core import AsyncProject
    from syncspec.project.opening import Opening

__all__ = ["Invocation"]


@dataclass(slots=True, kw_only=True)
class Invocation:
    """The shared options; those after the command's name add to those before it, or replace them."""

    folder: Path | None = None
    env: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    var_files: list[Path] = field(default_factory=list)
    env_files: list[Path] = field(default_factory=list)
    format: str = "text"
    color: str = "auto"
    quiet: int = 0
    verbose: int = 0
    upstream: str | None = None
    lock_timeout: float = 0.0
    redact: bool = False
    project_path: Path = field(default_factory=Path)
    result_written: bool = False
    opened: Opening | None = None
    log: Log | None = None
    ending: ExitStack = field(default_factory=ExitStack)

    @property
    def screen(self) -> Screen:
        return Screen(
            color=self.color, quiet=self.quiet > 0, verbose=self.verbose > 0, redact=self.redact, log=self.log
        )

    def log_as(self, format: str) -> None:
        """Write all that goes to stderr in this format from now on, until `ending` is closed."""
        if format != "json":
            self.log = None
        elif self.log is None:
            from syncspec.cli.log import Log, logging_as_json

            self.log = Log()
            self.ending.enter_context(logging_as_json(self.screen))

    @property
    def is_json(self) -> bool:
        return self.format == "json"

    def write(self, content: str | bytes) -> None:
        """Write the result to stdout. Raises SyncspecError where the system refuses."""
        self.result_written = True
        write_result(content)

    def write_rendered(self, content: str) -> None:
        """Write what was rendered in the chosen format: text for the terminal, all else as UTF-8 everywhere."""
        self.write(content if self.format == "text" else content.encode("utf-8"))

    def show(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Write diagnostics to stderr, without values where those are to be hidden."""
        if self.redact:
            from syncspec.render.redaction import redacted_diagnostics

            diagnostics = redacted_diagnostics(diagnostics)
        self.screen.show(diagnostics)

    def annotated_folder(self) -> str:
        """What annotations' paths begin with; nothing but `--format github` needs it."""
        from syncspec.cli.repository import folder_in_repository

        return folder_in_repository(self.project_path) if self.format == "github" else ""

    def enter_folder(self) -> None:
        """Go to the folder of -C, which all paths of the command line are relative to. Raises UsageError."""
        if self.folder is None:
            return
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise UsageError(
                "The folder of -C cannot be entered", detail=f"{self.folder}: {error.strerror}."
            ) from error
        self.folder = None

    def opening(self, path: Path | None = None) -> Opening:
        """How to load the project that a path, or else the working folder, belongs to; nothing is read yet."""
        from syncspec.project.opening import Opening

        if self.verbose:
            from syncspec.cli.log import logged_requests

            self.ending.enter_context(logged_requests(self.screen))
        self.enter_folder()
        self.project_path = path or Path()
        self.opened = Opening(
            path=path or Path(),
            env=self.env,
            variables=self._all_variables(),
            environ=self._environ(),
            upstream=self.upstream,
        )
        return self.opened

    def open(self, path: Path | None = None) -> AsyncProject:
        """The project that a path, or else the working folder, belongs to; nothing of it is read yet."""
        from syncspec.project.core import AsyncProject

        return AsyncProject(self.opening(path))

    def open_at(self, paths: Sequence[Path]) -> AsyncProject:
        """The project that the first of the PATHs lies in, else the one of the working folder. Raises UsageError."""
        self.enter_folder()
        for path in paths:
            if not path.exists():
                raise UsageError("No such path", detail=f"{path} does not exist.", hint="name a manifest or a folder")
        return self.open(paths[0] if paths else None)

    def _all_variables(self) -> dict[str, Any]:
        """Those of the files in order, then those of --var."""
        found: dict[str, Any] = {}
        if self.var_files:
            from syncspec.manifests.variables import read_var_file

            for path in self.var_files:
                found.update(read_var_file(path))
        return {**found, **self.variables}

    def given_environ(self) -> dict[str, str]:
        """What --env-file gives, and nothing of the process's environment. Raises UsageError."""
        added: dict[str, str] = {}
        for path in self.env_files:
            added.update(_read_env_file(path))
        return added

    def _environ(self) -> dict[str, str]:
        """The process's environment, and below it what --env-file adds."""
        return {**self.given_environ(), **os.environ}


def _read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=VALUE lines as dotenv does, without replacing ${…}. Raises UsageError where a line is not one."""
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError("The file of --env-file cannot be read", detail=f"{path}: {reason}.") from error
    for binding in bindings:
        if binding.error or (binding.key is not None and binding.value is None):
            raise UsageError(
                "The file of --env-file cannot be read",
                detail=f"Line {binding.original.line} of {path} is not NAME=VALUE.",
                hint="put the value in quotes where it holds spaces or quotes",
            )
    return {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None}
