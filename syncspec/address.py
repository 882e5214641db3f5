"""Addresses: `<set>.<record>`, the author's identity of a record.

Names that are made of data may hold any text, and are written in the alphabet of record names by `encoded_name`:

- what is a name already stays as it is, plain e-mail addresses among them: `paul@arrakis.org`;
- a character that no name may hold becomes `..` and two capital hex digits for each byte of its UTF-8:
  `Paul Atreides` is `Paul..20Atreides`;
- a name begins with a letter or digit: where the first character is another one, it is written that way behind an
  `x`, so that `+1555` is `x..2B1555`;
- what only looks like one of these is broken up: the first dot of `a..20` becomes `..2E`, and the `x` of `x/1` `..78`
  behind another `x`.

To read a name back, drop the `x` of one that begins with `x..` and two capital hex digits; then, from left to right,
put the byte in the place of each `..` with two capital hex digits. So different texts never have one name.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

__all__ = ["RECORD_NAME", "SET_NAME", "encoded_name", "matches_any", "split_address"]

SET_NAME = re.compile(r"[a-z][a-z0-9-]*")
RECORD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")

_TO_ESCAPE = re.compile(r"[^A-Za-z0-9_.@+-]|\.(?=\.[0-9A-F]{2})|^[_.@+-]")
_LIKE_ESCAPED_START = re.compile(r"x\.\.[0-9A-F]{2}")


def split_address(address: str) -> tuple[str, str]:
    """Split at the first dot: set names hold no dot, record names may.

    Raises ValueError where either part is not a valid name.
    """
    set_name, _, record_name = address.partition(".")
    if not SET_NAME.fullmatch(set_name) or not RECORD_NAME.fullmatch(record_name):
        raise ValueError(f'"{address}" is not an address: expected <set>.<record>, such as contacts.paul')
    return set_name, record_name


def encoded_name(text: str) -> str:
    """The record name that stands for a text: the text itself where it is one, and another for every other text.

    Raises ValueError for the empty text.
    """
    if ".." not in text and RECORD_NAME.fullmatch(text):
        return text
    if not text:
        raise ValueError("the empty text stands for no record")
    name = _TO_ESCAPE.sub(_escaped, text)
    if name.startswith(".."):
        return f"x{name}"
    return f"x..78{name[1:]}" if _LIKE_ESCAPED_START.match(name) else name


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"..{byte:02X}" for byte in found[0].encode())


def matches_any(address: str, patterns: Iterable[str]) -> bool:
    """Whether the address equals a pattern, lies in the set a bare name names, or fits a glob such as `contacts.*`."""
    set_name = address.partition(".")[0]
    return any(pattern in (address, set_name) or fnmatch.fnmatchcase(address, pattern) for pattern in patterns)
