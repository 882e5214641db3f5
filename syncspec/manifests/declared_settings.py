"""A project file's settings as reviews show them: the environment laid over, each at its place."""

from __future__ import annotations

from collections.abc import Iterator

from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Settings
from syncspec.records import Json
from syncspec.settings import DeclaredSetting

__all__ = ["declared_settings", "report_undecided"]

_PARTS = {"manifests", "upstreams", "guards", "state"}
"""What no record shows: variables, collections and lifecycles do their work in the records."""


def declared_settings(settings: Settings) -> dict[str, DeclaredSetting]:
    """What is declared under `spec`, by its path with dots; tokens are told by their names alone."""
    if settings.spec is None:
        return {}
    declared = settings.spec.model_dump(mode="json", include=_PARTS, exclude_none=True)
    return {
        ".".join(path): DeclaredSetting(
            value=value,
            source=settings.document.value_source(settings.where(("spec", *path))),
            secret=path[-1] == "token",
        )
        for path, value in _leaves(declared, ())
    }


def _leaves(value: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Every value that is no mapping, with its path; a list is one value."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, (*path, key))


def report_undecided(problems: Problems) -> None:
    """Report that a setting with a form of its own comes from the environment, so that the project is not known."""
    problems.add_plain(
        code="needs-environment",
        summary="A setting cannot be told without the environment",
        detail="A number or a choice in the project file is taken from an environment variable, of which only the "
        "name is known here.",
        hint="give the variable with --env-file",
    )
