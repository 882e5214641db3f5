"""What an upstream says, made fit for people: short, on one line, without control characters or our token."""

from __future__ import annotations

import re
import unicodedata

from syncspec.records import Json
from syncspec.settings import Secret
from syncspec.values.masking import Mask

__all__ = ["LEFT_OUT", "body_without", "clean", "error_text", "safe", "success_text", "without"]

EXCERPT_LENGTH = 500
SHORTEST_SECRET = 6
LEFT_OUT = "(left out, for it quotes the token)"

_SPACE = re.compile(r"\s+")
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that move the cursor, hide text or reverse its direction."""


def clean(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Put text on one line of at most `length` characters; unsafe characters are shown as escapes."""
    # Cut first: a body may be many megabytes long, and spaces only ever make it shorter.
    line = _SPACE.sub(" ", text[: length * 4]).strip()
    if not line.isascii() or not line.isprintable():
        line = "".join(_escape(char) if unicodedata.category(char) in _UNSAFE else char for char in line)
    return line if len(line) <= length else line[: length - 1] + "…"


def _escape(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def without(text: str, token: Secret | None) -> str:
    """Give the text with every occurrence of the token replaced; very short tokens are left, being ordinary words."""
    secret = _sought(token)
    return text.replace(secret, "***") if secret else text


def safe(text: str, token: Secret | None) -> str:
    """Give the text without the token, or a stand-in where it can be read all the same: cut, escaped or encoded."""
    text, secret = without(text, token), _sought(token)
    return LEFT_OUT if secret and Mask(tokens=[secret]).gives_away(text) else text


def _sought(token: Secret | None) -> str:
    secret = token.reveal().strip() if token is not None else ""
    return secret if len(secret) >= SHORTEST_SECRET else ""


def body_without(body: Json, token: Secret | None) -> Json:
    """Give an error's body with the token replaced wherever it stands; None where it is nested too deeply to tell."""
    try:
        return _replaced(body, token)
    except RecursionError:
        return None


def _replaced(value: Json, token: Secret | None) -> Json:
    match value:
        case str():
            return safe(value, token)
        case list():
            return [_replaced(item, token) for item in value]
        case dict():
            return {safe(name, token): _replaced(item, token) for name, item in value.items()}
        case _:
            return value


def error_text(body: Json, raw: bytes) -> str:
    """Give what an answer says about itself: `error`, or `summary` with its validation errors, else its beginning."""
    return _own_words(body) or raw[: EXCERPT_LENGTH * 4].decode("utf-8", "replace")


def success_text(body: Json, raw: bytes) -> str:
    """Give what a success says about itself, and its beginning only where that can hold no record's values."""
    beginning = raw[: EXCERPT_LENGTH * 4].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    return _own_words(body) or ("" if beginning.startswith(("{", "[")) else beginning)


def _own_words(body: Json) -> str:
    if not isinstance(body, dict):
        return ""
    error, summary = body.get("error"), body.get("summary")
    if isinstance(error, str):
        return error
    if not isinstance(summary, str):
        return ""
    details = _validation_errors(body.get("validation_errors"))
    return f"{summary} ({details})" if details else summary


def _validation_errors(value: Json) -> str:
    if not isinstance(value, dict):
        return ""
    parts = []
    for name, messages in list(value.items())[:20]:
        texts = messages if isinstance(messages, list) else [messages]
        parts.append(f"{name}: {', '.join(str(text) for text in texts[:5])}")
    return "; ".join(parts)
