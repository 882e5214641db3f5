"""Tables of records: CSV and JSON Lines, and columns that name a record of another table.

A column `Account.Ext_Id__c` holds values of the field Ext_Id__c of the record that AccountId names, as SFDMU writes it;
`Account.$$Key1__c$Key2__c` those of several fields, with semicolons between them; and `Parent$Account.Name` also says
which object is meant.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Any

from syncspec.manifests.foreign.json_file import content_of
from syncspec.manifests.foreign.model import ForeignCollection, ForeignRecord, ForeignValue, Link, Options
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.csv_rows import csv_spans, delimiter_hint, read_csv
from syncspec.manifests.rows.data_file import COLUMN, DataFile
from syncspec.manifests.rows.json_lines import json_spans, read_json_lines
from syncspec.manifests.rows.opening import text_of

__all__ = ["Linked", "linked_column", "read_table"]

_LINK = re.compile(r"(?P<relation>[A-Za-z]\w*)(?:\$(?P<object>[A-Za-z]\w*))?\.(?P<key>\$\$\w+(?:\$\w+)+|\w+)")
_WELL_KNOWN = {
    "AssistantContact": "Contact",
    "Campaign": "Campaign",
    "ConvertedAccount": "Account",
    "ConvertedContact": "Contact",
    "CreatedBy": "User",
    "LastModifiedBy": "User",
    "Manager": "User",
    "MasterRecord": "",
    "Owner": "User",
    "Parent": "",
    "ReportsTo": "Contact",
}
"""Objects of relationships that are not named after them; "": the object itself."""


class Linked:
    """What a column says of another record. `field` holds that record's ID."""

    __slots__ = ("field", "fields", "objects")

    def __init__(self, field: str, fields: tuple[str, ...], objects: tuple[str, ...]) -> None:
        self.field, self.fields, self.objects = field, fields, objects


def linked_column(column: str, sobject: str) -> Linked | None:
    """What a column of an object's table says of another record; None for a column of the table's own."""
    found = _LINK.fullmatch(column)
    if found is None:
        return None
    relation, key = found["relation"], found["key"]
    custom = relation.endswith("__r")
    field = f"{relation[:-1]}c" if custom else f"{relation}Id"
    fields = tuple(key.removeprefix("$$").split("$")) if key.startswith("$$") else (key,)
    if found["object"]:
        objects: tuple[str, ...] = (found["object"],)
    elif custom:
        objects = (f"{relation[:-1]}c",)
    else:
        objects = (_WELL_KNOWN.get(relation, relation) or sobject,)
    return Linked(field, fields, objects)


def read_table(
    path: FilePath,
    *,
    name: str,
    collection: ForeignCollection,
    options: Options,
    problems: Problems,
    limits: Limits = DEFAULT_LIMITS,
) -> ForeignCollection | None:
    """The rows of a file as records of the collection; None where they cannot be used. What is wrong is reported."""
    content = content_of(path, name=name, problems=problems, limits=limits)
    text = None if content is None else text_of(content, name, options.encoding, problems)
    if text is None:
        return None
    if options.format == "jsonl":
        data = DataFile(text, json_spans)
        objects = read_json_lines(data, limits=limits, problems=problems)
        collection.typed = True
        rows: list[dict[str, Any]] = objects
    else:
        delimiter = options.delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
        data = DataFile(text, csv_spans(delimiter))
        cells = read_csv(data, delimiter=delimiter, accepts=lambda _: True, limits=limits, problems=problems)
        if cells is None:
            return None
        if len(data.columns) == 1 and options.delimiter is None:
            _check_delimiter(data, problems)
        collection.typed = False
        rows = [dict(zip(data.columns, row, strict=True)) for row in cells]
    _check_columns(data, collection, problems)
    data.sources = {column: (column,) for column in data.columns}
    collection.records = [_record(data, number, row, collection) for number, row in enumerate(rows)]
    return collection


def _check_delimiter(data: DataFile, problems: Problems) -> None:
    hint = delimiter_hint(data.columns[0])
    if hint is not None:
        problems.add(
            data,
            path=(COLUMN, 0),
            code="one-column",
            summary="The file seems to have another delimiter",
            detail="Its header is one column, with what often stands between columns in it.",
            hint="name the delimiter with --delimiter",
        )


def _check_columns(data: DataFile, collection: ForeignCollection, problems: Problems) -> None:
    """Report columns that are no field's name, and two that give one field its value."""
    given: dict[str, str] = {}
    for number, column in enumerate(data.columns):
        linked = linked_column(column, collection.object)
        if linked is None:
            continue
        if given.setdefault(linked.field, column) != column:
            problems.add(
                data,
                path=(COLUMN, number),
                code="same-field",
                summary="Two columns give one field its value",
                detail=f"{given[linked.field]} and {column} both say what {linked.field} is.",
                hint="take one of the two away",
            )


def _record(data: DataFile, number: int, row: dict[str, Any], collection: ForeignCollection) -> ForeignRecord:
    made: dict[str, ForeignValue] = {}
    places = {}
    links = {column: linked for column in row if (linked := linked_column(column, collection.object)) is not None}
    instead = {linked.field for linked in links.values()}
    for column, value in row.items():
        linked = links.get(column)
        if linked is None and column in instead:
            continue
        field = column if linked is None else linked.field
        made[field] = value if linked is None else _link(column, linked, value)
        places[field] = (number, "data", column)
    keys = {column: value for column, value in row.items() if isinstance(value, str)}
    return ForeignRecord(placed=data, path=(number,), data=made, places=places, keys=keys)


def _link(column: str, linked: Linked, value: Any) -> ForeignValue:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value)
    values = tuple(text.split(";")) if len(linked.fields) > 1 else (text,)
    return Link(objects=linked.objects, fields=linked.fields, values=values, told=f"{column} = {text}")
