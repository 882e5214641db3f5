"""Request and answer of every batch that failed, kept on this machine for whoever looks into it.

One file per run in the state folder, `runs/<run>/failed.jsonl`, readable by its owner only: a line per batch, written
after its outcome was recorded. Values of sensitive fields and tokens are hidden before anything is written. Nothing
rests on these files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from syncspec.apply.clock import rfc3339
from syncspec.apply.mapping import SentRecord
from syncspec.apply.outcomes import Verdict
from syncspec.apply.sending import Sending
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.records import Json
from syncspec.settings import Secret
from syncspec.upstream.protocol import Answered, MutationKind, SendResult
from syncspec.values.masking import HIDDEN, Mask

__all__ = ["FailedBatch", "FailedBatches", "failed_batches_path", "read_failed_batches"]

KEPT_RUNS = 20
KEPT_BATCHES = 500
KEPT_BYTES = 64 * 1024
"""Of a body; what is longer is cut."""
_LARGEST_BODY = 1024 * 1024
"""A larger answer is kept as text: it is not worth taking apart."""

_FOLDER = "runs"
_FILE = "failed.jsonl"
_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBatch:
    """One batch that failed. `request` and `answer` are as they were sent and came, without secrets.

    Both hold a `body`, with `truncated` where it was cut and is text. `answer`, None where there was none, also has
    `status`, `headers` and the number of `bytes`.
    """

    batch: int
    wave: int
    kind: str
    upstream: str
    sync_id: str
    collection_id: str
    addresses: tuple[str, ...]
    attempts: tuple[str, ...]
    outcome: str
    status: int | None
    reason: str
    sent_at: str
    seconds: float
    request: Mapping[str, Any]
    answer: Mapping[str, Any] | None


def failed_batches_path(state_dir: Path, run: str) -> Path:
    """The file of a run."""
    return state_dir / _FOLDER / run / _FILE


def read_failed_batches(state_dir: Path, run: str) -> tuple[FailedBatch, ...]:
    """What is kept of a run, in the order in which the batches ended; a line that broke off is left out."""
    try:
        lines = failed_batches_path(state_dir, run).read_bytes().splitlines()
    except OSError:
        return ()
    return tuple(batch for line in lines if (batch := _read(line)) is not None)


def _read(line: bytes) -> FailedBatch | None:
    try:
        told = orjson.loads(line)
        values: dict[str, Any] = {each.name: told[each.name] for each in fields(FailedBatch)}
        values |= {name: tuple(values[name]) for name in ("addresses", "attempts")}
        return FailedBatch(**values)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


class FailedBatches:
    """Keeps those of one run; of older runs the newest stay. `problem` says why no more are kept."""

    def __init__(self, state_dir: Path, run: str, *, tokens: Iterable[Secret]) -> None:
        self.problem: Diagnostic | None = None
        self._path = failed_batches_path(state_dir, run)
        self._tokens = tuple(tokens)
        self._kept = 0

    def keep(self, sending: Sending, verdict: Verdict, result: SendResult | None, *, seconds: float, as_: str) -> None:
        """Write a batch down; `as_` is its outcome in a word, `result` None where the run did not wait for one.

        Raises nothing: whatever goes wrong here, the run goes on without it.
        """
        if self.problem is not None:
            return
        if self._kept >= KEPT_BATCHES:
            self._give_up(f"The first {KEPT_BATCHES} failed batches of this run are kept, and no more")
            return
        try:
            line = _json(self._document(sending, verdict, result, seconds, as_)) + b"\n"
            self._append(line)
        except Exception as error:  # noqa: BLE001 - nothing rests on it, and what is in flight must be recorded
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            self._give_up(f"{self._path}: {reason}")
        self._kept += 1

    def _give_up(self, detail: str) -> None:
        self.problem = Diagnostic(
            severity=Severity.WARNING,
            code="failed-batches",
            summary="Requests and answers of failed batches are not kept any more",
            detail=f"{detail}. The run went on without that.",
        )

    def _append(self, line: bytes) -> None:
        if not self._kept:
            folder = self._path.parent
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _remove_old(folder.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._path, flags, 0o600)
        try:
            while line:
                line = line[os.write(handle, line) :]
        finally:
            os.close(handle)

    def _document(
        self, sending: Sending, verdict: Verdict, result: SendResult | None, seconds: float, as_: str
    ) -> dict[str, object]:
        told, mask = sending.sent(), _mask(sending, self._tokens)
        opaque = any(record.opaque for record in sending.delivery.records)
        return {
            "batch": told.batch,
            "wave": told.wave,
            "kind": told.kind.value,
            "upstream": told.target.upstream,
            "sync_id": told.target.sync_id,
            "collection_id": told.target.collection_id,
            "addresses": told.addresses,
            "attempts": list(told.attempts.values()),
            "outcome": as_,
            "status": verdict.status,
            "reason": verdict.message,
            "sent_at": rfc3339(sending.began.wall),
            "seconds": round(seconds, 3),
            "request": _bounded(_request(sending)),
            "answer": _answer(result, mask, opaque=opaque) if isinstance(result, Answered) else None,
        }


def _mask(sending: Sending, tokens: Iterable[Secret]) -> Mask:
    names: set[str] = set()
    values: list[Json] = []
    for record in sending.delivery.records:
        names.update(name for name, rule in record.rules.fields.items() if rule.sensitive)
        names.update(record.hidden)
        values += [value for _, value in record.secrets]
    return Mask(fields=names, values=values, tokens=[token.reveal() for token in tokens])


def _request(sending: Sending) -> dict[str, Json]:
    """The mutation as it was sent, with a stand-in for every value of a sensitive field."""
    request = sending.delivery.request()
    body: dict[str, Json] = {
        "kind": request.kind.value,
        "sync_id": request.sync_id,
        "collection_id": request.collection_id,
    }
    if request.kind is not MutationKind.DELETE:
        body["records"] = [_sent(record) for record in sending.delivery.records]
    else:
        body["upstream_ids"] = list(request.upstream_ids)
    return body


def _sent(record: SentRecord) -> dict[str, Json]:
    data: dict[str, Json] = {
        name: HIDDEN if value is not None and record.rules.rule(name).sensitive else value
        for name, value in record.wire.items()
    }
    return {"data": data} if record.upstream_id is None else {"upstream_id": record.upstream_id, "data": data}


def _answer(answer: Answered, mask: Mask, *, opaque: bool) -> dict[str, object]:
    """`opaque`: nobody tells which values are sensitive, so that nothing that the other side wrote is kept."""
    size = len(answer.raw)
    if opaque:
        headers = dict.fromkeys(answer.headers, HIDDEN)
        return {"status": answer.status, "headers": headers, "bytes": size, "body": HIDDEN, "truncated": False}
    headers = {name: mask.text(value) for name, value in answer.headers.items()}
    if answer.body is not None and size <= _LARGEST_BODY:
        kept = _bounded(mask.json(answer.body))
    else:
        text = answer.raw[:KEPT_BYTES].decode("utf-8", "replace") if answer.raw else answer.text
        kept = {"body": mask.text(text), "truncated": size > KEPT_BYTES}
    return {"status": answer.status, "headers": headers, "bytes": size, **kept}


def _bounded(body: Json) -> dict[str, object]:
    """The body, or of a long one the beginning of its text."""
    content = _json(body)
    if len(content) <= KEPT_BYTES:
        return {"body": body, "truncated": False}
    return {"body": content[:KEPT_BYTES].decode("utf-8", "ignore"), "truncated": True}


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits, and lone surrogates.
        return json.dumps(value).encode("ascii")


def _remove_old(folder: Path) -> None:
    """Keep the newest runs; their names begin with the moment at which they began."""
    runs = sorted(path for path in folder.iterdir() if _RUN.fullmatch(path.name))
    for path in runs[:-KEPT_RUNS]:
        shutil.rmtree(path)
