"""Makes a desired set of one document: expressions, shape, options, and every record checked."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from syncspec.address import RECORD_NAME
from syncspec.diagnostics import Source
from syncspec.manifests.data_schemas import DataSchema
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.findings import shortened
from syncspec.manifests.models import LifecycleSpec, RecordSet, RecordSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import CollectionSpec
from syncspec.manifests.record_checks import RecordChecks
from syncspec.manifests.record_data import Layer, effective_defaults
from syncspec.manifests.schema_files import SchemaFiles
from syncspec.manifests.set_options import Options, Surroundings, resolve_options
from syncspec.manifests.shape import checked
from syncspec.records import DesiredRecord, DesiredSet

__all__ = ["LoadedSet", "Shaped", "check_shape", "hide_sensitive", "load_set"]

_MAY_BE_OPEN = frozenset({"defaults", "sync_id", "labels"})
"""Parts of a set without which its records can be checked all the same."""


@dataclass(frozen=True, slots=True)
class ShapedRecord:
    """One record's parts. `complete` False: an expression in it could not be resolved."""

    name: str
    source: Source
    data: dict[str, Value]
    upstream_id: str | None = None
    lifecycle: LifecycleSpec | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A record set whose head has the right form. `records` are those of which the same is true.

    `plain`: neither an expression nor `!unset` stands in them.
    """

    document: Document
    model: RecordSet
    records: tuple[ShapedRecord, ...]
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSet:
    """A desired set with the document that declares it, and the schema that its data fits."""

    document: Document
    desired: DesiredSet
    schema: DataSchema | None


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
    records = spec.get("records") if isinstance(spec, dict) else None
    plain = _is_plain(records)
    found = _shaped_records(
        document, records, _name_of(body), expansion, plain=plain, defaults_known=defaults_known, problems=problems
    )
    shaped = tuple(found)
    if model is None or not usable:
        return None
    return Shaped(document=document, model=model, records=shaped, plain=plain)


def load_set(shaped: Shaped, *, around: Surroundings, schemas: SchemaFiles, problems: Problems) -> LoadedSet | None:
    """The desired set, or None where it is not known where its records go. Findings are reported."""
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
    )
    name = shaped.model.metadata.name
    checks.check_defaults()
    records = tuple(_desired(checks, shaped))
    checks.finish()
    return LoadedSet(document=document, schema=schema, desired=_desired_set(shaped, name, records, options, document))


def _expanded_head(body: dict[str, Value], expansion: Expansion) -> dict[str, Value]:
    """The document with expressions resolved and without its records; what is no mapping stays for the model."""
    head = dict(body)
    spec = body.get("spec")
    if isinstance(spec, dict):
        own = {key: value for key, value in spec.items() if key != "records"}
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


def _desired(checks: RecordChecks, shaped: Shaped) -> Iterator[DesiredRecord]:
    set_name, plain = shaped.model.metadata.name, shaped.plain
    for record in shaped.records:
        desired = checks.desired(
            f"{set_name}.{record.name}",
            record.name,
            record.data,
            source=record.source,
            upstream_id=record.upstream_id,
            lifecycle=record.lifecycle,
            complete=record.complete,
            plain=plain,
        )
        if desired is not None:
            yield desired


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


def _shaped_records(
    document: Document,
    records: Value,
    set_name: str | None,
    expansion: Expansion,
    *,
    plain: bool,
    defaults_known: bool,
    problems: Problems,
) -> Iterator[ShapedRecord]:
    """The records of the right form, in order."""
    if not isinstance(records, dict):
        return
    for name, source in document.key_sources(("spec", "records")):
        raw = records[name]
        address = f"{set_name}.{name}" if set_name is not None else None
        if RECORD_NAME.fullmatch(name) is None:
            _refuse_name(document, name, problems)
            continue
        complete = defaults_known
        if not plain:
            before = len(expansion.unresolved)
            raw = expansion.expand(raw, ("spec", "records", name), address=address)
            complete = complete and len(expansion.unresolved) == before
        data = _only_data(raw)
        if data is not None:
            yield ShapedRecord(name, source, data, None, None, complete)
            continue
        model = checked(
            RecordSpec,
            raw,
            document=document,
            problems=problems,
            at=("spec", "records", name),
            address=address,
            unresolved=expansion.unresolved,
        )
        if model is not None:
            yield ShapedRecord(name, source, model.data, model.upstream_id, model.lifecycle, complete)


def _only_data(raw: Value) -> dict[str, Value] | None:
    """The data of a record that holds nothing else, without asking the model: most records are like that."""
    if isinstance(raw, dict) and len(raw) == 1:
        data = raw.get("data")
        if isinstance(data, dict):
            return data
    return None


def _is_plain(records: Value) -> bool:
    """Whether neither an expression nor `!unset` can stand anywhere in the records."""
    import orjson

    try:
        text = orjson.dumps(records)
    except (TypeError, ValueError):
        return False
    return b"${" not in text and b"!unset" not in text


def _name_of(body: dict[str, Value]) -> str | None:
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return shortened(name) if isinstance(name, str) else None


def _refuse_name(document: Document, name: str, problems: Problems) -> None:
    problems.add(
        document,
        path=("spec", "records", name),
        code="expression-in-key" if "${" in name else "invalid-name",
        summary="A record's name holds an expression" if "${" in name else "A record's name has the wrong form",
        detail=f'"{shortened(name)}" is a name, and only values are expanded.'
        if "${" in name
        else f'"{shortened(name)}" cannot be part of an address.',
        hint="begin with a letter or digit, and go on with letters, digits and _ . @ + -",
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
