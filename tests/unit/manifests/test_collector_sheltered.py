from __future__ import annotations

import gc

import pytest

from syncspec.manifests.collector import paused_collector, sheltered


def test_what_is_sheltered_is_given_back_at_the_end_also_after_an_error() -> None:
    with sheltered() as shelter:
        shelter()
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    with pytest.raises(ZeroDivisionError), sheltered() as shelter:
        _ = (shelter(), 1 / 0)
    assert gc.get_freeze_count() == 0


def test_what_a_program_froze_itself_stays_frozen() -> None:
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        with sheltered() as shelter:
            shelter()
            assert gc.get_freeze_count() <= before
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with paused_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
