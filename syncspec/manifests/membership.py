"""Which sets belong to the environment of a run, and what is known of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.environments import declared_environments
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.findings import shortened
from syncspec.manifests.head import kind_of_manifest
from syncspec.manifests.lookup_sets import shaped_lookups
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_file import Settings
from syncspec.manifests.record_sets import check_shape, hide_sensitive
from syncspec.settings import SetElsewhere

__all__ = ["Manifests", "in_environment", "names_of"]

Manifests: TypeAlias = list[tuple[Document, dict[str, Value]]]
"""Documents of sets with their mappings."""


def in_environment(
    manifests: Manifests, settings: Settings | None, problems: Problems
) -> tuple[Manifests, dict[str, SetElsewhere]]:
    """The sets of the environment that was chosen, and all others by name.

    Of the others only the form is checked: what their expressions name need not be known here. Without a project file
    there are no environments, and every set counts.
    """
    if settings is None:
        return manifests, {}
    known = declared_environments(settings.document)
    present: Manifests = []
    elsewhere: dict[str, SetElsewhere] = {}
    for document, body in manifests:
        names = _environments_of(body)
        if names is not None:
            _check_environments(document, names, known, problems)
        if names is None or not settings.names_known or settings.environment in names:
            present.append((document, body))
            continue
        source = document.value_source(("metadata", "name"))
        elsewhere.update((n, SetElsewhere(environments=names, source=source)) for n, _ in names_of([(document, body)]))
        collections = settings.spec.collections if settings.spec is not None else None
        hide_sensitive(document, body, collections or {}, problems)
        expansion = Expansion(document, problems=problems, variables=None, references=True)
        if kind_of_manifest(document) == "LookupSet":
            shaped_lookups(document, body, expansion=expansion, problems=problems)
        else:
            check_shape(document, body, expansion=expansion, problems=problems)
    return present, elsewhere


def names_of(manifests: Manifests) -> list[tuple[str, Document]]:
    """The names of those sets that have one, each with its document."""
    named = []
    for document, body in manifests:
        metadata = body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(name, str):
            named.append((name, document))
    return named


def _environments_of(body: dict[str, Value]) -> tuple[str, ...] | None:
    """The environments that a set is for, as it is written; None where it is for all, or the form is wrong."""
    spec = body.get("spec")
    names = spec.get("environments") if isinstance(spec, dict) else None
    if not isinstance(names, list) or not names:
        return None
    return tuple(name for name in names if isinstance(name, str))


def _check_environments(document: Document, names: Sequence[str], known: Sequence[str], problems: Problems) -> None:
    """Report each environment of a set that the project does not declare, and each that is named twice."""
    for number, name in enumerate(names):
        path = ("spec", "environments", number)
        if name not in known:
            problems.add(
                document,
                path=path,
                code="set-environment",
                summary="Unknown environment",
                detail=f'"{shortened(name)}" is not declared; '
                + (f"known: {', '.join(map(shortened, known))}." if known else "the project declares no environments."),
                hint=did_you_mean(name, known)
                or "declare it under spec.environments of the project file, or take it away here",
            )
        elif name in names[:number]:
            problems.add(
                document,
                path=path,
                code="repeated-environment",
                summary="An environment is named twice",
                detail=f'"{shortened(name)}" is in environments already.',
                hint="remove one of the two",
            )
