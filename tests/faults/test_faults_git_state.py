"""Runs on several machines that share their state in a git ref: killed, cut off, at once, and without a remote."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner
from support.builders import NOW, VirtualClock
from support.git_world import REF, git
from support.pipeline import Folder, Wrapped, contacts, manifest
from support.team import Team, address_of, shared_project

from syncspec.apply.clock import SystemClock
from syncspec.apply.events import BatchSent
from syncspec.apply.holders import lock_holders, unlock
from syncspec.errors import RunLockedError, StateError, SyncspecError
from syncspec.project.checkup import Check, Health, check_up
from syncspec.project.lockcare import forget
from syncspec.project.opening import Opening
from syncspec.project.resolving import resolve
from syncspec.project.results import AppliedReport
from syncspec.upstream.protocol import Page

TESTS = Path(__file__).parent.parent
ALL = [f"contacts.c{number}" for number in range(6)]
PEOPLE = manifest("contacts", contacts(6), max_records=2)
LATER = 3600.0
"""Seconds after which every lease and every horizon of earlier runs is over."""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = Team(tmp_path.resolve(), monkeypatch)
    made.make(project=shared_project(concurrency=1), contacts=PEOPLE)
    return made


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def error_of(folder: Folder, **options: Any) -> SyncspecError:
    with pytest.raises(SyncspecError) as caught:
        folder.open().apply(**options)
    return caught.value


class Blind(Wrapped):
    """A replica that has seen nothing yet."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=(), cursor=None)


# One state for all clones


def test_what_one_clone_applied_is_nothing_to_do_for_another(team: Team) -> None:
    first = team.clone("a").open().apply()
    assert (outcomes(first), first.exit_code) == ({"created": 6}, 0)
    team.check_whole(ALL)
    other = team.clone("b")
    plan = other.open().plan()
    assert plan.is_empty
    assert not other.lockfile.exists()
    assert outcomes(other.open().apply()) == {"unchanged": 6}
    assert other.locked_ids() == team.locked_ids()
    assert len(team.sent) == 3


def test_every_request_is_announced_and_leaves_within_its_lease(team: Team) -> None:
    clone = team.clone("a")
    seen: list[str] = []

    class Watching(Wrapped):
        async def run(self, request: Any) -> Any:
            announced = {line["address"]: line for line in team.lines() if line["state"] == "pending"}
            lock = team.lock()
            assert lock["holder"]["run"]
            assert clone.clock.now() + timedelta(seconds=9) < datetime.fromisoformat(lock["expires"])
            for record in request.records:
                line = announced[address_of(record["Email"])]
                assert line["attempt_state"] == "intended"
                assert {"key", "loose_key", "lens", "horizon", "sent"} <= line.keys()
                # Whoever takes over must not believe in its absence before this request may have shown.
                assert datetime.fromisoformat(line["horizon"]) >= clone.clock.now() + timedelta(seconds=10 + 60 + 300)
                seen.append(line["address"])
            clone.clock.moment += timedelta(seconds=100)  # type: ignore[attr-defined]
            return await self.inner.run(request)

    team.serve(Watching)
    assert clone.open().apply().exit_code == 0
    assert seen == ALL
    team.check_whole(ALL)


def test_an_older_branch_changes_nothing(team: Team) -> None:
    clone = team.clone("a")
    before = git("rev-parse", "HEAD", cwd=clone.root)
    clone.open().apply()
    team.commit(clone, "with the lockfile")
    git("checkout", "--quiet", before, cwd=clone.root)
    assert not clone.lockfile.exists()
    assert clone.open().plan().is_empty
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    assert clone.locked_ids() == team.locked_ids()
    assert len(team.sent) == 3


def test_a_damaged_copy_of_the_lockfile_is_written_anew_from_the_shared_state(team: Team) -> None:
    clone = team.clone("a")
    clone.open().apply()
    whole = clone.lockfile.read_bytes()
    clone.lockfile.write_bytes(b"<<<<<<< HEAD\n" + whole)
    assert clone.open().plan().is_empty
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    assert clone.lockfile.read_bytes() == whole


