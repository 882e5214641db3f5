"""Puts a project together from its settings and its manifests, and checks it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncspec.diagnostics import Severity, Source, did_you_mean
from syncspec.errors import ManifestError
from syncspec.lookups import Lookups
from syncspec.manifests.cross_checks import check_keys, check_names, check_upstream_ids
from syncspec.manifests.declared_settings import declared_settings, report_undecided
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.documents import Path as Place
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.field_rules import contradiction, merged_rules
from syncspec.manifests.findings import shortened
from syncspec.manifests.head import body_of, kind_of_manifest
from syncspec.manifests.lifecycle import check_protection
from syncspec.manifests.lookup_sets import load_lookups, shaped_lookups
from syncspec.manifests.membership import Manifests, in_environment, names_of
from syncspec.manifests.moves import with_moves
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Inputs, Settings
from syncspec.manifests.project_models import CollectionSpec, GuardsSpec, UpstreamSpec
from syncspec.manifests.record_sets import LoadedSet, check_shape, hide_sensitive, load_set
from syncspec.manifests.resolution import resolve_references
from syncspec.manifests.schema_files import SchemaFiles
from syncspec.manifests.set_options import Surroundings
from syncspec.manifests.state_settings import state_settings
from syncspec.manifests.upstream_settings import embedded_settings, upstream_settings
from syncspec.providers import provider
from syncspec.settings import Guards, LoadedProject, SetElsewhere, UpstreamSettings

__all__ = ["Layout", "assemble"]

_EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a project's files are. `name` is its name where no project file gives one."""

    root: Path
    name: str
    lockfile: Path
    state_dir: Path
    has_file: bool


def assemble(
    documents: Sequence[Document], *, settings: Settings | None, inputs: Inputs, layout: Layout, problems: Problems
) -> LoadedProject:
    """The loaded project. Raises ManifestError with every error of all its files."""
    manifests = _manifests(documents, problems)
    present, elsewhere = in_environment(manifests, settings, problems)
    loaded, lookups, upstreams = _loaded(present, settings, inputs, layout, problems, elsewhere)
    loaded = with_moves(loaded, problems, elsewhere=elsewhere)
    state = state_settings(settings, problems, trial=inputs.trial)
    if inputs.placeholders and settings is not None and settings.spec is None and not problems.has_errors:
        report_undecided(problems)
    if problems.has_errors:
        raise ManifestError(
            "The manifests have errors", diagnostics=[item for item in problems.diagnostics() if item.is_error]
        )
    spec = settings.spec if settings is not None else None
    schemas: dict[str, list[dict[str, object]]] = {}
    for entry in loaded:
        if entry.schema is not None:
            known = schemas.setdefault(entry.desired.target.collection_id, [])
            if entry.schema.schema not in known:
                known.append(dict(entry.schema.schema))
    return LoadedProject(
        root=layout.root,
        name=settings.name if settings is not None else layout.name,
        environment=settings.environment if settings is not None else None,
        upstreams=upstreams,
        sets=tuple(sorted((entry.desired for entry in loaded), key=lambda desired: desired.name)),
        elsewhere=elsewhere,
        guards=_guards(spec.guards if spec is not None else None),
        lockfile=layout.lockfile,
        state_dir=layout.state_dir,
        has_file=layout.has_file,
        declared=declared_settings(settings) if inputs.placeholders and settings is not None else {},
        state=state,
        data_schemas={collection: tuple(found) for collection, found in sorted(schemas.items())},
        diagnostics=problems.diagnostics(),
        lookups=tuple(sorted(lookups, key=lambda each: each.name)),
    )


def _manifests(documents: Sequence[Document], problems: Problems) -> Manifests:
    """The sets among the documents, whatever environments they are for; their names are checked."""
    bodies = [(each, body_of(each, kind=kind_of_manifest(each), problems=problems)) for each in documents]
    manifests = [(document, body) for document, body in bodies if body is not None]
    check_names(names_of(manifests), problems)
    return manifests


def _loaded(
    manifests: Manifests,
    settings: Settings | None,
    inputs: Inputs,
    layout: Layout,
    problems: Problems,
    elsewhere: Mapping[str, SetElsewhere],
) -> tuple[list[LoadedSet], list[Lookups], dict[str, UpstreamSettings]]:
    collections = (settings.spec.collections or {}) if settings is not None and settings.spec is not None else {}
    around = _surroundings(settings, inputs, layout, [body for _, body in manifests], problems)
    around = around and replace(around, placeholders=inputs.placeholders)
    schemas = SchemaFiles(layout.root)
    loaded: list[LoadedSet] = []
    lookups: list[Lookups] = []
    used = set(settings.used | settings.declared if settings is not None else ())
    for document, body in manifests:
        expansion = _expansion(document, settings, inputs, layout, problems)
        hide_sensitive(document, body, collections, problems)
        if kind_of_manifest(document) == "LookupSet":
            model = shaped_lookups(document, body, expansion=expansion, problems=problems)
            made = None
            if model is not None and around is not None:
                made = load_lookups(model, document, around=around, problems=problems)
            lookups += [] if made is None else [made]
        else:
            shaped = check_shape(document, body, expansion=expansion, problems=problems)
            entry = None
            if shaped is not None and around is not None:
                entry = load_set(shaped, around=around, schemas=schemas, root=layout.root, problems=problems)
            loaded += [] if entry is None else [entry]
        used |= expansion.used
    unsure = (
        {name for name, _ in names_of(manifests)}
        - {each.desired.name for each in loaded}
        - {each.name for each in lookups}
    )
    loaded = resolve_references(loaded, lookups, unsure=unsure, elsewhere=elsewhere, problems=problems)
    for entry in loaded:
        entry.checks.finish()
    check_keys(loaded, problems)
    check_upstream_ids(loaded, problems)
    _warn_unused(inputs, used, problems)
    return loaded, lookups, dict(around.upstreams) if around is not None else {}


