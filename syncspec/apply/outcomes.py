"""What one answer says about the records of its request. Pure: a send result in, a verdict out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from syncspec.upstream.protocol import Answered, NoAnswer, NotSent, SendResult

__all__ = ["Stop", "Verdict", "VerdictKind", "classify", "says_duplicate"]


class VerdictKind(StrEnum):
    """What became of the records of one request.

    APPLIED: answered with records, to be mapped. REJECTED: one record, refused for what it holds. SPLIT: nothing
    was applied and smaller requests may be. RETRY: nothing was applied, the same may be sent after a pause.
    NOT_APPLIED: nothing was applied and sending again would not help. UNKNOWN: it may have been applied.
    """

    APPLIED = "applied"
    REJECTED = "rejected"
    SPLIT = "split"
    RETRY = "retry"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"


class Stop(StrEnum):
    """How far sending stops: not at all, this collection, or the whole upstream."""

    NOTHING = "nothing"
    COLLECTION = "collection"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A classified answer. `refused`: an unknown that the other side answered with a 4xx.

    `pause`: seconds for which nothing more may be sent to that upstream, whatever became of this request.
    """

    kind: VerdictKind
    message: str = ""
    status: int | None = None
    refused: bool = False
    stop: Stop = Stop.NOTHING
    pause: float | None = None


_INVALID = frozenset({400, 409, 422})
_CONFLICT = 409
_DUPLICATE = re.compile(r"duplicate|already (exists|in use|been taken)|not unique|must be unique", re.IGNORECASE)
_TOO_LARGE = 413
_NO_ACCESS = frozenset({401, 403})
_NO_SUCH_PLACE = 404
_TOO_MANY = 429
_UNTOLD_PAUSE = 1.0
_WRONG_ENDPOINT = frozenset({405, 415, 501})


def classify(result: SendResult, *, records: int, atomic: bool, names_records: bool = False) -> Verdict:
    """Class one result for a request of that many records; `atomic`: a refused batch is known to change nothing.

    `names_records`: the request is about records that exist, so that a 404 may be said of one of them.
    """
    match result:
        case NotSent(reason=reason):
            return Verdict(kind=VerdictKind.RETRY, message=reason)
        case NoAnswer(reason=reason):
            return Verdict(kind=VerdictKind.UNKNOWN, message=reason)
        case Answered():
            single = records == 1
            of_record = names_records and single and result.status == _NO_SUCH_PLACE
            return _classify_answer(result, certain=single or atomic, single=single, place_is_there=of_record)
        case _ as unreachable:
            assert_never(unreachable)


def _classify_answer(answer: Answered, *, certain: bool, single: bool, place_is_there: bool) -> Verdict:
    """`certain`: a refusal says something about every record of the request."""
    status, message = answer.status, _message(answer)
    stop = Stop.NOTHING if place_is_there else _stop(status)
    if 200 <= status < 300:
        if answer.readable:
            return Verdict(kind=VerdictKind.APPLIED, status=status)
        text = f"answered {status}, but the answer could not be read"
        return Verdict(kind=VerdictKind.UNKNOWN, message=text, status=status)
    if not 400 <= status < 500:
        return Verdict(kind=VerdictKind.UNKNOWN, message=message, status=status, stop=stop, pause=answer.retry_after)
    if not certain:
        pause = answer.retry_after if answer.retry_after is not None or status != _TOO_MANY else _UNTOLD_PAUSE
        return Verdict(kind=VerdictKind.UNKNOWN, message=message, status=status, refused=True, stop=stop, pause=pause)
    if status == _TOO_MANY:
        return Verdict(kind=VerdictKind.RETRY, message=message, status=status, pause=answer.retry_after)
    if status in _INVALID or status == _TOO_LARGE:
        kind = VerdictKind.REJECTED if single else VerdictKind.SPLIT
        return Verdict(kind=kind, message=message, status=status)
    if stop is not Stop.NOTHING or status == _NO_SUCH_PLACE:
        return Verdict(kind=VerdictKind.NOT_APPLIED, message=message, status=status, stop=stop)
    # Other 4xx answers, such as 408 and 499, are also given by gateways that had passed the request on.
    return Verdict(kind=VerdictKind.UNKNOWN, message=message, status=status, refused=True)


def says_duplicate(verdict: Verdict) -> bool:
    """Whether a refusal of one record says that another one like it exists. Providers word it in many ways."""
    return verdict.status == _CONFLICT or _DUPLICATE.search(verdict.message) is not None


def _stop(status: int) -> Stop:
    if status in _NO_ACCESS or status in _WRONG_ENDPOINT:
        return Stop.UPSTREAM
    return Stop.COLLECTION if status == _NO_SUCH_PLACE else Stop.NOTHING


def _message(answer: Answered) -> str:
    return f"answered {answer.status}: {answer.text}" if answer.text else f"answered {answer.status}"
