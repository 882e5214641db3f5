"""Makes the settings of the record of attempts of what the project file says about it."""

from __future__ import annotations

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
    if made.backend is StateBackend.LOCAL and spec.remote is not None:
        place = settings.where((*_AT, "remote"))
        warn_without_effect("remote is for backend git.", settings.document, place, problems)
    return _DEFAULTS if trial else made
