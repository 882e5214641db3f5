"""SFDMU's export.json: objects with queries and external IDs, and a CSV file for each of them beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from syncspec.manifests.discovery import shown
from syncspec.manifests.documents import Path
from syncspec.manifests.findings import shortened
from syncspec.manifests.foreign.json_file import JsonFile
from syncspec.manifests.foreign.model import ForeignCollection, Options, collection_of
from syncspec.manifests.foreign.tables import linked_column, read_table
from syncspec.manifests.problems import Problems

__all__ = ["is_export", "read_export"]

_FROM = re.compile(r"\bFROM\s+([A-Za-z]\w*)", re.IGNORECASE)
_WITHOUT_DATA = frozenset({"delete", "harddelete", "deletesource", "deletehierarchy"})
_DEFAULT_KEY = "Name"
"""What SFDMU takes for the external ID where an object names none."""
_ANOTHER_ORG = "it is an ID of the org that the file comes from"


def is_export(value: object) -> bool:
    """Whether a file's content is that of SFDMU's `export.json`."""
    return isinstance(value, dict) and ("objects" in value or "objectSets" in value)


def read_export(source: JsonFile, folder: FilePath, options: Options, problems: Problems) -> list[ForeignCollection]:
    """The records of every object's file, in the order of the objects; what is wrong is reported."""
    settings = source.value
    delimiter = settings.get("csvFileDelimiter")
    if options.delimiter is None and isinstance(delimiter, str) and len(delimiter) == 1:
        options = replace(options, delimiter=delimiter)
    found: dict[str, ForeignCollection] = {}
    for path, raw in _objects(source, problems):
        collection = _collection(source, path, raw, problems)
        if collection is None:
            continue
        if collection.object in found:
            _refuse(
                source,
                path,
                "An object is exported twice",
                f"{collection.object} is also the object of an entry above, and both have one file.",
                "put the two queries into one entry",
                problems,
            )
            continue
        file = folder / f"{collection.object}.csv"
        if not file.exists():
            if not collection.only_read:
                _refuse(
                    source,
                    (*path, "query"),
                    "An object has no file",
                    f"{file.name} is not beside the file.",
                    "export it with --targetusername csvfile, or set excluded: true for the object",
                    problems,
                )
            continue
        name = shown(file.resolve(), FilePath.cwd())
        read = read_table(file, name=name, collection=collection, options=options, problems=problems)
        if read is not None:
            found[collection.object] = read
            _finish(source, path, read, raw.get("externalId") is not None, problems)
    return list(found.values())


def _objects(source: JsonFile, problems: Problems) -> list[tuple[Path, dict[str, Any]]]:
    """Every object that is not excluded, with its place; those of object sets follow the others."""
    lists: list[tuple[Path, Any]] = [(("objects",), source.value.get("objects", []))]
    sets = source.value.get("objectSets", [])
    for number, each in enumerate(sets if isinstance(sets, list) else []):
        inner = each.get("objects") if isinstance(each, dict) else None
        lists.append((("objectSets", number, "objects"), inner))
    found = []
    for path, objects in lists:
        if not isinstance(objects, list):
            _refuse(
                source, path, "The file is no export.json", "objects is a list.", 'write "objects": [ … ]', problems
            )
            continue
        for number, raw in enumerate(objects):
            if not isinstance(raw, dict) or not isinstance(raw.get("query"), str):
                _refuse(
                    source,
                    (*path, number),
                    "An object has no query",
                    "Each object says what it selects.",
                    'write "query": "SELECT Id, Name FROM Account"',
                    problems,
                )
            elif raw.get("excluded") is not True and str(raw.get("operation", "")).lower() not in _WITHOUT_DATA:
                found.append(((*path, number), raw))
    return found


def _collection(source: JsonFile, path: Path, raw: dict[str, Any], problems: Problems) -> ForeignCollection | None:
    sobject = _FROM.search(raw["query"])
    if sobject is None:
        _refuse(
            source,
            (*path, "query"),
            "A query names no object",
            "Nothing in it follows FROM.",
            'write "query": "SELECT Id, Name FROM Account"',
            problems,
        )
        return None
    return ForeignCollection(
        object=sobject[1],
        collection_id=collection_of(sobject[1]),
        match_on=_key(raw, sobject[1]),
        only_read=str(raw.get("operation", "")).lower() == "readonly",
    )


def _key(raw: dict[str, Any], sobject: str) -> tuple[str, ...] | None:
    """The fields of the external ID; those of another record stand for the field that names it."""
    told = raw.get("externalId", _DEFAULT_KEY)
    if not isinstance(told, str) or told.strip().lower() in ("", "id"):
        return None
    fields = []
    for name in (part.strip() for part in told.split(";")):
        linked = linked_column(name, sobject)
        fields.append(linked.field if linked is not None else name)
    return tuple(dict.fromkeys(fields))


def _finish(source: JsonFile, path: Path, read: ForeignCollection, is_named: bool, problems: Problems) -> None:
    """Take away what only the old org knows, and a key that the file does not hold."""
    for record in read.records:
        if record.data.pop("Id", None) is not None:
            read.dropped["Id"] = _ANOTHER_ORG
    there = set().union(*(record.data for record in read.records)) if read.records else set()
    missing = [name for name in read.match_on or () if name not in there]
    if missing and read.records and is_named and not read.only_read:
        _refuse(
            source,
            (*path, "externalId"),
            "A file lacks a field of its external ID",
            f"{read.object}.csv has no column for {', '.join(map(shortened, missing))}.",
            "export the field too, or name another externalId",
            problems,
        )
    elif missing:
        read.match_on = None


def _refuse(source: JsonFile, path: Path, summary: str, detail: str, hint: str, problems: Problems) -> None:
    problems.add(source, path=path, code="sfdmu-export", summary=summary, detail=detail, hint=hint)
