"""Diagnostics: what is wrong, where it stands, and one way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Diagnostic", "Severity", "Source", "did_you_mean", "sorted_diagnostics"]


class Severity(StrEnum):
    """How much a diagnostic weighs; an error stops the command before anything is sent."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """A place in a file.

    `file` is relative to the project's folder with forward slashes, or absolute outside it.
    `line` and `column` count from 1; `column` counts characters, not bytes.
    """

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding, as every command prints it.

    `code` is a stable kebab-case name. `summary` holds no data of the user's, `detail` may.
    `snippet` is the text of the source line, `length` the number of characters to underline.
    """

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    source: Source | None = None
    address: str | None = None
    snippet: str | None = None
    length: int = 1
    hint: str | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def sorted_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Order by place, then by weight; those without a place come first."""
    weight = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}

    def rank(item: Diagnostic) -> tuple[str, int, int, int, str, str]:
        where = item.source or Source(file="", line=0, column=0)
        return (where.file, where.line, where.column, weight[item.severity], item.code, item.detail)

    return tuple(sorted(diagnostics, key=rank))


def did_you_mean(name: str, known: Sequence[str]) -> str | None:
    """A hint with the nearest known name, or None where nothing is near."""
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f'did you mean "{folded[near[0]]}"?' if near else None
