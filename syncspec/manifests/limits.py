"""How much one file may ask of us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one file; past most of them reading stops with an error.

    `max_nodes` counts keys, values, list items, and ends of mappings and lists in the whole file. `max_alias_nodes`
    and `max_alias_characters` bound what all its aliases stand for. `max_diagnostics` are shown one by one, the rest
    is only counted. `max_rows`, `max_columns`, `max_cell` and `max_line` bound files of rows; the last two count
    characters, of a cell of CSV and of a line of JSON Lines.
    """

    max_bytes: int = 64 * 2**20
    max_depth: int = 64
    max_nodes: int = 6_000_000
    max_alias_nodes: int = 1_000_000
    max_alias_characters: int = 64 * 2**20
    max_documents: int = 10_000
    max_directives: int = 100
    max_diagnostics: int = 100
    max_rows: int = 1_000_000
    max_columns: int = 10_000
    max_cell: int = 131_072
    max_line: int = 2**20


DEFAULT_LIMITS: Final = Limits()
