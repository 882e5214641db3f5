"""Declared records before their set's options are known: those that a manifest writes out, and the form of all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from syncspec.address import RECORD_NAME
from syncspec.diagnostics import Source
from syncspec.manifests.documents import Document, Path, Placed, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.findings import shortened
from syncspec.manifests.models import LifecycleSpec, RecordSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.shape import checked
from syncspec.records import Data

__all__ = ["RECORDS", "Origin", "ShapedRecord", "written_records"]

RECORDS: Path = ("spec", "records")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where records come from, and what holds for all of them.

    `plain`: neither an expression nor `!unset` stands in them. For records from a file `base` is what lies beneath the
    data of each, defaults included, and `fields` are all that the file can give, also where a row leaves them empty;
    their values fit the fields' types already. `base` None: the manifest writes the records out.
    """

    document: Placed
    plain: bool
    base: Data | None = None
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ShapedRecord:
    """One record's parts. `complete` False: an expression or a value in it is not known. `row`: its row in a file.

    `refers`: its data may hold references to other records.
    """

    name: str
    source: Source
    data: dict[str, Value]
    origin: Origin
    complete: bool = True
    row: int = 0
    upstream_id: str | None = None
    lifecycle: LifecycleSpec | None = None
    refers: bool = False

    @property
    def path(self) -> Path:
        """Its place in the document of its origin."""
        return (*RECORDS, self.name) if self.origin.base is None else (self.row,)


def written_records(
    document: Document,
    records: Value,
    set_name: str | None,
    expansion: Expansion,
    *,
    defaults_known: bool,
    problems: Problems,
) -> Iterator[ShapedRecord]:
    """The records of the right form that a manifest writes out, in order; what is wrong is reported."""
    if not isinstance(records, dict):
        return
    plain = _is_plain(records)
    origin = Origin(document=document, plain=plain)
    for name, source in document.key_sources(RECORDS):
        raw = records[name]
        address = f"{set_name}.{name}" if set_name is not None else None
        if RECORD_NAME.fullmatch(name) is None:
            _refuse_name(document, name, problems)
            continue
        complete, refers = defaults_known, False
        if not plain:
            before, referred = len(expansion.unresolved), expansion.referred
            raw = expansion.expand(raw, (*RECORDS, name), address=address)
            complete = complete and len(expansion.unresolved) == before
            refers = expansion.referred > referred
        data = _only_data(raw)
        if data is not None:
            yield ShapedRecord(name, source, data, origin, complete, refers=refers)
            continue
        model = checked(
            RecordSpec,
            raw,
            document=document,
            problems=problems,
            at=(*RECORDS, name),
            address=address,
            unresolved=expansion.unresolved,
        )
        if model is not None:
            data, upstream_id = model.data, model.upstream_id
            yield ShapedRecord(name, source, data, origin, complete, 0, upstream_id, model.lifecycle, refers)


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


def _refuse_name(document: Document, name: str, problems: Problems) -> None:
    problems.add(
        document,
        path=(*RECORDS, name),
        code="expression-in-key" if "${" in name else "invalid-name",
        summary="A record's name holds an expression" if "${" in name else "A record's name has the wrong form",
        detail=f'"{shortened(name)}" is a name, and only values are expanded.'
        if "${" in name
        else f'"{shortened(name)}" cannot be part of an address.',
        hint="begin with a letter or digit, and go on with letters, digits and _ . @ + -",
        at="key",
    )
