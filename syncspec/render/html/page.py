"""One page: what it holds, and the file that it becomes.

Every expression of the template goes through `visible` and is then escaped; the data of the list is JSON in which no
sign can end the script element; scripts and styles run only where their digest is the page's own.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import jinja2
import orjson
from markupsafe import Markup

from syncspec.diagnostics import Diagnostic
from syncspec.render.html.rows import Entry, Rows
from syncspec.render.terminal import visible

__all__ = ["Group", "Matrix", "MatrixRow", "Page", "RequestRow", "page_html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One set's numbers, one per column."""

    name: str
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Numbers per set; `columns` are pairs of kind and word."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[MatrixRow]

    @property
    def totals(self) -> list[int]:
        return [sum(numbers) for numbers in zip(*(row.numbers for row in self.rows), strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What needs an eye for one reason: `count` in all, `entries` those that are shown."""

    title: str
    count: int
    entries: Sequence[Entry]
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """The requests of one wave and kind to one collection."""

    wave: int
    kind: str
    upstream: str
    collection_id: str
    requests: int
    records: int
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template shows, in its order."""

    kind: str
    title: str
    heading: str
    summary: str
    redacted: bool
    hidden: str
    facts: Sequence[tuple[str, str]]
    matrix: Matrix
    eye: Sequence[Group]
    findings: Sequence[Diagnostic]
    more_findings: int = 0
    requests: Sequence[RequestRow] = ()
    lists: Sequence[str] = ()
    rows: Rows
    rows_name: str
    kinds_name: str
    without_script: str
    sides: tuple[str, str] = ("Upstream", "Declared")
    footer: str


def page_html(page: Page) -> str:
    """The page as one file: the same for equal pages; nothing in it refers to another file."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = page.rows.data(hidden=page.hidden, sides=page.sides)
    return _template().render(page=page, policy=policy, style=style, script=script, data=_inert(data))


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else visible(str(value)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_asset("page.html"))


@functools.cache
def _asset(name: str) -> str:
    return resources.files("syncspec.render.html").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _inert(data: object) -> str:
    """JSON within a script element: `<` and its kind as escapes, so that no string can end or comment the element."""
    text = orjson.dumps(data).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
