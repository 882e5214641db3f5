"""A file's text, with lines and columns worked out only when someone asks for them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from syncspec.diagnostics import Source

__all__ = ["SourceText"]

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_LINE_FEED = re.compile(r"\n")
"""Three times as quick, where there is nothing else."""

_QUOTED = re.compile(r'"(?:[^"\\\r\n]|\\.)*+"?|' + r"'(?:[^'\r\n]|'')*+'?")
_WORD = re.compile(r"[^\s,\[\]{}]+(?:(?<!:)(?=[,\]}]|\s|$))?")
_LONGEST_SNIPPET = 240
_BEGINS_NULL = frozenset("~nN!&*")


class SourceText:
    """Text of one file, as characters; an offset counts characters from 0."""

    __slots__ = ("_starts", "file", "text")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._starts: array[int] | None = None

    def source(self, offset: int) -> Source:
        """The place of an offset; offsets past the end count as the end."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return Source(file=self.file, line=line, column=offset - starts[line - 1] + 1)

    def offset(self, line: int) -> int:
        """Where a line begins; lines count from 1, and one past the last is the end of the text."""
        starts = self._line_starts()
        return starts[line - 1] if line <= len(starts) else len(self.text)

    def line(self, offset: int) -> str:
        """The text from an offset to the end of its line, without the line break."""
        found = _LINE_BREAK.search(self.text, offset)
        return self.text[offset : found.start() if found else len(self.text)]

    def sources(self, offsets: Iterable[int]) -> Iterator[Source]:
        """The places of many offsets."""
        starts, file = self._line_starts(), self.file
        for offset in offsets:
            line = bisect_right(starts, offset)
            yield Source(file=file, line=line, column=offset - starts[line - 1] + 1)

    def snippet(self, offset: int) -> str | None:
        """The line around an offset, fit to print; long lines are cut, None where the cut would lose the offset."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        start = starts[line - 1]
        if offset - start >= _LONGEST_SNIPPET:
            return None
        stop = starts[line] if line < len(starts) else len(self.text)
        text = self.text[start : min(stop, start + _LONGEST_SNIPPET + 2)].rstrip("\r\n")
        if len(text) > _LONGEST_SNIPPET:
            text = text[: _LONGEST_SNIPPET - 1] + "…"
        return "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in text)

    def spells_null(self, offset: int) -> bool:
        """Whether the null at an offset is written there, and not just the lack of a value."""
        return self.text[offset : offset + 1] in _BEGINS_NULL

    def extent(self, offset: int, written: str | None = None) -> int:
        """How many characters to underline from an offset: `written` where it stands there, else one token."""
        if written and "\n" not in written and self.text.startswith(written, offset):
            length = len(written)
        else:
            stop = offset + _LONGEST_SNIPPET
            match = _QUOTED.match(self.text, offset, stop) or _WORD.match(self.text, offset, stop)
            length = len(match[0]) if match else 1
        column = self.source(offset).column
        return max(1, min(length, _LONGEST_SNIPPET - column))

    def _line_starts(self) -> array[int]:
        if self._starts is None:
            self._starts = array("I", [0])
            breaks = _LINE_BREAK if "\r" in self.text else _LINE_FEED
            self._starts.extend(match.end() for match in breaks.finditer(self.text))
        return self._starts
