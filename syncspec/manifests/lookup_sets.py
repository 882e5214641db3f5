"""Makes lookups of one document: records that exist upstream, and the values by which each is found."""

from __future__ import annotations

from syncspec.address import RECORD_NAME
from syncspec.diagnostics import did_you_mean
from syncspec.keys import match_key
from syncspec.lookups import Lookup, Lookups
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.findings import shortened
from syncspec.manifests.lookup_models import LookupSet
from syncspec.manifests.models import RecordSetSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_data import Layer, check_values
from syncspec.manifests.set_options import Options, Surroundings, resolve_options
from syncspec.manifests.shape import checked
from syncspec.manifests.shaped_records import RECORDS
from syncspec.records import Data, MatchKey
from syncspec.values import is_blank

__all__ = ["load_lookups", "shaped_lookups"]


def shaped_lookups(
    document: Document, body: dict[str, Value], *, expansion: Expansion, problems: Problems
) -> LookupSet | None:
    """A lookup set with its expressions resolved, where it has the right form; what is wrong is reported."""
    before = problems.error_count
    head = dict(body)
    for part in ("spec", "metadata"):
        if isinstance(head.get(part), dict):
            head[part] = expansion.expand(head[part], (part,))
    model = checked(LookupSet, head, document=document, problems=problems, unresolved=expansion.unresolved)
    return model if problems.error_count == before and not expansion.unresolved else None


def load_lookups(model: LookupSet, document: Document, *, around: Surroundings, problems: Problems) -> Lookups | None:
    """The lookups, or None where they cannot be made; findings are reported."""
    spec, name = model.spec, model.metadata.name
    collection = around.collections.get(spec.collection_id)
    match_on = spec.match_on or (collection.match_on if collection is not None else None)
    if not match_on:
        _refuse_without_key(document, problems)
        return None
    options = resolve_options(
        RecordSetSpec.model_construct(
            upstream=spec.upstream,
            sync_id=spec.sync_id,
            collection_id=spec.collection_id,
            match_on=match_on,
            fields=spec.fields,
        ),
        document=document,
        around=around,
        problems=problems,
    )
    if options is None:
        return None
    before = problems.error_count
    records = []
    for record, source in document.key_sources(RECORDS):
        key = _key(record, spec.records.get(record, {}), name, options, document, problems)
        if key is not None:
            data = spec.records[record]
            records.append(Lookup(address=f"{name}.{record}", data=data, source=source, key=key))
    if problems.error_count > before:
        return None
    return Lookups(
        name=name,
        target=options.target,
        source=document.value_source(("metadata", "name")),
        records=tuple(records),
        match_on=options.match_on,
        rules=options.rules,
    )


def _key(
    record: str, data: Data, set_name: str, options: Options, document: Document, problems: Problems
) -> MatchKey | None:
    """The key of one record; None where it has none, which is reported."""
    path, address = (*RECORDS, record), f"{set_name}.{record}"
    if RECORD_NAME.fullmatch(record) is None:
        problems.add(
            document,
            path=path,
            code="invalid-name",
            summary="A record's name has the wrong form",
            detail=f'"{shortened(record)}" cannot be part of an address.',
            hint="begin with a letter or digit, and go on with letters, digits and _ . @ + -",
            at="key",
        )
        return None
    for field in data:
        if field not in options.match_on:
            problems.add(
                document,
                path=(*path, field),
                code="unknown-key-field",
                summary="A field does not help to find the record",
                detail=f'"{shortened(field)}" is not in match_on: {", ".join(map(shortened, options.match_on))}.',
                hint=did_you_mean(field, options.match_on) or "add it to match_on, or remove it",
                at="key",
                address=address,
            )
    for field in options.match_on:
        if is_blank(data.get(field)):
            problems.add(
                document,
                path=(*path, field),
                code="no-match-key",
                summary="A record lacks a key field",
                detail=f'"{shortened(field)}" is in match_on, and has no value here: the record could not be found.',
                hint=f"give {shortened(field)} a value",
                at="key",
                address=address,
            )
    typed = {name: rule for name, rule in options.rules.fields.items() if rule.type is not None}
    check_values(Layer(data=data, document=document, path=path), options.rules, problems, typed=typed, address=address)
    return match_key(data, options.match_on, options.rules)


def _refuse_without_key(document: Document, problems: Problems) -> None:
    problems.add(
        document,
        path=("spec",),
        code="missing-key",
        summary="A key is missing",
        detail='"match_on" is required under spec: it names the fields by which the records are found.',
        hint="add match_on:",
        at="key",
    )
