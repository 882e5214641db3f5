"""The text of one YAML value, moved to another indentation without a change to what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BlockText", "block_text", "flow_lines", "folded_lines"]

_WHITE = " \t"
_HEADER = re.compile(r"([|>])([0-9+-]*)([ \t]*#[^\n]*)?[^\n]*\n")
_TRAILING = re.compile(r"(?<![\\ \t])[ \t]+$")
"""White space at the end of a line, unless a backslash makes its first character part of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockText:
    """A block scalar: its header, the comment after it, its lines, and the offset at which it ends.

    `keeps`: the empty lines at its end are part of the value.
    """

    header: str
    comment: str
    lines: list[str]
    end: int
    keeps: bool


def folded_lines(written: str, indent: int) -> list[str]:
    """The lines of a plain or quoted scalar over several lines, those after the first at an indentation."""
    first, *between, last = written.split("\n")
    margin = " " * indent
    kept = [_TRAILING.sub("", line.lstrip(_WHITE)) for line in between]
    return [_TRAILING.sub("", first), *(margin + line if line else "" for line in kept), margin + last.lstrip(_WHITE)]


def flow_lines(written: str, shift: int, least: int) -> list[str]:
    """The lines of a mapping or list in braces or brackets, those after the first shifted, but to `least` or more."""
    first, *more = written.split("\n")
    lines = [_TRAILING.sub("", first)]
    for line in more:
        kept = _TRAILING.sub("", line)
        content = kept.lstrip(" ")
        marks_document = content.startswith(("---", "..."))
        indent = max(len(kept) - len(content) + shift, least, int(marks_document))
        lines.append(" " * indent + content if content.strip(_WHITE) else "")
    return lines


def block_text(text: str, start: int, end: int, value: str, indent: int) -> BlockText:
    """The block scalar between two offsets, with its lines at an indentation of 2 more than its parent's.

    `text` ends in a line feed, though the file may not: then `value` tells whether the last line has one.
    """
    match = _HEADER.match(text, start)
    assert match is not None, "a block scalar has a header"
    style, marks, comment = match.groups()
    written = text[match.end() : end].split("\n")
    if not written[-1]:
        written.pop()
    base = _indentation(written, value)
    content = [line[base:] for line in written]
    while content and not content[-1]:
        content.pop()
    breaks = len(value) - len(value.rstrip("\n"))
    keeps = "+" in marks and (breaks > 0 or not value)
    used = end if keeps else match.end() + sum(len(line) + 1 for line in written[: len(content)])
    if keeps:
        content += [""] * (breaks - 1 if content else breaks)
    chomping = "+" if keeps else "-" if "-" in marks or (value and not breaks) else ""
    margin = " " * indent
    return BlockText(
        header=style + ("2" if any(mark.isdigit() for mark in marks) else "") + chomping,
        comment=comment or "",
        lines=[margin + line if line else "" for line in content],
        end=used,
        keeps=keeps,
    )


def _indentation(written: list[str], value: str) -> int:
    """How far a block scalar's lines are indented: as far as its first text is, and is not in its value."""
    said = value.split("\n")
    line, shown = (next((each for each in lines if each.strip(" ")), None) for lines in (written, said))
    if line is not None and shown is not None:
        return _spaces(line) - _spaces(shown)
    # Nothing but spaces: no line of such a text is folded, so they correspond one to one.
    longer = (len(line) - len(shown) for line, shown in zip(written, said, strict=False) if shown)
    return next(longer, max(map(len, written), default=0))


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
