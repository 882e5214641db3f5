"""Works out where a set's records go and what the set inherits from its collection."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from syncspec.diagnostics import Severity, Source, did_you_mean
from syncspec.manifests.documents import Document, Path
from syncspec.manifests.field_rules import contradiction, merged_rules
from syncspec.manifests.findings import shortened
from syncspec.manifests.lifecycle import check_protection
from syncspec.manifests.models import LifecycleSpec, RecordSetSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import CollectionSpec
from syncspec.manifests.upstream_settings import awaited
from syncspec.providers import KNOWN_PROVIDERS, provider
from syncspec.records import AwaitConsumers, FieldRules, Target
from syncspec.settings import UpstreamSettings

__all__ = ["Options", "Surroundings", "resolve_options"]

_PROTECT: Path = ("spec", "lifecycle", "protect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a project gives to each of its sets.

    `default_upstream` is the one of sets that name none. `collection_place` tells where the project file says
    something about a collection (its ID and the keys below it), `protected_at` where it protects every
    record. `placeholders`: values may hold stand-ins for what is not known.
    """

    project: str
    environment: str | None
    upstreams: AbstractMapping[str, UpstreamSettings]
    default_upstream: str | None
    collections: AbstractMapping[str, CollectionSpec]
    lifecycle: LifecycleSpec | None
    protected_at: Source | None
    collection_place: Callable[..., tuple[Document, Path]]
    placeholders: bool = False

    def protected_for(self, collection_id: str) -> Source | None:
        """Where all records of a collection are protected."""
        collection = self.collections.get(collection_id)
        if self.protected_at is not None or collection is None or collection.lifecycle is None:
            return self.protected_at
        if not collection.lifecycle.protect:
            return None
        document, path = self.collection_place(collection_id, "lifecycle", "protect")
        return document.value_source(path)

    def marker(self, address: str) -> str:
        """What the marker field of a record holds."""
        suffix = "" if self.environment is None else f"@{self.environment}"
        return f"{self.project}{suffix}/{address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A set's own word and what it inherits, put together.

    `lifecycles`: the farthest layer first. `protected_at`: where one of them protects all records of the set.
    """

    target: Target
    rules: FieldRules
    match_on: tuple[str, ...]
    marker_field: str | None
    max_records: int
    data_schema: str | None
    lifecycles: tuple[LifecycleSpec | None, ...]
    await_consumers: AwaitConsumers | None
    protected_at: Source | None = None


def resolve_options(
    spec: RecordSetSpec, *, document: Document, around: Surroundings, problems: Problems
) -> Options | None:
    """The set's options, or None where it is not known where its records go; findings are reported."""
    collection = around.collections.get(spec.collection_id) or CollectionSpec()
    upstream = _upstream(spec, document, around, problems)
    known = provider(spec.collection_id.partition(":")[0])
    rules = merged_rules(known, (collection.fields, spec.fields))
    _check_fields(spec, rules, document, problems)
    sync_id = None if upstream is None else _sync_id(spec, upstream, document, problems)
    if upstream is None or sync_id is None:
        return None
    match_on = spec.match_on or collection.match_on or ()
    marker_field = spec.marker_field or collection.marker_field
    _check_match_on(match_on, marker_field, document, problems)
    protected_at = around.protected_for(spec.collection_id)
    check_protection(spec.lifecycle, protected_at, document=document, path=_PROTECT, problems=problems)
    if protected_at is None and spec.lifecycle is not None and spec.lifecycle.protect:
        protected_at = document.value_source(_PROTECT)
    return Options(
        target=Target(
            upstream=upstream.name, endpoint=upstream.endpoint, sync_id=sync_id, collection_id=spec.collection_id
        ),
        rules=rules,
        match_on=match_on,
        marker_field=marker_field,
        max_records=_max_records(spec, collection, bool(match_on or marker_field), document, problems),
        data_schema=spec.data_schema or collection.data_schema,
        lifecycles=(around.lifecycle, collection.lifecycle, spec.lifecycle),
        await_consumers=awaited(spec.await_consumers or collection.await_consumers) or upstream.await_consumers,
        protected_at=protected_at,
    )


