"""Gives a manifest its canonical form: text in, text out, and never another meaning.

What is canonical: two spaces of indentation, lists indented under their keys, keys in the order of `key_order` (names
of records, fields and the like stay in the author's), at most one blank line in a row, no white space at the end of
a line, one line feed at the end of the file, no byte order mark. Scalars, comments, anchors, tags, and what stands in
braces and brackets are kept as they were written.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.manifests.collector import paused_collector
from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.key_order import Order, order_of_kind
from syncspec.manifests.layout import LayoutError, lay_out
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.reader import read
from syncspec.manifests.sensitive import sensitive_fields

__all__ = ["Formatting", "first_difference", "format_manifest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatting:
    """The canonical form of one file; None where the file was refused, and why stands in `diagnostics`.

    `sensitive` are the fields that the file declares to be so: their values may stand in the diagnostics' lines.
    """

    content: bytes | None
    diagnostics: tuple[Diagnostic, ...] = ()
    sensitive: frozenset[str] = frozenset()


def format_manifest(content: bytes, *, file: str, limits: Limits = DEFAULT_LIMITS) -> Formatting:
    """Give a file its canonical form; a canonical file is given back as it is.

    The result is read again: it holds the same documents with the same values, or there is none. What is in a file
    besides syncspec's documents is laid out too, with its keys in the author's order.
    """
    documents, found = read(content, file=file, limits=limits)
    sensitive = sensitive_fields(documents)
    if found:
        return Formatting(content=None, diagnostics=tuple(found), sensitive=sensitive)
    orders = _orders(documents)
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    try:
        with paused_collector():
            formatted = lay_out(text, orders).encode("utf-8")
    except LayoutError as error:
        return Formatting(content=None, diagnostics=(_refused(file, str(error)),))
    why = None if formatted == content else _difference(documents, formatted, orders, file, limits)
    if why is not None:
        return Formatting(content=None, diagnostics=(why,))
    return Formatting(content=formatted, sensitive=sensitive)


def _orders(documents: Sequence[Document]) -> list[Order | None]:
    """The order of keys of each document in the file; those without any value count too."""
    orders: list[Order | None] = [None] * (1 + max((document.index for document in documents), default=-1))
    for document in documents:
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        orders[document.index] = order_of_kind(kind) if isinstance(kind, str) else None
    return orders


def _difference(
    documents: Sequence[Document], formatted: bytes, orders: Sequence[Order | None], file: str, limits: Limits
) -> Diagnostic | None:
    """Where the formatted text would not read as the original does; None where it does."""
    again, found = read(formatted, file=file, limits=limits)
    if found:
        return _refused(file, f"The result would not be read: {found[0].summary}.")
    for before, after in zip_longest(documents, again):
        if before is None or after is None or before.index != after.index:
            return _refused(file, f"The result would hold {len(again)} documents instead of {len(documents)}.")
        where = first_difference(before.value, after.value, orders[before.index])
        if where is not None:
            place = ".".join(map(str, where)) or "its value"
            return _refused(file, f"In the result {place} would read differently.", before.value_source(where))
    return None


def first_difference(before: Value, after: Value, order: Order | None) -> Path | None:
    """The path at which two values differ in value, type or order of keys; None where they do not."""
    if isinstance(before, dict) and isinstance(after, dict):
        may_move = order is not None and order.keys
        if before.keys() != after.keys() or (not may_move and list(before) != list(after)):
            return ()
        for key, value in before.items():
            found = first_difference(value, after[key], order.of(key) if order is not None else None)
            if found is not None:
                return (key, *found)
        return None
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            return ()
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            found = first_difference(one, other, None)
            if found is not None:
                return (number, *found)
        return None
    return None if _same_scalar(before, after) else ()


def _same_scalar(before: Value, after: Value) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return before == after and math.copysign(1, before) == math.copysign(1, after)
    return type(before) is type(after) and before == after


def _refused(file: str, detail: str, source: Source | None = None) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code="cannot-format",
        summary="The file cannot be formatted",
        detail=f"{detail} It was left as it is.",
        source=source or Source(file=file),
        hint="this is a fault of syncspec; the file is as valid as it was",
    )
