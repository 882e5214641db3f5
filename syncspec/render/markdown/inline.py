"""Text as inline Markdown that stays text: no markup, link, image, mention, reference or HTML can come of it.

Values and names stand in code, where nothing is read as markup and no forge looks for mentions. What could end a code
span or a table cell goes into an HTML `code` element, every sign of it as a character reference. A sentence keeps its
plain words; the rest of it goes into code.
"""

from __future__ import annotations

import re
from hashlib import sha256
from urllib.parse import quote

from syncspec.render.terminal import clipped, visible

__all__ = ["LONGEST_NAME", "LONGEST_SENTENCE", "code", "html_code", "marker_value", "prose"]

LONGEST_NAME = 120
LONGEST_SENTENCE = 400

_UNFIT_FOR_SPAN = re.compile(r"[`|\\]|^\s|\s$|^$")
_SIGN = re.compile(r"[^\w\s,.'()/-]|_", re.ASCII)
_WORD = re.compile(r"\(?[^\W_]+(?:['’.,/%-][^\W_]+)*[),.;:!?%…]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"\S*|\S+')
_REFERENCE = re.compile(r"(?=.*\d)[0-9a-f]{7,40}|.*[A-Z]-\d|.*www\.", re.IGNORECASE)


def code(text: str, *, longest: int = LONGEST_NAME) -> str:
    """One line of code, valid in a table cell too."""
    shown = clipped(visible(text), longest)
    return html_code(shown) if _UNFIT_FOR_SPAN.search(shown) else f"`{shown}`"


def html_code(text: str, *, longest: int = LONGEST_NAME) -> str:
    """One line of code as an HTML element, for where Markdown is not read, and for what a code span cannot hold."""
    shown = clipped(visible(text), longest) or "(empty)"
    # Renderers link bare addresses in the text of HTML elements too, references or not.
    unlinked = re.sub("(?i)w(?=ww)", lambda found: f"&#{ord(found[0])};", _SIGN.sub(_reference, shown))
    return f"<code>{unlinked}</code>"


def _reference(found: re.Match[str]) -> str:
    sign = found[0]
    return f"&#{ord(sign)};" + ("&#8203;" if sign == "@" else "") if sign.isascii() else sign


def prose(text: str, *, longest: int = LONGEST_SENTENCE) -> str:
    """A sentence, never to stand at the beginning of a line; what is not a plain word of it becomes code."""
    parts: list[str] = []
    run: list[str] = []
    for token in _TOKEN.findall(clipped(visible(text), longest)):
        if _WORD.fullmatch(token) and not _REFERENCE.match(token.lstrip("(")):
            parts += [code(" ".join(run), longest=longest), token] if run else [token]
            run = []
        else:
            run.append(token)
    parts += [code(" ".join(run), longest=longest)] if run else []
    return " ".join(parts)


def marker_value(text: str) -> str:
    """A name within an HTML comment, percent-encoded so that nothing in it can end the comment.

    A very long one is cut and told apart by a digest.
    """
    content = text.encode("utf-8", "backslashreplace")
    encoded = re.sub("-(?=-)", "%2D", quote(content, safe=""))
    if len(encoded) <= LONGEST_NAME:
        return encoded
    return f"{encoded[: LONGEST_NAME // 2]}~{sha256(content).hexdigest()[:12]}"
