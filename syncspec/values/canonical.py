"""How values are compared: canonical forms, the widest sameness, digests, and the form in which they are sent.

Every comparison goes through a canonical form, a text whose first character names its kind, so that sameness is an
equivalence by construction and Python's own equalities (True == 1, 1 == 1.0) never decide:

  "" nothing · t text · x declared text · n number · b boolean · d date · i instant · l time without an offset ·
  m multi-select · k ID · j JSON structure

Decisions that hold everywhere:

- null, absent and "" are one value, unless `compare: exact`.
- Text is compared in NFC, unless `compare: exact`; it is trimmed or casefolded only where the rule says so.
- Untyped text is judged by itself: a date and time with an offset is an instant, and an 18-character Salesforce ID
  with a right checksum is its 15-character form. `type: text` turns both off.
- With `scalars_as_text`, a number's text is its shortest plain form: 5 and 5.0 are "5", and neither is "5.0" or
  "02134"; declare `type: decimal` where the provider pads its digits.
- `scale` rounds half away from zero on both sides.
- A date and time without an offset equals no instant; loosely it is read as UTC.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable

from syncspec.providers import Provider
from syncspec.records import Compare, Data, FieldRule, FieldRules, FieldType, Json
from syncspec.values.instants import instant, is_date, local_time
from syncspec.values.numerals import MAX_PLAIN_DIGITS, of_number, of_text, rounded
from syncspec.values.structure import quoted, scalar_text, structure

__all__ = [
    "canonical",
    "equal",
    "is_blank",
    "loose_form",
    "loosely_equal",
    "short_id",
    "to_wire",
    "widest",
]

_NOTHING = ""
_CAPITALS = str.maketrans({chr(code): "1" if chr(code).isupper() else "0" for code in range(128)})
_CHECKSUM = {f"{bits:05b}"[::-1]: letter for bits, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")}
"""The letter that stands for five characters' capitals."""


def canonical(value: Json, rule: FieldRule, *, scalars_as_text: bool = False) -> str:
    """The form under which equal values are the same text; two rules' forms are not comparable with each other."""
    exact = rule.compare is Compare.EXACT
    if value is None or (value == "" and not exact):
        return _NOTHING
    form = None if rule.type is None else _typed(value, rule)
    if form is None:
        form = _judged(value, rule, scalars_as_text=scalars_as_text)
    return form


def equal(desired: Json, observed: Json, rule: FieldRule, *, scalars_as_text: bool = False) -> bool:
    """Whether both are the same value under the rule; an absent value is passed as None."""
    if type(desired) is type(observed) and desired == observed and not isinstance(desired, (dict, list)):
        return True
    return canonical(desired, rule, scalars_as_text=scalars_as_text) == canonical(
        observed, rule, scalars_as_text=scalars_as_text
    )


def loosely_equal(a: Json, b: Json) -> bool:
    """Whether a provider may have stored one as the other: case, spaces, width, number and date form, part order."""
    return loose_form(a) == loose_form(b)


def is_blank(value: Json) -> bool:
    """Whether the value says nothing: null, no text but spaces, or an empty list."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def to_wire(data: Data, rules: FieldRules, provider: Provider) -> Data:
    """The data as it is sent: null in the provider's form, multi-selects in its shape, all else as declared."""
    wire: Data = {}
    for name, value in data.items():
        if value is None:
            wire[name] = provider.null
        elif isinstance(value, list) and not provider.multi_as_list and rules.rule(name).type is FieldType.MULTI:
            separator = rules.rule(name).separator
            wire[name] = separator.join(scalar_text(item) for item in value)
        else:
            wire[name] = value
    return wire


def widest(form: str) -> str:
    """The loose form of a canonical form. A function of that form, so what is equal is also loosely equal."""
    if form == _NOTHING:
        return form
    kind, body = form[0], form[1:]
    match kind:
        case "t":
            return _widest_text(body)
        case "b":
            return "t" + body
        case "x" | "d":
            return "t" + _folded(body)
        case "l":
            return "i" + body
        case "m":
            return "m" + quoted(sorted({_folded(part) for part in json.loads(body)}))
        case _:
            return form


def _typed(value: Json, rule: FieldRule) -> str | None:
    """The form under the declared type; None where no type is declared or the value does not fit it."""
    match rule.type:
        case None:
            return None
        case FieldType.TEXT:
            return None if isinstance(value, (dict, list)) else _kind_of("x", _compared(scalar_text(value), rule), rule)
        case FieldType.INTEGER:
            return _number(value)
        case FieldType.DECIMAL:
            form = _number(value)
            return form if form is None or rule.scale is None else "n" + rounded(form[1:], rule.scale)
        case FieldType.BOOLEAN:
            return _boolean(value)
        case FieldType.DATE:
            text = value.strip() if isinstance(value, str) else ""
            return "d" + text if is_date(text) else None
        case FieldType.DATETIME:
            return _moment(value)
        case FieldType.MULTI:
            return _multi(value, rule)
        case FieldType.ID:
            return (
                None if isinstance(value, (dict, list)) else _kind_of("k", short_id(scalar_text(value).strip()), rule)
            )
        case FieldType.JSON:
            return "j" + structure(value)


