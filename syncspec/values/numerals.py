"""Numbers as texts of one form, `[-]digits e exponent`: exact, quick, and bounded for any input.

2500, 2500.0 and 2.5e3 are all `25e2`; nothing is `0e0` but zero. No step turns digits into a machine number, so that
a number of a hundred thousand digits costs no more than reading it.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = ["MAX_PLAIN_DIGITS", "of_number", "of_text", "plain", "rounded"]

MAX_PLAIN_DIGITS = 400
"""Digits and exponents beyond this are compared as they are: never expanded, never rounded."""

_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,6}))?")
_MAX_INT_BITS = 10_000


def of_text(text: str) -> str | None:
    """The canonical form of a decimal number's text; None where it is not one."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.groups()
    fraction = fraction or ""
    if not whole and not fraction:
        return None
    return _form(sign == "-", whole + fraction, int(exponent or 0) - len(fraction))


def of_number(value: float) -> str:
    """The canonical form of a JSON number, taking a float for the shortest decimal that reads back as it."""
    if isinstance(value, int):
        if -1_000_000_000 < value < 1_000_000_000 or value.bit_length() <= _MAX_INT_BITS:
            text = str(value)
            return _form(text[0] == "-", text.lstrip("-"), 0)
        return oct(value)
    return of_text(repr(value)) or repr(value)


def plain(form: str) -> str:
    """The number as people write it: `2500`, `-0.5`; forms too long to expand stay as they are."""
    digits, found, exponent_text = form.partition("e")
    if not found or len(form) > MAX_PLAIN_DIGITS or abs(int(exponent_text)) > MAX_PLAIN_DIGITS:
        return form
    exponent = int(exponent_text)
    sign = "-" if digits[0] == "-" else ""
    digits = digits.lstrip("-")
    if exponent >= 0:
        return sign + digits + "0" * exponent
    padded = digits.rjust(1 - exponent, "0")
    return f"{sign}{padded[:exponent]}.{padded[exponent:]}"


def rounded(form: str, scale: int) -> str:
    """The form rounded to `scale` places after the point, half away from zero."""
    _, found, exponent = form.partition("e")
    if not found or int(exponent) >= -scale:
        return form
    if len(form) > MAX_PLAIN_DIGITS or abs(int(exponent)) > MAX_PLAIN_DIGITS or abs(scale) > MAX_PLAIN_DIGITS:
        return form
    context = Context(prec=3 * MAX_PLAIN_DIGITS)
    number = Decimal(form).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP, context=context)
    return of_text(format(number, "f")) or form


def _form(negative: bool, digits: str, exponent: int) -> str:
    significant = digits.lstrip("0")
    if not significant:
        return "0e0"
    short = significant.rstrip("0")
    return f"{'-' if negative else ''}{short}e{exponent + len(significant) - len(short)}"
