"""A JSON file that knows where each value in it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, Literal

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.manifests.documents import Path
from syncspec.manifests.files import bytes_of
from syncspec.manifests.findings import Refusal
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.exact_json import JsonError, exact_json
from syncspec.manifests.rows.opening import text_of
from syncspec.manifests.source_text import SourceText

__all__ = ["JsonFile", "content_of", "read_json"]

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


class JsonFile:
    """The places of a JSON text: a path leads to the value there, or to the nearest thing above that is there."""

    __slots__ = ("_known", "_text", "file", "value")

    def __init__(self, text: SourceText, value: Any) -> None:
        self.file = text.file
        self.value = value
        self._text = text
        self._known: dict[int, dict[str | int, int]] = {}

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
        """A diagnostic at the value of a path, with the line it stands on."""
        offset = self._offset(path)
        return Diagnostic(
            severity=severity,
            code=code,
            summary=summary,
            detail=detail,
            source=self._text.source(offset),
            address=address,
            snippet=self._text.snippet(offset),
            length=self._text.extent(offset),
            hint=hint,
        )

    def _offset(self, path: Path) -> int:
        offset = _after_space(self._text.text, 0)
        for step in path:
            inner = self._inner_of(offset).get(step)
            if inner is None:
                break
            offset = inner
        return offset

    def _inner_of(self, offset: int) -> dict[str | int, int]:
        """Where each value of the object or list that begins at an offset begins; each is gone through once."""
        known = self._known.get(offset)
        if known is None:
            known = self._known[offset] = dict(self._walked(offset))
        return known

    def _walked(self, offset: int) -> Iterator[tuple[str | int, int]]:
        text = self._text.text
        opening = text[offset : offset + 1]
        if opening not in ("{", "["):
            return
        position, number = _after_space(text, offset + 1), 0
        while text[position : position + 1] not in ("]", "}", ""):
            key: str | int = number
            if opening == "{":
                key, end = _DECODER.raw_decode(text, position)
                position = _after_space(text, _after_space(text, end) + 1)
            yield key, position
            _, end = _DECODER.raw_decode(text, position)
            position = _after_space(text, end)
            if text[position : position + 1] == ",":
                position = _after_space(text, position + 1)
            number += 1


def content_of(path: FilePath, *, name: str, problems: Problems, limits: Limits = DEFAULT_LIMITS) -> bytes | None:
    """A file's bytes; None where it cannot be read, which is reported."""
    content = bytes_of(path, max_bytes=limits.max_bytes)
    if not isinstance(content, Refusal):
        return content
    problems.add_plain(code=content.code, summary=content.summary, detail=content.detail, hint=content.hint, file=name)
    return None


def read_json(path: FilePath, *, name: str, problems: Problems, limits: Limits = DEFAULT_LIMITS) -> JsonFile | None:
    """A JSON file; None where it cannot be used, which is reported."""
    content = content_of(path, name=name, problems=problems, limits=limits)
    text = None if content is None else text_of(content, name, "utf-8", problems)
    if text is None:
        return None
    try:
        return JsonFile(text, exact_json(text.text, max_depth=limits.max_depth))
    except JsonError as error:
        broken = _Broken(text, error.offset)
        why = error.refusal
        problems.add(broken, path=(), code=why.code, summary=why.summary, detail=why.detail, hint=why.hint)
        return None


class _Broken(JsonFile):
    """A text that is no JSON: all there is to show is where it breaks."""

    __slots__ = ("_at",)

    def __init__(self, text: SourceText, offset: int) -> None:
        super().__init__(text, None)
        self._at = offset

    def _offset(self, path: Path) -> int:
        return self._at


def _after_space(text: str, offset: int) -> int:
    found = _SPACE.match(text, offset)
    return found.end() if found else offset
