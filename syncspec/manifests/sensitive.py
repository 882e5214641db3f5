"""Finds the fields whose values no output may show, in documents that need not be valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncspec.manifests.documents import Document, Value

__all__ = ["sensitive_fields"]


def sensitive_fields(documents: Iterable[Document]) -> frozenset[str]:
    """The names of all fields that a set, or a collection of the project file, declares to be sensitive."""
    return frozenset(
        name
        for document in documents
        for layer in _layers(_at(document.value, "spec"))
        for name, rule in _items(_at(layer, "fields"))
        if _at(rule, "sensitive") is True
    )


def _layers(spec: Value) -> Iterator[Value]:
    """A set's spec itself; of a project's the collections, those of its environments too."""
    yield spec
    for part in (spec, *(layer for _, layer in _items(_at(spec, "environments")))):
        yield from (collection for _, collection in _items(_at(part, "collections")))


def _items(value: Value) -> Iterable[tuple[str, Value]]:
    return value.items() if isinstance(value, dict) else ()


def _at(value: Value, key: str) -> Value:
    return value.get(key) if isinstance(value, dict) else None