def test_a_protected_branch_does_not_keep_the_state_from_being_written(team: Team) -> None:
    team.hook('case "$1" in refs/heads/*) echo "protected" >&2; exit 1 ;; esac')
    assert team.clone("a").open().apply().exit_code == 0
    team.check_whole(ALL)


def test_a_lockfile_from_before_is_where_the_shared_state_begins(team: Team) -> None:
    clone = team.clone("a")
    local = shared_project(concurrency=1).replace('"git"', '"local"')
    shared = (clone.root / "syncspec.yaml").read_text()
    clone.write(project=local)
    clone.open().apply()
    assert team.tip is None
    ids = clone.locked_ids()
    clone.lockfile.unlink()
    clone.write(project=shared)
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    assert team.locked_ids() == ids
    assert team.clone("b").open().plan().is_empty


def test_what_another_clone_forgot_does_not_come_back_from_this_ones_journal(team: Team) -> None:
    first, other = team.clone("a"), team.clone("b")
    first.open().apply()
    anyio.run(forget, other.open().asynchronous, ["contacts.c0"])
    assert "contacts.c0" not in team.locked_ids()
    report = first.open().apply()
    assert {record.address: record.outcome.value for record in report.records}["contacts.c0"] == "adopted"
    team.check_whole(ALL)


def test_a_deleted_ref_is_made_anew_from_what_a_clone_knows(team: Team) -> None:
    clone = team.clone("a")
    clone.open().apply()
    git("update-ref", "-d", REF, cwd=team.remote)
    clone.lockfile.unlink()
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    team.check_whole(ALL)


# Runners that vanish

UNTIL_KILLED = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
import pytest
from support.builders import NOW, VirtualClock
from support.pipeline import Folder, served
from support.steps import Steps, number_steps

root, store, wanted, nth = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
steps, seen = Steps(), 0

def at(name):
    global seen
    seen += name == wanted
    if seen == nth:
        os.kill(os.getpid(), signal.SIGKILL)

