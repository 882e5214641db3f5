"""Tells by its name and content how a file is written, and reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as FilePath
from typing import Final

from syncspec.manifests.discovery import shown
from syncspec.manifests.foreign.json_file import JsonFile, read_json
from syncspec.manifests.foreign.model import ForeignCollection, Options, collection_of
from syncspec.manifests.foreign.sfdmu import is_export, read_export
from syncspec.manifests.foreign.tables import read_table
from syncspec.manifests.foreign.tree import is_plan, is_tree, read_plan, read_tree
from syncspec.manifests.problems import Problems

__all__ = ["FORMATS", "read_foreign"]

FORMATS: Final = ("csv", "jsonl", "sfdmu", "sobject-tree")
_BY_NAME = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def read_foreign(
    path: FilePath, collection_id: str | None, options: Options, problems: Problems
) -> list[ForeignCollection]:
    """The records of a file and of those that it names, by collection; what is wrong is reported.

    `collection_id` is what a table holds; files that name objects say it themselves, and then it chooses among them.
    """
    name = shown(path.resolve(), FilePath.cwd())
    format_ = options.format or _BY_NAME.get(path.suffix.lower())
    if format_ == "sfdmu" and path.suffix.lower() in _BY_NAME:
        format_ = "csv"
    if format_ in ("csv", "jsonl"):
        return _table(path, name, collection_id, replace(options, format=format_), problems)
    source = read_json(path, name=name, problems=problems)
    if source is None:
        return []
    found = _read(source, path.parent, format_, options, problems)
    if collection_id is None or problems.has_errors:
        return found
    chosen = [each for each in found if each.collection_id == collection_id]
    if not chosen:
        known = ", ".join(each.collection_id for each in found) or "none"
        problems.add_plain(
            code="unknown-collection",
            summary="The file holds no such collection",
            detail=f"{collection_id} is not among those of the file: {known}.",
            hint="name one of them, or none to import all",
            file=name,
        )
    for each in found:
        each.only_read = each.only_read or each not in chosen
    return found


def _read(
    source: JsonFile, folder: FilePath, format_: str | None, options: Options, problems: Problems
) -> list[ForeignCollection]:
    if format_ in (None, "sfdmu") and is_export(source.value):
        return read_export(source, folder, options, problems)
    if format_ in (None, "sobject-tree") and is_plan(source.value):
        return read_plan(source, folder, problems)
    if format_ in (None, "sobject-tree") and is_tree(source.value):
        return read_tree(source, problems)
    problems.add(
        source,
        path=(),
        code="unknown-format",
        summary="It is not known how the file is written",
        detail="It is neither an sObject tree, nor a plan of such files, nor an export.json of SFDMU.",
        hint='write {"records": [ … ]}, or a list of {"sobject": …, "files": [ … ]}; JSON Lines end in .jsonl',
    )
    return []


def _table(
    path: FilePath, name: str, collection_id: str | None, options: Options, problems: Problems
) -> list[ForeignCollection]:
    sobject = path.stem if collection_id is None else collection_id.partition(":")[2]
    if collection_id is None:
        problems.add_plain(
            code="no-collection",
            summary="It is not known which collection the rows belong to",
            detail="A table does not say what its rows are.",
            hint=f"name it, such as: syncspec import {collection_of(sobject)} --from {path.name}",
            file=name,
        )
        return []
    collection = ForeignCollection(object=sobject, collection_id=collection_id)
    read = read_table(path, name=name, collection=collection, options=options, problems=problems)
    return [read] if read is not None else []
