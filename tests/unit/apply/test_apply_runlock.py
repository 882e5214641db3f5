from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from support.builders import VirtualClock, desired, record_set

from syncspec.apply.journal import Journal
from syncspec.apply.runlock import LockHolder, hold_run_lock, lock_holders, make_holder, places_of, unlock
from syncspec.errors import RunLockedError
from syncspec.settings import Guards, LoadedProject

PLACES = ["a collection", "the lockfile"]


def take(
    folder: Path, places: list[str], *, patience: float = 0.0, clock: VirtualClock | None = None
) -> dict[str, int]:
    """Take and release the lock in one go; returns the epochs."""
    clock = clock or VirtualClock()

    async def go() -> dict[str, int]:
        with Journal.open(folder, "syncspec.lock") as journal:
            holder = make_holder(run="run", command="apply", places=places, clock=clock)
            async with hold_run_lock(
                journal, places, state_dir=folder, holder=holder, patience=patience, clock=clock
            ) as epochs:
                return epochs

    return anyio.run(go)


HOLD = textwrap.dedent(
    """
    import sys, anyio
    from pathlib import Path
    from syncspec.apply.clock import SystemClock
    from syncspec.apply.journal import Journal
    from syncspec.apply.runlock import hold_run_lock, make_holder

    async def go():
        folder, places = Path(sys.argv[1]), sys.argv[2:]
        with Journal.open(folder, "syncspec.lock") as journal:
            holder = make_holder(run="other", command="syncspec apply", places=places, clock=SystemClock())
            async with hold_run_lock(
                journal, places, state_dir=folder, holder=holder, patience=0, clock=SystemClock()
            ):
                print("held", flush=True)
                sys.stdin.read()

    anyio.run(go)
    """
)


@contextmanager
def another_process_holds(folder: Path, places: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(folder), *places]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_lock_that_another_process_holds_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with another_process_holds(tmp_path, PLACES):
        with pytest.raises(RunLockedError) as caught:
            take(tmp_path, PLACES)
        assert "syncspec apply" in caught.value.diagnostics[0].detail
        with pytest.raises(RunLockedError):
            take(tmp_path, ["a collection", "another lockfile"])
        assert take(tmp_path, ["a third thing"]) == {"a third thing": 0}


def test_the_lock_of_a_killed_owner_is_free_at_once(tmp_path: Path) -> None:
    with another_process_holds(tmp_path, PLACES) as process:
        process.kill()
        process.wait()
        assert take(tmp_path, PLACES) == dict.fromkeys(PLACES, 0)


def test_waiting_for_a_lock_is_bounded(tmp_path: Path) -> None:
    with another_process_holds(tmp_path, PLACES), pytest.raises(RunLockedError):
        take(tmp_path, PLACES, patience=5.0)


def project(folder: Path) -> LoadedProject:
    return LoadedProject(
        root=folder,
        name="p",
        environment=None,
        upstreams={},
        sets=(record_set(desired("contacts.paul", Email="paul@x.org")),),
        guards=Guards(),
        lockfile=folder / "syncspec.lock",
        state_dir=folder / ".syncspec",
    )


def test_unlock_cuts_off_a_live_owner_and_lets_the_next_run_in(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    places = places_of(loaded)
    Journal.open(loaded.state_dir, "syncspec.lock").close()
    with another_process_holds(loaded.state_dir, places):
        (holder,) = lock_holders(loaded)
        assert isinstance(holder, LockHolder)
        assert holder.command == "syncspec apply"
        assert unlock(loaded) == [holder]
        assert take(loaded.state_dir, places) == dict.fromkeys(places, 1)


def test_nobody_holds_a_lock_whose_owner_died(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    Journal.open(loaded.state_dir, "syncspec.lock").close()
    with another_process_holds(loaded.state_dir, places_of(loaded)) as process:
        process.kill()
        process.wait()
        assert lock_holders(loaded) == []


def test_two_projects_that_share_a_place_exclude_each_other(tmp_path: Path) -> None:
    one = project(tmp_path)
    other = replace(project(tmp_path / "elsewhere"), name="q")
    assert len(set(places_of(one)) & set(places_of(other))) == 1


def test_two_checkouts_of_one_project_exclude_each_other_whatever_they_declare(tmp_path: Path) -> None:
    one = project(tmp_path)
    other = replace(project(tmp_path / "elsewhere"), sets=())
    assert len(set(places_of(one)) & set(places_of(other))) == 1


def test_a_lock_that_was_waited_for_in_an_epoch_that_is_over_is_not_held(tmp_path: Path) -> None:
    """A waits for B; somebody cuts B off and C begins; when B goes, A must find C in its way."""
    loaded = project(tmp_path)
    places = places_of(loaded)
    Journal.open(loaded.state_dir, "syncspec.lock").close()
    with another_process_holds(loaded.state_dir, places) as cut_off, ExitStack() as later:

        class Unlocking(VirtualClock):
            async def sleep(self, seconds: float) -> None:
                if not self.slept:
                    unlock(loaded)
                    later.enter_context(another_process_holds(loaded.state_dir, places))
                    cut_off.kill()
                    cut_off.wait()
                await super().sleep(seconds)

        with pytest.raises(RunLockedError):
            take(loaded.state_dir, places, patience=2.0, clock=Unlocking())
