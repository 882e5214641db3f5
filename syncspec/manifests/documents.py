"""YAML documents as plain values that know where they stand in their file."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import ManifestError
from syncspec.manifests.scalars import LARGEST_EXACT, UNSET, Unset
from syncspec.manifests.source_text import SourceText

__all__ = ["Document", "Mapping", "Path", "Placed", "Sequence", "Value", "document_from"]

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Unset | None"
Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from a document's root: `("spec", "match_on", 0)`."""

_DEEPEST_PYTHON_VALUE = 64
_SMALL = 16


class Mapping(dict[str, Value]):
    """A mapping as it was read. Changing it makes its positions wrong: copy it first."""

    __slots__ = ("first",)

    first: int
    """Where its offsets begin in the file's marks: key, value, key, value, …"""


class Sequence(list[Value]):
    """A list as it was read. Changing it makes its positions wrong: copy it first."""

    __slots__ = ("first",)

    first: int
    """Where its items' offsets begin in the file's marks."""


class Placed(Protocol):
    """A file that knows where its content stands: a document, or a file of rows with paths of its own."""

    file: str

    def diagnostic(
        self,
        *,
        code: str,
        summary: str,
        path: Path,
        severity: Severity = Severity.ERROR,
        detail: str = "",
        at: Literal["key", "value"] = "value",
        hint: str | None = None,
        address: str | None = None,
        shift: int = 0,
    ) -> Diagnostic:
        """A diagnostic at a path."""


class Document:
    """One YAML document: its value, and the place of every key and value in it.

    A path that does not exist stands where the key of its nearest existing ancestor stands, so that a missing key
    is reported at the mapping that lacks it. Content of an alias stands where its anchor is.
    """

    __slots__ = ("_marks", "_ordinals", "_root", "_text", "file", "index", "value")

    def __init__(
        self,
        *,
        file: str,
        index: int,
        value: Value,
        text: SourceText | None = None,
        marks: array[int] | None = None,
        root: int = 0,
    ) -> None:
        self.file = file
        self.index = index
        self.value = value
        self._text = text
        self._marks = marks
        self._root = root
        self._ordinals: dict[int, dict[str, int]] = {}

    def key_source(self, path: Path) -> Source:
        """The place of the key (or list item) at a path; of the document itself for the empty path."""
        return self._source(self._locate(path, "key")[0])

    def value_source(self, path: Path) -> Source:
        """The place of the value at a path; of its key where nothing is written after it."""
        return self._source(self._locate(path, "value")[0])

    def key_sources(self, path: Path) -> Iterator[tuple[str, Source]]:
        """Every key of the mapping at a path with its place, in order: the quick way for very many of them."""
        value = self._mapping_at(path)
        if not isinstance(value, dict):
            return
        if self._text is None or self._marks is None or not isinstance(value, Mapping):
            yield from ((key, Source(file=self.file)) for key in value)
            return
        offsets = self._marks[value.first : value.first + 2 * len(value) : 2]
        yield from zip(value, self._text.sources(offsets), strict=True)

    def diagnostic(
        self,
        *,
        code: str,
        summary: str,
        path: Path,
        severity: Severity = Severity.ERROR,
        detail: str = "",
        at: Literal["key", "value"] = "value",
        hint: str | None = None,
        address: str | None = None,
        shift: int = 0,
    ) -> Diagnostic:
        """A diagnostic at a path, with the line it stands on and the length to underline.

        `shift` moves it right by so many characters, for a finding inside a plain scalar; it is ignored where the
        text there is not written exactly as its value reads.
        """
        offset, written = self._locate(path, at)
        snippet, length = None, 1
        if self._text is not None:
            snippet, length = self._text.snippet(offset), self._text.extent(offset, written)
            quote = self._text.text[offset : offset + 1] in ("'", '"')
            if shift and written and self._text.text.startswith(written, offset + quote):
                offset, length = offset + quote + shift, max(1, len(written) - shift)
        return Diagnostic(
            severity=severity,
            code=code,
            summary=summary,
            detail=detail,
            source=self._source(offset),
            address=address,
            snippet=snippet,
            length=length,
            hint=hint,
        )

    def _source(self, offset: int) -> Source:
        return Source(file=self.file) if self._text is None else self._text.source(offset)

    def _mapping_at(self, path: Path) -> Value:
        value = self.value
        for step in path:
            if not isinstance(value, dict) or step not in value:
                return None
            value = value[str(step)]
        return value

    def _locate(self, path: Path, at: Literal["key", "value"]) -> tuple[int, str | None]:
        """The offset of a path, and the text that is expected there."""
        if self._text is None or self._marks is None:
            return 0, None
        value: Value = self.value
        key_offset = value_offset = self._root
        key: str | None = None
        for step in path:
            if isinstance(value, Mapping) and isinstance(step, str) and step in value:
                place = value.first + 2 * self._ordinal(value, step)
                key_offset, value_offset = self._marks[place], self._marks[place + 1]
                key, value = step, value[step]
            elif isinstance(value, Sequence) and isinstance(step, int) and 0 <= step < len(value):
                key_offset = value_offset = self._marks[value.first + step]
                value = value[step]
                key = value if isinstance(value, str) else None
            else:
                return key_offset, key
        if at == "key" or (value is None and not self._text.spells_null(value_offset)):
            return key_offset, key
        return value_offset, value if isinstance(value, str) else None

    def _ordinal(self, mapping: Mapping, key: str) -> int:
        if len(mapping) <= _SMALL:
            return list(mapping).index(key)
        known = self._ordinals.get(mapping.first)
        if known is None:
            known = self._ordinals[mapping.first] = {name: number for number, name in enumerate(mapping)}
        return known[key]


