"""Bytes become characters, or the reason why they do not."""

from __future__ import annotations

import codecs
import re
from itertools import islice

from syncspec.manifests.findings import Refusal
from syncspec.manifests.source_text import SourceText

__all__ = ["decoded", "utf8_text"]

_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_SAVE_AS_UTF8 = "save the file as UTF-8"


def decoded(content: bytes, *, file: str, limit: int) -> tuple[SourceText, list[tuple[Refusal, int]]]:
    """Give the text without a byte order mark, and the first characters that YAML forbids, with their offsets.

    Where the bytes are not UTF-8, the text is what can be shown of them, and the refusal says so.
    """
    text, refused = utf8_text(content, file=file)
    if refused is not None:
        return text, [refused]
    forbidden = islice(_FORBIDDEN.finditer(text.text), limit)
    return text, [(_forbidden(match[0]), match.start()) for match in forbidden]


def utf8_text(content: bytes, *, file: str) -> tuple[SourceText, tuple[Refusal, int] | None]:
    """Give the text without a byte order mark; where the bytes are not UTF-8, what can be shown of them, and why."""
    wide = next((name for mark, name in _WIDE_MARKS if content.startswith(mark)), None)
    if wide or content[:4].count(0) >= 2 or (len(content) == 2 and 0 in content):
        return SourceText(file, ""), (_wide(wide), 0)
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return SourceText(file, content.decode("utf-8")), None
    except UnicodeDecodeError as error:
        offset = len(content[: error.start].decode("utf-8"))
        return SourceText(file, content.decode("utf-8", errors="replace")), (_not_utf8(content, error.start), offset)


def _wide(name: str | None) -> Refusal:
    return Refusal(
        code="not-utf8",
        summary="The file is not UTF-8",
        detail=f"It begins as {name} does." if name else "It begins with zero bytes, as UTF-16 and UTF-32 files do.",
        hint=_SAVE_AS_UTF8,
    )


def _not_utf8(content: bytes, start: int) -> Refusal:
    return Refusal(
        code="not-utf8",
        summary="The file is not UTF-8",
        detail=f"The byte 0x{content[start]:02X} here, number {start + 1:,} of the file, is not part of any character.",
        hint=_SAVE_AS_UTF8,
    )


def _forbidden(character: str) -> Refusal:
    code = ord(character)
    escape = f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"
    return Refusal(
        code="control-character",
        summary="A control character stands in the file",
        detail=f"U+{code:04X} cannot stand in YAML.",
        hint=f"remove it; where it is meant, write {escape} in double quotes",
    )
