"""Reads what a manifest says under `records_from`: which files, and what each row becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.model import MOST_SOURCES, RecordsFromSpec
from syncspec.manifests.rows.templates import Made, Node, template
from syncspec.manifests.shape import checked

__all__ = ["RECORDS_FROM", "RowSource", "row_sources"]

RECORDS_FROM: Path = ("spec", "records_from")
_TEMPLATES = ("name", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """One file to take records from. `path` is its entry in the manifest.

    `data` None: every column is the field of its name. `complete` False: an expression in it could not be resolved.
    `refers`: values refer to other records.
    """

    document: Document
    path: Path
    spec: RecordsFromSpec
    name: Made
    data: dict[str, Node] | None
    complete: bool
    refers: bool = False


def row_sources(
    document: Document, declared: Value, *, expansion: Expansion, defaults_known: bool, problems: Problems
) -> tuple[RowSource, ...]:
    """The sources of the right form, in order; what is wrong is reported."""
    if not isinstance(declared, list):
        found = [_source(document, declared, RECORDS_FROM, expansion, problems)]
    elif 0 < len(declared) <= MOST_SOURCES:
        found = [
            _source(document, entry, (*RECORDS_FROM, number), expansion, problems)
            for number, entry in enumerate(declared)
        ]
    else:
        _refuse_count(document, len(declared), problems)
        found = []
    return tuple(
        source if defaults_known else replace(source, complete=False) for source in found if source is not None
    )


def _source(document: Document, raw: Value, path: Path, expansion: Expansion, problems: Problems) -> RowSource | None:
    before, unresolved, referred = problems.error_count, len(expansion.unresolved), expansion.referred
    expanded = raw
    if isinstance(raw, dict):
        settings = expansion.expand({key: item for key, item in raw.items() if key not in _TEMPLATES}, path)
        expanded = {**raw, **settings} if isinstance(settings, dict) else raw
    settled = len(expansion.unresolved) == unresolved
    spec = checked(
        RecordsFromSpec, expanded, document=document, problems=problems, at=path, unresolved=expansion.unresolved
    )
    if spec is None:
        return None
    if not expansion.knows_names:
        expansion.syntax_only(spec.name, (*path, "name"))
        expansion.syntax_only(spec.data, (*path, "data"))
        return None
    name = template(spec.name, (*path, "name"), expansion)
    data = None if spec.data is None else _fields(spec.data, (*path, "data"), expansion)
    if problems.error_count > before or not settled:
        return None
    if not isinstance(name, Made):
        _refuse_name(document, path, problems)
        return None
    return RowSource(
        document=document,
        path=path,
        spec=spec,
        name=name,
        data=data,
        complete=len(expansion.unresolved) == unresolved,
        refers=expansion.referred > referred,
    )


def _fields(data: dict[str, Value], path: Path, expansion: Expansion) -> dict[str, Node]:
    expansion.check_keys(data, path)
    return {field: template(value, (*path, field), expansion) for field, value in data.items()}


def _refuse_count(document: Document, count: int, problems: Problems) -> None:
    problems.add(
        document,
        path=RECORDS_FROM,
        code="too-long" if count else "empty-value",
        summary="A list is too long" if count else "A value is empty",
        detail=f"At most {MOST_SOURCES} files can be named, and here are {count}." if count else "The list is empty.",
        hint="put files together, or spread them over several sets" if count else "write a value, or remove the key",
        at="key",
    )


def _refuse_name(document: Document, path: Path, problems: Problems) -> None:
    problems.add(
        document,
        path=(*path, "name"),
        code="same-name",
        summary="All rows would have the same name",
        detail="The name is made of no column, and each record needs a name of its own.",
        hint="name a column that tells rows apart, such as ${row.Email}",
    )
