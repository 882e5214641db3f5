"""The states of one attempt to send one record, and the steps between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["OPEN_STATES", "TRANSITIONS", "AttemptState", "may_follow"]


class AttemptState(StrEnum):
    """What is known of one attempt.

    INTENDED: on disk, perhaps sent. APPLIED: its record exists and its ID is known. NOT_APPLIED: it changed
    nothing. REJECTED: refused for what it holds. UNMAPPED: a 2xx answer whose IDs could not be told apart.
    UNKNOWN: it may have been applied. WATCHED: a matching record is locked, its maker not proved. CLOSED: watched
    to its horizon. NEEDS_PERSON: sent twice and absent twice; what shows up later still settles it. DUPLICATE: more
    than one live match was seen.
    """

    INTENDED = "intended"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    REJECTED = "rejected"
    UNMAPPED = "unmapped"
    UNKNOWN = "unknown"
    WATCHED = "watched"
    CLOSED = "closed"
    NEEDS_PERSON = "needs_person"
    DUPLICATE = "duplicate"


OPEN_STATES = frozenset(
    {
        AttemptState.INTENDED,
        AttemptState.UNMAPPED,
        AttemptState.UNKNOWN,
        AttemptState.NEEDS_PERSON,
        AttemptState.DUPLICATE,
    }
)
"""States in which the record must not be sent again."""

_S = AttemptState
_FOUND = frozenset({_S.APPLIED, _S.NOT_APPLIED, _S.WATCHED, _S.DUPLICATE})
TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    _S.INTENDED: frozenset({_S.APPLIED, _S.NOT_APPLIED, _S.REJECTED, _S.UNMAPPED, _S.UNKNOWN}),
    # A run that was cut off, and whose attempts the next one found open, may still be answered.
    _S.UNKNOWN: frozenset({*_FOUND, _S.REJECTED, _S.UNMAPPED, _S.UNKNOWN, _S.NEEDS_PERSON}),
    _S.UNMAPPED: _FOUND,
    _S.WATCHED: frozenset({_S.CLOSED, _S.APPLIED, _S.DUPLICATE}),
    _S.NEEDS_PERSON: _FOUND,
    # One more match may come, or one of several go.
    _S.DUPLICATE: frozenset({_S.APPLIED, _S.NOT_APPLIED, _S.WATCHED, _S.DUPLICATE}),
    # What was cut off and reconciled meanwhile may be answered by the ID that was found.
    _S.APPLIED: frozenset({_S.APPLIED, _S.DUPLICATE}),
    _S.NOT_APPLIED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.CLOSED: frozenset({_S.DUPLICATE}),
}
"""The only steps that the journal accepts."""


def may_follow(before: AttemptState, after: AttemptState) -> bool:
    """Whether an attempt may step from one state to the other."""
    return after in TRANSITIONS[before]