def _expansion(
    document: Document, settings: Settings | None, inputs: Inputs, layout: Layout, problems: Problems
) -> Expansion:
    if settings is None:
        known = None if layout.has_file else inputs.variables
        return Expansion(document, problems=problems, variables=known, references=True)
    variables = settings.variables if settings.names_known else None
    return Expansion(document, problems=problems, variables=variables, unknown=settings.unknown, references=True)


def _surroundings(
    settings: Settings | None,
    inputs: Inputs,
    layout: Layout,
    bodies: list[dict[str, Value]],
    problems: Problems,
) -> Surroundings | None:
    """What sets are resolved against; None where the project file has errors that leave it open."""
    if settings is None:
        return None if layout.has_file else _without_file(layout, bodies)
    if settings.spec is None:
        return None
    spec, document = settings.spec, settings.document
    before = problems.error_count
    upstreams = _upstreams(settings, spec.upstreams or {}, inputs, problems)
    _check_collections(settings, spec.collections or {}, problems)
    if problems.error_count > before and len(upstreams) < len(spec.upstreams or {}):
        return None

    def collection_place(collection_id: str, *keys: str) -> tuple[Document, Place]:
        return document, settings.where(("spec", "collections", collection_id, *keys))

    return Surroundings(
        project=settings.name,
        environment=settings.environment,
        upstreams=upstreams,
        default_upstream=next(iter(upstreams)) if len(upstreams) == 1 else None,
        collections=spec.collections or {},
        lifecycle=spec.lifecycle,
        protected_at=_protected_at(settings),
        collection_place=collection_place,
    )


def _without_file(layout: Layout, bodies: list[dict[str, Value]]) -> Surroundings:
    """A project without a project file: whatever upstream a set names is an embedded one."""
    named = {_EMBEDDED}
    for body in bodies:
        spec = body.get("spec")
        name = spec.get("upstream") if isinstance(spec, dict) else None
        if isinstance(name, str) and name and "${" not in name:
            named.add(name)

    def collection_place(collection_id: str, *keys: str) -> tuple[Document, Place]:
        raise AssertionError(f"no project file says anything of {collection_id}")

    return Surroundings(
        project=layout.name,
        environment=None,
        upstreams={name: embedded_settings(name, UpstreamSpec()) for name in sorted(named)},
        default_upstream=_EMBEDDED,
        collections={},
        lifecycle=None,
        protected_at=None,
        collection_place=collection_place,
    )


def _upstreams(
    settings: Settings, specs: dict[str, UpstreamSpec], inputs: Inputs, problems: Problems
) -> dict[str, UpstreamSettings]:
    found = {}
    for name, spec in sorted(specs.items()):
        if inputs.trial:
            calm = spec.model_copy(update={"settle_seconds": None, "rate_limit": None, "await_consumers": None})
            found[name] = embedded_settings(name, calm)
            continue
        made = upstream_settings(
            name,
            spec,
            document=settings.document,
            where=settings.where,
            unresolved=settings.is_unresolved,
            problems=problems,
        )
        if made is not None:
            found[name] = made
    return found


def _protected_at(settings: Settings) -> Source | None:
    """Where the project or its environment protects every record."""
    lifecycle = settings.spec.lifecycle if settings.spec is not None else None
    if lifecycle is None or not lifecycle.protect:
        return None
    return settings.document.value_source(settings.where(("spec", "lifecycle", "protect")))


def _check_collections(settings: Settings, collections: dict[str, CollectionSpec], problems: Problems) -> None:
    protected_at = _protected_at(settings)
    for collection_id, spec in collections.items():
        path = settings.where(("spec", "collections", collection_id, "lifecycle", "protect"))
        check_protection(spec.lifecycle, protected_at, document=settings.document, path=path, problems=problems)
        rules = merged_rules(provider(collection_id.partition(":")[0]), (spec.fields,))
        sensitive = [name for name, rule in rules.fields.items() if rule.sensitive]
        problems.hide_fields(settings.document.file, sensitive)
        for name, field in (spec.fields or {}).items():
            found = contradiction(field, rules.rule(name))
            if found is not None:
                option, why = found
                problems.add(
                    settings.document,
                    path=settings.where(("spec", "collections", collection_id, "fields", name, option)),
                    code="contradiction",
                    summary="Options of a field contradict each other",
                    detail=why,
                    hint=f"remove {option}, or give the field the type it is for",
                    at="key",
                )


def _guards(spec: GuardsSpec | None) -> Guards:
    spec = spec or GuardsSpec()
    return Guards(
        max_creates=spec.max_creates,
        max_adopts=spec.max_adopts,
        max_updates=spec.max_updates,
        max_deletes=spec.max_deletes,
        max_deletes_percent=spec.max_deletes_percent,
    )


def _warn_unused(inputs: Inputs, used: set[str], problems: Problems) -> None:
    """Warn of variables that were given, are used nowhere, and look like one that is: likely misspelt."""
    for name in sorted(set(inputs.variables) - used):
        near = did_you_mean(name, sorted(used))
        if near is not None:
            problems.add_plain(
                severity=Severity.WARNING,
                code="unused-variable",
                summary="A variable was given and is not used",
                detail=f'Nothing names "{shortened(name)}".',
                hint=near,
            )
