"""What becomes of a write whose answer is lost, which the remote refuses, or which meets another."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest
from support.git_world import REF, World, git

from syncspec.apply.stateref import NotWrittenError, RaceLostError, Snapshot, StateRef, WriteUnknownError
from syncspec.errors import StateError

KILLED_BEFORE = "[ $PUSH = no ] || kill -9 $$"
KILLED_AFTER = '[ $PUSH = no ] || { $GIT "$@" >/dev/null 2>&1; kill -9 $$; }'
FAILED_AFTER = '[ $PUSH = no ] || { $GIT "$@" >/dev/null 2>&1; echo "fatal: the remote end hung up" >&2; exit 128; }'


@pytest.mark.parametrize("script", [KILLED_AFTER, FAILED_AFTER])
@pytest.mark.parametrize("begun", [False, True])
def test_a_write_whose_answer_is_lost_is_found_at_the_remote(world: World, script: str, begun: bool) -> None:
    with world.open() as state:
        expected = state.replace({"a": b"0"}, expected=None, message="") if begun else None
        world.wrap_git(script)
        commit = state.replace({"a": b"1"}, expected=expected, message="")
        assert commit == world.tip()
        after = state.replace({"a": b"2"}, expected=commit, message="")
        assert world.history()[:2] == [after, commit]


@pytest.mark.parametrize("begun", [False, True])
def test_a_write_that_never_left_may_be_tried_again(world: World, begun: bool) -> None:
    with world.open() as state:
        expected = state.replace({"a": b"0"}, expected=None, message="") if begun else None
        world.wrap_git(KILLED_BEFORE)
        with pytest.raises(NotWrittenError) as caught:
            state.replace({"a": b"1"}, expected=expected, message="")
        assert "Nothing of this write was kept. Nothing further was sent." in caught.value.diagnostics[0].detail
        assert world.tip() == expected
        world.unwrap_git()
        assert state.replace({"a": b"1"}, expected=expected, message="") == world.tip()


def test_a_write_that_never_left_while_another_was_made_is_a_lost_race(world: World) -> None:
    with world.open() as state, world.open() as other:
        first = state.replace({"a": b"0"}, expected=None, message="")
        second = other.replace({"a": b"1"}, expected=first, message="")
        world.wrap_git(KILLED_BEFORE)
        with pytest.raises(RaceLostError):
            state.replace({"a": b"2"}, expected=first, message="")
        assert world.history() == [second, first]


@pytest.mark.parametrize("begun", [False, True])
def test_a_write_whose_answer_is_lost_and_that_another_has_followed_was_made(world: World, begun: bool) -> None:
    """Saying that the race was lost would be a lie: what we wrote was there for the other to read."""
    with world.open() as state:
        expected = state.replace({"a": b"0"}, expected=None, message="") if begun else None
        follow = (
            f'cd "$ROOT/remote.git"; old=$($GIT rev-parse {REF}); '
            "new=$($GIT -c user.name=B -c user.email=b@b.c commit-tree -p $old -m x $old^{tree}); "
            f"$GIT update-ref {REF} $new; kill -9 $$"
        )
        world.wrap_git(f'[ $PUSH = no ] || {{ $GIT "$@" >/dev/null 2>&1; {follow}; }}')
        commit = state.replace({"a": b"1"}, expected=expected, message="")
        assert world.history()[1] == commit
        assert state.read().files == {"a": b"1"}
        world.unwrap_git()
        with pytest.raises(RaceLostError):
            state.replace({"a": b"2"}, expected=commit, message="")


def test_a_write_that_comes_in_late_is_followed_by_the_one_that_repeats_it(world: World) -> None:
    with world.open() as state:
        first = state.replace({"a": b"0"}, expected=None, message="")
        # The objects arrive, and the ref is moved only when nobody waits any more.
        early = 'for last; do :; done; $GIT "$1" push "$ROOT/remote.git" "${last%%:*}:refs/x/late"'
        world.wrap_git(f"[ $PUSH = no ] || {{ {early}; kill -9 $$; }}")
        with pytest.raises(NotWrittenError):
            state.replace({"a": b"1"}, expected=first, message="")
        world.unwrap_git()
        late = world.tip("refs/x/late")
        assert late is not None
        git("update-ref", REF, late, cwd=world.remote)
        again = state.replace({"a": b"2"}, expected=first, message="")
        assert world.history() == [again, late, first]
        with pytest.raises(RaceLostError):
            state.replace({"a": b"3"}, expected=first, message="")


def test_a_late_write_of_another_run_is_a_lost_race(world: World) -> None:
    with world.open() as state, world.open() as other:
        first = state.replace({"a": b"0"}, expected=None, message="")
        other.read()
        world.wrap_git(KILLED_BEFORE)
        with pytest.raises(NotWrittenError):
            state.replace({"a": b"1"}, expected=first, message="")
        world.unwrap_git()
        other.replace({"a": b"2"}, expected=first, message="")
        with pytest.raises(RaceLostError):
            state.replace({"a": b"1"}, expected=first, message="")


@pytest.mark.parametrize("written", [False, True])
def test_a_write_after_which_the_remote_is_gone_is_unknown(world: World, written: bool) -> None:
    with world.open() as state:
        first = state.replace({"a": b"0"}, expected=None, message="")
        push = '$GIT "$@" >/dev/null 2>&1; ' if written else ""
        world.wrap_git(f'[ $PUSH = no ] || {{ {push}mv "$ROOT/remote.git" "$ROOT/away"; kill -9 $$; }}')
        with pytest.raises(WriteUnknownError) as caught:
            state.replace({"a": b"1"}, expected=first, message="")
        assert caught.value.diagnostics[0].summary == "It is not known whether the shared state was written"
        assert "the shared state cannot be read" in caught.value.diagnostics[0].detail
        (world.root / "away").rename(world.remote)
        world.unwrap_git()
        again = state.replace({"a": b"2"}, expected=first, message="")
        assert len(world.history()) == (3 if written else 2)
        assert world.history()[0] == again


def test_a_write_that_was_refused_is_known_not_to_be_made_even_if_the_remote_is_gone(world: World) -> None:
    with world.open() as state, world.open() as other:
        first = state.replace({"a": b"0"}, expected=None, message="")
        other.replace({"a": b"1"}, expected=first, message="")
        world.wrap_git('[ $PUSH = no ] || { $GIT "$@"; mv "$ROOT/remote.git" "$ROOT/away"; exit 1; }')
        with pytest.raises(NotWrittenError, match="stale info"):
            state.replace({"a": b"2"}, expected=first, message="")


def test_a_push_that_hangs_is_ended_with_all_that_it_started(world: World) -> None:
    os.mkfifo(world.root / "fifo")
    reading = os.open(world.root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    stubborn = "trap '' TERM; echo begun; sleep 1000"
    world.wrap_git(f'[ $PUSH = no ] || {{ sh -c "{stubborn}" > "$ROOT/fifo"; }}')
    with world.open(timeout=3.0) as state, pytest.raises(NotWrittenError, match="no answer in time"):
        state.replace({"a": b"1"}, expected=None, message="")
    os.set_blocking(reading, True)
    with os.fdopen(reading, "rb") as pipe:
        # Its end comes once nobody is left who could write.
        assert pipe.read() == b"begun\n"


@pytest.mark.parametrize(
    ("hook", "script", "said"),
    [
        ("pre-receive", "echo 'no state here'; exit 1", "pre-receive hook declined: no state here."),
        ("update", 'case "$1" in refs/syncspec/*) echo "GL: no" >&2; exit 1 ;; esac', "hook declined: GL: no."),
        ("pre-receive", "exit 1", "pre-receive hook declined."),
        ("pre-receive", r"printf 'see http://me:pw@x/\033[2J\007'; exit 1", r"see http://***@x/\u{1b}[2J\u{7}."),
    ],
)
def test_a_write_that_a_hook_refuses_is_said_with_its_words(world: World, hook: str, script: str, said: str) -> None:
    world.hook(hook, script)
    with world.open() as state, pytest.raises(StateError) as caught:
        state.replace({"a": b"1"}, expected=None, message="")
    found = caught.value.diagnostics[0]
    assert type(caught.value) is StateError
    assert found.summary == "The remote refuses to keep the shared state"
    assert said in found.detail
    assert found.detail.endswith("Nothing of this write was kept. Nothing further was sent.")
    assert found.detail.isprintable()
    assert world.tip() is None


def test_a_ref_that_the_remote_hides_is_refused(world: World) -> None:
    git("config", "receive.hideRefs", "refs/syncspec", cwd=world.remote)
    with world.open() as state, pytest.raises(StateError, match="deny updating a hidden ref"):
        state.replace({"a": b"1"}, expected=None, message="")


def test_a_remote_that_protects_its_branches_keeps_the_state(world: World) -> None:
    world.hook("pre-receive", 'while read old new ref; do case "$ref" in refs/heads/*) exit 1 ;; esac; done')
    world.hook("update", '[ "$1" != refs/heads/main ]')
    git("config", "receive.denyNonFastForwards", "true", cwd=world.remote)
    git("config", "receive.denyDeletes", "true", cwd=world.remote)
    with world.open() as state:
        first = state.replace({"a": b"1"}, expected=None, message="")
        assert state.replace({"a": b"2"}, expected=first, message="") == world.tip()


def test_another_writer_at_the_ref_is_no_refusal(world: World) -> None:
    with world.open() as state:
        first = state.replace({"a": b"0"}, expected=None, message="")
        (world.remote / f"{REF}.lock").touch()
        with pytest.raises(NotWrittenError):
            state.replace({"a": b"1"}, expected=first, message="")
        (world.remote / f"{REF}.lock").unlink()
        assert state.replace({"a": b"1"}, expected=first, message="") == world.tip()


def test_of_two_writers_exactly_one_wins_each_round(world: World) -> None:
    """Both write the same bytes with the same message, so that only their being two tells them apart."""
    rounds = 20
    barrier = threading.Barrier(2)
    won: list[list[str]] = [[], []]
    others: list[Exception] = []

    def write(me: int, state: StateRef) -> None:
        for _ in range(rounds):
            barrier.wait(60)
            snapshot = state.read()
            barrier.wait(60)
            try:
                won[me].append(state.replace({"a": b"same"}, expected=snapshot.commit, message="same"))
            except (RaceLostError, NotWrittenError) as error:
                others.append(error)

    with world.open() as one, world.open() as other:
        threads = [threading.Thread(target=write, args=pair) for pair in enumerate((one, other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(won[0]) + len(won[1]) == len(others) == rounds
    assert sorted(world.history()) == sorted(won[0] + won[1])


def test_two_equal_writes_in_one_second_are_two_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    with world.open() as one, world.open() as other:
        one.replace({"a": b"1"}, expected=None, message="x")
        with pytest.raises(RaceLostError):
            other.replace({"a": b"1"}, expected=None, message="x")


def test_a_remote_whose_objects_are_damaged_cannot_be_read(world: World) -> None:
    with world.open() as state:
        state.replace({"a": b"1"}, expected=None, message="")
    blob = git("rev-parse", f"{REF}:a", cwd=world.remote)
    path = world.remote / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"")
    with world.open() as state, pytest.raises(StateError, match="cannot be read"):
        state.read()


def test_a_disk_that_is_full_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.open() as state:
        first = state.replace({"a": b"1"}, expected=None, message="")
        world.wrap_git(
            'case "$*" in *fast-import*) echo "fatal: cannot write: No space left on device" >&2; exit 1 ;; esac'
        )
        with pytest.raises(StateError, match="No space left on device") as caught:
            state.replace({"a": b"2"}, expected=first, message="")
        assert caught.value.diagnostics[0].summary == "The shared state cannot be put together"

        def no_room(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("tempfile.TemporaryFile", no_room)
        with pytest.raises(StateError, match="No space left on device"):
            state.read()
    assert world.tip() == first


def test_a_state_beyond_all_bounds_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncspec.apply.gitremote.MOST_BYTES", 100)
    with world.open() as state:
        fits = state.replace({"a": b"x" * 90}, expected=None, message="")
        assert state.read() == Snapshot(commit=fits, files={"a": b"x" * 90})
        state.replace({"a": b"x" * 110}, expected=fits, message="")
        with pytest.raises(StateError, match="112 bytes; at most 100 are read"):
            state.read()


def test_an_interrupted_command_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if process not in started:
            started.append(process)
            raise KeyboardInterrupt
        return wait(process, timeout)

    with world.open() as state:
        world.wrap_git("exec sleep 300")
        monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            state.read()
        (process,) = started
        assert process.returncode is not None
