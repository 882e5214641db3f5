"""Salesforce's sObject trees: files of records with reference IDs, and the plan that names several of them.

A record is `{"attributes": {"type", "referenceId"}, field: value, …}`, and a value `@id` stands for the record of that
reference ID. A plan is a list of `{"sobject", "files", "saveRefs", "resolveRefs"}`; its files lie beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.discovery import OutsideError, inside, shown
from syncspec.manifests.documents import Path
from syncspec.manifests.findings import shortened
from syncspec.manifests.foreign.json_file import JsonFile, read_json
from syncspec.manifests.foreign.model import ForeignCollection, ForeignRecord, ForeignValue, Link, collection_of
from syncspec.manifests.problems import Problems

__all__ = ["is_plan", "is_tree", "read_plan", "read_tree"]

_ATTRIBUTES = "attributes"


def is_tree(value: object) -> bool:
    """Whether a file's content is a tree of records."""
    return isinstance(value, dict) and "records" in value


def is_plan(value: object) -> bool:
    """Whether a file's content names files of trees, in order."""
    return isinstance(value, list) and any(isinstance(item, dict) and "sobject" in item for item in value)


def read_tree(source: JsonFile, problems: Problems) -> list[ForeignCollection]:
    """The records of one file, by object; what is wrong is reported."""
    reader = _Trees(problems)
    reader.file(source, sobject=None, resolves=True)
    return reader.finish()


def read_plan(source: JsonFile, folder: FilePath, problems: Problems) -> list[ForeignCollection]:
    """The records of all files of a plan, by object; what is wrong is reported."""
    reader = _Trees(problems)
    for number, step in enumerate(source.value):
        if not isinstance(step, dict) or not isinstance(step.get("sobject"), str):
            _refuse(
                source,
                (number,),
                "A step of the plan names no object",
                "Each step is an object with sobject and files.",
                'write {"sobject": "Account", "files": ["Accounts.json"]}',
                problems,
            )
            continue
        files = step.get("files")
        if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
            _refuse(
                source,
                (number, "files"),
                "A step of the plan names no files",
                "files is a list of texts.",
                'write "files": ["Accounts.json"]',
                problems,
            )
            continue
        for place, name in enumerate(files):
            path = _beside(source, (number, "files", place), folder, name, problems)
            inner = read_json(path, name=shown(path, FilePath.cwd()), problems=problems) if path is not None else None
            if inner is not None:
                reader.file(inner, sobject=step["sobject"], resolves=step.get("resolveRefs") is not False)
    return reader.finish()


def _beside(source: JsonFile, at: Path, folder: FilePath, name: str, problems: Problems) -> FilePath | None:
    """A file in the plan's folder, None where it cannot be followed, which is reported."""
    try:
        path = inside(folder.resolve(), name)
    except OutsideError as error:
        why = str(error).replace("project's folder", "plan's folder")
    else:
        if path.exists():
            return path
        why = "nothing is there"
    _refuse(
        source,
        at,
        "A file of the plan cannot be read",
        f"{shortened(name)}: {why}.",
        "name a file in the folder of the plan",
        problems,
    )
    return None


class _Trees:
    """Gathers records by object, and reference IDs of all files."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._collections: dict[str, ForeignCollection] = {}
        self._references: dict[str, ForeignRecord] = {}

    def file(self, source: JsonFile, *, sobject: str | None, resolves: bool) -> None:
        records = source.value.get("records") if isinstance(source.value, dict) else None
        if not isinstance(records, list):
            _refuse(
                source,
                ("records",),
                "The file is no sObject tree",
                'It holds no list "records".',
                'write {"records": [ … ]}, as sf data export tree does',
                self._problems,
            )
            return
        for number, record in enumerate(records):
            self._record(source, ("records", number), record, sobject=sobject, resolves=resolves)

    def _record(self, source: JsonFile, path: Path, raw: Any, *, sobject: str | None, resolves: bool) -> None:
        attributes = raw.get(_ATTRIBUTES) if isinstance(raw, dict) else None
        kind = attributes.get("type") if isinstance(attributes, dict) else None
        reference = attributes.get("referenceId") if isinstance(attributes, dict) else None
        if not isinstance(kind, str) or not kind or not isinstance(reference, str) or not reference:
            _refuse(
                source,
                (*path, _ATTRIBUTES),
                "A record has no type or no reference ID",
                "Each record says both under attributes.",
                'write "attributes": {"type": "Account", "referenceId": "Account1"}',
                self._problems,
            )
            return
        if sobject is not None and kind != sobject:
            _refuse(
                source,
                (*path, _ATTRIBUTES, "type"),
                "A record is of another object than its file",
                f"It is of {shortened(kind)}, and the plan says {shortened(sobject)}.",
                "correct the type, or the plan",
                self._problems,
            )
            return
        record = ForeignRecord(placed=source, path=path, data={}, reference=reference)
        first = self._references.setdefault(reference, record)
        if first is not record:
            where = first.placed.diagnostic(code="", summary="", path=(*first.path, _ATTRIBUTES, "referenceId")).source
            _refuse(
                source,
                (*path, _ATTRIBUTES, "referenceId"),
                "Two records have the same reference ID",
                f"{shortened(reference)} is also the reference ID at {where}.",
                "give each record one of its own",
                self._problems,
            )
            return
        record.data = {
            name: self._value(source, (*path, name), value, resolves)
            for name, value in raw.items()
            if name != _ATTRIBUTES
        }
        record.places = {name: (*path, name) for name in record.data}
        self._of(kind).records.append(record)

    def _value(self, source: JsonFile, path: Path, value: Any, resolves: bool) -> ForeignValue:
        if isinstance(value, dict) and ("records" in value or _ATTRIBUTES in value):
            _refuse(
                source,
                path,
                "Records stand inside a record",
                "Nothing here says which field of the inner one names the outer one.",
                "export them with sf data export tree --plan, which gives every object a file of its own",
                self._problems,
            )
            return None
        if resolves and isinstance(value, str) and value.startswith("@") and len(value) > 1:
            return Link(objects=None, fields=(), values=(value[1:],), told=value)
        found: ForeignValue = value
        return found

    def _of(self, kind: str) -> ForeignCollection:
        made = ForeignCollection(object=kind, collection_id=collection_of(kind))
        return self._collections.setdefault(kind, made)

    def finish(self) -> list[ForeignCollection]:
        """What was read; every reference has been checked."""
        for record in [record for each in self._collections.values() for record in each.records]:
            for name, value in record.data.items():
                if isinstance(value, Link) and value.values[0] not in self._references:
                    self._refuse_unknown(record, name, value.values[0], self._references)
        return list(self._collections.values())

    def _refuse_unknown(self, record: ForeignRecord, name: str, reference: str, known: Iterable[str]) -> None:
        self._problems.add(
            record.placed,
            path=record.place_of(name),
            code="unknown-reference",
            summary="Unknown reference ID",
            detail=f"No record that is imported has the reference ID {shortened(reference)}.",
            hint=did_you_mean(reference, list(known))
            or 'import its file too, by a plan; where it is no reference, write "resolveRefs": false into the plan',
        )


def _refuse(source: JsonFile, path: Path, summary: str, detail: str, hint: str, problems: Problems) -> None:
    problems.add(source, path=path, code="sobject-tree", summary=summary, detail=detail, hint=hint)
