"""What `records_from` says a record is made of, and how it is put together for one row after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Final, TypeAlias

from syncspec.deferred import Joined, Leaf, is_deferred
from syncspec.manifests.documents import Path, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.expressions import Reference, as_text
from syncspec.manifests.references import PlacedReference

__all__ = ["EMPTY", "Column", "Empty", "Made", "Node", "Other", "Read", "Row", "columns_of", "reader", "template"]


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
class Other:
    """A reference to the record that the value of a column names."""

    column: Column
    reference: PlacedReference


@dataclass(frozen=True, slots=True)
class Made:
    """A text that is put together for each row, of columns and of parts that are always the same."""

    parts: tuple[object, ...]

    @property
    def only(self) -> Column | Other | None:
        """The column, or what it names, that is the whole text, if there is nothing else in it."""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, Column | Other) else None


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
    named = [_named(part, path) for part in parts]
    if any(isinstance(part, Column | Other) for part in named):
        return Made(tuple(named))
    if len(parts) > 1 and any(isinstance(part, Leaf) for part in parts):
        return Joined(tuple(parts))  # type: ignore[return-value]
    return parts[0] if len(parts) == 1 else "".join(map(as_text, parts))  # type: ignore[return-value]


def _named(part: object, path: Path) -> object:
    if isinstance(part, Reference):
        return Column(part.name, path, part.offset)
    if isinstance(part, PlacedReference) and part.to.column is not None:
        return Other(Column(part.to.column, path, part.to.offset), part)
    return part


def columns_of(node: Node) -> Iterator[Column]:
    """Every column that a template names, in order."""
    if isinstance(node, Made):
        for part in node.parts:
            if isinstance(part, Column | Other):
                yield part if isinstance(part, Column) else part.column
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
        return _part(node.only, cell) if node.only is not None else _joined(node, cell)
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
    reads = [_part(part, cell) for part in node.parts]
    columns = [cell(column.name) for column in columns_of(node)]

    def joined(row: Row) -> Value | Empty:
        if all(_is_nothing(read(row)) for read in columns):
            return EMPTY
        return "".join(["" if _is_nothing(value := read(row)) else as_text(value) for read in reads])

    def deferred(row: Row) -> Value | Empty:
        if all(_is_nothing(read(row)) for read in columns):
            return EMPTY
        parts = tuple("" if _is_nothing(value := read(row)) else value for read in reads)
        return Joined(parts) if any(map(is_deferred, parts)) else joined(row)  # type: ignore[return-value]

    refers = any(isinstance(part, Other | Leaf) for part in node.parts)
    return deferred if refers else joined


def _part(part: object, cell: Callable[[str], Read]) -> Read:
    """Reads one part of a text: a column, the reference that a column completes, or what is the same in every row."""
    if isinstance(part, Column):
        return cell(part.name)
    if isinstance(part, Other):
        return partial(_reference, part.reference, cell(part.column.name))
    return partial(_same, part)  # type: ignore[arg-type]


def _reference(reference: PlacedReference, read: Read, row: Row) -> Value | Empty:
    """The reference to the record that the row names; nothing where the row names none."""
    value = read(row)
    if _is_nothing(value) or value == "":
        return EMPTY
    return reference.naming(as_text(value))  # type: ignore[return-value]


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
