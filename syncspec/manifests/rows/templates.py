"""What `records_from` says a record is made of, and how it is put together for one row after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, TypeAlias

from syncspec.manifests.documents import Path, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.expressions import Reference, as_text

__all__ = ["EMPTY", "Column", "Empty", "Made", "Node", "Read", "Row", "columns_of", "reader", "template"]


class Empty(Enum):
    """What stands for a value that a row does not have."""

    EMPTY = "empty"


EMPTY: Final = Empty.EMPTY

Row: TypeAlias = Any
"""A row as its format gives it: only what reads its cells knows what that is."""

Read: TypeAlias = "Callable[[Row], Value | Empty]"
"""Gives a value of a row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a template names; `path` and `offset` are where it does, in the manifest."""

    name: str
    path: Path
    offset: int


@dataclass(frozen=True, slots=True)
class Made:
    """A text that is put together for each row, of columns and of parts that are always the same."""

    parts: tuple[object, ...]

    @property
    def only(self) -> Column | None:
        """The column that is the whole text, if there is nothing else in it."""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, Column) else None


Node: TypeAlias = "Made | dict[str, Node] | list[Node] | Value"
"""A template. Whatever holds no `Made` is the same in every row."""


def template(value: Value, path: Path, expansion: Expansion) -> Node:
    """The template of a value in the manifest, with variables put in.

    What cannot be resolved is reported and counts as unresolved in the expansion; its text then stands for it.
    """
    if isinstance(value, dict):
        expansion.check_keys(value, path)
        return {key: template(item, (*path, key), expansion) for key, item in value.items()}
    if isinstance(value, list):
        return [template(item, (*path, number), expansion) for number, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    parts = expansion.parts(value, path, rows=True)
    if parts is None:
        return value
    named = [Column(part.name, path, part.offset) if isinstance(part, Reference) else part for part in parts]
    if any(isinstance(part, Column) for part in named):
        return Made(tuple(named))
    return parts[0] if len(parts) == 1 else "".join(map(as_text, parts))  # type: ignore[return-value]


def columns_of(node: Node) -> Iterator[Column]:
    """Every column that a template names, in order."""
    if isinstance(node, Made):
        yield from (part for part in node.parts if isinstance(part, Column))
    elif isinstance(node, dict):
        for item in node.values():
            yield from columns_of(item)
    elif isinstance(node, list):
        for item in node:
            yield from columns_of(item)


def reader(node: Node, cell: Callable[[str], Read], *, empty: Value | Empty) -> Read:
    """What gives a template's value of a row, or EMPTY where all columns in it are; `cell` reads a column.

    Inside mappings and lists a value that is empty becomes `empty`, and is left out where that is EMPTY.
    """
    if isinstance(node, Made):
        return cell(node.only.name) if node.only is not None else _joined(node, cell)
    if not isinstance(node, dict | list):
        return partial(_same, node)
    reads = [cell(column.name) for column in columns_of(node)]
    inner: Read
    if isinstance(node, dict):
        inner = partial(_mapping, {key: reader(item, cell, empty=empty) for key, item in node.items()}, empty)
    else:
        inner = partial(_sequence, [reader(item, cell, empty=empty) for item in node], empty)
    return lambda row: EMPTY if reads and all(read(row) is EMPTY for read in reads) else inner(row)


def _same(value: Value, _: Row) -> Value:
    return value


def _joined(node: Made, cell: Callable[[str], Read]) -> Read:
    """Reads a text of several parts; a column that is empty or null adds nothing to it."""
    reads = [cell(part.name) if isinstance(part, Column) else partial(_same, as_text(part)) for part in node.parts]
    columns = [cell(part.name) for part in node.parts if isinstance(part, Column)]

    def joined(row: Row) -> Value | Empty:
        if all(_is_nothing(read(row)) for read in columns):
            return EMPTY
        return "".join(["" if _is_nothing(value := read(row)) else as_text(value) for read in reads])

    return joined


def _is_nothing(value: Value | Empty) -> bool:
    return value is EMPTY or value is None


def _mapping(reads: dict[str, Read], empty: Value | Empty, row: Row) -> Value:
    found = ((key, _or(read(row), empty)) for key, read in reads.items())
    return {key: value for key, value in found if value is not EMPTY}


def _sequence(reads: list[Read], empty: Value | Empty, row: Row) -> Value:
    found = (_or(read(row), empty) for read in reads)
    return [value for value in found if value is not EMPTY]


def _or(value: Value | Empty, empty: Value | Empty) -> Value | Empty:
    return empty if value is EMPTY else value