def _upstream(
    spec: RecordSetSpec, document: Document, around: Surroundings, problems: Problems
) -> UpstreamSettings | None:
    name = spec.upstream or around.default_upstream
    if name is not None and name in around.upstreams:
        return around.upstreams[name]
    known = sorted(around.upstreams)
    shown = ", ".join(known)
    if name is not None:
        problems.add(
            document,
            path=("spec", "upstream"),
            code="unknown-upstream",
            summary="Unknown upstream",
            detail=f'The project has no upstream "{shortened(name)}"; known: {shown or "none"}.',
            hint=did_you_mean(name, known) or "declare it under spec.upstreams of the project file",
        )
        return None
    problems.add(
        document,
        path=("spec",),
        code="no-upstream",
        summary="No upstream is named",
        detail=f"The project has several upstreams: {shown}." if known else "The project declares no upstream.",
        hint=f"add upstream: {known[0]} under spec"
        if known
        else "declare one under spec.upstreams of the project file",
        at="key",
    )
    return None


def _sync_id(spec: RecordSetSpec, upstream: UpstreamSettings, document: Document, problems: Problems) -> str | None:
    name = spec.collection_id.partition(":")[0]
    if spec.sync_id is not None:
        return spec.sync_id
    if name in upstream.syncs:
        return upstream.syncs[name]
    if upstream.type == "embedded":
        return name
    problems.add(
        document,
        path=("spec",),
        code="no-sync",
        summary="No sync is named",
        detail=f'Neither the set nor the upstream "{upstream.name}" names a sync for {name}.',
        hint=f"add sync_id: … under spec, or {name}: … under spec.upstreams.{upstream.name}.syncs of the project file",
        at="key",
    )
    return None


def _check_fields(spec: RecordSetSpec, rules: FieldRules, document: Document, problems: Problems) -> None:
    for name, field in (spec.fields or {}).items():
        found = contradiction(field, rules.rule(name))
        if found is not None:
            option, why = found
            problems.add(
                document,
                path=("spec", "fields", name, option),
                code="contradiction",
                summary="Options of a field contradict each other",
                detail=why,
                hint=f"remove {option}, or give the field the type it is for",
                at="key",
            )


def _check_match_on(match_on: tuple[str, ...], marker: str | None, document: Document, problems: Problems) -> None:
    for number, name in enumerate(match_on):
        if name == marker:
            problems.add(
                document,
                path=("spec", "match_on", number),
                code="marker-in-match-on",
                summary="The marker field is no key field",
                detail=f'"{shortened(name)}" is the marker_field, which recognises records already.',
                hint="take it out of match_on",
            )
        elif name in match_on[:number]:
            problems.add(
                document,
                path=("spec", "match_on", number),
                code="repeated-field",
                summary="A field is named twice",
                detail=f'"{shortened(name)}" is in match_on already.',
                hint="remove one of the two",
            )


def _max_records(
    spec: RecordSetSpec, collection: CollectionSpec, can_match: bool, document: Document, problems: Problems
) -> int:
    name = spec.collection_id.partition(":")[0]
    known = provider(name)
    batch = spec.batch or collection.batch
    if not can_match:
        problems.add(
            document,
            path=("spec",),
            severity=Severity.WARNING,
            code="no-match-key",
            summary="Records of this set cannot be recognised upstream",
            detail="It has neither match_on nor marker_field: its records go one to a request, and where the outcome "
            "of a request is unknown, only a person can settle it.",
            hint="add match_on: with the fields that tell records apart",
            at="key",
        )
        return 1
    if batch is None:
        return known.max_records
    if name in KNOWN_PROVIDERS and batch.max_records > known.max_records:
        problems.add(
            document,
            path=("spec", "batch", "max_records") if spec.batch else ("spec", "collection_id"),
            severity=Severity.WARNING,
            code="large-batch",
            summary="Batches are larger than the provider takes",
            detail=f"max_records is {batch.max_records}; {name} is known to take {known.max_records} records in one "
            "request.",
            hint=f"write max_records: {known.max_records}, or leave batch away",
        )
    return batch.max_records
