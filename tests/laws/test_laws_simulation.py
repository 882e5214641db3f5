"""The promise in a simulated world: under any schedule of faults and kills, nothing is made twice and nothing is lost.

One seed is one schedule. SYNCSPEC_SEED=1234 plays that one alone, SYNCSPEC_FUZZ=1 ten times as many as usual;
`PYTHONPATH=tests:tests/laws python -m simulation` plays any number and prints what was in them.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from simulation.laws import ViolationError
from simulation.schedule import simulate

SCHEDULES = 2000
FUZZED = 20_000


def _seeds() -> list[int]:
    if seed := os.environ.get("SYNCSPEC_SEED"):
        return [int(seed)]
    return list(range(FUZZED if os.environ.get("SYNCSPEC_FUZZ") else SCHEDULES))


@pytest.mark.parametrize("seed", _seeds(), ids=lambda seed: f"seed_{seed}")
def test_no_schedule_makes_a_record_twice_or_loses_one(seed: int) -> None:
    try:
        simulate(random.Random(seed))
    except ViolationError as violation:
        violation.add_note(f"play it again: SYNCSPEC_SEED={seed} pytest tests/laws/test_laws_simulation.py -k seed_")
        raise


@pytest.mark.timeout(0 if os.environ.get("SYNCSPEC_FUZZ") else 600)
@settings(
    max_examples=2000 if os.environ.get("SYNCSPEC_FUZZ") else 60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(draw=st.randoms(use_true_random=False))
def test_no_schedule_that_is_looked_for_makes_a_record_twice_or_loses_one(draw: random.Random) -> None:
    simulate(draw)


@pytest.mark.parametrize("seed", [3, 12, 131])
def test_a_seed_plays_the_same_schedule_each_time(seed: int) -> None:
    assert simulate(random.Random(seed)) == simulate(random.Random(seed))
