"""Merges what project, environment, collection, set and record say about a record's life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncspec.diagnostics import Source
from syncspec.manifests.documents import Path, Placed
from syncspec.manifests.models import LifecycleSpec
from syncspec.manifests.problems import Problems
from syncspec.records import Lifecycle

__all__ = ["check_protection", "merged_lifecycle", "report_loosened"]


def merged_lifecycle(layers: Sequence[LifecycleSpec | None]) -> Lifecycle:
    """The nearest word on each key, the farthest layer first; what any layer protects stays protected.

    A key that is written with null goes back to what holds where nothing is said.
    """
    said: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            said.update((name, getattr(layer, name)) for name in layer.model_fields_set)
    if any(layer is not None and layer.protect for layer in layers):
        said["protect"] = True
    return Lifecycle(**{name: value for name, value in said.items() if value is not None})


def _loosens(layer: LifecycleSpec | None) -> bool:
    """Whether a layer would take a protection away: `protect` is written there, and is not true."""
    return layer is not None and "protect" in layer.model_fields_set and layer.protect is not True


def check_protection(
    layer: LifecycleSpec | None,
    protected_at: Source | None,
    *,
    document: Placed,
    path: Path,
    problems: Problems,
    address: str | None = None,
) -> None:
    """Report a lifecycle that would take away what a farther one protects. `path` is that of its `protect`."""
    if protected_at is not None and _loosens(layer):
        report_loosened(document, path, protected_at, problems, address)


def report_loosened(
    document: Placed, path: Path, protected_at: Source, problems: Problems, address: str | None = None
) -> None:
    """Report the place at which a protection would be taken away."""
    problems.add(
        document,
        path=path,
        code="loosened-protection",
        summary="A protection cannot be taken away nearer to the record",
        detail=f"protect: true stands at {protected_at}, and holds for everything below it.",
        hint="remove this line; or take protect: true away there, and write it for those that need it",
        at="key",
        address=address,
    )
