"""JSON documents as bytes, the same for equal values."""

from __future__ import annotations

import json
from typing import Final

import orjson

__all__ = ["FORMAT_VERSION", "json_bytes"]

FORMAT_VERSION: Final = "1.0"
"""Of every JSON document that a command prints. A minor step only adds keys."""


def json_bytes(document: object) -> bytes:
    """The document indented by two, with a newline at its end."""
    try:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # Whole numbers beyond 64 bits and text that is no Unicode, which sets built in Python may hold.
        return json.dumps(document, indent=2).encode("ascii") + b"\n"
