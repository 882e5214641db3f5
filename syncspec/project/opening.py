"""Opening a project: where it is, and what the caller gives it of the outside world."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncspec.errors import ManifestError, UsageError
from syncspec.settings import LoadedProject

if TYPE_CHECKING:
    from syncspec.manifests.lookup_models import LookupSet
    from syncspec.manifests.models import RecordSet
    from syncspec.manifests.project_models import ProjectFile

__all__ = ["Opening"]

ENVIRONMENT = "SYNCSPEC_ENV"
STATE_DIR = "SYNCSPEC_STATE_DIR"
DIGEST_KEY = "SYNCSPEC_DIGEST_KEY"

_WRONG_ENVIRONMENT = frozenset({"no-environment", "unknown-environment"})
"""Findings that the call is to blame for, and no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How to load a project. `environ` None: the process's environment at the time of each load.

    Where `env` or `state_dir` is not given, SYNCSPEC_ENV and SYNCSPEC_STATE_DIR of that environment count.
    `sets` None: the manifests below `path`; else these, with `project` as their project file.
    """

    path: Path
    env: str | None = None
    variables: Mapping[str, Any] | None = None
    environ: Mapping[str, str] | None = None
    upstream: str | None = None
    state_dir: Path | None = None
    sets: tuple[RecordSet | LookupSet, ...] | None = None
    project: ProjectFile | None = None

    def load(self, *, resolve_env: bool, contents: Mapping[Path, bytes] | None = None) -> LoadedProject:
        """Load the whole project. Raises ManifestError with all problems at once.

        `contents` is what manifests would hold, by their real paths; a project of sets built in Python has no files.
        Raises UsageError where the call itself is wrong: it names no environment of a project that declares some, or
        one that the project does not declare.
        """
        from syncspec.manifests.loader import load, load_sets

        options = {**self.inputs(), "upstream": self.upstream, "resolve_env": resolve_env}
        try:
            if self.sets is None:
                loaded = load(self.path, **options, contents=contents)
            else:
                loaded = load_sets(self.sets, self.project, root=self.path, **options)
        except ManifestError as error:
            wrong = [item for item in error.diagnostics if item.code in _WRONG_ENVIRONMENT]
            if not wrong:
                raise
            raise UsageError(wrong[0].summary, diagnostics=wrong) from error
        key = options["environ"].get(DIGEST_KEY)
        return replace(loaded, digest_key=key.encode()) if key and loaded.digest_key is None else loaded

    def unchosen_environments(self) -> tuple[str, ...]:
        """The environments of the project where none of them is chosen; nothing where one is, or none is declared."""
        if self.inputs()["environment"] is not None:
            return ()
        if self.sets is not None:
            declared = self.project.spec.environments if self.project is not None else None
            return tuple(declared or ())
        from syncspec.manifests.environment_names import environment_names

        return environment_names(self.path)

    def declared_name(self) -> str | None:
        """The project's name, whichever environment is chosen; None where it cannot be told."""
        if self.sets is not None:
            return self.project.metadata.name if self.project is not None else None
        from syncspec.manifests.environment_names import project_name

        return project_name(self.path)

    def inputs(self) -> dict[str, Any]:
        """What the outside world gives to the loading of a project, by the names of the loader's parameters."""
        environ = os.environ if self.environ is None else self.environ
        state_dir = self.state_dir or (Path(environ[STATE_DIR]) if environ.get(STATE_DIR) else None)
        return {
            "environment": self.env or environ.get(ENVIRONMENT) or None,
            "variables": self.variables,
            "environ": environ,
            "state_dir": state_dir.absolute() if state_dir is not None else None,
        }
