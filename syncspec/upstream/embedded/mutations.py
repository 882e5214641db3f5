"""Mutation requests as the embedded upstream receives them: parsed and checked before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from syncspec.providers import KNOWN_PROVIDERS
from syncspec.records import Data, Json
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.protocol import MutationKind

__all__ = ["Item", "Mutation", "parse_mutation"]

MAX_RECORDS = 1000
"""Records per request for a provider whose own limit is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record of a mutation: no ID yet in a create, no data in a delete."""

    upstream_id: str = ""
    data: Data


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One checked request."""

    kind: MutationKind
    sync_id: str
    collection_id: str
    items: tuple[Item, ...]

    @property
    def provider(self) -> str:
        return self.collection_id.partition(":")[0]


def parse_mutation(raw: bytes) -> Mutation:
    """Read a request body. Raises RefusedError with status 400 and the place of the first mistake."""
    try:
        body: Json = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise RefusedError(400, "the body must be an object")
    kind = _kind(body)
    collection_id = _text(body, "collection_id")
    provider, colon, name = collection_id.partition(":")
    if not (provider and colon and name):
        raise RefusedError(400, '"collection_id" must have the form provider:name')
    _check_consumers(body)
    items = _items(kind, body)
    known = KNOWN_PROVIDERS.get(provider)
    most = known.max_records if known is not None else MAX_RECORDS
    if len(items) > most:
        raise RefusedError(400, f"{len(items)} records are too many: {provider} takes at most {most} per request")
    return Mutation(kind=kind, sync_id=_text(body, "sync_id"), collection_id=collection_id, items=items)


def _kind(body: dict[str, Json]) -> MutationKind:
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in set(MutationKind):
        raise RefusedError(400, f'"kind" must be one of {", ".join(MutationKind)}')
    return MutationKind(kind)


def _text(body: dict[str, Json], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError(400, f'"{name}" must be a text that is not empty')
    return value


def _check_consumers(body: dict[str, Json]) -> None:
    """There are no consumers here, so that the wait for them is over at once; the keys are checked all the same."""
    ids = body.get("await_consumer_ids", [])
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise RefusedError(400, '"await_consumer_ids" must be a list of texts')
    wait = body.get("await_consumers_timeout", 0)
    if not isinstance(wait, int) or isinstance(wait, bool) or wait < 0:
        raise RefusedError(400, '"await_consumers_timeout" must be a number of milliseconds')


def _items(kind: MutationKind, body: dict[str, Json]) -> tuple[Item, ...]:
    match kind:
        case MutationKind.CREATE:
            return _each(_list(body, "records", "data"), _create_item)
        case MutationKind.UPDATE:
            return _each(_list(body, "records", "data"), _update_item)
        case MutationKind.DELETE:
            return _each(_list(body, "upstream_ids"), _delete_item)


def _list(body: dict[str, Json], *names: str) -> list[Json]:
    """Give the first of the named lists that is there; the documentation also calls `records` by the name `data`."""
    value = next((body[name] for name in names if name in body), None)
    if not isinstance(value, list) or not value:
        raise RefusedError(400, f'"{names[0]}" must be a list that is not empty')
    return value


def _each(items: list[Json], read: Callable[[int, Json], Item]) -> tuple[Item, ...]:
    return tuple(read(index, item) for index, item in enumerate(items))


def _create_item(index: int, value: Json) -> Item:
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, dict):
        raise RefusedError(400, f'"records[{index}].data" must be an object')
    return Item(data=data)


def _update_item(index: int, value: Json) -> Item:
    upstream_id = value.get("upstream_id") if isinstance(value, dict) else None
    if not isinstance(upstream_id, str) or not upstream_id:
        raise RefusedError(400, f'"records[{index}].upstream_id" must be a text that is not empty')
    return Item(upstream_id=upstream_id, data=_create_item(index, value).data)


def _delete_item(index: int, value: Json) -> Item:
    if not isinstance(value, str) or not value:
        raise RefusedError(400, f'"upstream_ids[{index}]" must be a text that is not empty')
    return Item(upstream_id=value, data={})
