from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.builders import TARGET, locked, observed

from syncspec.apply.removed import RemovalCase
from syncspec.apply.states import AttemptState
from syncspec.lockfile import OpenAttempt
from syncspec.records import Absence, Observation, ObservedRecord

ENTRY = locked("contacts.paul", "003A")
ATTEMPT = OpenAttempt(
    attempt="run.1.0",
    address="contacts.paul",
    target=TARGET,
    kind="delete",
    state="unknown",
    horizon="2026-01-01T00:10:00.000Z",
    upstream_id="003A",
    evidence="answered 504",
)
ALIVE = observed("003A", Email="paul@x.org")
TOMBSTONE = observed("003A", deleted=True)
HORIZON_IF_REBUILT = "2026-01-01T00:20:00.000Z"


def case(row: ObservedRecord | None, *, is_over: bool, is_rebuilt: bool = False, **seen: object) -> RemovalCase:
    values = {"target": TARGET, "observed_at": datetime(2026, 1, 1, tzinfo=UTC), "stream": "s2", **seen}
    return RemovalCase(
        attempt=ATTEMPT,
        seen=Observation(**values),  # type: ignore[arg-type]
        row=row,
        locked=ENTRY,
        is_over=is_over,
        is_rebuilt=is_rebuilt,
        horizon_if_rebuilt=HORIZON_IF_REBUILT,
    )


@pytest.mark.parametrize("is_over", [True, False])
def test_a_tombstone_settles_it_at_any_time_and_the_entry_goes(is_over: bool) -> None:
    settled = case(TOMBSTONE, is_over=is_over).judge()
    assert settled is not None
    assert (settled.state, settled.removes) == (AttemptState.APPLIED, ENTRY)


def test_a_record_that_lives_after_the_horizon_was_not_deleted() -> None:
    assert case(ALIVE, is_over=False).judge() is None
    settled = case(ALIVE, is_over=True).judge()
    assert settled is not None
    assert (settled.state, settled.absent, settled.removes) == (AttemptState.NOT_APPLIED, True, None)


@pytest.mark.parametrize(
    ("absence", "doubt"), [(Absence.ASSUMED, "003A is not in it"), (Absence.UNKNOWN, "not healthy")]
)
def test_a_list_that_may_not_be_whole_tells_nothing_by_what_it_lacks(absence: Absence, doubt: str) -> None:
    lacking = case(None, is_over=True, absence=absence, reason="not healthy")
    assert lacking.judge() is None
    assert doubt in lacking.doubt


def test_a_whole_list_that_shows_neither_the_record_nor_its_tombstone_proves_no_deletion() -> None:
    """Whoever may not see it any more would lose its ID, and create it again."""
    assert case(None, is_over=False).judge() is None
    settled = case(None, is_over=True).judge()
    assert settled is not None
    assert (settled.state, settled.removes, settled.absent) == (AttemptState.NOT_APPLIED, None, False)


def test_a_list_that_was_rebuilt_since_is_waited_for_once_more() -> None:
    settled = case(None, is_over=True, is_rebuilt=True).judge()
    assert settled is not None
    assert (settled.state, settled.removes) == (AttemptState.UNKNOWN, None)
    assert (settled.stream, settled.horizon) == ("s2", HORIZON_IF_REBUILT)
