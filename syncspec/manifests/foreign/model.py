"""Records as a file of another tool holds them, before it is known which set they go to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from syncspec.manifests.documents import Path, Placed
from syncspec.records import Json

__all__ = ["ForeignCollection", "ForeignRecord", "ForeignValue", "Link", "Options", "collection_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a file is written. `format` and `delimiter` None: told by its name and content."""

    format: str | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A value that names another record, whose upstream ID belongs in its place.

    `objects` are the objects that it may be a record of, None: any. `fields` are those whose `values` tell which one;
    none: the value is a reference ID of the same import. `told` is how the file says it.
    """

    objects: tuple[str, ...] | None
    fields: tuple[str, ...]
    values: tuple[str, ...]
    told: str


ForeignValue: TypeAlias = "Json | Link"


@dataclass(slots=True, kw_only=True)
class ForeignRecord:
    """One record. `path` is its place in the file, `places` those of its fields; `reference` is its reference ID.

    `keys` hold the text of every column, for links of other records to find it by.
    """

    placed: Placed
    path: Path
    data: dict[str, ForeignValue]
    places: Mapping[str, Path] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None

    def place_of(self, name: str) -> Path:
        return self.places.get(name, self.path)


@dataclass(slots=True, kw_only=True)
class ForeignCollection:
    """All records of one object. `match_on`: the key that the file names. `typed`: values have types of their own.

    `only_read`: the records are there for links alone, and are not to be declared.
    """

    object: str
    collection_id: str
    records: list[ForeignRecord] = field(default_factory=list)
    match_on: tuple[str, ...] | None = None
    typed: bool = True
    only_read: bool = False
    dropped: dict[str, str] = field(default_factory=dict)


def collection_of(sobject: str) -> str:
    """The collection that holds a Salesforce object's records: `Account` is `salesforce:account`."""
    return f"salesforce:{sobject.lower()}"
