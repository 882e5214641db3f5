"""Text that a terminal shows as it is: nothing that a value holds can move the cursor, hide or reorder text.

Nor can it command the service whose log the text may end in: runners act on lines that begin with `::`, and on `##[`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

__all__ = ["Painter", "Style", "clipped", "display_width", "visible"]

_ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of characters that act on a terminal or stand for nothing that one could read."""

_TAB = " " * 4

_COMMAND = re.compile(r"^\s*:(?=:)|#(?=#\w*\[)")
"""Where a runner would begin to read a command: `::error::`, `##[error]`, `##vso[task…]`."""


class Style(StrEnum):
    """What a piece of text is, by its SGR parameters."""

    STRONG = "1"
    FAINT = "2"
    ERROR = "1;31"
    WARNING = "1;33"
    NOTE = "1;36"
    ADDED = "32"
    CHANGED = "33"
    LOCKED = "36"
    STOPPED = "31"


class Painter:
    """Colours text, or leaves it alone. Text must be made visible before it is painted."""

    __slots__ = ("_color",)

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, style: Style) -> str:
        return f"\x1b[{style.value}m{text}\x1b[0m" if self._color and text else text


def visible(text: str) -> str:
    r"""The text in one line, with every character that acts or hides written as an escape such as `\x1b`."""
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda found: f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(letter: str) -> str:
    if letter == "\t":
        return _TAB
    if letter.isprintable() or unicodedata.category(letter) not in _ACTING:
        return letter
    code = ord(letter)
    if letter in "\n\r":
        return "\\n" if letter == "\n" else "\\r"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def display_width(text: str) -> int:
    """The number of columns that visible text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def clipped(text: str, length: int) -> str:
    """At most `length` characters, the last one an ellipsis where something was cut off."""
    return text if len(text) <= length else text[: length - 1] + "…"
