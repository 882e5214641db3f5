"""What holds for all tests: where their folders are, their figures, and the same verdict each time.

Figures that tests record with `record_property("figure", …)` are printed at the end, from worker processes too.
`tmp_path` is in memory where there is room. Hypothesis draws the same examples in each run; with SYNCSPEC_FUZZ=1 it
looks for new ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import memory

if memory.FOLDER is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory.FOLDER)

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("searching" if os.environ.get("SYNCSPEC_FUZZ") else "repeatable")


@pytest.fixture(autouse=True)
def _working_folder() -> Iterator[None]:
    """Stay in one folder: -C changes that of the whole process, and a test's folder goes with the test."""
    before = Path.cwd()
    yield
    os.chdir(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", [])
    figures = [text for report in reports for name, text in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for text in figures:
            terminalreporter.write_line(text)
