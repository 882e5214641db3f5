"""Hides secrets in what another side wrote, which may quote them shortened, re-cased, escaped or encoded. Pure.

A text that holds so much as a few characters of a secret in a row, in any form that is known here, is hidden whole:
it costs a reader a harmless text now and then, and keeps a provider's "ends with 6789" from giving a number away.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from urllib.parse import unquote_plus

from syncspec.records import Json

__all__ = ["HIDDEN", "Mask"]

HIDDEN = "***"

_VALUE_RUN = 4
"""As many characters of a value in a row give it away; of a shorter value all of them."""
_TOKEN_RUN = 6
"""The same for tokens; shorter ones are ordinary words, and not looked for."""
_DEPTH = 2
"""So many encodings around each other are undone."""
_MOST_TEXT = 4_000_000
"""Characters that one mask looks through, decoded ones included; what comes after that is hidden unseen."""

_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
_BREAK = re.compile(r"\s+|\\[rnt]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_URL_SAFE = str.maketrans("+/", "-_")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){3,}")
_WORD = re.compile(r"\W+")


class Mask:
    """Knows the secrets of one request. `fields` are the names under which only secrets stand."""

    def __init__(
        self, *, fields: Collection[str] = (), values: Iterable[Json] = (), tokens: Iterable[str] = ()
    ) -> None:
        self._fields = {name.casefold() for name in fields}
        self._runs: dict[int, set[str]] = {}
        self._symbols: set[str] = set()
        self._room = _MOST_TEXT
        for leaf in _leaves(values):
            self._learn(leaf, _VALUE_RUN)
        for token in tokens:
            if len(_plain(token)) >= _TOKEN_RUN:
                self._learn(token, _TOKEN_RUN)

    def _learn(self, secret: str, run: int) -> None:
        plain = _plain(secret)
        if not plain and secret.strip():
            self._symbols.add(secret.strip())
        length = min(run, len(plain))
        if length:
            self._runs.setdefault(length, set()).update(_windows(plain, length))

    def gives_away(self, text: str) -> bool:
        """Whether a part of a secret can be read from the text."""
        if not self._runs and not self._symbols:
            return False
        return any(self._holds(form) for form in _forms(text))

    def _holds(self, text: str) -> bool:
        self._room -= len(text)
        if self._room < 0:
            return True
        if any(symbols in text for symbols in self._symbols):
            return True
        plain = _plain(text)
        return any(not runs.isdisjoint(_windows(plain, length)) for length, runs in self._runs.items())

    def text(self, text: str) -> str:
        """The text, or what stands in its place."""
        return HIDDEN if self.gives_away(text) else text

    def json(self, value: Json) -> Json:
        """The value with every secret replaced: under its field's name, and wherever else it can be read."""
        try:
            return self._masked(value)
        except RecursionError:
            return HIDDEN

    def _masked(self, value: Json) -> Json:
        match value:
            case dict():
                return dict(self._masked_item(name, item) for name, item in value.items())
            case list():
                return [self._masked(item) for item in value]
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case _:
                return HIDDEN if self.gives_away(json.dumps(value)) else value

    def _masked_item(self, name: str, item: Json) -> tuple[str, Json]:
        if self._names_a_field(name):
            return name, None if item is None else HIDDEN
        return self.text(name), self._masked(item)

    def _names_a_field(self, name: str) -> bool:
        """Also as the end of a path, such as `records[0].data.SSN__c`."""
        folded = name.casefold()
        return folded in self._fields or not self._fields.isdisjoint(_WORD.split(folded))


def _leaves(values: Iterable[Json]) -> Iterator[str]:
    for value in values:
        match value:
            case dict():
                yield from _leaves(value.values())
            case list():
                yield from _leaves(value)
            case str():
                yield value
            case bool() | None:
                pass
            case _:
                yield json.dumps(value)


def _plain(text: str) -> str:
    """Letters and digits alone, without case, accents and what is written between them."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def _windows(text: str, length: int) -> Iterator[str]:
    return (text[place : place + length] for place in range(len(text) - length + 1))


def _forms(text: str) -> Iterator[str]:
    """The text and all that it may be an encoding of, to a certain depth."""
    seen: set[str] = set()
    layer: Iterable[str] = [text]
    for depth in range(_DEPTH + 1):
        fresh = []
        for form in layer:
            if form and form not in seen:
                seen.add(form)
                fresh.append(form)
                yield form
        layer = (decoded for form in fresh for decoded in _decoded(form)) if depth < _DEPTH else ()


def _decoded(text: str) -> Iterator[str]:
    if "%" in text or "+" in text:
        yield unquote_plus(text, errors="replace")
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _unescaped(text)
    joined = _BREAK.sub("", text)
    for found in _BASE64.finditer(joined):
        # What stands before an encoded text may look like a part of it.
        yield from (_from_base64(found[0][start:].translate(_URL_SAFE)) for start in range(4))
    for found in _HEX.finditer(joined):
        yield binascii.unhexlify(found[0]).decode("utf-8", "ignore")


def _unescaped(text: str) -> str:
    def char(found: re.Match[str]) -> str:
        code = found[1] or found[2] or found[3]
        number = int(code, 16) if code else 0
        if code:
            return chr(number) if number <= 0x10FFFF else ""
        return " " if found[4] in "abfnrtv" else found[4]

    return _ESCAPE.sub(char, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _from_base64(text: str) -> str:
    whole = text[: len(text) // 4 * 4] if len(text) % 4 == 1 else text + "=" * (-len(text) % 4)
    return base64.b64decode(whole.encode("ascii"), altchars=b"-_").decode("utf-8", "ignore")
