"""Changes single values of a YAML text and leaves every other character as it is.

The result is read again: it holds what the edits say and nothing else is different, or there is no result.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.formatting import first_difference
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.reader import read
from syncspec.manifests.spans import Span, spans_of
from syncspec.manifests.yaml_text import entry_lines, one_line

__all__ = ["Addition", "Edit", "EditError", "Replacement", "appended", "edited"]

_STEP = 2
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+")
_COMMENT = re.compile(r"(?:^|\s)#", re.MULTILINE)


class EditError(ValueError):
    """Text that cannot be changed as it was asked; the message says why, `path` where."""

    def __init__(self, why: str, path: Path = ()) -> None:
        super().__init__(why)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """New keys, to stand behind all others of the mapping at a path."""

    path: Path
    entries: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Another value in the place of the one at a path."""

    path: Path
    value: Value


Edit: TypeAlias = "Addition | Replacement"


def edited(
    content: bytes, edits: Sequence[Edit], *, document: int, file: str, limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """The file with edits of one of its documents, no two of which overlap. Raises EditError."""
    documents, found = read(content, file=file, limits=limits)
    if found:
        raise EditError(f"The file cannot be read: {found[0].summary}.")
    before = next((each for each in documents if each.index == document), None)
    if before is None:
        raise EditError("The file holds no such document any more.")
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    steps = [step for edit in _gathered(edits) for step in _narrowed(edit, before)]
    editor = _Editor(text, document, steps)
    value = before.value
    for step in steps:
        value = _with(value, step.path, step)
    made = _encoded(editor.result(), content)
    _check(documents, before, value, made, file=file, limits=limits)
    return made


def appended(content: bytes, lines: Sequence[str], value: Value, *, file: str) -> bytes:
    """The file with one more document of these lines, which reads as `value`. Raises EditError."""
    documents, found = read(content, file=file)
    if found:
        raise EditError(f"The file cannot be read: {found[0].summary}.")
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    opening = ["---"] if text.strip() else []
    gap = "" if not text or text.endswith("\n") else _line_break(text)
    made = _encoded(text + gap + "".join(f"{line}{_line_break(text)}" for line in [*opening, *lines]), content)
    again, found = read(made, file=file)
    if found or len(again) != len([each for each in documents if each.value is not None]) + 1:
        raise EditError("The result would not be read.")
    if first_difference(value, again[-1].value, None) is not None:
        raise EditError("The new document would read differently.")
    return made


def _encoded(text: str, before: bytes) -> bytes:
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode("utf-8")


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _gathered(edits: Sequence[Edit]) -> list[Edit]:
    """The edits, with what is added to one mapping in one addition."""
    added: dict[Path, dict[str, Value]] = {}
    for edit in edits:
        if isinstance(edit, Addition):
            entries = added.setdefault(edit.path, {})
            if entries.keys() & edit.entries.keys():
                raise EditError("A key is added twice.", edit.path)
            entries.update(edit.entries)
    replaced = [edit for edit in edits if isinstance(edit, Replacement)]
    return [*replaced, *(Addition(path=path, entries=entries) for path, entries in added.items())]


def _narrowed(edit: Edit, document: Document) -> Iterator[Edit]:
    """The same edit in as many smaller ones as it takes to leave what is equal alone."""
    if isinstance(edit, Addition):
        yield edit
        return
    yield from _replacements(_at(document.value, edit.path), edit.value, edit.path)


def _replacements(old: Value, new: Value, path: Path) -> Iterator[Replacement]:
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for key in old:
            yield from _replacements(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, item in enumerate(old):
            yield from _replacements(item, new[number], (*path, number))
    elif first_difference(old, new, None) is not None:
        yield Replacement(path=path, value=new)


def _at(value: Value, path: Path) -> Value:
    for step in path:
        match value, step:
            case dict(), str() if step in value:
                value = value[step]
            case list(), int() if step < len(value):
                value = value[step]
            case _:
                raise EditError("Nothing stands there any more.", path)
    return value


def _with(value: Value, path: Path, edit: Edit) -> Value:
    """The value after an edit; what is not on the way to it is shared with the value before."""
    if path:
        if isinstance(value, dict) and isinstance(path[0], str):
            return {**value, path[0]: _with(value[path[0]], path[1:], edit)}
        assert isinstance(value, list), "a path of an edit exists"
        return [_with(item, path[1:], edit) if number == path[0] else item for number, item in enumerate(value)]
    if isinstance(edit, Replacement):
        return edit.value
    if not isinstance(value, dict) or value.keys() & edit.entries.keys():
        raise EditError("The keys are there already.", edit.path)
    return {**value, **edit.entries}


def _check(
    documents: Sequence[Document], before: Document, value: Value, made: bytes, *, file: str, limits: Limits
) -> None:
    again, found = read(made, file=file, limits=limits)
    if found:
        raise EditError(f"The result would not be read: {found[0].summary}.")
    for old, new in zip_longest(documents, again):
        if old is None or new is None or old.index != new.index:
            raise EditError("The result would hold another number of documents.")
        where = first_difference(value if old is before else old.value, new.value, None)
        if where is not None:
            raise EditError("Something else would change with it, as what other places refer to by an anchor.", where)


class _Editor:
    """Cuts a text up at the places of its edits."""

    def __init__(self, text: str, document: int, edits: Sequence[Edit]) -> None:
        self._text = text
        self._break = _line_break(text)
        paths = [edit.path for edit in edits]
        self._spans = spans_of(text, document, [*paths, *(path[:-1] for path in paths if path)])
        self._cuts = sorted(self._cut(edit) for edit in edits)

    def result(self) -> str:
        parts, position = [], 0
        for start, end, new in self._cuts:
            if start < position:
                raise EditError("Two edits overlap.")
            parts += [self._text[position:start], new]
            position = end
        return "".join([*parts, self._text[position:]])

    def _cut(self, edit: Edit) -> tuple[int, int, str]:
        span = self._spans.get(edit.path)
        if span is None:
            raise EditError("It stands behind an anchor or a merge, which other places share.", edit.path)
        if isinstance(edit, Replacement):
            return self._replaced(span, edit)
        if span.alias:
            raise EditError("It is the value of an anchor, which other places share.", edit.path)
        if not span.is_mapping:
            raise EditError("No mapping stands there.", edit.path)
        return self._added(span, edit)

    def _is_in_flow(self, path: Path) -> bool:
        return bool(path) and self._spans[path[:-1]].flow

    def _added(self, span: Span, edit: Addition) -> tuple[int, int, str]:
        if not span.flow:
            return self._added_lines(span, edit)
        is_empty = span.column < 0
        if is_empty and not span.anchored and not span.tagged and edit.path and not self._is_in_flow(edit.path):
            column = self._spans[edit.path[:-1]].column + _STEP
            start = self._behind_colon(span.start)
            lines = [line for key, value in edit.entries.items() for line in entry_lines(key, value, column)]
            return start, span.end, "".join(f"{self._break}{line}" for line in lines)
        new = one_line(edit.entries)[1:-1]  # type: ignore[arg-type]
        at = span.stop
        return at, at, new if is_empty else f", {new}"

    def _added_lines(self, span: Span, edit: Addition) -> tuple[int, int, str]:
        lines = [line for key, value in edit.entries.items() for line in entry_lines(key, value, span.column)]
        text, stop = self._text, span.stop
        if text[stop - 1 : stop] != "\n":
            end = text.find("\n", stop)
            if end < 0:
                return len(text), len(text), "".join(f"{self._break}{line}" for line in lines)
            stop = end + 1
        return stop, stop, "".join(f"{line}{self._break}" for line in lines)

    def _replaced(self, span: Span, edit: Replacement) -> tuple[int, int, str]:
        old = self._text[span.start : span.stop]
        is_block = span.column >= 0 and not span.flow
        if (is_block or (span.flow and "\n" in old)) and _COMMENT.search(old):
            raise EditError("Comments stand in it, and would be lost.", edit.path)
        start, end = span.start, max(span.stop if is_block or span.block_text else span.end, span.start)
        new = one_line(edit.value)
        anchor = _ANCHOR.match(old) if span.anchored else None
        if anchor is not None:
            new = f"{anchor[0]} {new}"
        if span.block_text:
            header = old.split("\n", 1)[0]
            new += f"  {header[header.index('#') :].rstrip()}" if "#" in header else ""
        if is_block:
            start = self._behind_colon(start)
        if not span.empty and not is_block:
            return start, end, new
        if is_block and isinstance(edit.value, list | dict) and edit.value and anchor is None:
            lines = entry_lines("x", edit.value, self._spans[edit.path[:-1]].column)[1:]
            return start, end, "".join(f"{self._break}{line}" for line in lines)
        return start, end, f" {new}"

    def _behind_colon(self, start: int) -> int:
        """Where the key of a value ends, if nothing but white space stands between the two."""
        return len(self._text[:start].rstrip()) if self._text[:start].rstrip().endswith((":", "-")) else start
