"""A plan as the bytes of its file; `saved_documents.py` tells their shape."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from syncspec._version import __version__
from syncspec.diagnostics import Source
from syncspec.planning.binding import Binding, EntryMark, Settings
from syncspec.planning.plan import Action, Batch, Change, ObservationSummary, Plan
from syncspec.planning.selection import Selection
from syncspec.records import Target
from syncspec.render.json_bytes import json_line
from syncspec.render.plan_json import plan_document
from syncspec.render.saved_documents import KIND

__all__ = ["FORMAT_VERSION", "saved_plan_bytes"]

FORMAT_VERSION = "1.0"
"""Of saved plans. A minor step only adds keys that may be left unread."""


def saved_plan_bytes(
    plan: Plan, selection: Selection, bindings: Mapping[str, Binding], settings: Settings, key_id: str | None
) -> bytes:
    """The two lines of a saved plan; the same for equal plans. Holds no sensitive value, and of a token nothing."""
    tables = _Tables()
    changes = [change for change in plan.changes if not _is_left_alone(change)]
    body = {
        "plan": plan_document(plan, changes),
        "steps": [tables.step(change, bindings[change.address]) for change in changes],
        "requests": [tables.request(batch) for batch in plan.batches],
        "observations": [tables.seen(seen) for seen in plan.observations],
        "unchanged": [tables.unchanged(each) for each in plan.changes if _is_left_alone(each)],
        "selection": {
            "include": selection.include,
            "exclude": selection.exclude,
            "labels": dict(selection.labels),
            "paths": selection.paths,
        },
        "settings": {subject: dict(found) for subject, found in settings.items()},
        "targets": [_target(target) for target in tables.targets.items],
        "traits": [dict(traits) for traits in tables.traits.items],
        "texts": tables.texts.items,
        "key_id": key_id,
    }
    line = json_line(body)
    header = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "syncspec_version": __version__,
        "project": plan.project,
        "environment": plan.environment,
        "digest": plan.digest,
        "sha256": sha256(line).hexdigest(),
    }
    return json_line(header) + b"\n" + line + b"\n"


def _is_left_alone(change: Change) -> bool:
    return change.action is Action.UNCHANGED and not change.is_kept


@dataclass(slots=True)
class _Table:
    """Values that stand once, and their positions."""

    items: list[Any] = field(default_factory=list)
    _positions: dict[Hashable, int] = field(default_factory=dict)

    def position(self, value: Hashable) -> int:
        if value not in self._positions:
            self._positions[value] = len(self.items)
            self.items.append(value)
        return self._positions[value]


@dataclass(slots=True)
class _Tables:
    targets: _Table = field(default_factory=_Table)
    traits: _Table = field(default_factory=_Table)
    texts: _Table = field(default_factory=_Table)

    def step(self, change: Change, binding: Binding) -> dict[str, object]:
        """What the change's own document lacks; what says nothing is left out."""
        step = binding.step
        values: dict[str, object] = {
            "target": self.targets.position(change.target),
            "code": change.code,
            "upstream_ids": change.upstream_ids or None,
            "moved_from": change.moved_from,
            "rewrites": change.rewrites or None,
            "relocks": change.relocks or None,
            "drops": change.drops or None,
            "after": change.after or None,
            "removal": step.removal or None if step is not None else None,
            "protect": (change.desired is not None and change.desired.lifecycle.protect) or None,
            "declaration": step.declaration or None if step is not None else None,
            "shown": step.shown or None if step is not None else None,
            "declared": None if binding.declared is None else dict(binding.declared),
            "traits": self.traits.position(tuple(binding.traits.items())) if binding.traits else None,
            "entry": _entry(binding.entry),
            "attempts": binding.attempts,
            "row": None if binding.row is None else dict(binding.row),
        }
        return {name: value for name, value in values.items() if value is not None}

    def request(self, batch: Batch) -> dict[str, object]:
        waits = batch.await_consumers
        waiting = None if waits is None else {"ids": waits.ids, "timeout_ms": waits.timeout_ms}
        return {"target": self.targets.position(batch.target), "await_consumers": waiting}

    def seen(self, seen: ObservationSummary) -> dict[str, object]:
        return {
            "target": self.targets.position(seen.target),
            "cursor": seen.cursor,
            "stream": seen.stream,
            "polling_seconds": seen.polling_seconds,
        }

    def unchanged(self, change: Change) -> Sequence[object]:
        source = change.source or Source(file="", line=0, column=0)
        return (
            change.address,
            self.targets.position(change.target),
            self.texts.position(change.code),
            self.texts.position(change.reason),
            change.upstream_id,
            self.texts.position(source.file) if change.source is not None else None,
            source.line,
            source.column,
        )


def _entry(mark: EntryMark | None) -> dict[str, object] | None:
    if mark is None:
        return None
    return {"upstream_id": mark.upstream_id, "written_at": mark.written_at, "digest": mark.digest}


def _target(target: Target) -> dict[str, str]:
    return {
        "upstream": target.upstream,
        "endpoint": target.endpoint,
        "sync_id": target.sync_id,
        "collection_id": target.collection_id,
    }
