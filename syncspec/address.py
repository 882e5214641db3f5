"""Addresses: `<set>.<record>`, the author's identity of a record."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

__all__ = ["RECORD_NAME", "SET_NAME", "matches_any", "split_address"]

SET_NAME = re.compile(r"[a-z][a-z0-9-]*")
RECORD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")


def split_address(address: str) -> tuple[str, str]:
    """Split at the first dot: set names hold no dot, record names may.

    Raises ValueError where either part is not a valid name.
    """
    set_name, _, record_name = address.partition(".")
    if not SET_NAME.fullmatch(set_name) or not RECORD_NAME.fullmatch(record_name):
        raise ValueError(f'"{address}" is not an address: expected <set>.<record>, such as contacts.paul')
    return set_name, record_name


def matches_any(address: str, patterns: Iterable[str]) -> bool:
    """Whether the address equals a pattern, lies in the set a bare name names, or fits a glob such as `contacts.*`."""
    set_name = address.partition(".")[0]
    return any(pattern in (address, set_name) or fnmatch.fnmatchcase(address, pattern) for pattern in patterns)