steps.at = at
patch = pytest.MonkeyPatch()
wrap = number_steps(patch, steps)
patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
start = NOW + timedelta(seconds=float(sys.argv[5]))
Folder(root, clock=VirtualClock(start), environ=dict(os.environ)).open().apply(no_prior_run=True)
"""


def kill(team: Team, folder: Folder, step: str, nth: int, *, after: float = 0.0) -> None:
    """An apply in a process that is killed at that step, begun so many seconds after the beginning."""
    command = [sys.executable, "-c", UNTIL_KILLED, str(folder.root), str(team.store), step, str(nth), str(after)]
    environment = {**os.environ, **folder.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("step", "nth", "made"), [("before send", 2, 2), ("after answer", 2, 4), ("after answer", 3, 6)]
)
def test_a_runner_that_vanished_in_the_middle_of_a_wave_leaves_nothing_twice_and_nothing_lost(
    team: Team, step: str, nth: int, made: int
) -> None:
    """Schedule 27: the clone is gone with its journal, before any lockfile was committed."""
    gone = team.clone("a")
    kill(team, gone, step, nth)
    team.remove(gone)
    assert sum(map(len, team.made().values())) == made
    assert set(team.pending()) == set(ALL)

    fresh = team.clone("b", after=LATER)
    report = fresh.open().apply()
    assert (outcomes(report), report.exit_code) == (
        {"created": 6 - made, "unchanged": made} if made < 6 else {"unchanged": 6},
        0,
    )
    team.check_whole(ALL)
    assert team.clone("c", after=LATER).open().plan().is_empty


def test_a_fresh_checkout_right_after_a_killed_run_sends_nothing_before_it_may(team: Team) -> None:
    """Schedule 1: forty seconds later the lock is held; when it has ended, a lagging replica still shows nothing."""
    gone = team.clone("a")
    kill(team, gone, "after answer", 2)
    team.remove(gone)
    error = error_of(team.clone("b", after=40))
    assert isinstance(error, RunLockedError)
    assert "2026-01-01T00:02:30.000Z" in error.diagnostics[0].detail

    team.serve(Blind)
    blind = team.clone("c", after=200)
    report = blind.open().apply()
    assert (outcomes(report), report.exit_code, team.sent) == ({"unknown": 6}, 4, [])
    assert team.lock()["holder"] is None
    assert sorted(team.pending()) == ALL
    team.remove(blind)

    team.serve()
    assert team.clone("d", after=LATER).open().apply().exit_code == 0
    team.check_whole(ALL)


def test_the_clone_whose_run_was_killed_knows_what_it_sent(team: Team) -> None:
    clone = team.clone("a")
    kill(team, clone, "after commit", 12)
    clone.clock = VirtualClock(NOW + timedelta(seconds=200))
    report = clone.open().apply()
    assert report.exit_code == 0
    team.check_whole(ALL)


def test_runners_that_vanish_again_and_again_before_they_send_need_no_person(team: Team) -> None:
    for number in (1, 2, 3):
        clone = team.clone(f"a{number}")
        kill(team, clone, "before send", 1, after=number * LATER)
        team.remove(clone)
    assert team.made() == {}
    assert outcomes(team.clone("b", after=4 * LATER).open().apply()) == {"created": 6}
    team.check_whole(ALL)


SECRET_KEY = manifest("contacts", contacts(6), max_records=2, fields={"Email": {"sensitive": True}})


@pytest.mark.parametrize(
    ("digest_key", "expected"), [(None, {"unknown": 6}), ("k" * 32, {"created": 2, "unchanged": 4})]
)
def test_a_sensitive_key_of_another_machine_is_compared_only_with_its_digest_key(
    team: Team, digest_key: str | None, expected: dict[str, int]
) -> None:
    gone, fresh = team.clone("a"), team.clone("b", after=LATER)
    for clone in (gone, fresh):
        clone.write(contacts=SECRET_KEY)
        clone.environ |= {"SYNCSPEC_DIGEST_KEY": digest_key} if digest_key else {}
    kill(team, gone, "after answer", 2)
    # The other machine has a private key of its own.
    fresh.open().plan()
    report = fresh.open().apply()
    assert outcomes(report) == expected
    assert max(map(len, team.made().values())) == 1
    assert (len(team.made()) == 6) is (digest_key is not None)


# Two at once


def test_a_second_clone_is_refused_while_the_first_one_sends(team: Team) -> None:
    """Schedule 2: two hosts apply at once."""
    first, other = team.clone("a"), team.clone("b")
    refused: list[SyncspecError] = []

    class Meanwhile(Wrapped):
        async def run(self, request: Any) -> Any:
            try:
                await anyio.to_thread.run_sync(other.open().apply)
            except SyncspecError as error:
                refused.append(error)
            return await self.inner.run(request)

    team.serve(Meanwhile)
    assert first.open().apply(no_prior_run=True).exit_code == 0
    assert [type(error) for error in refused] == [RunLockedError] * 3
    assert refused[0].exit_code == 7
    detail, hint = refused[0].diagnostics[0].detail, refused[0].diagnostics[0].hint
    assert f"process {os.getpid()}" in detail
    assert "syncspec.apply" in detail
    assert "syncspec lock unlock" in (hint or "")
    team.check_whole(ALL)


def test_a_second_clone_that_waits_finds_everything_done(team: Team) -> None:
    """Schedule 2, with patience."""
    first, other = team.clone("a", clock=SystemClock()), team.clone("b", clock=SystemClock())
    reports: list[AppliedReport] = []
    waiting = threading.Thread(target=lambda: reports.append(other.open().apply(lock_timeout=60)))

    def start(event: object) -> None:
        if isinstance(event, BatchSent) and not waiting.ident:
            waiting.start()

    assert first.open().apply(no_prior_run=True, on_event=start).exit_code == 0
    waiting.join(60)
    assert [outcomes(report) for report in reports] == [{"unchanged": 6}]
    team.check_whole(ALL)


def test_of_two_clones_that_begin_together_one_applies_and_nothing_is_made_twice(team: Team) -> None:
    """Schedule 2: both merge and apply; either one is refused, or it waits and has nothing to do."""
    clones = [team.clone(name, clock=SystemClock()) for name in ("a", "b", "c")]
    told: list[object] = []

    def apply(folder: Folder) -> None:
        try:
            told.append(outcomes(folder.open().apply(no_prior_run=True)))
        except RunLockedError as error:
            told.append(error.exit_code)

    threads = [threading.Thread(target=apply, args=(folder,)) for folder in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert told.count({"created": 6}) == 1
    assert all(item in ({"created": 6}, {"unchanged": 6}, 7) for item in told)
    team.check_whole(ALL)


# Cut off, refused, unreachable: nothing is sent


def cut_off(team: Team, first: Folder, other: Folder) -> AppliedReport:
    """An apply whose lock somebody frees during its first request, which takes nearly as long as the lease."""
    cut: list[int] = []

    class CutOff(Wrapped):
        async def run(self, request: Any) -> Any:
            if not cut:
                project = other.open().asynchronous.load()
                cut.append(len(await anyio.to_thread.run_sync(lambda: unlock(project, clock=other.clock))))
                first.clock.moment += timedelta(seconds=115)  # type: ignore[attr-defined]
            return await self.inner.run(request)

    team.serve(CutOff)
    report = first.open().apply(no_prior_run=True)
    assert cut == [1]
    team.serve()
    return report


def test_a_run_that_was_cut_off_sends_nothing_more_and_keeps_what_it_did(team: Team) -> None:
    """Schedule 21: an unlock while the owner still runs."""
    first = team.clone("a")
    report = cut_off(team, first, team.clone("b"))
    assert (len(team.sent), outcomes(report), report.exit_code) == (1, {"created": 2, "not_attempted": 4}, 3)
    assert "Another run changed the shared state" in [found.summary for found in report.diagnostics]
    left = next(found for found in report.diagnostics if "lacks" in found.summary)
    assert "on this machine hold everything" in left.detail
    assert list(first.locked_ids()) == ALL[:2]
    assert team.locked_ids() == {}

    assert outcomes(first.open().apply()) == {"created": 4, "unchanged": 2}
    assert len(team.sent) == 3
    team.check_whole(ALL)


def test_what_a_run_did_that_was_cut_off_is_found_by_another_machine(team: Team) -> None:
    first, other = team.clone("a"), team.clone("b")
    cut_off(team, first, other)
    report = other.open().apply()
    assert (outcomes(report), report.exit_code) == ({"unchanged": 2, "unknown": 4}, 4)
    other.clock = VirtualClock(NOW + timedelta(seconds=LATER))
    assert outcomes(other.open().apply()) == {"created": 4, "unchanged": 2}
    team.check_whole(ALL)
    assert first.open().plan().is_empty


def refuse_from_push(team: Team, number: int) -> None:
    """The remote takes so many pushes of the state, less one, and then refuses all."""
    count = team.root / "pushes"
    team.hook(f'echo x >> {count}; test $(wc -l < {count}) -lt {number} || {{ echo "no more" >&2; exit 1; }}')


def test_a_remote_that_refuses_the_state_lets_nothing_be_sent(team: Team) -> None:
    team.hook("exit 1")
    error = error_of(team.clone("a"))
    assert isinstance(error, StateError)
    assert (error.exit_code, error.diagnostics[0].summary) == (1, "The remote refuses to keep the shared state")
    assert (team.sent, team.tip) == ([], None)


def test_a_wave_that_cannot_be_announced_is_not_sent(team: Team) -> None:
    refuse_from_push(team, 2)
    report = team.clone("a").open().apply(no_prior_run=True)
    assert (team.sent, outcomes(report), report.exit_code) == ([], {"not_attempted": 6}, 3)
    assert "The remote refuses to keep the shared state" in [found.summary for found in report.diagnostics]


def test_a_final_state_that_is_refused_is_said_and_published_by_the_next_run_here(team: Team) -> None:
    refuse_from_push(team, 3)
    clone = team.clone("a")
    report = clone.open().apply(no_prior_run=True)
    assert (len(team.sent), outcomes(report), report.exit_code) == (3, {"created": 6}, 3)
    assert "The shared state lacks what this run did" in [found.summary for found in report.diagnostics]
    assert len(clone.locked_ids()) == 6
    assert team.locked_ids() == {}
    team.hook("exit 0")
    clone.clock = VirtualClock(NOW + timedelta(seconds=200))
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    team.check_whole(ALL)
    assert len(team.sent) == 3


def test_without_its_remote_nothing_is_planned_or_sent(team: Team) -> None:
    clone = team.clone("a")
    team.remote.rename(team.root / "away")
    for call in (clone.open().plan, clone.open().apply):
        with pytest.raises(StateError) as caught:
            call()
        assert caught.value.exit_code == 1
        assert "Nothing was sent." in caught.value.diagnostics[0].detail
    assert team.sent == []


def test_a_remote_that_vanishes_after_planning_lets_nothing_be_sent(team: Team) -> None:
    clone = team.clone("a")

    async def apply() -> AppliedReport:
        project = clone.open().asynchronous
        return await project.apply(on_plan=lambda _: team.remote.rename(team.root / "away"), no_prior_run=True)

    report = anyio.run(apply)
    assert (team.sent, outcomes(report), report.exit_code) == ([], {"not_attempted": 6}, 3)


def test_a_run_that_slept_while_another_took_over_sends_nothing_when_it_wakes(team: Team) -> None:
    clone = team.clone("a")
    others: list[Folder] = []
    taken: list[dict[str, int]] = []

    class Sleeps(Wrapped):
        async def run(self, request: Any) -> Any:
            answer = await self.inner.run(request)
            if not others:
                others.append(team.clone("b", after=2 * LATER))
                clone.clock.moment += timedelta(hours=1)  # type: ignore[attr-defined]
                taken.append(outcomes(await anyio.to_thread.run_sync(others[0].open().apply)))
            return answer

    team.serve(Sleeps)
    report = clone.open().apply(no_prior_run=True)
    assert taken == [{"created": 4, "unchanged": 2}]
    assert (outcomes(report), report.exit_code) == ({"created": 2, "not_attempted": 4}, 3)
    assert len(team.sent) == 3
    assert outcomes(clone.open().apply()) == {"unchanged": 6}
    team.check_whole(ALL)


# Care


def test_lock_unlock_frees_the_lock_of_a_runner_that_vanished(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncspec.cli.app import app
    from syncspec.cli.invocation import Invocation

    gone = team.clone("a")
    kill(team, gone, "before send", 1)
    fresh = team.clone("b", after=60)
    (holder,) = lock_holders(fresh.open().asynchronous.load(), clock=fresh.clock)
    assert holder.command == "syncspec.apply"
    assert isinstance(error_of(fresh), RunLockedError)
    monkeypatch.setattr("syncspec.apply.clock.SystemClock.now", lambda _: fresh.clock.now())
    monkeypatch.setenv("TOKEN", "t")
    done = CliRunner().invoke(
        app, ["-C", str(fresh.root), "lock", "unlock", "-y"], obj=Invocation(), standalone_mode=False
    )
    assert "cut off" in done.output
    assert team.lock()["holder"] is None
    report = fresh.open().apply()
    # What the runner announced may still be under way.
    assert outcomes(report) == {"unknown": 6}
    assert team.sent == []


def test_a_person_settles_an_unknown_in_any_clone(team: Team) -> None:
    gone = team.clone("a")
    kill(team, gone, "before send", 1)
    team.remove(gone)
    fresh = team.clone("b", after=200)
    with suppress(SyncspecError):
        anyio.run(lambda: resolve(fresh.open().asynchronous, "contacts.c0", created=None, force=True))
    assert "contacts.c0" not in team.pending()
    assert sorted(team.pending()) == ALL[1:]
    assert team.clone("c", after=LATER).open().apply().exit_code == 0
    team.check_whole(ALL)


def test_doctor_says_where_the_state_is_and_who_holds_it(team: Team) -> None:
    kill(team, team.clone("a", clock=SystemClock()), "before send", 1, after=(datetime.now(UTC) - NOW).total_seconds())
    fresh = team.clone("b")

    async def checks() -> dict[str, Check]:
        return {check.name: check async for check in check_up(Opening(path=fresh.root, environ=fresh.environ))}

    found = anyio.run(checks)
    assert found["shared state"].health is Health.GOOD
    assert f"{REF} at origin ({team.remote}) can be read" in found["shared state"].detail
    assert found["lockfile"].detail == "syncspec.lock: 0 locked, 6 not settled"
    assert "syncspec.apply" in found["run lock"].detail
    team.remote.rename(team.root / "away")
    bad = anyio.run(checks)["shared state"]
    assert bad.health is Health.BAD
    assert "The shared state cannot be read" in bad.detail
