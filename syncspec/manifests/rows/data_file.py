"""A file of rows that knows where each of them stands, and each cell in it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.manifests.documents import Path
from syncspec.manifests.findings import Refusal
from syncspec.manifests.limits import Limits
from syncspec.manifests.source_text import SourceText

__all__ = ["CHARACTER", "COLUMN", "DataFile", "Spans", "too_many_rows"]

CHARACTER = "character"
COLUMN = "column"


class Spans(Protocol):
    """Finds cells in the text of a row."""

    def __call__(self, text: str, start: int, column: int, name: str) -> tuple[int, int] | None:
        """Where the cell of a column begins and ends, in the row that begins at `start`; None where it has none."""


class DataFile:
    """The places of a file of rows.

    Paths: `(3,)` is a row, counted from 0 without the header; `(3, "data", "Email")` the cell that gives the field
    its value; `("column", 2)` the header's cell of a column, `("character", 120)` a character of the text. A path that
    leads nowhere stands where the nearest thing above it does.

    Who reads the rows fills `header`, the line of the header, `columns`, the names of all columns, and `lines`, the
    line on which each row begins; who makes records of them fills `sources`, the columns of each field.
    """

    __slots__ = ("_spans", "_text", "columns", "file", "header", "lines", "sources")

    def __init__(self, text: SourceText, spans: Spans) -> None:
        self.file = text.file
        self.header = 1
        self.lines = array("I")
        self.columns: Sequence[str] = ()
        self.sources: Mapping[str, Sequence[str]] = {}
        self._text = text
        self._spans = spans

    @property
    def text(self) -> str:
        return self._text.text

    def source(self, row: int) -> Source:
        """The place of a row."""
        return Source(file=self.file, line=self.lines[row], column=1)

    def row_on(self, line: int) -> int:
        """The row that begins on a line."""
        return bisect_left(self.lines, line)

    def place(self, line: int) -> Path:
        """The path of the first character of a line."""
        return (CHARACTER, self._text.offset(line))

    def diagnostic(
        self,
        *,
        code: str,
        summary: str,
        path: Path,
        severity: Severity = Severity.ERROR,
        detail: str = "",
        at: Literal["key", "value"] = "value",
        hint: str | None = None,
        address: str | None = None,
        shift: int = 0,
    ) -> Diagnostic:
        """A diagnostic at a path, with the line it stands on; rows have no keys, and nothing in them is shifted."""
        begin, end = self._located(path)
        return Diagnostic(
            severity=severity,
            code=code,
            summary=summary,
            detail=detail,
            source=self._text.source(begin),
            address=address,
            snippet=self._text.snippet(begin),
            length=self._underlined(begin, end),
            hint=hint,
        )

    def _located(self, path: Path) -> tuple[int, int]:
        """The offsets of the beginning and end of what a path names."""
        match path:
            case (str(kind), int(number), *_) if kind == CHARACTER:
                return number, number + 1
            case (str(kind), int(number), *_) if kind == COLUMN:
                return self._cell(self._text.offset(self.header), number) or (0, 0)
            case (int(row), str(), str(field), *_):
                return self._value(row, field) or self._row(row)
            case (int(row), *_):
                return self._row(row)
            case _:
                return 0, 0

    def _row(self, row: int) -> tuple[int, int]:
        begin = self._text.offset(self.lines[row])
        return begin, begin + len(self._text.line(begin))

    def _value(self, row: int, field: str) -> tuple[int, int] | None:
        """The one cell that a field's value comes from; None where it is made of several, or of none."""
        columns = self.sources.get(field, ())
        if len(columns) != 1 or columns[0] not in self.columns:
            return None
        return self._cell(self._text.offset(self.lines[row]), self.columns.index(columns[0]))

    def _cell(self, start: int, column: int) -> tuple[int, int] | None:
        return self._spans(self.text, start, column, self.columns[column])

    def _underlined(self, begin: int, end: int) -> int:
        """How many characters to underline: those of the first line, and one where there are none."""
        return max(1, min(end - begin, len(self._text.line(begin))))


def too_many_rows(limits: Limits) -> Refusal:
    """The refusal of a row past the last one that is read."""
    return Refusal(
        code="too-many-rows",
        summary="The file has too many rows",
        detail=f"At most {limits.max_rows:,} rows are read from one file. The rest of the file was not checked.",
        hint="split the file, and name the parts in a list under records_from",
    )
