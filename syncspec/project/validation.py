"""Checking a project offline."""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.diagnostics import Diagnostic
from syncspec.errors import ManifestError
from syncspec.project.opening import Opening
from syncspec.settings import LoadedProject

__all__ = ["Validation", "validate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What reading and checking the whole project found; `project` is None where there are errors."""

    diagnostics: tuple[Diagnostic, ...]
    project: LoadedProject | None = None

    @property
    def ok(self) -> bool:
        return self.project is not None

    def raise_for_errors(self) -> None:
        """Raise ManifestError with all diagnostics where one of them is an error."""
        if not self.ok:
            raise ManifestError("The manifests are not valid", diagnostics=self.diagnostics)


def validate(opening: Opening) -> Validation:
    """Read and check everything, offline and without secrets; every problem is in the result.

    Raises UsageError where the call itself is wrong.
    """
    try:
        loaded = opening.load(resolve_env=False)
    except ManifestError as error:
        return Validation(diagnostics=error.diagnostics)
    return Validation(diagnostics=loaded.diagnostics, project=loaded)
