"""YAML events become plain values; no recursion, no YAML 1.1, every key and value with its offset."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from syncspec.diagnostics import Source
from syncspec.manifests import wording
from syncspec.manifests.documents import Document, Mapping, Sequence, Value
from syncspec.manifests.findings import Findings, Refusal
from syncspec.manifests.frames import COMPLEX, NEXT, REFUSED, Anchor, Frame, Key
from syncspec.manifests.limits import Limits
from syncspec.manifests.scalars import NOT_TEXT, Doubt, resolve
from syncspec.manifests.tags import collection_refusal, tagged_scalar

__all__ = ["Builder", "NextEvent", "StopReadingError"]

NextEvent: TypeAlias = Callable[[], Any]
"""Gives the next event of PyYAML's, None after the last."""


_SCALAR: Final[Any] = ScalarEvent
_DOCUMENT_START: Final[Any] = DocumentStartEvent
"""Both untyped: to the type checker a narrowed event may lack its marks."""


class StopReadingError(Exception):
    """A limit was passed and its finding is recorded: the rest of the file is not looked at."""


class Builder:
    """Builds the documents of one file from its events; `documents` are those that ended before any stop."""

    def __init__(self, next_event: NextEvent, findings: Findings, limits: Limits) -> None:
        self.documents: list[Document] = []
        self._next_event = next_event
        self._findings = findings
        self._limits = limits
        self._marks = array("I")
        self._texts: dict[str, str] = {}
        self._anchors: dict[str, Anchor] = {}
        self._nodes_left = limits.max_nodes
        self._alias_nodes = 0
        self._alias_characters = 0
        self._index = -1
        self._stack: list[Frame] = []

    def run(self) -> None:
        """Read to the end of the file. Raises StopReadingError at a limit, yaml.YAMLError where the text is no YAML."""
        stack, pairs, items = self._stack, self._pairs, self._items
        handlers: dict[Any, Callable[[Any, Frame], None]] = {
            MappingStartEvent: self._open_mapping,
            SequenceStartEvent: self._open_list,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            ScalarEvent: self._scalar,
            AliasEvent: self._alias,
            DocumentEndEvent: self._end_document,
        }
        while stack or self._begin_document():
            frame = stack[-1]
            value = frame.value
            event = pairs(frame, value) if isinstance(value, dict) else items(frame, value)
            handlers[event.__class__](event, frame)

    def _pairs(self, frame: Frame, mapping: Mapping) -> Any:
        """Take plain pairs as long as there are any; returns the first event that is something else.

        With `_items` this is the inner loop of reading: it sees nearly every event, so the common case calls nothing.
        """
        next_event, texts, marks = self._next_event, self._texts, frame.marks
        key: Any = frame.key
        key_offset = frame.key_offset
        for left in range(self._nodes_left, 0, -2):  # noqa: B007 - its last value is used below
            if key is NEXT:
                event = next_event()
                if event.__class__ is not _SCALAR or event.anchor is not None or event.tag is not None:
                    break
                key_offset = event.start_mark.index
                key = texts.get(event.value, NEXT)
                if key is NEXT or key in mapping:
                    key = self._key(event, frame, mapping)
            event = next_event()
            if event.__class__ is not _SCALAR or event.anchor is not None or event.tag is not None:
                break
            if key is not REFUSED:
                value = event.value
                if value[:1] in NOT_TEXT and not event.style:
                    value = self._plain(event)
                mapping[key] = value
                marks.append(key_offset)
                marks.append(event.start_mark.index)
            key = NEXT
        else:
            raise self._stop(wording.too_many_nodes(self._limits.max_nodes), key_offset)
        self._nodes_left = left - 2
        frame.key, frame.key_offset = key, key_offset
        return event

    def _items(self, frame: Frame, items: Sequence) -> Any:
        """Take plain items as long as there are any; returns the first event that is something else."""
        next_event, marks = self._next_event, frame.marks
        for left in range(self._nodes_left, 0, -1):  # noqa: B007 - its last value is used below
            event = next_event()
            if event.__class__ is not _SCALAR or event.anchor is not None or event.tag is not None:
                break
            text = event.value
            if text[:1] in NOT_TEXT and not event.style:
                text = self._plain(event)
            items.append(text)
            marks.append(event.start_mark.index)
        else:
            raise self._stop(wording.too_many_nodes(self._limits.max_nodes), frame.start)
        self._nodes_left = left - 1
        return event

    def _plain(self, event: Any) -> Value:
        value = resolve(event.value)
        if isinstance(value, Doubt):
            doubt = value
            self._report(lambda: wording.refused_scalar(doubt), event, event.value)
            return doubt.text
        return value

    def _key(self, event: Any, frame: Frame, mapping: Mapping) -> str | Key:
        """Judge a scalar key: its text, or REFUSED. A key that is no text is reported and taken as its text."""
        text: str = event.value
        if not event.style and event.tag is None:
            if text == "<<":
                self._report(wording.MERGE_KEY, event, text)
                return REFUSED
            value = resolve(text)
            if not isinstance(value, str):
                self._report(lambda: wording.refused_key(value, text), event, text)
                return text if text and text not in mapping else REFUSED
            self._texts[text] = text
        if text in mapping:
            self._report(lambda: wording.duplicate_key(text, self._first_place(text, frame, mapping)), event, text)
            return REFUSED
        return text

    def _first_place(self, key: str, frame: Frame, mapping: Mapping) -> Source:
        return self._findings.text.source(frame.marks[2 * list(mapping).index(key)])

    def _begin_document(self) -> bool:
        """Go on to the next document; False at the end of the file."""
        event = self._next_event()
        while event.__class__ is not _DOCUMENT_START:
            if event is None:
                return False
            event = self._next_event()
        self._index += 1
        offset = event.start_mark.index
        if self._index >= self._limits.max_documents:
            raise self._stop(wording.too_many_documents(self._limits.max_documents), offset)
        if event.version == (1, 1):
            self._findings.report(wording.YAML_1_1, offset=offset)
        self._anchors = {}
        self._stack.append(Frame(Sequence(), offset))
        return True

    def _scalar(self, event: Any, frame: Frame) -> None:
        """A scalar with an anchor or a tag."""
        offset: int = event.start_mark.index
        value: Value
        if event.tag is not None:
            tagged = tagged_scalar(event.tag, event.value)
            if isinstance(tagged, Refusal):
                self._report(tagged, event)
            value = event.value if isinstance(tagged, Refusal) else tagged
        else:
            value = event.value if event.style or frame.waits_for_key else self._plain(event)
        if event.anchor is not None:
            self._define(event, Anchor(offset=offset, value=value, closed=True, nodes=1, characters=len(event.value)))
        if not frame.waits_for_key:
            frame.add(value, offset)
        elif isinstance(frame.value, dict):
            if isinstance(value, str):
                frame.key, frame.key_offset = self._key(event, frame, frame.value), offset
            else:
                self._report(wording.refused_key(value, event.value), event)
                frame.key = REFUSED

    def _alias(self, event: Any, frame: Frame) -> None:
        offset: int = event.start_mark.index
        anchor = self._anchors.get(event.anchor)
        if anchor is None or not anchor.closed:
            refusal = wording.recursive_alias if anchor else wording.undefined_alias
            self._report(lambda: refusal(event.anchor), event)
            value: Value = None
        else:
            self._expand(anchor, offset)
            value = anchor.value
        if not frame.waits_for_key:
            frame.add(value, offset, anchor.height if anchor else 0)
            return
        if anchor and anchor.closed:
            self._report(wording.ALIAS_KEY, event)
        frame.key = REFUSED

    def _expand(self, anchor: Anchor, offset: int) -> None:
        self._alias_nodes += anchor.nodes
        self._alias_characters += anchor.characters
        limits = self._limits
        if self._alias_nodes > limits.max_alias_nodes or self._alias_characters > limits.max_alias_characters:
            raise self._stop(wording.too_much_by_aliases(limits), offset)
        if len(self._stack) - 1 + anchor.height > limits.max_depth:
            raise self._stop(wording.too_deep(limits.max_depth), offset)

    def _open_mapping(self, event: Any, frame: Frame) -> None:
        self._open(event, frame, Mapping())

    def _open_list(self, event: Any, frame: Frame) -> None:
        self._open(event, frame, Sequence())

    def _open(self, event: Any, frame: Frame, value: Mapping | Sequence) -> None:
        offset: int = event.start_mark.index
        if len(self._stack) > self._limits.max_depth:
            raise self._stop(wording.too_deep(self._limits.max_depth), offset)
        if frame.waits_for_key:
            self._report(wording.COMPLEX_KEY, event)
            frame.key = COMPLEX
        if event.tag is not None:
            refusal = collection_refusal(event.tag, mapping=isinstance(value, dict))
            if refusal:
                self._report(refusal, event)
        anchor = None
        if event.anchor is not None:
            anchor = Anchor(
                offset=offset, value=value, nodes=self._nodes_so_far(), characters=self._alias_characters - offset
            )
            self._define(event, anchor)
        self._stack.append(Frame(value, offset, anchor))

    def _close(self, event: Any, frame: Frame) -> None:
        self._stack.pop()
        frame.value.first = len(self._marks)
        self._marks.extend(frame.marks)
        anchor = frame.anchor
        if anchor is not None:
            anchor.closed, anchor.height = True, frame.height
            anchor.nodes = 1 + self._nodes_so_far() - anchor.nodes
            anchor.characters = self._alias_characters + event.end_mark.index - anchor.characters
        self._stack[-1].add(frame.value, frame.start, frame.height)

    def _nodes_so_far(self) -> int:
        """Finished nodes, aliases expanded: the difference of two moments is what was finished in between."""
        return len(self._marks) + self._alias_nodes

    def _end_document(self, _: Any, root: Frame) -> None:
        """Keep the document, unless nothing at all is written in it."""
        self._stack.pop()
        value, offset = root.value[0], root.marks[0]  # type: ignore[index]
        findings = self._findings
        if value is None and not findings.text.spells_null(offset):
            return
        self.documents.append(
            Document(
                file=findings.text.file,
                index=self._index,
                value=value,
                text=findings.text,
                marks=self._marks,
                root=offset,
            )
        )

    def _define(self, event: Any, anchor: Anchor) -> None:
        known = self._anchors.get(event.anchor)
        if known:
            self._report(wording.reused_anchor(event.anchor, self._findings.text.source(known.offset)), event)
        self._anchors[event.anchor] = anchor

    def _report(self, refusal: Refusal | Callable[[], Refusal], event: Any, written: str | None = None) -> None:
        """Report at an event. A function is called only where its refusal is going to be shown."""
        if self._findings.full:
            self._findings.count()
            return
        told = refusal if isinstance(refusal, Refusal) else refusal()
        self._findings.report(told, offset=event.start_mark.index, written=written)

    def _stop(self, refusal: Refusal, offset: int) -> StopReadingError:
        self._findings.report(refusal, offset=offset, last=True)
        return StopReadingError(refusal.summary)
