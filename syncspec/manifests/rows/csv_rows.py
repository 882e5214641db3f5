"""CSV: a header that names the columns, then a row of text for each record.

Cells are quoted as RFC 4180 says, so that a quoted cell may hold delimiters, line breaks and doubled quotes. Lines may
end in any of the three ways, which a cell keeps as a line feed. Rows without any text are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.limits import Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.data_file import CHARACTER, COLUMN, DataFile, Spans, too_many_rows

__all__ = ["csv_spans", "delimiter_hint", "read_csv"]

_DELIMITERS = ((";", ";"), ("\t", r"\t"), ("|", "|"), (",", ","))
"""What often stands between cells, and how it is written in YAML's double quotes."""


def csv_spans(delimiter: str) -> Spans:
    """Finds cells in rows with this delimiter."""

    def spans(text: str, start: int, column: int, name: str) -> tuple[int, int] | None:
        for number, span in enumerate(_cells(text, start, delimiter)):
            if number == column:
                return span
        return None

    return spans


def read_csv(
    data: DataFile, *, delimiter: str, accepts: Callable[[Sequence[str]], bool], limits: Limits, problems: Problems
) -> list[list[str]] | None:
    """The rows after the header, each as long as it; those of another length are reported and left out.

    After a fault of the syntax, or past a limit, the rest of the file is not read. None: the header cannot be used,
    or is not what the caller `accepts`; then no row is read.
    """
    # newline=None turns line breaks inside cells into "\n", as YAML does: which ones a checkout has, changes nothing.
    reader = csv.reader(io.StringIO(data.text, newline=None), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    line = 1
    try:
        for row in reader:
            if row:
                data.header, data.columns = line, row
                break
            line = reader.line_num + 1
        if not _is_usable(data, limits, problems) or not accepts(data.columns):
            return None
        width, lines, longest = len(data.columns), data.lines, _longest(limits)
        line = reader.line_num + 1
        for row in reader:
            if any(row):
                beyond = _beyond(row, len(rows), longest, limits)
                if beyond is not None:
                    _report(data, data.place(line), beyond, problems)
                    break
                if len(row) == width:
                    rows.append(row)
                    lines.append(line)
                else:
                    _refuse_ragged(data, line, len(row), problems)
            line = reader.line_num + 1
    except csv.Error:
        _report_fault(data, line, delimiter, problems)
    return rows if data.columns else None


def delimiter_hint(header: str) -> str | None:
    """What the only cell of a header seems to be split by, if it was split by the wrong delimiter."""
    for other, written in _DELIMITERS:
        if other in header:
            return f'the header holds "{written}": to split it there, add delimiter: "{written}"'
    return None


def _is_usable(data: DataFile, limits: Limits, problems: Problems) -> bool:
    """Whether the header gives every column a name of its own; what is wrong is reported."""
    columns = data.columns
    if not columns:
        _report(data, (), _NO_HEADER, problems)
        return False
    if len(columns) > limits.max_columns:
        _report(data, (COLUMN, limits.max_columns), _too_many_columns(limits), problems)
        return False
    seen: dict[str, int] = {}
    before = problems.error_count
    for number, name in enumerate(columns):
        if not name:
            _report(data, (COLUMN, number), _UNNAMED, problems)
        elif seen.setdefault(name, number) != number:
            _report(data, (COLUMN, number), _named_twice(name, seen[name]), problems)
    return problems.error_count == before


def _longest(limits: Limits) -> int | None:
    """How long a cell may be, where the library, whose own limit belongs to the whole process, allows more."""
    return limits.max_cell if csv.field_size_limit() > limits.max_cell else None


def _beyond(row: list[str], number: int, longest: int | None, limits: Limits) -> Refusal | None:
    if number >= limits.max_rows:
        return too_many_rows(limits)
    if longest is not None and max(map(len, row)) > longest:
        return _too_long(longest)
    return None


@lru_cache(maxsize=8)
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf'"(?:[^"]|"")*+"|[^{re.escape(delimiter)}\r\n"][^{re.escape(delimiter)}\r\n]*+|')


