"""Records that exist upstream and are only read: owners, record types, price books."""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.diagnostics import Source
from syncspec.records import Data, FieldRules, Lens, MatchKey, Target

__all__ = ["Lookup", "Lookups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A record that is looked up by its key and named by its address; `data` are the values of its key fields."""

    address: str
    data: Data
    source: Source
    key: MatchKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Records of one collection that are looked up. `records` are in the order of the manifest."""

    name: str
    target: Target
    source: Source
    records: tuple[Lookup, ...]
    match_on: tuple[str, ...]
    rules: FieldRules

    @property
    def lens(self) -> Lens:
        """How the set's records are recognised in a row."""
        return Lens.of(self.match_on, self.rules)
