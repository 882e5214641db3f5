"""The wire form of requests and answers: JSON in, values out; no I/O.

Answers are read tolerantly, because no page describes all of them: what cannot be read is said to be unreadable
and never guessed, and an upstream ID that can be read is never dropped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard, assert_never

import orjson

from syncspec.records import Data, Json, ObservedRecord
from syncspec.upstream.protocol import MutationKind, MutationRequest

__all__ = [
    "Row",
    "identifier",
    "is_object",
    "load_json",
    "mutation_body",
    "mutation_records",
    "read_row",
]


def mutation_body(request: MutationRequest) -> bytes:
    """Give the exact bytes that are sent, records in order.

    A create holds one `{"data": …}` per record, an update one `{"upstream_id": …, "data": …}`; a delete holds
    `upstream_ids`. The consumer keys are there only where the request declares consumers. Numbers must be finite, as
    manifests guarantee. Raises ValueError where an update names more or fewer IDs than records.
    """
    body: dict[str, Json] = {
        "kind": request.kind.value,
        "sync_id": request.sync_id,
        "collection_id": request.collection_id,
    }
    match request.kind:
        case MutationKind.CREATE:
            body["records"] = [{"data": data} for data in request.records]
        case MutationKind.UPDATE:
            named = zip(request.upstream_ids, request.records, strict=True)
            body["records"] = [{"upstream_id": upstream_id, "data": data} for upstream_id, data in named]
        case MutationKind.DELETE:
            body["upstream_ids"] = list(request.upstream_ids)
        case _ as unreachable:
            assert_never(unreachable)
    if request.await_consumers is not None:
        body["await_consumer_ids"] = list(request.await_consumers.ids)
        if request.await_consumers.timeout_ms is not None:
            body["await_consumers_timeout"] = request.await_consumers.timeout_ms
    try:
        return orjson.dumps(body)
    except TypeError:
        # orjson stops at 64-bit integers and at lone surrogates; the standard library writes both.
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def load_json(raw: bytes) -> Json:
    """Parse a body; None where it is not JSON, which for us is as little as null.

    What the strict parser refuses is tried once more leniently, so that a NaN or a broken character in one field does
    not hide the IDs beside it: such numbers become text, such characters U+FFFD.
    """
    try:
        value: Json = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _load_leniently(raw)
    # Integers above 64 bits arrive as floats, and an ID must keep all its digits.
    return _load_leniently(raw) if _has_float_id(value) else value


def _load_leniently(raw: bytes) -> Json:
    try:
        value: Json = json.loads(raw.decode("utf-8-sig", "replace"), parse_constant=str, parse_float=_finite)
        return _clean(value)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _clean(value: Json) -> Json:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {str(_clean(key)): _clean(item) for key, item in value.items()}
        case _:
            return value


def _has_float_id(value: Json) -> bool:
    rows = value.get("records") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        return False
    return any(isinstance(row, dict) and isinstance(row.get("upstream_id"), float) for row in rows)


def is_object(value: object) -> TypeGuard[dict[str, Json]]:
    """Whether what was read is a JSON object."""
    return isinstance(value, dict)


def identifier(value: Json) -> str | None:
    """Give an ID as text, whether the wire had text or an integer; None for anything else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record of a list, with what the row itself says about where it belongs (None: not said)."""

    record: ObservedRecord
    sync_id: str | None
    collection_id: str | None
    stream_id: str | None


def read_row(value: Json) -> Row:
    """Read one record of a list. Raises ValueError, naming the field, where it cannot be known what the row is."""
    if not is_object(value):
        raise ValueError("a record is not an object")
    upstream_id = identifier(value.get("upstream_id"))
    if upstream_id is None:
        raise ValueError('a record has no "upstream_id"')
    data = value.get("data")
    if data is None:
        data = {}
    if not is_object(data):
        raise ValueError(f'"data" of record {upstream_id} is not an object')
    deleted = _flag(value.get("deleted"))
    if deleted is None:
        raise ValueError(f'"deleted" of record {upstream_id} is neither true nor false')
    return Row(
        record=_observed(upstream_id, data, deleted, value),
        sync_id=identifier(value.get("sync_id")),
        collection_id=identifier(value.get("collection_id")),
        stream_id=identifier(value.get("stream_id")),
    )


def mutation_records(body: Json) -> tuple[tuple[ObservedRecord, ...], bool]:
    """Read the records of a 2xx answer to a mutation, and whether all of the answer is as described.

    Where it is not, every ID that can be found in a list of records is given all the same.
    """
    if is_object(body):
        items = body.get("records")
        if isinstance(items, list):
            found = tuple(_identified(items))
            return found, len(found) == len(items)
        other = body.get("data")
        return tuple(_identified(other)) if isinstance(other, list) else (), False
    return tuple(_identified(body)) if isinstance(body, list) else (), False


def _identified(items: Iterable[Json]) -> Iterable[ObservedRecord]:
    for item in items:
        if not is_object(item):
            continue
        upstream_id = identifier(item.get("upstream_id"))
        if upstream_id is not None:
            data = item.get("data")
            yield _observed(upstream_id, data if is_object(data) else {}, bool(_flag(item.get("deleted"))), item)


def _observed(upstream_id: str, data: Data, deleted: bool, row: dict[str, Json]) -> ObservedRecord:
    created, updated = row.get("upstream_created_at"), row.get("upstream_updated_at")
    return ObservedRecord(
        upstream_id=upstream_id,
        data=data,
        deleted=deleted,
        created_at=created or None if isinstance(created, str) else None,
        updated_at=updated or None if isinstance(updated, str) else None,
    )


def _flag(value: Json) -> bool | None:
    """Read a boolean that may be missing (false) or text; None where it says neither."""
    match value:
        case None | False | 0 | "" | "false" | "False" | "0":
            return False
        case True | 1 | "true" | "True" | "1":
            return True
        case _:
            return None