def _judged(value: Json, rule: FieldRule, *, scalars_as_text: bool) -> str:
    if isinstance(value, str):
        return _text(value, rule)
    if isinstance(value, (dict, list)):
        return "j" + structure(value)
    if scalars_as_text:
        return "t" + scalar_text(value)
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    return "n" + of_number(value) if value is not None else _NOTHING


def _text(text: str, rule: FieldRule) -> str:
    if rule.compare is Compare.EXACT:
        return "t" + text
    if len(text) >= 16 and text[4] == "-":
        moment = instant(text)
        if moment is not None:
            return "i" + moment
    if rule.compare is not Compare.CASEFOLD:
        text = short_id(text)
    text = _compared(text, rule)
    return _kind_of("t", text, rule)


def _kind_of(kind: str, text: str, rule: FieldRule) -> str:
    return kind + text if text or rule.compare is Compare.EXACT else _NOTHING


def _compared(text: str, rule: FieldRule) -> str:
    match rule.compare:
        case Compare.EXACT:
            return text
        case None:
            return text if text.isascii() else unicodedata.normalize("NFC", text)
        case Compare.TRIM:
            return unicodedata.normalize("NFC", text).strip()
        case Compare.CASEFOLD:
            return _casefolded(unicodedata.normalize("NFC", text)).strip()


def _casefolded(text: str) -> str:
    """Casefolded so that folding again changes nothing, also where folding takes a composed character apart."""
    if text.isascii():
        return text.lower()
    once = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", once).casefold())


def _number(value: Json) -> str | None:
    if isinstance(value, str):
        number = of_text(value.strip())
        return None if number is None else "n" + number
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return "n" + of_number(value)


def _boolean(value: Json) -> str | None:
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    folded = value.strip().lower() if isinstance(value, str) else ""
    return "b" + folded if folded in ("true", "false") else None


def _moment(value: Json) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    moment = instant(text)
    if moment is not None:
        return "i" + moment
    local = local_time(text)
    return None if local is None else "l" + local


def _multi(value: Json, rule: FieldRule) -> str | None:
    if isinstance(value, dict):
        return None
    items: Iterable[Json] = value if isinstance(value, list) else scalar_text(value).split(rule.separator or ";")
    compared = {_compared(scalar_text(item).strip(), rule) for item in items if not isinstance(item, (dict, list))}
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return None
    parts = sorted(compared - {""})
    return "m" + quoted(parts) if parts or rule.compare is Compare.EXACT else _NOTHING


def short_id(text: str) -> str:
    """The first 15 characters of an 18-character Salesforce ID whose checksum is right, else the text itself."""
    if len(text) != 18 or not (text.isascii() and text.isalnum()):
        return text
    capitals = text.translate(_CAPITALS)
    checksum = _CHECKSUM[capitals[:5]] + _CHECKSUM[capitals[5:10]] + _CHECKSUM[capitals[10:15]]
    return text[:15] if text[15:] == checksum else text


def _folded(text: str) -> str:
    """NFKC, trimmed, runs of space as one, casefolded."""
    if not text.isascii():
        text = _casefolded(unicodedata.normalize("NFKC", text))
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split()).casefold()


def _widest_text(text: str) -> str:
    """The loose form of untyped text: a number, an instant, an ID in its short form, or folded text."""
    bare = text.strip()
    if len(bare) <= MAX_PLAIN_DIGITS and bare[:1] in _NUMBER_STARTS and _CANONICAL_NUMBER.fullmatch(bare):
        number = of_text(bare)
        if number is not None:
            return "n" + number
    if len(bare) >= 16 and bare[4] == "-":
        moment = instant(bare) or local_time(bare)
        if moment is not None:
            return "i" + moment
    folded = _folded(short_id(bare))
    return "t" + folded if folded else _NOTHING


_NUMBER_STARTS = frozenset("-0123456789")
_CANONICAL_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
"""A number as people write it; 02134 and +1555 are names, not numbers."""


def loose_form(value: Json) -> str:
    """What two values have in common exactly where they are `loosely_equal`."""
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return _loose_parts(scalar_text(item) for item in value)
    if isinstance(value, str) and ";" in value:
        return _loose_parts(value.split(";"))
    return widest(canonical(value, FieldRule()))


def _loose_parts(items: Iterable[str]) -> str:
    parts = sorted({_folded(item) for item in items} - {""})
    if len(parts) == 1:
        return _widest_text(parts[0])
    return "m" + quoted(parts) if parts else _NOTHING
