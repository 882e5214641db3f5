"""Environments: which one a run is for, and how it is laid over the project."""

from __future__ import annotations

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems

__all__ = ["choose_environment", "overlaid"]


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
    """The base with the overlay's keys put over it, mappings key by key; null takes a value away.

    A protection in the base stays: no environment can take it away.
    """
    if not isinstance(overlay, dict):
        return base
    result = dict(base)
    for key, value in overlay.items():
        below = result.get(key)
        if key == "protect" and below is True:
            continue
        result[key] = overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
