"""Makes the settings of the record of attempts of what the project file says about it."""

from __future__ import annotations

from typing import assert_never

from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Settings
from syncspec.manifests.upstream_settings import warn_without_effect
from syncspec.settings import StateBackend, StateSettings

__all__ = ["state_settings"]

_DEFAULTS = StateSettings()
_AT = ("spec", "state")


def state_settings(settings: Settings | None, problems: Problems, *, trial: bool) -> StateSettings:
    """Where the record of attempts is kept; findings are reported. A trial shares nothing with other runs."""
    spec = settings.spec.state if settings is not None and settings.spec is not None else None
    if settings is None or spec is None:
        return _DEFAULTS
    made = StateSettings(backend=spec.backend, remote=spec.remote or _DEFAULTS.remote)
    match made.backend:
        case StateBackend.LOCAL:
            if spec.remote is not None:
                place = settings.where((*_AT, "remote"))
                warn_without_effect("remote is for backend git.", settings.document, place, problems)
        case StateBackend.GIT:
            _refuse_git(settings, problems)
        case _:
            assert_never(made.backend)
    return _DEFAULTS if trial else made


def _refuse_git(settings: Settings, problems: Problems) -> None:
    """The one place that keeps runs from a state in git: they do not use it yet."""
    problems.add(
        settings.document,
        path=settings.where((*_AT, "backend")),
        code="not-supported",
        summary="A setting is not supported by this version",
        detail="This version keeps the record of attempts in the state folder only.",
        hint="write backend: local",
    )
