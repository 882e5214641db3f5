"""Makes records of the rows of a file: a name and data for each, values of their fields' types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from syncspec.address import encoded_name
from syncspec.deferred import is_deferred
from syncspec.diagnostics import Source
from syncspec.manifests.documents import Value
from syncspec.manifests.expressions import as_text
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.cells import CellError, Convert, checker, converter
from syncspec.manifests.rows.opening import Opened
from syncspec.manifests.rows.sources import RowSource
from syncspec.manifests.rows.templates import EMPTY, Empty, Made, Read, Row, columns_of, reader
from syncspec.manifests.shaped_records import Origin, ShapedRecord
from syncspec.records import FieldRules

__all__ = ["RowRecords", "fixed_fields", "row_fields"]

_Field: TypeAlias = "tuple[str, Read, Convert | None]"
"""A field, what reads its value of a row, and what makes that one of the field's type."""


def fixed_fields(source: RowSource) -> dict[str, Value]:
    """The fields that are the same in every row."""
    fixed: dict[str, Value] = {}
    for field, node in (source.data or {}).items():
        if not any(columns_of(node)):
            fixed[field] = node  # type: ignore[assignment]
    return fixed


def row_fields(source: RowSource, opened: Opened) -> dict[str, list[str]]:
    """The fields that rows give values to, with the columns of each."""
    if source.data is None:
        return {name: [name] for name in opened.data.columns}
    named = {field: [column.name for column in columns_of(node)] for field, node in source.data.items()}
    return {field: columns for field, columns in named.items() if columns}


class RowRecords:
    """One file's rows on their way to records.

    `taken` holds the place of every name that the set has already, and is added to.
    """

    def __init__(
        self,
        source: RowSource,
        opened: Opened,
        *,
        set_name: str,
        origin: Origin,
        rules: FieldRules,
        taken: dict[str, Source],
        problems: Problems,
    ) -> None:
        self._data = opened.data
        self._rows = opened.rows
        self._set_name = set_name
        self._origin = origin
        self._rules = rules
        self._taken = taken
        self._problems = problems
        self._complete = source.complete
        self._refers = source.refers
        self._clears = source.spec.empty != "omit"
        self._read_name = reader(source.name, opened.cell, empty=EMPTY)
        self._as_it_is = source.data is None and opened.typed
        self._fields = self._typed_keys(opened) if self._as_it_is else self._all_fields(source, opened)

    def records(self) -> Iterator[ShapedRecord]:
        """The records in the order of the rows; what is wrong with a row is reported, and one without name left out."""
        make = self._checked_object if self._as_it_is else self._made
        for number, row in enumerate(self._rows):
            name = self._name(number, row)
            if name is None:
                continue
            place = self._data.source(number)
            if self._taken.setdefault(name, place) is not place:
                self._refuse_twice(number, name)
                continue
            complete = self._complete
            try:
                own = make(row)
            except CellError:
                own, complete = self._refused(number, name, row), False
            yield ShapedRecord(name, place, own, self._origin, complete, number, refers=self._refers)

    def _typed_keys(self, opened: Opened) -> list[_Field]:
        """The keys of objects whose values must fit a type."""
        fields: list[_Field] = []
        for name in opened.data.columns:
            check = checker(self._rules.rule(name))
            if check is not None:
                fields.append((name, opened.cell(name), check))
        return fields

    def _all_fields(self, source: RowSource, opened: Opened) -> list[_Field]:
        if source.data is None:
            return [(name, opened.cell(name), converter(self._rules.rule(name))) for name in opened.data.columns]
        inside: Value | Empty = None if self._clears else EMPTY
        fields: list[_Field] = []
        for field, node in source.data.items():
            if any(columns_of(node)):
                rule = self._rules.rule(field)
                is_text = isinstance(node, Made) and not opened.typed
                convert = converter(rule) if is_text else checker(rule)
                fields.append((field, reader(node, opened.cell, empty=inside), convert))
        return fields

    def _made(self, row: Row) -> dict[str, Value]:
        """The data of a row. Raises CellError at the first value that does not fit."""
        made: dict[str, Any] = {}
        for field, read, convert in self._fields:
            value = read(row)
            if value is EMPTY:
                if self._clears:
                    made[field] = None
            elif convert is None or value is None or (self._refers and is_deferred(value)):
                made[field] = value
            else:
                made[field] = convert(value)
        return made

    def _checked_object(self, row: Row) -> dict[str, Value]:
        """The object of a line, which is its data. Raises CellError at the first value that does not fit."""
        for _, read, check in self._fields:
            value = read(row)
            if value is not EMPTY and value is not None and check is not None:
                check(value)
        found: dict[str, Value] = row
        return found

    def _refused(self, number: int, name: str, row: Row) -> dict[str, Value]:
        """Report every value of a row that does not fit; gives what there is of the data."""
        made: dict[str, Any] = dict(row) if self._as_it_is else {}
        for field, read, convert in self._fields:
            value = read(row)
            if value is EMPTY or value is None or convert is None or is_deferred(value):
                made[field] = None if value is EMPTY else value
                continue
            try:
                made[field] = convert(value)
            except CellError as error:
                made[field] = None
                self._refuse_value(number, name, field, value, error)
        return made

    def _refuse_value(self, number: int, name: str, field: str, value: Value, error: CellError) -> None:
        if self._problems.only_counts(self._data):
            return
        rule = self._rules.rule(field)
        shown = [f'"{shortened(column)}"' for column in dict.fromkeys(self._data.sources.get(field, ()))]
        one = len(shown) == 1
        detail = f'The column{"" if one else "s"} {" and ".join(shown)} give{"s" if one else ""} "{shortened(field)}"'
        detail += f", which has the type {rule.type}"
        if rule.sensitive:
            detail += ", and the value does not fit it."
        elif isinstance(value, str):
            detail += f', and the value is "{shortened(value)}": {str(error).partition(", found text")[0]}.'
        else:
            detail += f": {error}."
        self._problems.add(
            self._data,
            path=(number, "data", field),
            code="wrong-value",
            summary="A value does not fit its field's type",
            detail=detail,
            hint="correct the value, or the type under fields",
            address=f"{self._set_name}.{name}",
        )

    def _name(self, number: int, row: Row) -> str | None:
        value = self._read_name(row)
        if isinstance(value, dict | list):
            self._refuse_name(number, "it is made of an object or a list", "name a column of texts or numbers")
            return None
        if value is EMPTY or value is None or value == "":
            self._refuse_name(number, "all columns that it is made of are empty", "fill them in, or remove the row")
            return None
        return encoded_name(as_text(value))

    def _refuse_name(self, number: int, why: str, hint: str) -> None:
        self._problems.add(
            self._data,
            path=(number, "name", ""),
            code="no-name",
            summary="A row has no name",
            detail=f"The record's name is made of this row's values, and {why}.",
            hint=hint,
        )

    def _refuse_twice(self, number: int, name: str) -> None:
        self._problems.add(
            self._data,
            path=(number,),
            code="duplicate-record",
            summary="Two records have the same name",
            detail=f"{self._set_name}.{name} is also declared at {self._taken[name]}.",
            hint="remove one of the two, or make the name of columns that tell rows apart",
            address=f"{self._set_name}.{name}",
        )
