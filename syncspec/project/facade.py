"""The three ways to open a project from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncspec.errors import UsageError
from syncspec.project.core import AsyncProject, Project
from syncspec.project.opening import Opening

if TYPE_CHECKING:
    from syncspec.manifests.lookup_models import LookupSet
    from syncspec.manifests.models import RecordSet
    from syncspec.manifests.project_models import ProjectFile

__all__ = ["from_sets", "open", "open_async"]


def open(
    path: str | os.PathLike[str] = ".",
    *,
    env: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    upstream: str | None = None,
    state_dir: str | os.PathLike[str] | None = None,
) -> Project:
    """Open the project of a folder or file; nothing is read before the first call.

    `environ` is where `${env.…}` of the project file and the SYNCSPEC_… variables come from: None means the
    process's environment, as it is at each call. `upstream="embedded"` tries the manifests out against an upstream
    of syncspec's own.
    """
    return Project(_opening(path, env, variables, environ, upstream, state_dir))


def open_async(
    path: str | os.PathLike[str] = ".",
    *,
    env: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    upstream: str | None = None,
    state_dir: str | os.PathLike[str] | None = None,
) -> AsyncProject:
    """Open a project as `open` does, for callers with an event loop."""
    return AsyncProject(_opening(path, env, variables, environ, upstream, state_dir))


def from_sets(
    sets: Sequence[RecordSet | LookupSet],
    *,
    project: ProjectFile | None = None,
    root: str | os.PathLike[str] = ".",
    env: str | None = None,
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    upstream: str | None = None,
    state_dir: str | os.PathLike[str] | None = None,
) -> Project:
    """Open a project of record sets that were built in Python.

    Lockfile and state folder lie in `root`, and files that the sets name are looked up there. Without a `project` only
    `upstream="embedded"` says where the records go. `Project.asynchronous` is the same project for callers with an
    event loop.
    """
    opening = _opening(root, env, variables, environ, upstream, state_dir)
    return Project(replace(opening, sets=tuple(sets), project=project))


def _opening(
    path: str | os.PathLike[str],
    env: str | None,
    variables: Mapping[str, Any] | None,
    environ: Mapping[str, str] | None,
    upstream: str | None,
    state_dir: str | os.PathLike[str] | None,
) -> Opening:
    if not os.fspath(path):
        raise UsageError("The path is empty", detail="It must name a folder or a file.", hint='write "." for this one')
    return Opening(
        path=Path(path),
        env=env,
        variables=variables,
        environ=environ,
        upstream=upstream,
        state_dir=Path(state_dir) if state_dir is not None else None,
    )
