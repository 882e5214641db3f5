"""The batches of a past run that failed, with what was sent and answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from syncspec.apply.failed_batches import FailedBatch
from syncspec.apply.history import PastRun
from syncspec.records import Json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.redaction import HIDDEN
from syncspec.render.terminal import visible
from syncspec.render.values import counted, size_text

__all__ = ["failed_json", "failed_text", "requests_json", "requests_text"]

_SHOWN = 20
"""Batches that a report lists; of more the first ones, and how many there are."""
_ADDRESSES = 5


def failed_text(past: PastRun, *, redact: bool = False) -> str:
    """A line per batch, and how to see what was sent and answered."""
    lines = ["Failed batches:"]
    lines += [f"  {_outline(batch, redact)}" for batch in past.failed[:_SHOWN]]
    if len(past.failed) > _SHOWN:
        lines.append(f"  … and {len(past.failed) - _SHOWN:,} more")
    lines.append(f"What was sent and answered: syncspec runs {past.run} --requests (from {past.failed_path})")
    return "\n".join(lines) + "\n"


def requests_text(past: PastRun, *, redact: bool = False) -> str:
    """Every batch with its request and its answer."""
    if not past.failed:
        return f"No failed batches are kept of run {past.run}.\n"
    return "\n".join("\n".join(_whole(batch, redact)) + "\n" for batch in past.failed)


def _outline(batch: FailedBatch, redact: bool) -> str:
    spoken = batch.outcome.replace("_", " ")
    reason = HIDDEN if redact and batch.reason else visible(batch.reason)
    names = ", ".join(batch.addresses[:_ADDRESSES]) + (", …" if len(batch.addresses) > _ADDRESSES else "")
    what = f"{batch.kind} of {counted(len(batch.addresses), 'record')}"
    return f"{batch.batch}: {what} ({visible(names)}): {spoken}{f', {reason}' if reason else ''}"


def _whole(batch: FailedBatch, redact: bool) -> Iterator[str]:
    yield f"Batch {_outline(batch, redact)}"
    place = f"{batch.collection_id} in {batch.upstream}, sync {batch.sync_id}, wave {batch.wave}"
    yield f"  {visible(place)}"
    yield f"  > sent {batch.sent_at}"
    yield from _body(batch.request["body"], redact)
    if batch.request["truncated"]:
        yield "    … (cut)"
    if batch.answer is None:
        yield f"  < no answer within {batch.seconds:.3f} s"
        return
    answer = batch.answer
    yield f"  < {answer['status']} after {batch.seconds:.3f} s, {size_text(answer['bytes'])}"
    yield from (f"    {visible(f'{name}: {value}')}" for name, value in answer["headers"].items())
    yield from _body(answer["body"], redact)
    if answer["truncated"]:
        yield "    … (cut)"


def _body(body: Json, redact: bool) -> Iterator[str]:
    if redact:
        text = HIDDEN
    elif isinstance(body, str):
        text = body
    else:
        text = json.dumps(body, indent=2, ensure_ascii=False)
    yield from (f"    {visible(line)}" for line in text.splitlines())


def failed_json(batch: FailedBatch, *, requests: bool, redact: bool = False) -> dict[str, object]:
    """A batch as it stands in JSON documents; `requests`: with what was sent and answered."""
    told = asdict(batch)
    request, answer = told.pop("request"), told.pop("answer")
    if redact:
        told["reason"] = HIDDEN if told["reason"] else ""
        request["body"] = HIDDEN
        if answer is not None:
            answer |= {"body": HIDDEN, "headers": {}}
    return {**told, "request": request, "answer": answer} if requests else told


def requests_json(past: PastRun, *, redact: bool = False) -> bytes:
    """What is kept of a run's failed batches as one JSON document."""
    batches = [failed_json(batch, requests=True, redact=redact) for batch in past.failed]
    return json_bytes({"format_version": FORMAT_VERSION, "run": past.run, "failed_batches": batches})
