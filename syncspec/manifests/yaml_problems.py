"""The YAML library's complaints, said in terms of what the author wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, assert_never

from yaml.error import MarkedYAMLError

from syncspec.manifests.findings import Refusal
from syncspec.manifests.limits import DEFAULT_LIMITS
from syncspec.manifests.source_text import SourceText
from syncspec.manifests.wording import too_deep

__all__ = ["syntax_problem"]

_UNQUOTED_EXPRESSION = Refusal(
    code="unquoted-expression",
    summary="An expression is not quoted",
    detail="Between braces or brackets, or before a colon and a space, ${…} must stand in quotes: "
    "YAML takes its brace for a mapping.",
    hint='quote the value: "${…}"; or use block style, one key per line',
)
_TAB = Refusal(
    code="yaml-tab",
    summary="A tab stands where YAML wants spaces",
    detail="Lines are indented by spaces only.",
    hint="replace the tab by spaces",
)
_UNCLOSED = Refusal(
    code="yaml-unclosed-bracket",
    summary="A bracket or brace is not closed",
    detail="After a value between brackets or braces comes a comma or the closing one.",
    hint="close it, put the comma in, or quote text that holds brackets, braces or commas",
)
_LONGEST_KEY = 1024


class _Place(Enum):
    """Which end of a broken construct is shown."""

    BREAK = "where it broke"
    START = "where it begins"
    START_ABOVE = "where it begins, if that is on another line"


@dataclass(frozen=True, slots=True)
class _Wording:
    """What is said, and where, for the problems that `pattern` finds."""

    pattern: re.Pattern[str]
    refusal: Refusal
    place: _Place


def _when(pattern: str, code: str, summary: str, detail: str, hint: str, *, place: _Place = _Place.BREAK) -> _Wording:
    return _Wording(re.compile(pattern), Refusal(code=code, summary=summary, detail=detail, hint=hint), place)


_WORDINGS: Final = (
    _when(
        r"quoted scalar.*(unexpected end of stream|document (indicator|separator))",
        "yaml-unclosed-quote",
        "A quote is not closed",
        "The text that begins here has no closing quote.",
        "close it; inside single quotes write a quote twice, inside double quotes put a backslash before it",
        place=_Place.START,
    ),
    _when(
        r"unknown escape character",
        "yaml-escape",
        "Unknown escape in double quotes",
        "A backslash in double quotes begins an escape, and YAML has none of this name.",
        "write the backslash twice, or use single quotes, in which it is just a backslash",
    ),
    _when(
        r"invalid Unicode character escape code|surrogate",
        "yaml-escape",
        "An escape stands for no character",
        "\\u with D800 to DFFF is half of a pair, and there is nothing past \\U0010FFFF.",
        "write the character itself, or \\U and its eight hexadecimal digits, such as \\U0001F600",
    ),
    _when(
        r"hexdecimal number|hexadecimal|escape sequence of",
        "yaml-escape",
        "An escape lacks digits",
        "\\x takes two hexadecimal digits, \\u four and \\U eight.",
        "complete the digits, or use single quotes",
    ),
    _when(
        r"tab character",
        _TAB.code,
        _TAB.summary,
        _TAB.detail,
        _TAB.hint or "",
    ),
    _when(
        r"flow (sequence|mapping).*(expected ',' or|got '<stream end>')",
        _UNCLOSED.code,
        _UNCLOSED.summary,
        _UNCLOSED.detail,
        _UNCLOSED.hint or "",
        place=_Place.START_ABOVE,
    ),
    _when(
        r"mapping values are not allowed",
        "yaml-colon",
        "A colon where no value can begin",
        "Either unquoted text holds a colon and a space, or the line is indented differently from its neighbours.",
        "quote the text, or line the keys up",
    ),
    _when(
        r"(sequence|block sequence) entries are not allowed",
        "yaml-list",
        "A list item where no list can begin",
        "A list begins on a line of its own, and its items line up.",
        "move the dash to the next line, or quote text that begins with a dash",
    ),
    _when(
        r"could not find expected ':'",
        "yaml-colon",
        "A key has no colon",
        "The text here or before it stands where a key belongs, and no colon follows on its line.",
        "add a colon and a space, indent the text under its key, or close the quote before it",
        place=_Place.START,
    ),
    _when(
        r"(scanning|parsing) an? (anchor|alias)|alphabetic or numeric",
        "yaml-anchor",
        "A reference without a name",
        "An unquoted & or * begins an anchor or an alias, and a name must follow.",
        "quote text that begins with & or *",
    ),
    _when(
        r"expected (key|'-' indicator|<block end>)|block collection|mapping keys are not allowed",
        "yaml-indentation",
        "The line does not fit what is above it",
        "It is indented differently from its neighbours, or follows text that ended at its closing quote.",
        "line keys and dashes up; put text that holds quotes into quotes as a whole",
    ),
    _when(
        r"incompatible (YAML )?document|version 1\.\*",
        "yaml-version",
        "Unknown YAML version",
        "syncspec reads YAML 1.2.",
        "remove the %YAML line",
    ),
    _when(
        r"%YAML|%TAG|directive|tag handle|parsing a tag|scanning a tag|expected '!'|URI",
        "yaml-directive",
        "A tag or directive is malformed",
        "An unquoted exclamation mark begins a tag; a percent sign at the start of a line begins a directive.",
        "put the text in quotes, or take the tag or directive away",
    ),
    _when(
        r"<document start>",
        "yaml-document",
        "Text follows the end of a document",
        "A document holds one value; what follows it is not part of it.",
        "begin a new document with ---, or line the text up with what is above",
    ),
    _when(
        r"block scalar",
        "yaml-block-text",
        "A block text is malformed",
        "After | or > comes only an optional + or - and a digit from 1 to 9, then the text on indented lines.",
        "move the text to the next line, or quote text that begins with | or >",
    ),
    _when(
        r"node content",
        "yaml-value",
        "A value is missing",
        "A value belongs here, and something else stands in its place.",
        "put a value here, or quote text that begins with punctuation",
    ),
)
_EMPTY_KEY = Refusal(
    code="non-string-key",
    summary="A key must be text",
    detail="The key before the colon is empty.",
    hint="write the key before the colon",
)
_LONG_KEY = Refusal(
    code="yaml-long-key",
    summary="A key is too long",
    detail=f"A key and its colon must stand on one line, within {_LONGEST_KEY:,} characters.",
    hint="shorten the key, or quote text that holds a colon and a space",
)
_RESERVED = Refusal(
    code="yaml-reserved",
    summary="Unquoted text cannot begin with this character",
    detail="YAML keeps @, ` and % for itself at the start of unquoted text.",
    hint="put the text in quotes",
)


def syntax_problem(error: MarkedYAMLError, text: SourceText) -> tuple[Refusal, int]:
    """Say what is wrong with text that is no YAML, and the offset where it is."""
    mark = error.problem_mark or error.context_mark
    offset = min(mark.index, len(text.text)) if mark else len(text.text)
    problem = f"{error.context or ''}; {error.problem or ''}"
    if _is_expression(text, offset, problem):
        return _UNQUOTED_EXPRESSION, _expression_start(text, offset)
    special = _special_case(text, offset, problem)
    if special:
        return special, offset
    for wording in _WORDINGS:
        if wording.pattern.search(problem):
            return _placed(wording, error, offset)
    return _other(error), offset


def _placed(wording: _Wording, error: MarkedYAMLError, broken: int) -> tuple[Refusal, int]:
    start, end = error.context_mark, error.problem_mark
    match wording.place:
        case _Place.BREAK:
            return wording.refusal, broken
        case _Place.START:
            return wording.refusal, start.index if start else broken
        case _Place.START_ABOVE:
            if start is None or end is None or start.line == end.line:
                return wording.refusal, broken
            detail = f"{wording.refusal.detail} Line {end.line + 1}, column {end.column + 1} goes on with neither."
            return replace(wording.refusal, detail=detail), start.index
        case _:
            assert_never(wording.place)


def _special_case(text: SourceText, offset: int, problem: str) -> Refusal | None:
    """Problems that only the text around them tells apart."""
    character = text.text[offset : offset + 1]
    if "nesting depth" in problem:
        # The parser has a limit of its own, far above ours, and looks further ahead than it tells.
        return too_deep(DEFAULT_LIMITS.max_depth)
    if "cannot start any token" in problem:
        return _TAB if character == "\t" else _RESERVED
    if "flow node" in problem and not text.text[offset : offset + _LONGEST_KEY].strip():
        return _UNCLOSED
    if character != ":":
        return None
    if "expected key" in problem or "expected <block end>" in problem:
        return _EMPTY_KEY
    too_long = "mapping values are not allowed" in problem and offset - _line_start(text, offset) > _LONGEST_KEY
    return _LONG_KEY if too_long else None


def _is_expression(text: SourceText, offset: int, problem: str) -> bool:
    if text.text[max(0, offset - 1) : offset + 1] == "${":
        return True
    before = text.text[_line_start(text, offset) : offset]
    opened = before.rfind("${")
    return "mapping values are not allowed" in problem and opened >= 0 and "}" not in before[opened:]


def _expression_start(text: SourceText, offset: int) -> int:
    found = text.text.rfind("${", _line_start(text, offset), offset + 1)
    return found if found >= 0 else offset


def _line_start(text: SourceText, offset: int) -> int:
    return max(text.text.rfind("\n", 0, offset), text.text.rfind("\r", 0, offset)) + 1


def _other(error: MarkedYAMLError) -> Refusal:
    said = ", ".join(str(part) for part in (error.context, error.problem) if part)
    return Refusal(
        code="yaml-syntax",
        summary="The text is not valid YAML",
        detail=f"The parser says: {said}.",
        hint="compare the line with its neighbours; text with punctuation goes in quotes",
    )
