"""The JSON Schemas that a project's sets name, each read once."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.data_schemas import DataSchema, SchemaError, Violation, load_schema
from syncspec.manifests.discovery import OutsideError, inside
from syncspec.manifests.documents import Document
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_data import Layer
from syncspec.records import Data, FieldRules

__all__ = ["SchemaFiles", "report_violations"]


class SchemaFiles:
    """Reads schemas inside one project; a schema that cannot be used is reported by every set that names it."""

    __slots__ = ("_read", "_root")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[Path, DataSchema | SchemaError] = {}

    def get(self, name: str, document: Document, problems: Problems) -> DataSchema | None:
        """The schema that a set names, or None where it cannot be used."""
        try:
            path = inside(self._root, name)
        except OutsideError as error:
            self._refuse(
                document, f"{shortened(name)} cannot be read: {error}.", "name a file in the project", problems
            )
            return None
        if path not in self._read:
            try:
                self._read[path] = load_schema(path)
            except SchemaError as error:
                self._read[path] = error
        schema = self._read[path]
        if isinstance(schema, SchemaError):
            self._refuse(document, f"{shortened(name)}: {schema.detail}", schema.hint, problems)
            return None
        return schema

    def _refuse(self, document: Document, detail: str, hint: str, problems: Problems) -> None:
        problems.add(
            document,
            path=("spec", "data_schema"),
            code="data-schema",
            summary="A data schema cannot be used",
            detail=detail,
            hint=hint,
        )


def report_violations(
    schema: DataSchema,
    data: Data,
    layers: list[Layer],
    rules: FieldRules,
    problems: Problems,
    *,
    address: str,
    unknown: Collection[tuple[str | int, ...]] = (),
) -> None:
    """Report all that does not fit the schema, each at its field; `layers` begins with the nearest.

    At the `unknown` paths stands what is not known yet, and is not judged.
    """
    for violation in schema.violations(data, unknown=unknown):
        field = str(violation.path[0]) if violation.path else None
        layer = next((layer for layer in layers if field in layer.data), layers[0])
        path = violation.path
        at_key = violation.about_key or not path
        if field is not None and rules.rule(field).sensitive:
            path, at_key = (field,), True
        problems.add(
            layer.document,
            path=(*layer.path, *path),
            code="schema-violation",
            summary="The data does not fit its schema",
            detail=_said(violation),
            hint=_hint(violation, schema),
            at="key" if at_key else "value",
            address=address,
        )


def _said(violation: Violation) -> str:
    where = ".".join(shortened(str(step)) for step in violation.path)
    return f"{where}: {violation.detail}" if where and not violation.about_key else violation.detail


def _hint(violation: Violation, schema: DataSchema) -> str:
    if violation.about_key and len(violation.path) == 1:
        near = did_you_mean(str(violation.path[0]), schema.properties)
        return near or "remove the field, or describe it in the schema"
    return "correct the data, or the schema"
