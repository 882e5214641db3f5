"""The simulated world has teeth: without any one of its safeguards syncspec is seen to break the promise."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mutants import MUTANTS, no_epoch_check
from simulation.laws import ViolationError
from simulation.schedule import simulate
from support.pipeline import STORE, Folder, Wrapped, contacts, manifest, served, served_folder, stored

from syncspec.apply.runlock import unlock

WITHIN = 1000
"""So many schedules at the most, of those that test_laws_simulation plays without a violation."""

BEGIN_AT = {"no_duplicate_check": 900}
"""Where to begin with those of which few schedules tell."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_safeguard_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    first = BEGIN_AT.get(name, 0)
    for seed in [*range(first, WITHIN), *range(first)]:
        try:
            simulate(random.Random(seed))
        except ViolationError as violation:
            assert violation.law in ("duplicate", "lost", "unsettled")  # noqa: PT017 - most seeds raise nothing
            return
    pytest.fail(f"{WITHIN} schedules without {name} broke no law")


class Overtaken(Wrapped):
    """While the first answer is on its way, the lock is taken away and another run does all that is left."""

    folder: Folder | None = None

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        folder, Overtaken.folder = Overtaken.folder, None
        if folder is not None:
            project = folder.open().asynchronous
            unlock(project.load())
            await project.apply()
        return result


@pytest.mark.parametrize("guarded", [True, False], ids=["with the epoch", "without the epoch"])
def test_only_the_epoch_keeps_a_run_that_was_cut_off_from_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    folder, store = served_folder(tmp_path / "project", concurrency=1), tmp_path / STORE
    folder.write(contacts=manifest("contacts", contacts(6), max_records=2))
    monkeypatch.setattr("syncspec.project.reading.connect", served(store, wrap=Overtaken))
    monkeypatch.setattr(Overtaken, "folder", folder)
    if not guarded:
        no_epoch_check(monkeypatch)
    folder.open().apply()
    made = Counter(row["data"]["Email"] for row in stored(store))
    assert (len(made), max(made.values())) == (6, 1 if guarded else 2)
