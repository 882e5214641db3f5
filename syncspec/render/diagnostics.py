"""Diagnostics as text with the line underlined, as JSON, and as annotations of GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.records import Json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.terminal import Painter, Style, clipped, display_width, visible
from syncspec.render.values import counted

__all__ = [
    "count_text",
    "diagnostic_json",
    "diagnostic_text",
    "diagnostics_document",
    "diagnostics_text",
    "github_annotations",
    "source_json",
]

_GUTTER = 7
_LINE_WIDTH = 120
_BEFORE_CARET = 60


def diagnostics_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All of them in order, with a blank line between; ends in a newline unless there are none."""
    return "\n".join(diagnostic_text(item, color=color) for item in diagnostics)


def diagnostic_text(item: Diagnostic, *, color: bool = False) -> str:
    """Summary, place, underlined line, what is wrong, and one way out."""
    paint = Painter(color=color)
    lines = [f"{paint(item.severity.value, _style(item.severity))}: {paint(visible(item.summary), Style.STRONG)}"]
    place = " ".join(visible(str(part)) for part in (item.source, item.address) if part is not None)
    if place:
        lines.append(f"  {place}")
    if item.snippet is not None and item.source is not None:
        lines += _snippet(item.source, item.snippet, item.length, paint, _style(item.severity))
    lines += _indented(item.detail)
    if item.hint:
        first, *more = item.hint.split("\n")
        lines.append(f"  {paint('hint', Style.NOTE)}: {visible(first)}")
        lines += [f"  {visible(line)}" for line in more]
    return "\n".join(lines) + "\n"


def _style(severity: Severity) -> Style:
    match severity:
        case Severity.ERROR:
            return Style.ERROR
        case Severity.WARNING:
            return Style.WARNING
        case Severity.NOTE:
            return Style.NOTE
        case _ as unreachable:
            assert_never(unreachable)


def _indented(text: str) -> list[str]:
    return [f"  {visible(line)}" for line in text.split("\n")] if text else []


def _snippet(source: Source, snippet: str, length: int, paint: Painter, style: Style) -> list[str]:
    """The source line and the underlining below it; of a very long line the part around the place."""
    start = min(max(source.column - 1, 0), len(snippet))
    cut = max(0, start - _BEFORE_CARET) if len(snippet) > _LINE_WIDTH else 0
    before = ("…" if cut else "") + visible(snippet[cut:start])
    marked = visible(snippet[start : min(start + max(length, 1), cut + _LINE_WIDTH)])
    after = visible(snippet[start + max(length, 1) : cut + _LINE_WIDTH])
    line = f"{before}{marked}{after}".rstrip() + ("…" if len(snippet) > cut + _LINE_WIDTH else "")
    caret = "^" * max(1, display_width(marked))
    return [
        f"{source.line:>{_GUTTER}} | {line}",
        f"{'':>{_GUTTER}} | {' ' * display_width(before)}{paint(caret, style)}",
    ]


def count_text(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; notes are not counted."""
    found = list(diagnostics)
    numbers = [(severity, sum(item.severity is severity for item in found)) for severity in Severity]
    parts = [counted(number, severity.value) for severity, number in numbers if number and severity != Severity.NOTE]
    return ", ".join(parts) or "no errors"


def source_json(source: Source | None) -> dict[str, Json] | None:
    """A place as it stands in every JSON document."""
    return None if source is None else {"file": source.file, "line": source.line, "column": source.column}


def diagnostic_json(item: Diagnostic) -> dict[str, Json]:
    """A diagnostic as it stands in every JSON document."""
    return {
        "severity": item.severity.value,
        "code": item.code,
        "summary": item.summary,
        "detail": item.detail,
        "hint": item.hint,
        "address": item.address,
        "source": source_json(item.source),
    }


def diagnostics_document(diagnostics: Iterable[Diagnostic]) -> bytes:
    """The JSON document of a command whose result is its diagnostics."""
    return json_bytes(
        {"format_version": FORMAT_VERSION, "diagnostics": [diagnostic_json(each) for each in diagnostics]}
    )


def github_annotations(
    diagnostics: Sequence[Diagnostic],
    *,
    folder: str = "",
    shown: int | None = None,
    beyond: Mapping[Severity, int] | None = None,
) -> str:
    """Workflow commands, errors first since GitHub shows only some; `folder` leads from the repository to the project.

    `shown` is how many of each severity there may be, the last of them counting the rest; `beyond` counts those that
    were left out of `diagnostics` since nobody would see them.
    Nothing in a message can begin a command of its own: line breaks and separators are percent-encoded.
    """
    lines = []
    for severity in Severity:
        ranked = [item for item in diagnostics if item.severity is severity]
        number = len(ranked) + (beyond or {}).get(severity, 0)
        if shown is not None and number > shown:
            ranked[shown - 1 :] = [_rest(severity, number - shown + 1)]
        lines += [_annotation(item, folder) for item in ranked]
    return "".join(lines)


def _rest(severity: Severity, number: int) -> Diagnostic:
    return Diagnostic(
        severity=severity,
        code="more",
        summary=f"{number:,} more",
        detail=f"{number:,} more of this level are not shown here.",
        hint="the same command with --format html, or text and --full, shows all",
    )


_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def _annotation(item: Diagnostic, folder: str) -> str:
    properties: dict[str, str] = {}
    if item.source is not None:
        inside = folder and not item.source.file.startswith("/")
        properties["file"] = f"{folder.rstrip('/')}/{item.source.file}" if inside else item.source.file
        properties["line"] = str(item.source.line)
        properties["col"] = str(item.source.column)
        properties["endColumn"] = str(item.source.column + max(item.length, 1))
    properties["title"] = item.summary
    parts = [part for part in (item.address, item.detail or item.summary) if part]
    message = ": ".join(parts) + (f"\nhint: {item.hint}" if item.hint else "")
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[item.severity]} {named}::{_message(message)}\n"


def _message(text: str) -> str:
    shown = "\n".join(visible(line) for line in text.split("\n"))
    return clipped(shown, 4000).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(visible(text)).replace(":", "%3A").replace(",", "%2C")
