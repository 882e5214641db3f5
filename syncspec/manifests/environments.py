"""Environments: which one a run is for, and how it is laid over the project."""

from __future__ import annotations

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.findings import shortened
from syncspec.manifests.lifecycle import report_loosened
from syncspec.manifests.problems import Problems

__all__ = [
    "check_overlay",
    "choose_environment",
    "declared_environments",
    "overlaid",
    "without_taken_away",
]


def choose_environment(
    document: Document, spec: dict[str, Value], wanted: str | None, problems: Problems
) -> str | None:
    """The name of the environment that a run is for; None, and a finding, where it is not known."""
    declared = spec.get("environments")
    names = list(declared) if isinstance(declared, dict) else []
    if wanted is None and not names:
        return None
    if wanted in names:
        return wanted
    shown = ", ".join(map(shortened, names))
    if wanted is None:
        problems.add(
            document,
            path=("spec", "environments"),
            code="no-environment",
            summary="No environment is chosen",
            detail=f"The project declares {shown}.",
            hint=f"name one: -e {shortened(names[0])}, or SYNCSPEC_ENV={shortened(names[0])}",
            at="key",
        )
        return None
    problems.add(
        document,
        path=("spec", "environments"),
        code="unknown-environment",
        summary="Unknown environment",
        detail=f'"{shortened(wanted)}" is not declared; known: {shown}.'
        if names
        else f'"{shortened(wanted)}" is not declared; the project declares no environments.',
        hint=did_you_mean(wanted, names) or "declare it under spec.environments, or leave -e and SYNCSPEC_ENV away",
        at="key",
    )
    return None


def overlaid(base: dict[str, Value], overlay: Value) -> dict[str, Value]:
    """The base with the overlay's keys put over it, mappings key by key; null takes a value away."""
    if not isinstance(overlay, dict):
        return base
    result = dict(base)
    for key, value in overlay.items():
        below = result.get(key)
        result[key] = overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def without_taken_away(spec: dict[str, Value]) -> dict[str, Value]:
    """The spec without the variables, upstreams and collections that an environment took away."""
    named = ("variables", "upstreams", "collections")
    return {
        key: {name: entry for name, entry in value.items() if entry is not None}
        if key in named and isinstance(value, dict)
        else value
        for key, value in spec.items()
    }


def check_overlay(
    document: Document, base: dict[str, Value], overlay: Value, environment: str | None, problems: Problems
) -> None:
    """Report where an environment would take away what the project protects."""
    collections = base.get("collections")
    names = list(collections) if isinstance(collections, dict) else []
    for path in (("lifecycle",), *(("collections", name, "lifecycle") for name in names)):
        place = _loosened(base, overlay, (*path, "protect"))
        if place is not None and environment is not None:
            protected_at = document.value_source(("spec", *path, "protect"))
            report_loosened(document, ("spec", "environments", environment, *place), protected_at, problems)


def _loosened(base: Value, overlay: Value, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The place in the overlay at which a protection of the base ends, by another value or by a null above it."""
    for step in path:
        base = base.get(step) if isinstance(base, dict) else None
    for number, step in enumerate(path, 1):
        if base is not True or not isinstance(overlay, dict) or step not in overlay:
            return None
        overlay = overlay[step]
        if overlay is None:
            return path[:number]
    return path if overlay is not True else None


def declared_environments(document: Document) -> tuple[str, ...]:
    """The names of the environments that a project file declares, in order."""
    spec = document.value.get("spec") if isinstance(document.value, dict) else None
    declared = spec.get("environments") if isinstance(spec, dict) else None
    return tuple(declared) if isinstance(declared, dict) else ()
