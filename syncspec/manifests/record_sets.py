"""Makes a desired set of one document: expressions, shape, options, and every record checked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from syncspec.manifests.data_schemas import DataSchema
from syncspec.manifests.documents import Document, Path, Placed, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.findings import shortened
from syncspec.manifests.models import MoveSpec, RecordSet
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import CollectionSpec
from syncspec.manifests.record_checks import RecordChecks
from syncspec.manifests.record_data import Layer, effective_defaults
from syncspec.manifests.rows.data_file import DataFile
from syncspec.manifests.rows.row_files import RowFiles
from syncspec.manifests.rows.sources import RowSource, row_sources
from syncspec.manifests.schema_files import SchemaFiles
from syncspec.manifests.set_options import Options, Surroundings, resolve_options
from syncspec.manifests.shape import checked
from syncspec.manifests.shaped_records import RECORDS, ShapedRecord, written_records
from syncspec.records import DesiredRecord, DesiredSet

__all__ = ["LoadedSet", "Shaped", "check_shape", "hide_sensitive", "load_set"]

_MAY_BE_OPEN = frozenset({"defaults", "sync_id", "labels"})
"""Parts of a set without which its records can be checked all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A record set whose head has the right form. `records` and `sources` are those of which the same is true."""

    document: Document
    model: RecordSet
    records: tuple[ShapedRecord, ...]
    sources: tuple[RowSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSet:
    """A desired set with the document that declares it, the schema that its data fits, and the files of its rows.

    `checks` are to be finished once what its records refer to is resolved.
    `moves` are those that the set declares, as they are written.
    """

    document: Document
    desired: DesiredSet
    schema: DataSchema | None
    checks: RecordChecks
    files: tuple[DataFile, ...] = ()
    moves: tuple[MoveSpec, ...] = ()

    def place_of(self, record: DesiredRecord) -> tuple[Placed, Path]:
        """Where a record of the set is declared: a path in its document, or in a file of rows."""
        for data in self.files:
            if data.file == record.source.file:
                return data, (data.row_on(record.source.line),)
        return self.document, (*RECORDS, record.address.partition(".")[2])


def check_shape(
    document: Document, body: dict[str, Value], *, expansion: Expansion, problems: Problems
) -> Shaped | None:
    """Resolve a set's expressions and check its form; None where its records cannot be checked further."""
    before = problems.error_count
    head = _expanded_head(body, expansion)
    expanded_well = problems.error_count == before
    model = checked(RecordSet, head, document=document, problems=problems, unresolved=expansion.unresolved)
    usable = model is not None and expanded_well and all(path[1] in _MAY_BE_OPEN for path in expansion.unresolved)
    defaults_known = all(path[1] != "defaults" for path in expansion.unresolved)
    spec = body.get("spec")
    declared = spec if isinstance(spec, dict) else {}
    found = written_records(
        document,
        declared.get("records"),
        _name_of(body),
        expansion,
        defaults_known=defaults_known,
        problems=problems,
    )
    records = tuple(found)
    sources: tuple[RowSource, ...] = ()
    if declared.get("records_from") is not None:
        sources = row_sources(
            document,
            declared["records_from"],
            expansion=expansion,
            defaults_known=defaults_known,
            problems=problems,
        )
    elif "records" not in declared and isinstance(spec, dict):
        _report_no_records(document, problems)
    if model is None or not usable:
        return None
    return Shaped(document=document, model=model, records=records, sources=sources)


