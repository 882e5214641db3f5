"""Merges what project, environment, collection, set and record say about a record's life."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.manifests.models import LifecycleSpec
from syncspec.records import Lifecycle, OnAdopt, OnDrift, OnMissing, OnRemove

__all__ = ["merged_lifecycle"]


def merged_lifecycle(layers: Sequence[LifecycleSpec | None]) -> Lifecycle:
    """The nearest word on each key, the farthest layer first; what any layer protects stays protected."""
    on_drift, on_adopt, on_missing = OnDrift.REPORT, OnAdopt.REPORT, OnMissing.BLOCK
    on_remove, delete_adopted = OnRemove.KEEP, False
    ignored, protect = tuple[str, ...](), None
    for layer in layers:
        if layer is None:
            continue
        on_drift = on_drift if layer.on_drift is None else layer.on_drift
        on_adopt = on_adopt if layer.on_adopt is None else layer.on_adopt
        on_missing = on_missing if layer.on_missing is None else layer.on_missing
        ignored = ignored if layer.ignore_changes is None else layer.ignore_changes
        on_remove = on_remove if layer.on_remove is None else layer.on_remove
        delete_adopted = delete_adopted if layer.delete_adopted is None else layer.delete_adopted
        protect = protect or (protect if layer.protect is None else layer.protect)
    return Lifecycle(
        on_drift=on_drift,
        on_adopt=on_adopt,
        on_missing=on_missing,
        ignore_changes=ignored,
        protect=protect,
        on_remove=on_remove,
        delete_adopted=delete_adopted,
    )
