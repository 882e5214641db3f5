"""What was taken from the upstream into manifests, for people and as JSON."""

from __future__ import annotations

from syncspec.manifests.accepted import Accepted
from syncspec.render.formatting import diff_text
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.terminal import visible
from syncspec.render.values import counted

__all__ = ["accepted_json", "accepted_text"]


def accepted_text(done: Accepted, *, color: bool = False) -> str:
    """The text diff of each manifest, and how much was accepted."""
    diffs = "".join(
        diff_text(file.name, file.change.before or b"", file.change.after, sensitive=file.sensitive, color=color)
        for file in done.files
    )
    settled = [visible(f"{address} has nothing to accept") for address in done.settled]
    return diffs + "\n".join([*settled, _summary(done)]) + "\n"


def accepted_json(done: Accepted) -> bytes:
    """`{"format_version", "written", "files", "fields", "settled"}`."""
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "written": done.written,
            "files": [file.name for file in done.files],
            "fields": [
                {"address": each.address, "field": each.field, "before": each.before, "after": each.after}
                for each in done.fields
            ],
            "settled": list(done.settled),
        }
    )


def _summary(done: Accepted) -> str:
    fields = counted(len(done.fields), "field")
    if done.written:
        return f"{fields} accepted in {counted(len(done.files), 'file')}."
    if done.fields:
        return f"{fields} would be accepted. Nothing was written."
    return "There is nothing to accept. Nothing was written."