def document_from(value: object, *, file: str = "<python>") -> Document:
    """Make a document of a value built in Python; it is copied, and every place in it is 1:1.

    Raises ManifestError where the value holds what JSON cannot: other types, keys that are not text, numbers that
    are not finite, half a surrogate pair, a value inside itself.
    """
    return Document(file=file, index=0, value=_copied(value, (), file))


def _copied(value: object, path: Path, file: str) -> Value:
    if len(path) > _DEEPEST_PYTHON_VALUE:
        raise _not_json(path[:4], file, f"it is nested more than {_DEEPEST_PYTHON_VALUE} levels deep")
    if value is None or value is UNSET or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_EXACT:
            raise _not_json(path, file, "the number has more digits than JSON keeps; pass it as text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _not_json(path, file, "the number is not finite")
        return value
    if isinstance(value, str):
        return _checked_text(value, path, file)
    if isinstance(value, list | tuple):
        return [_copied(item, (*path, number), file) for number, item in enumerate(value)]
    if isinstance(value, dict):
        return {_checked_key(key, path, file): _copied(item, (*path, str(key)), file) for key, item in value.items()}
    raise _not_json(path, file, f"{type(value).__name__} is not a JSON type")


def _checked_key(key: object, path: Path, file: str) -> str:
    if not isinstance(key, str):
        raise _not_json(path, file, f"the key {key!r} is not text")
    return _checked_text(key, path, file)


def _checked_text(text: str, path: Path, file: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _not_json(path, file, "the text holds half a surrogate pair, which UTF-8 cannot carry") from None
    return text


def _not_json(path: Path, file: str, why: str) -> ManifestError:
    where = ".".join(str(step) for step in path) or "the value itself"
    finding = Diagnostic(
        severity=Severity.ERROR,
        code="not-json",
        summary="A value cannot be written as JSON",
        detail=f"At {where}: {why}.",
        source=Source(file=file),
        hint="use text, whole numbers, finite numbers, booleans, None, lists and dicts with text keys",
    )
    return ManifestError(finding.summary, diagnostics=[finding])
