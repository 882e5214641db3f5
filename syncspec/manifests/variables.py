"""Variables: those of the project file, of its environment, of files and of the command line."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from syncspec.errors import ManifestError
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.documents import Path as Place
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.expressions import ExpressionError, Namespace, Reference, parse
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import Scalar
from syncspec.manifests.reader import read_file
from syncspec.manifests.shape import kind_of

__all__ = ["read_var_file", "resolve_variables"]


def read_var_file(path: Path) -> dict[str, Scalar]:
    """Read variables from a YAML file: one mapping of names to text, numbers, true or false, taken as they stand.

    Raises ManifestError with every finding, at its place.
    """
    problems = Problems()
    documents, found = read_file(path, file=str(path))
    problems.take(found)
    values: dict[str, Scalar] = {}
    if not problems.has_errors:
        if len(documents) == 1:
            values = _scalars(documents[0], problems)
        else:
            _refuse_count(path, documents, problems)
    if problems.has_errors:
        raise ManifestError("A file of variables cannot be used", diagnostics=problems.diagnostics())
    return values


def resolve_variables(
    declared: AbstractMapping[str, tuple[Value, Place]],
    resolved: dict[str, object],
    expansion: Expansion,
    *,
    document: Document,
    problems: Problems,
) -> None:
    """Add the declared variables to `resolved`, which is what `expansion` looks names up in; each after those that it
    names. What `resolved` holds already, from outside, wins and is taken as it stands."""
    waiting = {name: entry for name, entry in declared.items() if name not in resolved}
    graph = {name: [other for other in _named(value) if other in waiting] for name, (value, _) in waiting.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        problems.add(
            document,
            path=waiting[cycle[0]][1],
            code="variable-cycle",
            summary="Variables name each other in a circle",
            detail=" → ".join(map(shortened, reversed(cycle))),
            hint="give one of them a value of its own",
        )
        resolved.update((name, value) for name, (value, _) in waiting.items())
        return
    for name in order:
        value, path = waiting[name]
        resolved[name] = expansion.expand(value, path)
        if path in expansion.unresolved and not expansion.placeholders:
            expansion.unknown.add(name)


def _named(value: object) -> list[str]:
    """The variables that a value names; none where it cannot be read, which is reported when it is expanded."""
    if not isinstance(value, str) or "${" not in value:
        return []
    try:
        parts = parse(value)
    except ExpressionError:
        return []
    return [part.name for part in parts if isinstance(part, Reference) and part.namespace is Namespace.VAR]


def _refuse_count(path: Path, documents: list[Document], problems: Problems) -> None:
    problems.add_plain(
        code="wrong-type",
        summary="A file of variables holds one mapping",
        detail=f"It holds {len(documents)} documents.",
        hint="write NAME: value, one to a line",
        file=str(path),
    )


def _scalars(document: Document, problems: Problems) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    if not isinstance(document.value, dict):
        problems.add(
            document,
            path=(),
            code="wrong-type",
            summary="A file of variables holds one mapping",
            detail=f"Expected a mapping, found {kind_of(document.value)}.",
            hint="write NAME: value, one to a line",
        )
        return values
    for name, value in document.value.items():
        if isinstance(value, bool | int | float | str):
            values[name] = value
        else:
            problems.add(
                document,
                path=(name,),
                code="wrong-type",
                summary="A variable has the wrong type",
                detail=f"Expected text, a number, true or false, found {kind_of(value)}.",
                hint='write "" for empty text',
            )
    return values
