"""Opens the file that a source names, and reads its rows by its format."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias, assert_never

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.decoding import utf8_text
from syncspec.manifests.discovery import OutsideError, inside, shown
from syncspec.manifests.files import bytes_of
from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.csv_rows import csv_spans, delimiter_hint, read_csv
from syncspec.manifests.rows.data_file import CHARACTER, DataFile
from syncspec.manifests.rows.json_lines import json_spans, read_json_lines
from syncspec.manifests.rows.sources import RowSource
from syncspec.manifests.rows.templates import EMPTY, Column, Empty, Read, Row, columns_of
from syncspec.manifests.source_text import SourceText

__all__ = ["Opened", "open_rows", "text_of"]

Format: TypeAlias = Literal["csv", "jsonl"]

_FORMATS: dict[str, Format] = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The rows of a file; `cell` gives what reads a column of them. `typed`: values have types of their own."""

    data: DataFile
    rows: Sequence[Row]
    cell: Callable[[str], Read]
    typed: bool


def open_rows(
    source: RowSource, *, root: Path, secret: bool, problems: Problems, limits: Limits = DEFAULT_LIMITS
) -> Opened | None:
    """The rows that a source names, or None where they cannot be used; what is wrong is reported.

    The file lies in the project, whose real path is `root`. Every column that the source names is there. `secret`: it
    may hold sensitive values, so that none of its lines is shown, whoever else reads it.
    """
    spec = source.spec
    format_ = spec.format or _FORMATS.get(PurePosixPath(spec.file).suffix.lower())
    if format_ is None:
        _refuse(source, "file", _unknown_format(spec.file), problems)
        return None
    if not _fits(source, format_, problems):
        return None
    content = _content(source, root, limits)
    if isinstance(content, Refusal):
        _refuse(source, "file", content, problems)
        return None
    name = shown(inside(root, spec.file), root)
    if secret:
        problems.hide_lines(name)
    text = text_of(content, name, spec.encoding or "utf-8", problems)
    if text is None:
        return None
    match format_:
        case "csv":
            return _open_csv(source, text, limits, problems)
        case "jsonl":
            return _open_json_lines(source, text, limits, problems)
        case _:
            assert_never(format_)


def _content(source: RowSource, root: Path, limits: Limits) -> bytes | Refusal:
    name = shortened(source.spec.file)
    try:
        path = inside(root, source.spec.file)
    except OutsideError as error:
        return Refusal(
            code="data-file",
            summary="A file of rows cannot be read",
            detail=f"{name} cannot be read: {error}.",
            hint="name a file in the project, relative to the project file's folder",
        )
    content = bytes_of(path, max_bytes=limits.max_bytes)
    if not isinstance(content, Refusal):
        return content
    hint = "split it, and name the parts in a list" if content.code == "file-too-large" else content.hint
    return Refusal(
        code="data-file", summary="A file of rows cannot be read", detail=f"{name}: {content.detail}", hint=hint
    )


def _open_csv(source: RowSource, text: SourceText, limits: Limits, problems: Problems) -> Opened | None:
    spec = source.spec
    delimiter = spec.delimiter or ("\t" if spec.file.lower().endswith(".tsv") else ",")
    data = DataFile(text, csv_spans(delimiter))

    def accepts(columns: Sequence[str]) -> bool:
        hint = delimiter_hint(columns[0]) if len(columns) == 1 else None
        return _has_columns(source, data, hint, problems)

    rows = read_csv(data, delimiter=delimiter, accepts=accepts, limits=limits, problems=problems)
    if rows is None:
        return None
    numbers = {column: number for number, column in enumerate(data.columns)}
    return Opened(data=data, rows=rows, cell=lambda column: partial(_csv_cell, numbers[column]), typed=False)


def _open_json_lines(source: RowSource, text: SourceText, limits: Limits, problems: Problems) -> Opened | None:
    data = DataFile(text, json_spans)
    rows = read_json_lines(data, limits=limits, problems=problems)
    if rows and not _has_columns(source, data, None, problems):
        return None
    return Opened(data=data, rows=rows, cell=lambda column: partial(_json_cell, column), typed=True)


def _csv_cell(number: int, row: list[str]) -> str | Empty:
    return row[number] or EMPTY


