"""Checking that what was asked for names something."""

from __future__ import annotations

from collections import Counter

import pytest
from planning_world import record, record_set

from syncspec.errors import UsageError
from syncspec.planning.selection import Selection

HASHED: Counter[str] = Counter()


class Watched(str):
    """An address that counts how often it is looked up or put into a set."""

    __slots__ = ()

    def __hash__(self) -> int:
        HASHED[str(self)] += 1
        return super().__hash__()


@pytest.mark.parametrize("selection", [Selection(), Selection(include=("contacts.*",))])
def test_the_number_of_records_does_not_multiply_with_that_of_locked_ones(selection: Selection) -> None:
    people = record_set(*(record(Watched(f"contacts.p{n}"), {"Email": f"p{n}@x.org"}) for n in range(100)))
    HASHED.clear()
    selection.check([people], [Watched(f"contacts.gone{n}") for n in range(100)])
    assert max(HASHED.values(), default=0) < 5


def test_a_locked_address_that_is_not_declared_can_be_named() -> None:
    people = record_set(record("contacts.paul", {"Email": "paul@x.org"}))
    Selection(include=("contacts.gone",)).check([people], ["contacts.gone"])
    with pytest.raises(UsageError) as caught:
        Selection(include=("contacts.lost",)).check([people], ["contacts.gone"])
    assert '"contacts.lost" names no declared or locked record' in str(caught.value)
