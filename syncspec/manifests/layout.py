"""Lays YAML text out anew: indentation, gaps and the order of keys change, and nothing that is written does.

Every scalar, and every mapping or list in braces or brackets, is taken from the text as the author wrote it; only
what stands between them is written anew. So quotes, escapes, numbers, anchors and tags stay what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from syncspec.manifests.entries import Entries, KeptLine, References
from syncspec.manifests.gaps import BLANK, Line, comments_in
from syncspec.manifests.key_order import Order
from syncspec.manifests.tokens import BLOCK_STYLES, STEP, LayoutError, Tokens

__all__ = ["LayoutError", "lay_out"]

_DOCUMENT_MARKS = ("---", "...")
_LONGEST_KEY = 1000
"""A longer key after a question mark stays there: without one YAML takes no more than 1,024 characters."""


def lay_out(text: str, orders: Sequence[Order | None]) -> str:
    """Give text that the reader accepts, with line feeds between its lines, in its canonical layout.

    `orders` has the order of keys of each document. Raises LayoutError.
    """
    lines = _Layout(text, orders).run()
    return "\n".join([*lines, ""]) if lines else ""


class _Layout:
    """The lines that are finished, and `_above`: the comments and blank lines that stand above the next token.

    A line that is begun is handed on as `head` until its value is known. `indent` is the column, in the new text, of
    the mapping or list in which a node stands, and `margin` is the column where that one stood in the old text.
    """

    def __init__(self, text: str, orders: Sequence[Order | None]) -> None:
        self._tokens = Tokens(text)
        self._next = self._tokens.next_event
        self._orders = orders
        self._above: list[Line] = []
        self._out: list[str] = []
        self._references = References()
        self._comments = 0

    def run(self) -> list[str]:
        """Lay out the whole text."""
        tokens = self._tokens
        self._next()
        self._above += tokens.gap_lines()
        number = 0
        while (event := self._next()).__class__ is not StreamEndEvent:
            self._document(event, self._orders[number] if number < len(self._orders) else None)
            number += 1
        self._skip_ends()
        while self._above and self._above[-1] is BLANK:
            self._above.pop()
        self._write_above(0)
        if tokens.position != len(tokens.text) or tokens.comments != self._comments:
            raise LayoutError("Not all of the text was understood.")
        return self._out

    def _document(self, start: Any, order: Order | None) -> None:
        self._skip_ends()
        self._references = References()
        if start.explicit:
            while (directive := self._tokens.directive()) is not None:
                self._write_above(0)
                self._out.append(directive)
                self._above += self._tokens.gap_lines()
            self._mark("---")
        self._node(self._next(), None, -STEP, -1, order)
        if self._next().explicit:
            self._mark("...")

    def _mark(self, mark: str) -> None:
        self._write_above(0)
        self._tokens.take(mark)
        self._end_line(mark)

    def _skip_ends(self) -> None:
        """Leave out ends of documents that end nothing."""
        while self._tokens.is_at_end_mark:
            self._tokens.take("...")
            self._above += self._tokens.gap_lines()

    def _mapping(self, indent: int, outside: int, first: str | None, order: Order | None) -> None:
        """Write the pairs of a mapping, the first after `first`; `outside` is the old column of what it stands in."""
        margin = self._tokens.column
        pad = " " * indent
        entries = Entries(self._out, self._references) if order and order.keys and first is None else None
        while (event := self._next()).__class__ is not MappingEndEvent:
            key_lines, head = self._key(event, pad if first is None else first, indent)
            if entries is not None:
                if entries.is_empty:
                    self._write_preface(indent)
                entries.begin(event.value)
            self._write_above(indent if first is None else len(first) - len(first.lstrip(" ")))
            self._out += key_lines
            self._node(self._next(), head, indent, margin, order.of(event.value) if order else None)
            first = None
        if entries is not None and order is not None and not entries.is_empty:
            entries.arrange(order)
        self._close(indent, max(margin, outside + 1))

    def _list(self, indent: int, outside: int, first: str | None) -> None:
        """Write the items of a list, the first after `first`; `outside` is the old column of what it stands in."""
        margin = self._tokens.column
        pad = " " * indent
        while (event := self._next()).__class__ is not SequenceEndEvent:
            self._write_above(indent)
            self._tokens.take("-")
            self._node(event, (pad if first is None else first) + "-", indent, margin, is_item=True)
            first = None
        self._close(indent, max(margin, outside + 1))

    def _key(self, event: Any, begun: str, indent: int) -> tuple[list[str], str]:
        """Read a key and its colon: the lines to write for it, and the begun line that its value follows."""
        tokens = self._tokens
        start, end = event.start_mark.index, event.end_mark.index
        if start == tokens.position and event.anchor is None and event.tag is None and tokens.text[end] == ":":
            tokens.position = end + 1
            return [], f"{begun}{tokens.text[start:end]}:"
        return self._unusual_key(event, begun, indent)

    def _unusual_key(self, event: Any, begun: str, indent: int) -> tuple[list[str], str]:
        """Read a key with a question mark, an anchor, a tag, or spaces before its colon.

        Comments after a question mark and before the colon go above the key.
        """
        tokens, above = self._tokens, self._above
        is_explicit = event.start_mark.index != tokens.position
        if is_explicit:
            tokens.take("?")
            above += tokens.gap_comments()
        properties = tokens.properties(event, above)
        self._references.note(event, len(self._out))
        if properties and (event.value or event.style):
            above += tokens.gap_comments()
        (begins, *more), comment = tokens.scalar(event, indent)
        if comment:
            above.append((0, comment.strip()))
        if tokens.is_at_colon:
            above += tokens.gap_comments()
            tokens.take(":")
        elif not is_explicit:
            raise LayoutError("A key has no colon.")
        written = f"{properties} {begins}" if properties else begins
        fits = not more and event.style not in BLOCK_STYLES and len(written) <= _LONGEST_KEY
        if fits or not is_explicit:
            return [], f"{begun}{written}:"
        return [f"{begun}? {written}", *more], " " * indent + ":"

    def _node(
        self,
        event: Any,
        head: str | None,
        indent: int,
        margin: int,
        order: Order | None = None,
        *,
        is_item: bool = False,
    ) -> None:
        """Write a node after `head`, or below it where comments stand between; None: on a line of its own."""
        kind = event.__class__
        if kind is ScalarEvent and not (event.value or event.style or event.anchor or event.tag):
            if head is not None:
                self._end_line(head)
            return
        tokens = self._tokens
        is_block = kind in (MappingStartEvent, SequenceStartEvent) and not event.flow_style
        has_content = kind is not ScalarEvent or bool(event.value or event.style)
        comment, lines = tokens.gap()
        properties = "" if kind is AliasEvent else tokens.properties(event, lines)
        self._references.note(event, len(self._out))
        if head is None:
            self._above += lines
        elif comment or comments_in(lines):
            self._put(head, comment)
            head = None
            self._above += lines
        elif is_block and not is_item and not properties:
            self._above += lines
        if properties or not is_block:
            self._write_above(max(indent + STEP, 0))
        begun = " " * (indent + STEP) if head is None else f"{head} "
        if not is_block:
            self._leaf(event, self._after(properties, begun, indent, has_content), indent, margin)
            return
        first = None
        if properties:
            self._end_line(begun + properties)
        elif head is not None and is_item:
            first = begun
        elif head is not None:
            self._out.append(head)
        if kind is SequenceStartEvent:
            self._list(indent + STEP, margin, first)
        else:
            # What an anchor names stands in other places too, where its order may matter.
            self._mapping(indent + STEP, margin, first, order if event.anchor is None else None)

    def _after(self, properties: str, begun: str, indent: int, has_content: bool) -> str:
        """The begun line with a leaf's anchor and tag; a comment behind them pushes the leaf to the next line."""
        if not properties or not has_content:
            return begun + properties
        comment, lines = self._tokens.gap()
        if not comment and not comments_in(lines):
            return f"{begun}{properties} "
        self._put(begun + properties, comment)
        self._above += lines
        self._write_above(max(indent + STEP, 0))
        return " " * (indent + STEP)

    def _leaf(self, event: Any, begun: str, indent: int, margin: int) -> None:
        """Write a scalar, an alias, or what stands in braces or brackets."""
        tokens, comment = self._tokens, ""
        if event.__class__ is ScalarEvent:
            lines, comment = tokens.scalar(event, indent) if event.value or event.style else ([""], "")
        elif event.__class__ is AliasEvent:
            lines = [f"*{event.anchor}"]
            tokens.take(lines[0])
        else:
            lines = tokens.flow(indent, margin, self._references, len(self._out))
        if not begun and lines[0].startswith(_DOCUMENT_MARKS):
            begun = " " * STEP
        kind = type(lines[-1])
        lines[0] = begun + lines[0] + comment
        self._comments += bool(comment)
        self._out += lines[:-1]
        self._end_line(kind(lines[-1]))

    def _end_line(self, line: str) -> None:
        """Write the line that ends here, with its comment."""
        comment, lines = self._tokens.gap()
        self._put(line, comment)
        self._above += lines

    def _put(self, line: str, comment: str) -> None:
        self._out.append(line + comment if comment else line)
        self._comments += bool(comment)

    def _close(self, indent: int, least: int) -> None:
        """Write the comments at the end of a mapping or list: those that began at the old column `least` or more."""
        ours = 0
        for number, line in enumerate(self._above):
            if line is BLANK:
                continue
            if line[0] < least:
                break
            ours = number + 1
        if ours:
            self._write(self._above[:ours], indent)
            del self._above[:ours]

    def _write_preface(self, indent: int) -> None:
        """Write what stays at the top of a mapping wherever its first key goes.

        At the top of a document that is all there is; further in, it is what a blank line parts from the key.
        """
        blanks = [number for number, line in enumerate(self._above) if line is BLANK]
        count = len(self._above) if indent == 0 else blanks[-1] + 1 if blanks else 0
        self._write(self._above[:count], indent)
        del self._above[:count]

    def _write_above(self, indent: int) -> None:
        if self._above:
            self._write(self._above, indent)
            self._above = []

    def _write(self, lines: list[Line], indent: int) -> None:
        for line in lines:
            if line is not BLANK:
                self._out.append(" " * indent + line[1])
                self._comments += 1
            elif self._out and self._out[-1] and not isinstance(self._out[-1], KeptLine):
                self._out.append("")
