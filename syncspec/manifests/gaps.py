"""What stands between two YAML tokens: comments and blank lines, and how far each comment is indented."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

__all__ = ["BLANK", "Gap", "Line", "column_of", "comments_in", "gap_at", "spaced"]

Line: TypeAlias = "tuple[int, str]"
"""A comment on a line of its own: the column it began at and its text. BLANK is one that is empty."""

BLANK: Final[Line] = (-1, "")

_GAP = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*+[ \t]*")
_WHITE = " \t"
_OTHERS = frozenset(" \t\n#")
"""What may follow a space in a gap; after a single space, nearly always, comes the next token."""


class Gap(NamedTuple):
    """A gap: the comment that ends the line it begins on, with the spaces before it; the lines below; its end."""

    at_end_of_line: str
    lines: list[Line]
    end: int


def gap_at(text: str, start: int) -> Gap:
    """The gap that begins at an offset; `text` ends in a line feed. Runs of blank lines count as one."""
    if text.startswith(" ", start) and text[start + 1] not in _OTHERS:
        return Gap("", [], start + 1)
    match = _GAP.match(text, start)
    end = match.end() if match else start
    there = text[start:end]
    begins_line = start == 0 or text[start - 1] == "\n"
    if "#" not in there and there.count("\n") < 2 - begins_line:
        return Gap("", [], end)
    first, *rest = there.split("\n")
    if begins_line:
        rest.insert(0, first)
        first = ""
    lines: list[Line] = []
    for line in rest[:-1]:
        comment = line.strip(_WHITE)
        if comment:
            lines.append((len(line) - len(line.lstrip(_WHITE)), comment))
        elif not lines or lines[-1] is not BLANK:
            lines.append(BLANK)
    return Gap(spaced(first), lines, end)


def comments_in(lines: Iterable[Line]) -> int:
    """How many of the lines are comments."""
    return sum(line is not BLANK for line in lines)


def column_of(text: str, offset: int) -> int:
    """The column of an offset, from 0."""
    return offset - text.rfind("\n", 0, offset) - 1


def spaced(line: str) -> str:
    """The comment at the end of a line, with the spaces that the author put before it; "" where there is none."""
    spaces, mark, comment = line.partition("#")
    if not mark:
        return ""
    return (spaces if spaces and "\t" not in spaces else "  ") + mark + comment.rstrip(_WHITE)
