"""Every benchmark still runs; how quick it is, is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.figures import Baseline, Figure
from benchmarks.measures import BENCHMARKS

RUN = Path(__file__).with_name("run.py")


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_each_benchmark_prints_its_figures(name: str) -> None:
    command = [sys.executable, str(RUN), name, "--scale", "0.001", "--repeat", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, *figures = done.stdout.splitlines()
    assert first == name
    assert len(figures) >= 2
    assert all("×" in line or "budget" in line or "processor" in line or "memory" in line for line in figures)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    done = subprocess.run([sys.executable, str(RUN), "flying"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "flying is none of start, reading" in done.stderr


def test_a_figure_holds_only_within_every_budget() -> None:
    baseline = Baseline(name="bare", value=2.0)
    assert Figure(name="x", value=3.0, baseline=baseline).holds is None
    assert Figure(name="x", value=3.0, budget=4, baseline=baseline, ratio_budget=1.5).holds is True
    assert Figure(name="x", value=3.0, budget=3, baseline=baseline, ratio_budget=1.5).holds is False
    assert Figure(name="x", value=3.1, budget=4, baseline=baseline, ratio_budget=1.5).holds is False
