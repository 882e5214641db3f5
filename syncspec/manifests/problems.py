"""Findings of a whole project: kept up to a number per file, counted beyond it, with secrets kept out of snippets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from syncspec.diagnostics import Diagnostic, Severity, Source, sorted_diagnostics
from syncspec.manifests.documents import Path, Placed
from syncspec.manifests.limits import DEFAULT_LIMITS

__all__ = ["Problems"]

_QUOTING = frozenset({"ambiguous-number", "inexact-number", "not-finite-number"})
"""What the reader finds about a value, and quotes it."""

_SECRET_LINE = re.compile(r"""token["']?\s*:\s*(?!["']?\$\{)\S|://[^/\s]*@""", re.IGNORECASE)
"""A token that is written out, or a URL with credentials."""


class Problems:
    """Collects diagnostics of any number of files.

    What the reader reported at a place is not reported there again. A line of a file that holds a hidden text or names
    a sensitive field is not shown, nor is one on which a token is written out.
    """

    __slots__ = ("_counts", "_dark", "_found", "_hidden", "_limit", "_omitted", "_sensitive", "_taken")

    def __init__(self, *, limit: int = DEFAULT_LIMITS.max_diagnostics) -> None:
        self._limit = limit
        self._found: list[Diagnostic] = []
        self._counts: Counter[tuple[str, Severity]] = Counter()
        self._omitted: Counter[str] = Counter()
        self._dark: set[str] = set()
        self._hidden: dict[str, set[str]] = {}
        self._sensitive: dict[str, set[str]] = {}
        self._taken: set[tuple[str, int, int]] = set()

    @property
    def has_errors(self) -> bool:
        return any(item.is_error for item in self._found)

    @property
    def error_count(self) -> int:
        """The number of errors so far, those that are only counted included."""
        return sum(count for (_, severity), count in self._counts.items() if severity is Severity.ERROR)

    def take(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Keep what the reader found; nothing else is reported at the same places."""
        for item in diagnostics:
            self._found.append(item)
            if item.source is not None:
                self._counts[item.source.file, item.severity] += 1
                self._taken.add((item.source.file, item.source.line, item.source.column))

    def add(
        self,
        document: Placed,
        *,
        path: Path,
        code: str,
        summary: str,
        detail: str = "",
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
        at: Literal["key", "value"] = "value",
        address: str | None = None,
        shift: int = 0,
    ) -> None:
        """Report a finding at a path of a document, or of another file."""
        if self.only_counts(document, severity):
            return
        self._counts[document.file, severity] += 1
        item = document.diagnostic(
            code=code,
            summary=summary,
            path=path,
            severity=severity,
            detail=detail,
            at=at,
            hint=hint,
            address=address,
            shift=shift,
        )
        source = item.source
        if source is None or (source.file, source.line, source.column) not in self._taken:
            self._found.append(item)

    def only_counts(self, document: Placed, severity: Severity = Severity.ERROR) -> bool:
        """Whether the document's file has had its share; then this finding is counted, and need not be worked out."""
        if self._counts[document.file, severity] < self._limit:
            return False
        self._counts[document.file, severity] += 1
        self._omitted[document.file] += 1
        return True

    def add_plain(
        self,
        *,
        code: str,
        summary: str,
        detail: str,
        hint: str | None,
        file: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Report a finding about a whole file, or about none."""
        source = None if file is None else Source(file=file)
        self._counts[file or "", severity] += 1
        self._found.append(
            Diagnostic(severity=severity, code=code, summary=summary, detail=detail, source=source, hint=hint)
        )

    def hide(self, file: str, texts: Iterable[str]) -> None:
        """Show no line of the file that holds one of the texts."""
        self._hidden.setdefault(file, set()).update(text for text in texts if text)

    def hide_fields(self, file: str, names: Iterable[str]) -> None:
        """Show no line of the file that names one of the fields."""
        self._sensitive.setdefault(file, set()).update(names)

    def hide_lines(self, file: str) -> None:
        """Show no line of the file at all."""
        self._dark.add(file)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All findings, sorted by place; what was only counted comes last of its file."""
        fields = {file: _any_word(names) for file, names in self._sensitive.items() if names}
        # What a collection in the project file gets wrong is found again by each of its sets.
        once = dict.fromkeys(self._shown(item, fields) for item in self._found)
        found = list(sorted_diagnostics(once))
        for file, count in self._omitted.items():
            ours = [number for number, item in enumerate(found) if item.source and item.source.file == file]
            last = ours[-1] if ours else len(found) - 1
            found.insert(last + 1, self._uncounted(file, count, found[last].source))
        return tuple(found)

    def _shown(self, item: Diagnostic, fields: dict[str, re.Pattern[str]]) -> Diagnostic:
        if item.snippet is None or item.source is None:
            return item
        file = item.source.file
        if file in self._dark:
            return replace(item, snippet=None)
        if file in fields and fields[file].search(item.snippet):
            if item.code in _QUOTING:
                return replace(
                    item, snippet=None, detail="The field is sensitive; its value is not shown.", hint="quote it"
                )
            return replace(item, snippet=None)
        hidden = self._hidden.get(file, ())
        if _SECRET_LINE.search(item.snippet) or any(text in item.snippet for text in hidden):
            return replace(item, snippet=None)
        return item

    def _uncounted(self, file: str, count: int, place: Source | None) -> Diagnostic:
        return Diagnostic(
            severity=Severity.ERROR if self._counts[file, Severity.ERROR] > self._limit else Severity.WARNING,
            code="more-findings",
            summary="The file has more findings than are shown",
            detail=f"{count:,} more were found in {file}.",
            source=place or Source(file=file),
            hint="correct those that are shown, and validate again",
        )


def _any_word(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))})(?!\w)")
