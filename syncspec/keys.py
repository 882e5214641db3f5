"""Match keys: the values by which a record is recognised, strictly and loosely."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii as _quoted

from syncspec.records import Data, FieldRules, MatchKey
from syncspec.values import canonical, is_blank, widest

__all__ = ["KeyReader", "has_sensitive_key", "key_digest", "loose_key_of", "match_key", "match_key_of", "strict_key_of"]

KeyReader = Callable[[Data], str | None]
"""Gives the key of a row, None where the row has none."""

_Forms = list[tuple[str, str]]
"""The opening of a field in the key's text, and the value's form."""


def match_key(data: Data, match_on: Sequence[str], rules: FieldRules) -> MatchKey | None:
    """The record's key under the rules of its set; None where a key field is absent, null or blank.

    A key is JSON text that names its fields in alphabetical order, so that neither values nor keys over other fields
    can be taken for one another. Equal strict keys have equal loose keys.
    """
    return match_key_of(match_on, rules)(data)


def match_key_of(match_on: Sequence[str], rules: FieldRules) -> Callable[[Data], MatchKey | None]:
    """A function that gives a record's key as `match_key` does, for many records of one set."""
    forms_of = _forms_reader(match_on, rules)

    def read(data: Data) -> MatchKey | None:
        forms = forms_of(data)
        if forms is None:
            return None
        return MatchKey(strict=_joined(forms), loose=_joined([(opening, widest(form)) for opening, form in forms]))

    return read


def strict_key_of(match_on: Sequence[str], rules: FieldRules) -> KeyReader:
    """A function that gives a row's strict key, for long lists of rows."""
    forms_of = _forms_reader(match_on, rules)

    def read(data: Data) -> str | None:
        forms = forms_of(data)
        return None if forms is None else _joined(forms)

    return read


def loose_key_of(match_on: Sequence[str], rules: FieldRules) -> KeyReader:
    """A function that gives a row's loose key, for long lists of rows."""
    forms_of = _forms_reader(match_on, rules)

    def read(data: Data) -> str | None:
        forms = forms_of(data)
        return None if forms is None else _joined([(opening, widest(form)) for opening, form in forms])

    return read


def key_digest(text: str, *, secret: bytes | None = None) -> str:
    """16 hex digits of a key: what lockfile and journal keep of it. `secret` keys those of sensitive values."""
    content = text.encode("utf-8", "surrogatepass")
    made = hashlib.sha256(content) if secret is None else hmac.new(secret, content, hashlib.sha256)
    return made.hexdigest()[:16]


def has_sensitive_key(match_on: Sequence[str], rules: FieldRules) -> bool:
    """Whether a key over these fields may be shown or guessed by nobody."""
    return any(rules.rule(name).sensitive for name in match_on)


def _forms_reader(match_on: Sequence[str], rules: FieldRules) -> Callable[[Data], _Forms | None]:
    """A function that gives the canonical form of each key field behind its opening; None where one lacks a value."""
    fields = [(name, f"[{_quoted(name)},", rules.rule(name)) for name in sorted(match_on)]
    as_text = rules.scalars_as_text

    def read(data: Data) -> _Forms | None:
        forms = []
        for name, opening, rule in fields:
            value = data.get(name)
            if is_blank(value):
                return None
            form = canonical(value, rule, scalars_as_text=as_text)
            if not form:
                return None
            forms.append((opening, form))
        return forms or None

    return read


def _joined(forms: _Forms) -> str:
    return f"[{','.join([f'{opening}{_quoted(form)}]' for opening, form in forms])}]"