def _cells(text: str, start: int, delimiter: str) -> Iterator[tuple[int, int]]:
    """Where the cells of a row begin and end; the last one is empty and stands at a quote that is never closed."""
    pattern = _cell_pattern(delimiter)
    while True:
        found = pattern.match(text, start)
        end = start if found is None else found.end()
        yield start, end
        if text[end : end + 1] != delimiter:
            return
        start = end + 1


def _report_fault(data: DataFile, line: int, delimiter: str, problems: Problems) -> None:
    """Report why the library stopped at the row that begins on this line, where it did."""
    text, (_, start) = data.text, data.place(line)
    limit = csv.field_size_limit()
    end = int(start)
    for begin, end in _cells(text, int(start), delimiter):
        if end - begin > limit and len(text[begin:end].replace('""', '"').strip('"')) > limit:
            _report(data, (CHARACTER, begin), _too_long(limit), problems)
            return
    fault = _text_after_quote(delimiter) if text[end : end + 1] != '"' else _NOT_CLOSED
    _report(data, (CHARACTER, end), fault, problems)


def _report(data: DataFile, path: tuple[str | int, ...], refusal: Refusal, problems: Problems) -> None:
    problems.add(data, path=path, code=refusal.code, summary=refusal.summary, detail=refusal.detail, hint=refusal.hint)


def _refuse_ragged(data: DataFile, line: int, found: int, problems: Problems) -> None:
    if problems.only_counts(data):
        return
    width = len(data.columns)
    refusal = Refusal(
        code="ragged-row",
        summary="A row is not as long as the header",
        detail=f"It has {_counted(found)}, and the header {_counted(width)}.",
        hint="put cells that hold the delimiter into double quotes"
        if found > width
        else "fill the row up with delimiters",
    )
    _report(data, data.place(line), refusal, problems)


def _counted(number: int) -> str:
    return f"{number:,} cell{'' if number == 1 else 's'}"


def _named_twice(name: str, first: int) -> Refusal:
    return Refusal(
        code="duplicate-column",
        summary="Two columns have the same name",
        detail=f'"{shortened(name)}" is also the name of column {first + 1}. No row was read.',
        hint="rename one of the two",
    )


def _too_long(limit: int) -> Refusal:
    return Refusal(
        code="cell-too-long",
        summary="A cell is too long",
        detail=f"At most {limit:,} characters are read of one cell. The rest of the file was not checked.",
        hint="shorten it; where it should have ended before, look for a quote that is not closed",
    )


def _too_many_columns(limits: Limits) -> Refusal:
    return Refusal(
        code="too-many-columns",
        summary="The file has too many columns",
        detail=f"At most {limits.max_columns:,} columns are read. No row was read.",
        hint="take columns away that no field needs",
    )


def _text_after_quote(delimiter: str) -> Refusal:
    return Refusal(
        code="csv-syntax",
        summary="Text follows the end of a quoted cell",
        detail=f"After the closing quote only {_shown(delimiter)} or the end of the line can follow. The rest of the "
        "file was not checked.",
        hint='write a quote inside a quoted cell twice: ""',
    )


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else f'"{shortened(delimiter)}"'


_NOT_CLOSED = Refusal(
    code="csv-syntax",
    summary="A quoted cell does not end",
    detail="It begins with a quote here, and no other one closes it. The rest of the file was not checked.",
    hint='close it, and write a quote inside it twice: ""',
)
_NO_HEADER = Refusal(
    code="no-header",
    summary="The file has no header",
    detail="Its first row must name the columns, and there is no row at all.",
    hint="write the names of the columns into the first line",
)
_UNNAMED = Refusal(
    code="unnamed-column",
    summary="A column has no name",
    detail="The header is empty here, so that nothing can name the column. No row was read.",
    hint="give the column a name, or take it away",
)
