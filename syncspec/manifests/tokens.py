"""Walks through YAML text by its events, and reads what they do not tell: gaps, marks, and values as written."""

from __future__ import annotations

import re
from typing import Any

from yaml.events import MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent

from syncspec.manifests.entries import KeptLine, References
from syncspec.manifests.events import events_of
from syncspec.manifests.gaps import BLANK, Line, column_of, comments_in, gap_at, spaced
from syncspec.manifests.reindent import block_text, flow_lines, folded_lines

__all__ = ["BLOCK_STYLES", "STEP", "LayoutError", "Tokens"]

STEP = 2
"""How much further each level of the new text is indented."""

BLOCK_STYLES = ("|", ">")

_OPENING = (MappingStartEvent, SequenceStartEvent)
_CLOSING = (MappingEndEvent, SequenceEndEvent)
_TAG = re.compile(r"!<[^>\s]*>|!\S*")
_COLON = re.compile(r":(?=\s)")
_END = re.compile(r"\.\.\.(?=\s)")


class LayoutError(Exception):
    """The text holds something that is not known here, so that it cannot be laid out without a risk."""


class Tokens:
    """One pass over a text: `position` is at the next token, or in the gap before it.

    `text` ends in a line feed, also where the text that was given does not. `comments` counts those that were read;
    those inside braces and brackets are part of what is read there.
    """

    def __init__(self, text: str) -> None:
        self.next_event = events_of(text)
        self.text = text if text.endswith("\n") else f"{text}\n"
        self.position = 0
        self.comments = 0

    @property
    def column(self) -> int:
        return column_of(self.text, self.position)

    @property
    def is_at_colon(self) -> bool:
        """Whether the next token is the colon after a key."""
        return _COLON.match(self.text, gap_at(self.text, self.position).end) is not None

    @property
    def is_at_end_mark(self) -> bool:
        """Whether the mark that ends a document comes next."""
        return _END.match(self.text, self.position) is not None and self.column == 0

    def take(self, mark: str) -> None:
        """Go past a mark. Raises LayoutError where something else stands."""
        if not self.text.startswith(mark, self.position):
            raise LayoutError(f"There is no {mark} where one should be.")
        self.position += len(mark)

    def gap(self) -> tuple[str, list[Line]]:
        """Go to the next token: the comment at the end of this line, and the lines below."""
        comment, lines, self.position = gap_at(self.text, self.position)
        if comment or lines:
            self.comments += bool(comment) + comments_in(lines)
        return comment, lines

    def gap_lines(self) -> list[Line]:
        """Go to the next token; a comment at the end of this line is given a line of its own."""
        comment, lines = self.gap()
        return [(0, comment.strip()), *lines] if comment else lines

    def gap_comments(self) -> list[Line]:
        """Go to the next token; the comments on the way, each with a line of its own."""
        return [line for line in self.gap_lines() if line is not BLANK]

    def directive(self) -> str | None:
        """Go past a line that begins with a percent sign; None where there is none."""
        if not self.text.startswith("%", self.position):
            return None
        start, self.position = self.position, self.text.index("\n", self.position)
        return self.text[start : self.position].rstrip()

    def properties(self, event: Any, above: list[Line]) -> str:
        """Go past anchor and tag; gives them in their order, and adds comments between them to `above`."""
        parts: list[str] = []
        for _ in range((event.anchor is not None) + (event.tag is not None)):
            if parts:
                above += self.gap_comments()
            tag = _TAG.match(self.text, self.position)
            parts.append(tag[0] if tag else f"&{event.anchor}")
            self.take(parts[-1])
        return " ".join(parts)

    def scalar(self, event: Any, indent: int) -> tuple[list[str], str]:
        """Go past a scalar; gives its lines for a parent at `indent`, and the comment after a block text's header."""
        start, end = self.position, event.end_mark.index
        inner = max(indent, 0) + STEP
        if event.style in BLOCK_STYLES:
            block = block_text(self.text, start, end, event.value, inner)
            self.position = block.end
            self.comments += bool(block.comment)
            lines = [block.header, *block.lines]
            if block.keeps:
                lines[-1] = KeptLine(lines[-1])
            return lines, spaced(block.comment)
        self.position = end
        written = self.text[start:end]
        return (folded_lines(written, inner) if "\n" in written else [written]), ""

    def flow(self, indent: int, margin: int, references: References, line: int) -> list[str]:
        """Go past a mapping or list in braces or brackets that has begun, and note its anchors and aliases.

        Its lines are moved as its parent is, from the column `margin` to `indent`.
        """
        start, event, depth = self.position, None, 1
        while depth:
            event = self.next_event()
            kind = event.__class__
            depth += (kind in _OPENING) - (kind in _CLOSING)
            references.note(event, line)
        shift = indent - margin if margin >= 0 else -self.column
        self.position = event.end_mark.index if event is not None else start
        return flow_lines(self.text[start : self.position], shift, max(indent, 0))
