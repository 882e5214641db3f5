"""What is known of one record, as text and JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from syncspec.apply.explanation import Attempt, Explanation
from syncspec.lockfile import LockEntry
from syncspec.records import DesiredRecord, Json
from syncspec.render.diagnostics import source_json
from syncspec.render.json_bytes import json_bytes
from syncspec.render.terminal import Painter, Style, visible
from syncspec.render.values import value_text

__all__ = ["explanation_json", "explanation_text"]


def explanation_text(known: Explanation, *, color: bool = False) -> str:
    """Manifest, lockfile, journal, upstream, and then what decides; one block each."""
    paint = Painter(color=color)
    lines = [paint(visible(known.address), Style.STRONG)]
    lines += ["", "manifest:", *_indented([*_manifest(known.desired), *_references(known)])]
    lines += ["", "lockfile:", *_indented(_lock(known.entry))]
    lines += ["", "journal:", *_indented(_journal(known.attempts))]
    lines += ["", "upstream:", *_indented(_upstream(known))]
    if known.change is not None:
        decided = f"{known.change.action} ({known.change.code})"
        lines += ["", "plan:", *_indented([paint(decided, Style.STRONG), visible(known.change.reason)])]
    return "\n".join(lines) + "\n"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines if line)


def _manifest(desired: DesiredRecord | None) -> Iterator[str]:
    if desired is None:
        yield "not declared"
        return
    yield visible(f"declared at {desired.source}")
    yield from _values(desired.data, unknown=desired.unbound)


def _values(data: Mapping[str, Json], *, unknown: Collection[str] = ()) -> Iterator[str]:
    width = max((len(name) for name in (*data, *unknown)), default=0)
    shown = {name: value_text(value) for name, value in data.items()} | dict.fromkeys(unknown, "(not known yet)")
    return (f"{visible(name):<{width}}  {text}" for name, text in sorted(shown.items()))


def _references(known: Explanation) -> Iterator[str]:
    for each in known.references:
        how = ", which is looked up" if each.looked_up else ""
        yield visible(f"refers to {each.address}{how}: {each.upstream_id or 'its ID is not known yet'}")


def _lock(entry: LockEntry | None) -> Iterator[str]:
    if entry is None:
        yield "not locked"
        return
    where = f"{entry.target.collection_id} of sync {entry.target.sync_id} in {entry.target.upstream}"
    yield visible(f"{entry.state} as {entry.upstream_id}, {where}")
    yield visible(f"{entry.origin} at {entry.locked_at}")
    yield "protected" if entry.protect else ""


def _journal(attempts: Sequence[Attempt]) -> Iterator[str]:
    if not attempts:
        yield "no attempt was made from here"
    for attempt in attempts:
        told = f": {attempt.message}" if attempt.message else ""
        yield visible(f"{attempt.intended_at} {attempt.kind}: {attempt.state}{told}")
        if attempt.state in ("unknown", "unmapped", "intended"):
            yield visible(f"  its absence may be believed from {attempt.horizon} on")


def _upstream(known: Explanation) -> Iterator[str]:
    if known.change is None:
        yield "not asked, since it is not declared"
    elif not known.observed:
        yield "no row is this record, by locked ID, marker or match key"
    for row in known.observed:
        deleted = ", deleted" if row.deleted else ""
        yield visible(f"{row.upstream_id}{deleted}" + (f", updated at {row.updated_at}" if row.updated_at else ""))
        declared = known.desired.data if known.desired else {}
        yield from (f"  {line}" for line in _values({name: row.data.get(name) for name in declared}))


def explanation_json(known: Explanation) -> bytes:
    """`{"format_version", "address", "manifest", "references", "lock", "attempts", "observed", "plan"}`."""
    document: dict[str, object] = {
        "format_version": "1.0",
        "address": known.address,
        "manifest": known.desired and {"source": source_json(known.desired.source), "data": known.desired.data},
        "references": [
            {"address": each.address, "looked_up": each.looked_up, "upstream_id": each.upstream_id}
            for each in known.references
        ],
        "lock": known.entry
        and {
            "upstream_id": known.entry.upstream_id,
            "state": known.entry.state,
            "origin": known.entry.origin,
            "locked_at": known.entry.locked_at,
        },
        "attempts": [
            {
                "attempt": attempt.attempt,
                "kind": attempt.kind,
                "state": attempt.state,
                "intended_at": attempt.intended_at,
                "horizon": attempt.horizon,
                "upstream_id": attempt.upstream_id,
                "message": attempt.message,
            }
            for attempt in known.attempts
        ],
        "observed": [
            {"upstream_id": row.upstream_id, "deleted": row.deleted, "data": row.data} for row in known.observed
        ],
        "plan": known.change
        and {"action": known.change.action, "code": known.change.code, "reason": known.change.reason},
    }
    return json_bytes(document)
