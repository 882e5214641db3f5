"""Checking a project offline."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncspec.diagnostics import Diagnostic, sorted_diagnostics
from syncspec.errors import ManifestError
from syncspec.project.opening import Opening
from syncspec.settings import LoadedProject

__all__ = ["Validation", "validate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What reading and checking the whole project found; `projects` is empty where there are errors.

    Without errors it holds the project, or where no environment was chosen, the project in each of them.
    """

    diagnostics: tuple[Diagnostic, ...]
    projects: tuple[LoadedProject, ...] = ()

    @property
    def ok(self) -> bool:
        return bool(self.projects)

    @property
    def project(self) -> LoadedProject | None:
        """The project, in the first environment where none was chosen; None where there are errors."""
        return self.projects[0] if self.projects else None

    def raise_for_errors(self) -> None:
        """Raise ManifestError with all diagnostics where one of them is an error."""
        if not self.ok:
            raise ManifestError("The manifests are not valid", diagnostics=self.diagnostics)


def validate(opening: Opening) -> Validation:
    """Read and check everything, offline and without secrets; every problem is in the result.

    Where the project declares environments and none is chosen, it is checked in each of them: what is found in some
    only says in which. Raises UsageError where the call itself is wrong.
    """
    names = opening.unchosen_environments()
    if not names:
        return _validated(opening)
    found = {name: _validated(replace(opening, env=name)) for name in names}
    projects = tuple(each.project for each in found.values() if each.project is not None)
    told: dict[Diagnostic, list[str]] = {}
    for name, validation in found.items():
        for item in validation.diagnostics:
            told.setdefault(item, []).append(name)
    diagnostics = sorted_diagnostics(_placed(item, where, names) for item, where in told.items())
    return Validation(diagnostics=diagnostics, projects=projects if len(projects) == len(names) else ())


def _validated(opening: Opening) -> Validation:
    try:
        loaded = opening.load(resolve_env=False)
    except ManifestError as error:
        return Validation(diagnostics=error.diagnostics)
    return Validation(diagnostics=loaded.diagnostics, projects=(loaded,))


def _placed(item: Diagnostic, where: list[str], names: tuple[str, ...]) -> Diagnostic:
    """A finding that says in which environments it is one, unless it is in all of them."""
    if len(where) == len(names):
        return item
    told = f"In the environment {where[0]}." if len(where) == 1 else f"In the environments {', '.join(where)}."
    return replace(item, detail=f"{item.detail}\n{told}".lstrip())
