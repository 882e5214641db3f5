"""JSON that is kept exactly as it stands, or refused: no key twice, no number that would be rounded."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.scalars import LARGEST_EXACT
from syncspec.values.numerals import of_number, of_text

__all__ = ["JsonError", "exact_json", "exact_number"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_LONGEST_NUMBER = 400
_HALF_PAIR = "\\u"


class JsonError(ValueError):
    """A JSON text that cannot be kept. `refusal` says why without showing values, `offset` is where in the text."""

    def __init__(self, refusal: Refusal, offset: int) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.offset = offset


class _RefusedError(ValueError):
    """What the decoder's hooks raise; `written` is the text that they were given."""

    def __init__(self, refusal: Refusal, written: str) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.written = written


def exact_json(text: str, *, max_depth: int) -> Any:
    """The value of a JSON text. Raises JsonError."""
    try:
        value = _DECODER.decode(text)
    except _RefusedError as error:
        raise JsonError(error.refusal, max(0, text.rfind(error.written))) from None
    except json.JSONDecodeError as error:
        raise JsonError(_not_json(error.msg), error.pos) from None
    except RecursionError:
        raise JsonError(_too_deep(max_depth), 0) from None
    if text.count("[") + text.count("{") > max_depth and _is_deeper(value, max_depth):
        raise JsonError(_too_deep(max_depth), 0)
    if _HALF_PAIR in text:
        _check_text(value, text)
    return value


def exact_number(text: str) -> int | float | None:
    """The JSON number that a decimal number's text stands for; None where there is none that keeps all its digits."""
    form = of_text(text) if len(text) <= _LONGEST_NUMBER else None
    if form is None:
        return None
    if _INTEGER.fullmatch(text):
        return whole if abs(whole := int(text)) <= LARGEST_EXACT else None
    value = float(text)
    return value if math.isfinite(value) and of_number(value) == form else None


def _check_text(value: object, text: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError(_HALF_CHARACTER, text.find(_HALF_PAIR)) from None


def _is_deeper(value: object, limit: int) -> bool:
    layer, depth = [value], 0
    while layer:
        depth += 1
        inner: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                inner.extend(each for each in item.values() if isinstance(each, dict | list))
            elif isinstance(item, list):
                inner.extend(each for each in item if isinstance(each, dict | list))
        layer = inner
    return depth > limit


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError(_duplicate_key(key), json.dumps(key, ensure_ascii=False))
            seen.add(key)
    return made


def _number(text: str) -> int | float:
    value = exact_number(text)
    if value is None:
        raise _RefusedError(_INEXACT, text)
    return value


def _constant(text: str) -> NoReturn:
    raise _RefusedError(_NOT_FINITE, text)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_number, parse_float=_number, parse_constant=_constant)

_INEXACT = Refusal(
    code="inexact-number",
    summary="A number has more digits than JSON keeps",
    detail="It would be rounded on its way.",
    hint="put it in quotes",
)
_NOT_FINITE = Refusal(
    code="not-finite-number",
    summary="A number must be finite",
    detail="Neither NaN nor Infinity has a form in JSON.",
    hint="write null, or put it in quotes",
)
_HALF_CHARACTER = Refusal(
    code="not-json",
    summary="A text holds half a character",
    detail="One half of a surrogate pair stands alone, which UTF-8 cannot carry.",
    hint="write both halves, or the character itself",
)


def _not_json(why: str) -> Refusal:
    return Refusal(
        code="not-json",
        summary="A text is not JSON",
        detail=f"The parser says: {why}.",
        hint="correct it; texts and keys stand in double quotes, and nothing follows the last item",
    )


def _duplicate_key(key: str) -> Refusal:
    return Refusal(
        code="duplicate-key",
        summary="Duplicate key",
        detail=f'"{shortened(key)}" is already in this object.',
        hint="remove or rename one of the two",
    )


def _too_deep(limit: int) -> Refusal:
    return Refusal(
        code="too-deep",
        summary="Values are nested too deeply",
        detail=f"At most {limit} levels of objects and lists are read.",
        hint="flatten the value, or put it in as text",
    )
