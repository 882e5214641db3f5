"""From a value that names another record to that record's address: among those of an import, and all declared ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from syncspec.deferred import IdOf
from syncspec.diagnostics import did_you_mean
from syncspec.lookups import Lookups
from syncspec.manifests.foreign.model import ForeignCollection, ForeignRecord, ForeignValue, Link, collection_of
from syncspec.manifests.problems import Problems
from syncspec.manifests.yaml_text import Expression
from syncspec.records import Data, DesiredSet

__all__ = ["Links", "source_of", "text_of", "texts_of"]


class Links:
    """The records that links may lead to; what leads nowhere is reported at its place."""

    def __init__(self, sets: Sequence[DesiredSet], lookups: Sequence[Lookups], problems: Problems) -> None:
        self._sets, self._lookups, self._problems = sets, lookups, problems
        self._references: dict[str, IdOf] = {}
        self._records: dict[str, list[tuple[ForeignRecord, IdOf]]] = defaultdict(list)
        self._indices: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], list[IdOf]]] = {}

    def note(self, collection: ForeignCollection, record: ForeignRecord, address: str) -> None:
        """Note which address a record of the import has."""
        self._records[collection.object.lower()].append((record, IdOf(address)))
        if record.reference is not None:
            self._references[record.reference] = IdOf(address)

    def reference(self, record: ForeignRecord, name: str, link: Link) -> Expression | None:
        """The expression that stands for a link; None where it leads nowhere, which is reported."""
        found = self._target(record, name, link)
        return None if found is None else Expression(found)

    def _target(self, record: ForeignRecord, name: str, link: Link) -> IdOf | None:
        if not link.fields:
            found = self._references.get(link.values[0])
            if found is None:
                self._refuse(
                    record,
                    "unknown-reference",
                    "A reference leads to a record that is not imported",
                    f"{link.told} is the reference ID of a record that was left out.",
                    "import that record too",
                    field=name,
                )
            return found
        objects = link.objects or ()
        if not any(self._knows(each) for each in objects):
            self._refuse(
                record,
                "unknown-object",
                "A column names records that are not there",
                f"{link.told}: no record of {' or '.join(objects)} is imported or declared.",
                f"import {objects[0]} first or along, declare them in a lookup set, or leave {name} out with --fields",
                field=name,
            )
            return None
        hits = [hit for each in objects for hit in self._index(each, link.fields).get(link.values, ())]
        if len(set(hits)) == 1:
            return hits[0]
        known = [";".join(values) for each in objects for values in self._index(each, link.fields)]
        what = "several records" if hits else "no record"
        self._refuse(
            record,
            "unknown-reference",
            "A reference does not lead to one record",
            f"{link.told}: {what} of {' or '.join(objects)} has that value.",
            did_you_mean(";".join(link.values), known) or "correct the value, or the file of that object",
            field=name,
        )
        return None

    def _knows(self, sobject: str) -> bool:
        targets = [*(each.target for each in self._sets), *(each.target for each in self._lookups)]
        wanted = collection_of(sobject)
        return sobject.lower() in self._records or any(each.collection_id.lower() == wanted for each in targets)

    def _index(self, sobject: str, fields: tuple[str, ...]) -> Mapping[tuple[str, ...], list[IdOf]]:
        """Addresses of an object's records by the text of some fields: of the import's, and of all declared ones."""
        index = self._indices.get((sobject, fields))
        if index is not None:
            return index
        index = self._indices[sobject, fields] = defaultdict(list)
        for record, address in self._records.get(sobject.lower(), ()):
            texts = tuple(record.keys.get(name, text_of(record.data.get(name))) for name in fields)
            index[texts].append(address)
        for each in self._sets:
            for declared in each.records if each.target.collection_id.lower() == collection_of(sobject) else ():
                values = tuple(text_of(declared.data.get(name)) for name in fields)
                if IdOf(declared.address) not in index[values]:
                    index[values].append(IdOf(declared.address))
        for lookups in self._lookups:
            for lookup in lookups.records if lookups.target.collection_id.lower() == collection_of(sobject) else ():
                values = tuple(text_of(lookup.data.get(name)) for name in fields)
                index[values].append(IdOf(lookup.address, looked_up=True))
        return index

    def _refuse(self, record: ForeignRecord, code: str, summary: str, detail: str, hint: str, *, field: str) -> None:
        self._problems.add(
            record.placed, path=record.place_of(field), code=code, summary=summary, detail=detail, hint=hint
        )


def texts_of(data: Mapping[str, ForeignValue]) -> Data:
    """The values, and what links say in the place of theirs."""
    return {name: value.told if isinstance(value, Link) else value for name, value in data.items()}


def text_of(value: ForeignValue) -> str:
    """A value as text; of a link, what it says."""
    if isinstance(value, Link):
        return value.told
    return "" if value is None else str(value)


def source_of(record: ForeignRecord) -> str:
    """Where a record stands, as messages say it."""
    return str(record.placed.diagnostic(code="", summary="", path=record.path).source)
