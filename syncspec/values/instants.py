"""Dates and times as texts of one form, so that one instant is one text whatever its offset or its digits."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

__all__ = ["instant", "is_date", "local_time", "seconds_of"]

_MAX_LENGTH = 64
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    _DATE.pattern + r"[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,20}))?)?"
    r"(?: ?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?))?"
)


def is_date(text: str) -> bool:
    """Whether the text is a calendar date such as 2024-01-05."""
    match = _DATE.fullmatch(text)
    return match is not None and _days(match.group(1), match.group(2), match.group(3)) is not None


def instant(text: str) -> str | None:
    """The instant of a date and time with an offset, as seconds since the year 1; None for any other text."""
    return _moment(text, with_offset=True)


def local_time(text: str) -> str | None:
    """The same for a date and time without an offset, read as UTC; None for any other text."""
    return _moment(text, with_offset=False)


def seconds_of(text: str | None) -> Decimal | None:
    """The instant as a number that orders as time does; None where the text is no instant. Without offset: UTC."""
    found = None if text is None else instant(text) or local_time(text)
    return None if found is None else Decimal(found)


def _moment(text: str, *, with_offset: bool) -> str | None:
    match = _TIME.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups()
    days = _days(year, month, day)
    if days is None or (zulu is not None or sign is not None) is not with_offset:
        return None
    clock = (int(hour), int(minute), int(second or 0), int(hours or 0), int(minutes or 0))
    if any(part > limit for part, limit in zip(clock, (23, 59, 59, 23, 59), strict=True)):
        return None
    offset = (clock[3] * 3600 + clock[4] * 60) * (-1 if sign == "-" else 1)
    seconds = days * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2] - offset
    digits = (fraction or "").rstrip("0")
    return f"{seconds}.{digits}" if digits else str(seconds)


def _days(year: str, month: str, day: str) -> int | None:
    try:
        return date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None
