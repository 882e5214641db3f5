"""Where a record's value stands, and the edit that puts another one in its place."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.editing import Addition, Edit, Replacement
from syncspec.manifests.expressions import ExpressionError, parse
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.exact_json import exact_number
from syncspec.manifests.yaml_text import UnwritableError, literal
from syncspec.records import DesiredRecord, DesiredSet, FieldRule, FieldType, Json, ObservedRecord
from syncspec.values import equal, problem

__all__ = ["Origins"]


class Origins:
    """The values of one set's records, in the document that declares it; what cannot be edited there is reported."""

    def __init__(self, path: FilePath, document: Document, record_set: DesiredSet, problems: Problems) -> None:
        self.path, self.document = path, document
        self._set, self._problems = record_set, problems
        sensitive = [name for name, rule in record_set.rules.fields.items() if rule.sensitive]
        problems.hide_fields(document.file, sensitive)

    def take(self, record: DesiredRecord, row: ObservedRecord, name: str) -> tuple[Json, Edit] | None:
        """The value that the upstream shows, as it is declared from now on, and the edit; None where it is refused."""
        place = self._place(record, name)
        if place is None:
            return None
        path, is_own = place
        rule = self._set.rules.rule(name)
        if rule.sensitive:
            self._refuse(
                record,
                path,
                f"{name} is sensitive, and its values are not written into manifests.",
                "change it upstream, list it under ignore_changes, or edit the manifest",
            )
            return None
        value = _like(record.data[name], row.data.get(name), rule, scalars_as_text=self._set.rules.scalars_as_text)
        why = problem(value, rule) if rule.type is not None and value is not None else None
        try:
            written = literal(value)
        except UnwritableError as error:
            why, written = str(error), None
        if why is not None:
            self._refuse(
                record,
                path,
                f"The upstream's value of {name} cannot be declared: {why}.",
                "change it upstream, or the field's type under fields",
            )
            return None
        if is_own:
            return value, Replacement(path=path, value=written)
        return value, Addition(path=path, entries={name: written})

    def _place(self, record: DesiredRecord, name: str) -> tuple[Path, bool] | None:
        """The value's own path, or that of the data that it is to be added to; None where it stands elsewhere."""
        path: Path = ("spec", "records", record.address.partition(".")[2])
        raw = _at(self.document.value, path)
        if not isinstance(raw, dict):
            self._refuse(
                record,
                ("spec", "records_from"),
                f"{record.address} comes from {record.source}.",
                f"correct {name} in that file",
            )
            return None
        data = raw.get("data")
        if not isinstance(data, dict) or name not in data:
            return (*path, "data"), False
        own = (*path, "data", name)
        expression = _expression_in(data[name])
        if expression is not None:
            self._refuse(
                record,
                own,
                f"{name} is made of {expression}, which other values may be made of too.",
                "change what it is made of, or write the value out here",
            )
            return None
        return own, True

    def _refuse(self, record: DesiredRecord, path: Path, detail: str, hint: str) -> None:
        self._problems.add(
            self.document,
            path=path,
            code="not-accepted",
            summary="A field cannot be accepted",
            detail=f"{detail} Nothing was written.",
            hint=f"{hint}; with --field others can be accepted",
            address=record.address,
        )


def _at(value: Value, path: Path) -> Any:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return None
        value = value[str(step)]
    return value


def _expression_in(value: Value) -> str | None:
    """The first expression that a value is made of, as it is written."""
    if isinstance(value, str) and "${" in value:
        try:
            parts = parse(value)
        except ExpressionError:
            return "an expression"
        reference = next((part for part in parts if not isinstance(part, str)), None)
        if reference is None:
            return None
        return value[reference.offset : value.index("}", reference.offset) + 1]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for each in inner if (found := _expression_in(each)) is not None), None)


def _like(declared: Json, observed: Json, rule: FieldRule, *, scalars_as_text: bool) -> Json:
    """The observed value, in the type that the declared one has, where it is the same value in it."""
    made: Json = observed
    if isinstance(observed, str):
        if isinstance(declared, bool):
            made = {"true": True, "false": False}.get(observed.strip().lower(), observed)
        elif isinstance(declared, int | float):
            number = exact_number(observed.strip())
            made = observed if number is None else number
        elif isinstance(declared, list) and rule.type is FieldType.MULTI:
            made = [part for part in map(str.strip, observed.split(rule.separator)) if part]
    return made if equal(made, observed, rule, scalars_as_text=scalars_as_text) else observed
