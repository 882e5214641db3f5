"""Where the nodes of a YAML text stand: what is needed to change some of them and leave all else as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from syncspec.manifests.documents import Path
from syncspec.manifests.events import events_of
from syncspec.manifests.gaps import column_of

__all__ = ["Span", "spans_of"]

_STARTS = (MappingStartEvent, SequenceStartEvent)
_ENDS = (MappingEndEvent, SequenceEndEvent)
_BLOCK_TEXTS = ("|", ">")
_Wanted: TypeAlias = "dict[str | int, _Wanted]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A node: `start` to `end` is all of it, its anchor and tag included; `key` is where its key begins.

    `stop` is where the last token in it ends, before a closing brace: for block mappings and lists `end` is where the
    next token begins. `column`
    is where the first key or item of a block mapping or list stands. `block_text`: a scalar that begins with | or >.
    `empty`: nothing is written.
    """

    key: int
    start: int
    end: int
    stop: int
    column: int
    is_mapping: bool = False
    flow: bool = False
    alias: bool = False
    anchored: bool = False
    tagged: bool = False
    block_text: bool = False
    empty: bool = False


def spans_of(text: str, index: int, paths: Iterable[Path]) -> dict[Path, Span]:
    """Where the values at these paths of one document stand; what is not there, or behind an alias, is left out.

    The text must be one that the reader accepts.
    """
    wanted: _Wanted = {}
    for path in paths:
        level = wanted
        for step in path:
            level = level.setdefault(step, {})
    walk = _Walk(text)
    walk.document(index, wanted)
    return walk.found


class _Walk:
    def __init__(self, text: str) -> None:
        self.found: dict[Path, Span] = {}
        self._text = text
        self._next = events_of(text)
        self._stop = 0

    def document(self, index: int, wanted: _Wanted) -> None:
        number = -1
        while not _is(event := self._next(), (StreamEndEvent,)):
            if not _is(event, (DocumentStartEvent,)):
                continue
            number += 1
            if number == index:
                event = self._next()
                self._node(event, event.start_mark.index, (), wanted)
                return

    def _node(self, event: Any, key: int, path: Path, wanted: _Wanted | None) -> None:
        """Go past a node; `wanted` None: nothing in it matters."""
        if not _is(event, _STARTS):
            self._leaf(event)
            if wanted is not None:
                self._note(event, key, path, self._stop)
            return
        if wanted is None:
            self._skip()
            return
        is_mapping = event.__class__ is MappingStartEvent
        column, number, at = -1, 0, event.start_mark.index
        while not _is(inner := self._next(), _ENDS):
            column = column_of(self._text, inner.start_mark.index) if column < 0 else column
            step: str | int = number
            at = inner.start_mark.index
            if is_mapping:
                step = inner.value if _is(inner, (ScalarEvent,)) else ""
                self._node(inner, at, (), None)
                inner = self._next()
            self._node(inner, at, (*path, step), wanted.get(step))
            number += 1
        if not number:
            self._stop = event.end_mark.index
        self._note(event, key, path, inner.end_mark.index, column=column, is_mapping=is_mapping)
        if event.flow_style:
            self._stop = inner.end_mark.index

    def _leaf(self, event: Any) -> None:
        """Note where the text of a scalar ends: a block text without the blank lines that it does not keep."""
        end = event.end_mark.index
        if _is(event, (ScalarEvent,)) and event.style in _BLOCK_TEXTS:
            header = self._text[event.start_mark.index : end].split("\n", 1)[0].partition("#")[0]
            if "+" not in header:
                end = len(self._text[:end].rstrip())
        self._stop = max(end, self._stop)

    def _skip(self) -> None:
        depth = 1
        while depth:
            event: Any = self._next()
            if _is(event, _STARTS):
                depth += 1
            elif _is(event, _ENDS):
                depth -= 1
                if event.end_mark.index > event.start_mark.index:
                    self._stop = event.end_mark.index
            else:
                self._leaf(event)

    def _note(self, event: Any, key: int, path: Path, end: int, *, column: int = -1, is_mapping: bool = False) -> None:
        scalar = _is(event, (ScalarEvent,))
        alias = _is(event, (AliasEvent,))
        self.found[path] = Span(
            key=key,
            start=event.start_mark.index,
            end=event.end_mark.index if scalar or alias else end,
            stop=self._stop,
            column=column,
            is_mapping=is_mapping,
            flow=not scalar and not alias and bool(event.flow_style),
            alias=alias,
            anchored=not alias and event.anchor is not None,
            tagged=not alias and event.tag is not None,
            block_text=scalar and event.style in _BLOCK_TEXTS,
            empty=scalar and not event.value and event.style in (None, "") and event.tag is None,
        )


def _is(event: Any, kinds: tuple[type, ...]) -> bool:
    return event.__class__ in kinds
