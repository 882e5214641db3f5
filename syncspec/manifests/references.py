"""References to other records as they stand in values, until the whole project is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncspec.address import encoded_name
from syncspec.deferred import Leaf
from syncspec.manifests.documents import Path, Placed
from syncspec.manifests.expressions import RecordReference

__all__ = ["PlacedReference"]


@dataclass(frozen=True, slots=True)
class PlacedReference(Leaf):
    """A reference with the place at which it is written."""

    to: RecordReference
    document: Placed
    path: Path

    def naming(self, text: str) -> PlacedReference:
        """The reference for a row whose cell holds this text: to the record that a row of that name makes."""
        return replace(self, to=replace(self.to, record=encoded_name(text), column=None))
