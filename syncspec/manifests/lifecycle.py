"""Merges what project, environment, collection, set and record say about a record's life."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.manifests.models import LifecycleSpec
from syncspec.records import Lifecycle, OnAdopt, OnDrift, OnMissing

__all__ = ["merged_lifecycle"]


def merged_lifecycle(layers: Sequence[LifecycleSpec | None]) -> Lifecycle:
    """The nearest word on each key, the farthest layer first; what any layer protects stays protected."""
    on_drift, on_adopt, on_missing = OnDrift.REPORT, OnAdopt.REPORT, OnMissing.BLOCK
    ignored, protect = tuple[str, ...](), False
    for layer in layers:
        if layer is None:
            continue
        on_drift = on_drift if layer.on_drift is None else layer.on_drift
        on_adopt = on_adopt if layer.on_adopt is None else layer.on_adopt
        on_missing = on_missing if layer.on_missing is None else layer.on_missing
        ignored = ignored if layer.ignore_changes is None else layer.ignore_changes
        protect = protect or layer.protect is True
    return Lifecycle(
        on_drift=on_drift, on_adopt=on_adopt, on_missing=on_missing, ignore_changes=ignored, protect=protect
    )