def _json_cell(name: str, row: Row) -> Row:
    return row.get(name, EMPTY)


def text_of(content: bytes, name: str, encoding: str, problems: Problems) -> SourceText | None:
    """The text of a file; None where its bytes are no text in that encoding, which is reported."""
    if encoding == "utf-8":
        text, refused = utf8_text(content, file=name)
    else:
        text, refused = _decoded(content, name, encoding)
    if refused is None and (zero := text.text.find("\0")) >= 0:
        refused = _ZERO, zero
    if refused is None:
        return text
    why, offset = refused
    problems.add(
        DataFile(text, json_spans),
        path=(CHARACTER, offset),
        code=why.code,
        summary=why.summary,
        detail=f"{why.detail} No row was read.",
        hint=f"{why.hint}, or name its encoding, such as encoding: windows-1252" if encoding == "utf-8" else why.hint,
    )
    return None


def _decoded(content: bytes, name: str, encoding: str) -> tuple[SourceText, tuple[Refusal, int] | None]:
    try:
        return SourceText(name, content.decode(encoding).removeprefix("\ufeff")), None
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, errors="replace")
        text = SourceText(name, content.decode(encoding, errors="replace"))
        return text, (_not_encoded(content, error.start, encoding), len(before))


def _fits(source: RowSource, format_: Format, problems: Problems) -> bool:
    """Whether the options are for the format; what is not is reported."""
    wrong = [key for key in ("delimiter", "encoding") if format_ == "jsonl" and getattr(source.spec, key) is not None]
    for key in wrong:
        refusal = Refusal(
            code="contradiction",
            summary="Options of a file contradict each other",
            detail=f"{key} is for CSV, and the file is JSON Lines, which is UTF-8 and has no delimiter.",
            hint=f"remove {key}, or add format: csv",
        )
        _refuse(source, key, refusal, problems)
    return not wrong


def _has_columns(source: RowSource, data: DataFile, hint: str | None, problems: Problems) -> bool:
    """Whether the file has every column that the source names; those that are missing are reported."""
    there = set(data.columns)
    named = itertools.chain(columns_of(source.name), columns_of(source.data or {}))
    missing = [column for column in named if column.name not in there]
    for column in missing:
        _refuse_column(source, column, data, hint, problems)
    return not missing


def _refuse_column(source: RowSource, column: Column, data: DataFile, hint: str | None, problems: Problems) -> None:
    known = data.columns
    listed = ", ".join(map(shortened, known[:_MOST_SHOWN])) + (", …" if len(known) > _MOST_SHOWN else "")
    otherwise = "name one of its columns; a name that holds other than letters, digits, _ and - stands in brackets: "
    problems.add(
        source.document,
        path=column.path,
        code="unknown-column",
        summary="Unknown column",
        detail=f'{data.file} has no column "{shortened(column.name)}"; it has: {listed}.',
        hint=did_you_mean(column.name, known) or hint or f'{otherwise}${{row["First name"]}}',
        shift=column.offset,
    )


def _refuse(source: RowSource, key: str, refusal: Refusal, problems: Problems) -> None:
    problems.add(
        source.document,
        path=(*source.path, key),
        code=refusal.code,
        summary=refusal.summary,
        detail=refusal.detail,
        hint=refusal.hint,
        at="value" if key == "file" else "key",
    )


_ZERO = Refusal(
    code="control-character",
    summary="A zero byte stands in the file",
    detail="No text holds U+0000.",
    hint="save the file as text in UTF-8",
)


def _unknown_format(name: str) -> Refusal:
    return Refusal(
        code="unknown-format",
        summary="It is not known how a file is written",
        detail=f"{shortened(name)} ends in none of {', '.join(_FORMATS)}.",
        hint="add format: csv, or format: jsonl",
    )


def _not_encoded(content: bytes, start: int, encoding: str) -> Refusal:
    return Refusal(
        code="wrong-encoding",
        summary="The file is not in its encoding",
        detail=f"The byte 0x{content[start]:02X} here, number {start + 1:,} of the file, is no part of a character in "
        f"{encoding}.",
        hint="name the encoding that the file has, or save it as UTF-8",
    )
