"""Findings of one file, collected up to a number and counted beyond it."""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.manifests.source_text import SourceText

__all__ = ["Findings", "Refusal", "shortened"]

_LONGEST_QUOTE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is wrong with something, before it is said where it stands."""

    code: str
    summary: str
    detail: str
    hint: str | None = None


class Findings:
    """Keeps the first `limit` diagnostics of a file in the order they were found; counts the rest."""

    __slots__ = ("_found", "_limit", "_uncounted", "text")

    def __init__(self, text: SourceText, *, limit: int) -> None:
        self.text = text
        self._limit = limit
        self._found: list[Diagnostic] = []
        self._uncounted = 0

    @property
    def full(self) -> bool:
        """Whether the next finding is only counted, so that nobody need work out its details."""
        return len(self._found) >= self._limit

    def count(self) -> None:
        """Count a finding without keeping it."""
        self._uncounted += 1

    def report(self, refusal: Refusal, *, offset: int, written: str | None = None, last: bool = False) -> None:
        """Report an error at an offset. `last`: reading ends with it, so it is kept whatever came before."""
        if self.full and not last:
            self.count()
            return
        self._found.append(
            Diagnostic(
                severity=Severity.ERROR,
                code=refusal.code,
                summary=refusal.summary,
                detail=refusal.detail,
                source=self.text.source(offset),
                snippet=self.text.snippet(offset),
                length=self.text.extent(offset, written),
                hint=refusal.hint,
            )
        )

    def diagnostics(self) -> list[Diagnostic]:
        """All that was kept, and a last line that says how many were not."""
        if not self._uncounted:
            return list(self._found)
        more = Diagnostic(
            severity=Severity.ERROR,
            code="more-errors",
            summary="The file has more errors than are shown",
            detail=f"{self._uncounted} more were found in {self.text.file}.",
            source=self.text.source(len(self.text.text)),
            hint="correct those that are shown, and validate again",
        )
        return [*self._found, more]


def shortened(text: str) -> str:
    """Text of the user's, fit to stand in a message: one short line, with nothing that a terminal would act on."""
    cut = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04X}" for letter in cut)
