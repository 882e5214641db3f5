"""Match keys: the values by which a record is recognised, strictly and loosely."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii as _quoted

from syncspec.records import Data, FieldRules, MatchKey
from syncspec.values import canonical, is_blank, widest

__all__ = ["KeyReader", "key_digest", "loose_key_of", "match_key", "strict_key_of"]

KeyReader = Callable[[Data], str | None]
"""Gives the key of a row, None where the row has none."""


def match_key(data: Data, match_on: Sequence[str], rules: FieldRules) -> MatchKey | None:
    """The record's key under the rules of its set; None where a key field is absent, null or blank.

    A key is JSON text that names its fields in alphabetical order, so that neither values nor keys over other fields
    can be taken for one another. Equal strict keys have equal loose keys.
    """
    strict = strict_key_of(match_on, rules)(data)
    loose = loose_key_of(match_on, rules)(data)
    return None if strict is None or loose is None else MatchKey(strict=strict, loose=loose)


def strict_key_of(match_on: Sequence[str], rules: FieldRules) -> KeyReader:
    """A function that gives a row's strict key, for long lists of rows."""
    return _key_reader(match_on, rules, _as_it_is)


def loose_key_of(match_on: Sequence[str], rules: FieldRules) -> KeyReader:
    """A function that gives a row's loose key, for long lists of rows."""
    return _key_reader(match_on, rules, widest)


def key_digest(text: str) -> str:
    """16 hex digits of a key's SHA-256: what lockfile and journal keep of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _key_reader(match_on: Sequence[str], rules: FieldRules, shape: Callable[[str], str]) -> KeyReader:
    fields = [(name, f"[{_quoted(name)},", rules.rule(name)) for name in sorted(match_on)]
    as_text = rules.scalars_as_text

    def read(data: Data) -> str | None:
        parts = []
        for name, opening, rule in fields:
            value = data.get(name)
            if is_blank(value):
                return None
            form = canonical(value, rule, scalars_as_text=as_text)
            if not form:
                return None
            parts.append(f"{opening}{_quoted(shape(form))}]")
        return f"[{','.join(parts)}]" if parts else None

    return read


def _as_it_is(form: str) -> str:
    return form
