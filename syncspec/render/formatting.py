"""What `fmt` did or would do, as a unified diff and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from syncspec.diagnostics import Diagnostic
from syncspec.render.diagnostics import diagnostic_json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.line_diff import Hunk, hunks
from syncspec.render.terminal import Painter, Style, visible

__all__ = ["Outcome", "diff_text", "formatting_json"]

Outcome: TypeAlias = Literal["unchanged", "rewritten", "unformatted", "skipped", "failed"]
"""Of one file; `unformatted`: it would be rewritten, and was not; `skipped`: it holds no document of syncspec's."""

_STYLES = {"-": Style.STOPPED, "+": Style.ADDED}
_HIDDEN = "(sensitive)"


def diff_text(name: str, before: bytes, after: bytes, *, sensitive: Iterable[str] = (), color: bool = False) -> str:
    """The unified diff between two texts, "" where they are equal; values of sensitive fields are not shown."""
    if before == after:
        return ""
    paint = Painter(color=color)
    old, new = _lines(before), _lines(after)
    shown = {"-": _masked(old, sensitive), "+": _masked(new, sensitive)}
    shown[" "] = shown["-"]
    last = {"-": len(old) - 1, " ": len(old) - 1, "+": len(new) - 1}
    ends = {"-": before.endswith(b"\n"), " ": before.endswith(b"\n"), "+": after.endswith(b"\n")}
    text = [paint(f"--- {visible(name)}", Style.STRONG), paint(f"+++ {visible(name)}", Style.STRONG)]
    for hunk in hunks(_comparable(old, before), _comparable(new, after)):
        text.append(paint(_header(hunk), Style.LOCKED))
        for mark, number in hunk[2]:
            line = mark + _printable(shown[mark][number])
            text.append(paint(line, _STYLES[mark]) if mark in _STYLES else line)
            if number == last[mark] and not ends[mark]:
                text.append("\\ No newline at end of file")
    return "\n".join([*text, ""])


def formatting_json(files: Sequence[tuple[str, Outcome]], diagnostics: Iterable[Diagnostic]) -> bytes:
    """One entry per file, a summary, and what was wrong."""
    outcomes: tuple[Outcome, ...] = ("unchanged", "rewritten", "unformatted", "skipped", "failed")
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "summary": {each: sum(outcome == each for _, outcome in files) for each in outcomes},
            "files": [{"file": name, "outcome": outcome} for name, outcome in files],
            "diagnostics": [diagnostic_json(each) for each in diagnostics],
        }
    )


def _lines(content: bytes) -> list[str]:
    """The lines of a text, without their line feeds."""
    return content.decode("utf-8", "replace").removesuffix("\n").split("\n") if content else []


def _comparable(lines: list[str], content: bytes) -> list[str]:
    """The lines, with a last one that differs where it has no line feed."""
    return lines if content.endswith(b"\n") or not lines else [*lines[:-1], f"{lines[-1]}\0"]


def _header(hunk: Hunk) -> str:
    start, new_start, lines = hunk
    old = sum(mark != "+" for mark, _ in lines)
    new = sum(mark != "-" for mark, _ in lines)
    return f"@@ -{_span(start, old)} +{_span(new_start, new)} @@"


def _span(start: int, length: int) -> str:
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _printable(line: str) -> str:
    return "\t".join(map(visible, line.split("\t")))


def _masked(lines: list[str], sensitive: Iterable[str]) -> list[str]:
    """The lines, with a stand-in for those that name a sensitive field and for what is indented further below them."""
    names = sorted(sensitive)
    if not names:
        return lines
    named = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
    masked: list[str] = []
    hidden_below: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if hidden_below is not None and line.strip() and indent <= hidden_below:
            hidden_below = None
        if hidden_below is None and named.search(line):
            hidden_below = indent
            masked.append(" " * indent + _HIDDEN)
        else:
            masked.append(line if hidden_below is None or not line.strip() else " " * indent + _HIDDEN)
    return masked
