"""What an import did or would do, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from syncspec.manifests.imported import Imported, LeftOut, Skipped
from syncspec.render.diagnostics import diagnostic_json
from syncspec.render.formatting import diff_text
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.terminal import visible
from syncspec.render.values import counted

__all__ = ["imported_json", "imported_text"]

_MOST_SHOWN = 10


def imported_text(done: Imported, *, color: bool = False) -> str:
    """What would be written as a diff, or what was written; then what was skipped and left out."""
    lines = []
    if done.written:
        lines += [f"{'created' if file.is_new else 'changed'}  {visible(file.name)}" for file in done.files]
    diffs = (
        ""
        if done.written
        else "".join(
            diff_text(file.name, file.change.before or b"", file.change.after, sensitive=file.sensitive, color=color)
            for file in done.files
        )
    )
    lines += _skipped(done.skipped)
    lines += _left_out(done.left_out)
    lines.append(_summary(done))
    return diffs + "\n".join(lines) + "\n"


def imported_json(done: Imported) -> bytes:
    """`{"format_version", "written", "summary", "files", "records", "skipped", "left_out", "diagnostics"}`."""
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "written": done.written,
            "summary": {"records": len(done.records), "skipped": len(done.skipped)},
            "files": [{"file": file.name, "created": file.is_new} for file in done.files],
            "records": [{"address": each.address, "upstream_id": each.upstream_id} for each in done.records],
            "skipped": [{"record": each.what, "reason": each.reason} for each in done.skipped],
            "left_out": [
                {"field": each.field, "reason": each.reason, "records": each.records} for each in done.left_out
            ],
            "diagnostics": [diagnostic_json(each) for each in done.diagnostics],
        }
    )


def _summary(done: Imported) -> str:
    records = counted(len(done.records), "record")
    locked = any(each.upstream_id is not None for each in done.records)
    skipped = f", {counted(len(done.skipped), 'record')} skipped" if done.skipped else ""
    if done.written:
        return f"{records} declared{' and locked' if locked else ''}{skipped}."
    if done.records:
        return f"{records} would be declared{' and locked' if locked else ''}{skipped}. Nothing was written."
    return f"There is nothing to import{skipped}. Nothing was written."


def _skipped(skipped: Sequence[Skipped]) -> list[str]:
    lines = [visible(f"skipped  {each.what}: {each.reason}") for each in skipped[:_MOST_SHOWN]]
    more = len(skipped) - len(lines)
    return [*lines, f"skipped  {more:,} more; --json lists them all"] if more else lines


def _left_out(left_out: Sequence[LeftOut]) -> list[str]:
    """One line for all fields that have the same reason."""
    reasons: dict[str, list[str]] = {}
    counts: Counter[str] = Counter()
    for each in left_out:
        reasons.setdefault(each.reason, []).append(each.field)
        counts[each.reason] = max(counts[each.reason], each.records)
    return [
        visible(f"left out  {', '.join(names)} ({counted(counts[reason], 'record')}): {reason}")
        for reason, names in reasons.items()
    ]
