"""JSON documents as bytes, the same for equal values."""

from __future__ import annotations

import json
import re
from typing import Final

import orjson

__all__ = ["FORMAT_VERSION", "json_bytes", "json_line", "log_line"]

FORMAT_VERSION: Final = "1.0"
"""Of every JSON document that a command prints. A minor step only adds keys."""

_COMMAND = re.compile(rb"#(?=#\w*\[)")
"""Runners of pipelines look for `##[…]` anywhere in what is printed; it can stand within a string only."""


_UNSEEN = re.compile("[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""What steers a terminal, turns text round or cannot be seen; like the above it can stand within a string only."""


def json_bytes(document: object) -> bytes:
    """The document indented by two, with a newline at its end."""
    try:
        content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # Whole numbers beyond 64 bits and text that is no Unicode, which sets built in Python may hold.
        content = json.dumps(document, indent=2).encode("ascii") + b"\n"
    if not content.isascii():
        content = _UNSEEN.sub(_escaped, content.decode("utf-8")).encode("utf-8")
    return _COMMAND.sub(rb"\\u0023", content) if b"##" in content else content


def _escaped(unseen: re.Match[str]) -> str:
    return f"\\u{ord(unseen[0]):04x}"


def json_line(document: object) -> bytes:
    """The document in one line, without a newline at its end."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return json.dumps(document, separators=(",", ":")).encode("ascii")


def log_line(document: object) -> bytes:
    """The document on one line, with a newline at its end; all of it is ASCII, so that it fits every log."""
    content = json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"
    return _COMMAND.sub(rb"\\u0023", content) if b"##" in content else content