def load_set(
    shaped: Shaped, *, around: Surroundings, schemas: SchemaFiles, root: FilePath, problems: Problems
) -> LoadedSet | None:
    """The desired set, or None where it is not known where its records go. Findings are reported.

    Files of rows are read here, inside the project, whose real path is `root`.
    """
    document, spec = shaped.document, shaped.model.spec
    options = resolve_options(spec, document=document, around=around, problems=problems)
    if options is None:
        return None
    schema = None if options.data_schema is None else schemas.get(options.data_schema, document, problems)
    layers = _default_layers(shaped, around)
    for layer in layers:
        sensitive = (name for name, rule in options.rules.fields.items() if rule.sensitive)
        problems.hide_fields(layer.document.file, sensitive)
    checks = RecordChecks(
        document=document,
        options=options,
        defaults=effective_defaults(layers, problems),
        default_layers=layers,
        schema=schema,
        marker=around.marker,
        problems=problems,
        placeholders=around.placeholders,
    )
    name = shaped.model.metadata.name
    checks.check_defaults()
    files = RowFiles(document, name, options=options, checks=checks, root=root, problems=problems)
    declared = itertools.chain(shaped.records, files.records(shaped.sources))
    made = (checks.desired(f"{name}.{record.name}", record) for record in declared)
    records = tuple(record for record in made if record is not None)
    return LoadedSet(
        document=document,
        schema=schema,
        checks=checks,
        desired=_desired_set(shaped, name, records, options, document),
        files=tuple(files.opened),
        moves=spec.moved or (),
    )


def _expanded_head(body: dict[str, Value], expansion: Expansion) -> dict[str, Value]:
    """The document with expressions resolved and without its records; what is no mapping stays for the model."""
    head = dict(body)
    spec = body.get("spec")
    if isinstance(spec, dict):
        own = {key: value for key, value in spec.items() if key not in ("records", "records_from")}
        expanded = expansion.expand(own, ("spec",))
        if isinstance(expanded, dict) and "records" in spec:
            expanded["records"] = {} if isinstance(spec["records"], dict) else spec["records"]
        head["spec"] = expanded
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and "labels" in metadata:
        head["metadata"] = {**metadata, "labels": expansion.expand(metadata["labels"], ("metadata", "labels"))}
    return head


def _desired_set(
    shaped: Shaped, name: str, records: tuple[DesiredRecord, ...], options: Options, document: Document
) -> DesiredSet:
    return DesiredSet(
        name=name,
        target=options.target,
        source=document.value_source(("metadata", "name")),
        records=records,
        rules=options.rules,
        match_on=options.match_on,
        marker_field=options.marker_field,
        max_records=options.max_records,
        await_consumers=options.await_consumers,
        labels=shaped.model.metadata.labels or {},
    )


def _default_layers(shaped: Shaped, around: Surroundings) -> list[Layer]:
    """The defaults that stand above the records, the farthest first."""
    spec = shaped.model.spec
    layers = []
    collection = around.collections.get(spec.collection_id)
    if collection is not None and collection.defaults:
        place = around.collection_place(spec.collection_id, "defaults")
        layers.append(Layer(data=collection.defaults, document=place[0], path=place[1]))
    if spec.defaults:
        layers.append(Layer(data=spec.defaults, document=shaped.document, path=("spec", "defaults")))
    return layers


def _name_of(body: dict[str, Value]) -> str | None:
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return shortened(name) if isinstance(name, str) else None


def _report_no_records(document: Document, problems: Problems) -> None:
    problems.add(
        document,
        path=("spec",),
        code="missing-key",
        summary="A key is missing",
        detail='Neither "records" nor "records_from" stands under spec.',
        hint="add records:, or records_from: with a file of rows",
        at="key",
    )


def hide_sensitive(
    document: Document,
    body: dict[str, Value],
    collections: AbstractMapping[str, CollectionSpec],
    problems: Problems,
) -> None:
    """Keep lines that name a sensitive field out of messages, whatever else is wrong with the set."""
    raw = body.get("spec")
    if not isinstance(raw, dict):
        return
    fields = raw.get("fields")
    collection = raw.get("collection_id")
    inherited = collections.get(collection) if isinstance(collection, str) else None
    names = {name for name, rule in ((inherited and inherited.fields) or {}).items() if rule.sensitive}
    if isinstance(fields, dict):
        names.update(n for n, rule in fields.items() if isinstance(rule, dict) and rule.get("sensitive") is True)
    problems.hide_fields(document.file, names)
