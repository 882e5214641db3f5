"""The lockfile as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict

from syncspec.lockfile import LockEntry, Lockfile, OpenAttempt
from syncspec.records import Target
from syncspec.render.json_bytes import json_bytes
from syncspec.render.terminal import Painter, Style, visible

__all__ = ["lockfile_json", "lockfile_text"]


def lockfile_text(lockfile: Lockfile, *, color: bool = False) -> str:
    """One line per locked record, then one per attempt that is not settled."""
    paint = Painter(color=color)
    width = max((len(address) for address in lockfile.entries), default=0)
    lines = [_entry(entry, width) for entry in lockfile.entries.values()]
    for attempt in lockfile.pending:
        candidates = f"; candidates {', '.join(attempt.candidates)}" if attempt.candidates else ""
        told = visible(f"{attempt.address}  {attempt.state}: {attempt.evidence}{candidates}")
        lines.append(paint(told, Style.WARNING))
    if not lines:
        return "Nothing is locked.\n"
    return "\n".join(lines) + f"\n\n{len(lockfile.entries):,} locked, {len(lockfile.pending):,} not settled.\n"


def _entry(entry: LockEntry, width: int) -> str:
    state = "" if entry.state == "locked" else f", {entry.state}"
    target = f"{entry.target.collection_id} in {entry.target.upstream}"
    return visible(f"{entry.address:<{width}}  {entry.upstream_id}  {target}  {entry.origin}{state}")


def lockfile_json(lockfile: Lockfile) -> bytes:
    """`{"format_version", "project", "environment", "entries", "pending"}`, both lists by address."""
    return json_bytes(
        {
            "format_version": "1.0",
            "project": lockfile.project,
            "environment": lockfile.environment,
            "entries": [
                {
                    "address": entry.address,
                    **_target(entry.target),
                    "upstream_id": entry.upstream_id,
                    "origin": entry.origin,
                    "state": entry.state,
                    "locked_at": entry.locked_at,
                }
                for entry in lockfile.entries.values()
            ],
            "pending": [_pending(attempt) for attempt in lockfile.pending],
        }
    )


def _pending(attempt: OpenAttempt) -> dict[str, object]:
    shown = ("attempt", "address", "kind", "state", "horizon", "evidence", "candidates")
    values = asdict(attempt)
    return {**{name: values[name] for name in shown}, **_target(attempt.target)}


def _target(target: Target) -> dict[str, object]:
    return {"upstream": target.upstream, "sync_id": target.sync_id, "collection_id": target.collection_id}
