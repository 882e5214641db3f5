"""JSON Lines: one object to a line; its keys are the columns. Blank lines are passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from syncspec.manifests.findings import Refusal
from syncspec.manifests.limits import Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.data_file import CHARACTER, DataFile, too_many_rows
from syncspec.manifests.rows.exact_json import JsonError, exact_json

__all__ = ["json_spans", "read_json_lines"]

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*+"|[^,\]}\s]++')


def json_spans(text: str, start: int, column: int, name: str) -> tuple[int, int] | None:
    """Where the value of a key begins and ends, in the line that begins at `start`; None where it is not found."""
    end = next((found.start() for found in _LINE_BREAK.finditer(text, start)), len(text))
    for written in (json.dumps(name, ensure_ascii=False), json.dumps(name)):
        key = re.compile(rf"{re.escape(written)}\s*:\s*").search(text, start, end)
        if key is not None:
            value = _VALUE.match(text, key.end(), end)
            return key.end(), value.end() if value else key.end() + 1
    return None


def read_json_lines(data: DataFile, *, limits: Limits, problems: Problems) -> list[dict[str, Any]]:
    """The objects of the lines that hold one; every other line is reported. Past a limit nothing is read."""
    rows: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(_lines(data.text), start=1):
        if not line or line.isspace():
            continue
        beyond = _beyond(line, len(rows), limits)
        if beyond is not None:
            _report(data, data.place(number), beyond, problems)
            break
        row = _object(data, number, line, limits, problems)
        if row is None:
            continue
        columns.update(dict.fromkeys(row))
        if len(columns) > limits.max_columns:
            _report(data, data.place(number), _too_many_keys(limits), problems)
            break
        rows.append(row)
        data.lines.append(number)
    data.columns = list(columns)
    return rows


def _lines(text: str) -> Iterator[str]:
    """The lines, counted as those of every file."""
    if "\r" not in text:
        yield from text.split("\n")
    else:
        yield from _LINE_BREAK.split(text)


def _object(data: DataFile, number: int, line: str, limits: Limits, problems: Problems) -> dict[str, Any] | None:
    """The object of a line, or None where there is none, which is reported."""
    try:
        value = exact_json(line, max_depth=limits.max_depth)
    except JsonError as error:
        if not problems.only_counts(data):
            _, start = data.place(number)
            _report(data, (CHARACTER, int(start) + error.offset), error.refusal, problems)
        return None
    if not isinstance(value, dict):
        _report(data, data.place(number), _NO_OBJECT, problems)
        return None
    return value


def _beyond(line: str, number: int, limits: Limits) -> Refusal | None:
    if number >= limits.max_rows:
        return too_many_rows(limits)
    return _too_long(limits) if len(line) > limits.max_line else None


def _report(data: DataFile, path: tuple[str | int, ...], refusal: Refusal, problems: Problems) -> None:
    problems.add(data, path=path, code=refusal.code, summary=refusal.summary, detail=refusal.detail, hint=refusal.hint)


_NO_OBJECT = Refusal(
    code="not-an-object",
    summary="A line holds no JSON object",
    detail="Each line of JSON Lines is one object, whose keys are the columns.",
    hint='write {"column": value, …} on one line',
)


def _too_long(limits: Limits) -> Refusal:
    return Refusal(
        code="line-too-long",
        summary="A line is too long",
        detail=f"At most {limits.max_line:,} characters are read of one line. The rest of the file was not checked.",
        hint="shorten its values; where the file is one large list, write one object to a line",
    )


def _too_many_keys(limits: Limits) -> Refusal:
    return Refusal(
        code="too-many-columns",
        summary="The file has too many columns",
        detail=f"At most {limits.max_columns:,} different keys are read. The rest of the file was not checked.",
        hint="take keys away that no field needs",
    )
