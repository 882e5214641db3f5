from __future__ import annotations

import random
from pathlib import Path

import pytest
from support.git_world import REF, WHO, World, contents, git

from syncspec.apply.stateref import RaceLostError, Snapshot, StateRef, state_ref_name
from syncspec.errors import StateError

NAMES = [
    *("arrakis", "Arrakis", "a.b", "a%2Eb", "a..b", ".a", "a.", "a.lock", "a%2Elock", "a/b", "a%2Fb", "a b", "a~b"),
    *("_", "%5F", "%", "%25", "", "-a", "@", "@{", "a\\b", "a:b", "a?b", "a*b", "a[b", "a^b", "ü", "u\u0308", "\0"),
    *("\ud800", "x" * 200, "x" * 250, "x" * 251, "." * 200, "." * 201),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_gives_a_valid_ref(name: str, tmp_path: Path) -> None:
    ref = state_ref_name(name, name)
    git("check-ref-format", ref, cwd=tmp_path)
    assert ref.count("/") == 3
    assert max(map(len, ref.split("/"))) < 250


def test_no_two_projects_or_environments_share_a_ref() -> None:
    refs = [state_ref_name(project, environment) for project in NAMES for environment in (None, *NAMES)]
    assert len(set(refs)) == len(refs) == len(NAMES) * (len(NAMES) + 1)


def test_plain_names_stay_readable() -> None:
    assert state_ref_name("arrakis", "sand-box_2") == "refs/syncspec/arrakis/sand-box_2"
    assert state_ref_name("arrakis", None) == "refs/syncspec/arrakis/_"
    assert state_ref_name("arrakis.prod", None) == "refs/syncspec/arrakis%2Eprod/_"


def test_what_is_written_is_what_every_clone_reads(world: World) -> None:
    files = {
        "lockfile": b"a\r\n\0\xff",
        "intents/run-1/0001.json": b"{}",
        "intents/run-1/0002.json": b"",
        "x+@_.y": b"",
    }
    with world.open() as state:
        assert state.ref == REF
        assert state.read() == Snapshot(commit=None, files={})
        first = state.replace(files, expected=None, message="the first")
        assert state.read() == Snapshot(commit=first, files=files)
        second = state.replace({"lockfile": b"b"}, expected=first, message="the second\nof two")
    git("clone", "--quiet", "remote.git", "other", cwd=world.root)
    with world.open(world.root / "other") as other:
        assert other.read() == Snapshot(commit=second, files={"lockfile": b"b"})
        third = other.replace({}, expected=second, message="")
        assert other.read() == Snapshot(commit=third, files={})
    assert world.history() == [third, second, first]
    assert git("show", f"{third}:format", cwd=world.remote) == "1"
    assert git("log", "-1", "--format=%s|%an|%cn", second, cwd=world.remote) == "the second of two|syncspec|syncspec"
    git("fsck", "--strict", cwd=world.remote)


def test_a_run_that_keeps_its_state_open_sees_what_others_write(world: World) -> None:
    with world.open() as one, world.open() as other:
        commit = None
        for number in range(4):
            writer, reader = (one, other) if number % 2 else (other, one)
            commit = writer.replace({"n": b"%d" % number}, expected=commit, message="n")
            assert reader.read() == Snapshot(commit=commit, files={"n": b"%d" % number})


def test_a_write_that_follows_something_else_is_a_lost_race_and_changes_nothing(world: World) -> None:
    with world.open() as one, world.open() as other:
        first = one.replace({"a": b"1"}, expected=None, message="")
        second = other.replace({"a": b"2"}, expected=first, message="")
        for state, expected in [(one, None), (one, first), (other, first), (other, None), (one, "0" * 40)]:
            with pytest.raises(RaceLostError) as caught:
                state.replace({"a": b"3"}, expected=expected, message="")
            assert caught.value.code == "race-lost"
            assert "Nothing of ours was written." in caught.value.diagnostics[0].detail
        assert world.history() == [second, first]
        assert one.replace({"a": b"3"}, expected=one.read().commit, message="") == world.tip()


def test_a_ref_that_was_deleted_or_set_back_is_a_lost_race(world: World) -> None:
    with world.open() as state:
        first = state.replace({"a": b"1"}, expected=None, message="")
        second = state.replace({"a": b"2"}, expected=first, message="")
        git("update-ref", REF, first, cwd=world.remote)
        with pytest.raises(RaceLostError):
            state.replace({"a": b"3"}, expected=second, message="")
        assert world.tip() == first
        git("update-ref", "-d", REF, cwd=world.remote)
        with pytest.raises(RaceLostError, match="is not there any more"):
            state.replace({"a": b"3"}, expected=second, message="")
        again = state.replace({"a": b"4"}, expected=None, message="")
        assert world.history() == [again]


def test_a_branch_whose_name_ends_like_the_ref_is_not_taken_for_it(world: World) -> None:
    world.plant({"format": b"1\n"}, ref=f"refs/heads/{REF}")
    with world.open() as state:
        assert state.read().commit is None


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "..", "a/../b", ".git/x", "a\nb", "a b", "ü", "-a", "format", "format/x", "a"]
)
def test_a_name_that_git_or_another_file_would_take_amiss_is_refused(world: World, name: str) -> None:
    with world.open() as state, pytest.raises(ValueError, match="not a name"):
        state.replace({name: b"", "a/x": b""}, expected=None, message="")
    assert world.tip() is None


FOREIGN = {
    "no format": {"README.md": b"hello"},
    "newer": {"format": b"2\n"},
    "no number": {"format": b"\x1b[2Jone\n"},
    "empty": {"format": b""},
}


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_is_not_ours_is_refused_and_never_overwritten(world: World, files: dict[str, bytes]) -> None:
    commit = world.plant(files)
    with world.open() as state:
        with pytest.raises(StateError, match=r"left as it is\. Nothing was sent\.") as caught:
            state.read()
        with pytest.raises(StateError):
            state.replace({}, expected=commit, message="")
        with pytest.raises(RaceLostError):
            state.replace({}, expected=None, message="")
    assert str(caught.value).isprintable()
    assert world.tip() == commit


@pytest.mark.parametrize("kind", ["blob", "tree", "tag", "link", "submodule"])
def test_anything_but_a_commit_of_plain_files_is_refused(world: World, kind: str) -> None:
    commit = world.plant({"format": b"1\n"})
    match kind:
        case "blob":
            found = world.blob(b"1\n")
        case "tree":
            found = git("rev-parse", f"{commit}^{{tree}}", cwd=world.remote)
        case "tag":
            git(*WHO, "tag", "-a", "-m", "x", "t", commit, cwd=world.remote)
            found = git("rev-parse", "refs/tags/t", cwd=world.remote)
        case "link":
            found = world.plant({"format": b"1\n"}, more=f"120000 blob {world.blob(b'x')}\tlink\n")
        case _:
            found = world.plant({"format": b"1\n"}, more=f"160000 commit {commit}\tpart\n")
    git("update-ref", REF, found, cwd=world.remote)
    with world.open() as state, pytest.raises(StateError, match="plain files"):
        state.read()
    assert world.tip() == found


def test_a_minor_version_of_the_format_is_read(world: World) -> None:
    commit = world.plant({"format": b"1.7\n", "lockfile": b"x"})
    with world.open() as state:
        assert state.read() == Snapshot(commit=commit, files={"lockfile": b"x"})


def test_only_the_newest_commit_is_transferred(world: World) -> None:
    noise = random.Random(1)
    with world.open() as state:
        commit = None
        for _ in range(4):
            commit = state.replace({"a": noise.randbytes(300_000)}, expected=commit, message="")
        commit = state.replace({"a": b"small"}, expected=commit, message="")
    with world.open() as state:
        assert state.read().commit == commit
        assert sum(path.stat().st_size for path in world.scratch.rglob("*") if path.is_file()) < 100_000
        assert state.replace({"a": b"next"}, expected=commit, message="") == world.tip()
    assert len(world.history()) == 6
    assert not (world.remote / "shallow").exists()


def test_a_large_state_is_kept_and_its_changes_travel_as_differences(world: World) -> None:
    counting = world.root / "receive-pack"
    counting.write_text(f'#!/bin/sh\ntee "{world.root}/sent" | git-receive-pack "$@"\n')
    counting.chmod(0o755)
    git("config", "remote.origin.receivepack", str(counting), cwd=world.clone)
    sent = (world.root / "sent").stat
    noise = random.Random(2)
    lines = [
        b'{"address": "contacts.r%d", "upstream_id": "%s"}\n' % (n, noise.randbytes(24).hex().encode())
        for n in range(80_000)
    ]
    whole = b"".join(lines)
    assert len(whole) > 6_000_000
    with world.open() as state:
        first = state.replace({"lockfile": whole}, expected=None, message="")
        assert sent().st_size > 2_000_000
        state.replace({"lockfile": whole, "intents": b"x"}, expected=first, message="")
        assert sent().st_size < 2_000
    with world.open() as state:
        snapshot = state.read()
        assert snapshot.files == {"lockfile": whole, "intents": b"x"}
        lines[100:100] = lines[5000:5003]
        changed = b"".join(lines)
        last = state.replace({"lockfile": changed}, expected=snapshot.commit, message="")
        assert state.read() == Snapshot(commit=last, files={"lockfile": changed})
    assert sent().st_size < 20_000


def test_closing_leaves_nothing_behind(world: World) -> None:
    state = world.open()
    state.replace({"a": b"1"}, expected=None, message="")
    assert list(world.scratch.iterdir())
    state.close()
    assert list(world.scratch.iterdir()) == []


def test_what_cannot_be_opened_leaves_nothing_behind(world: World) -> None:
    world.wrap_git('case "$*" in *" config "*) echo "fatal: bad config" >&2; exit 128 ;; esac')
    with pytest.raises(StateError, match="git said: fatal: bad config"):
        world.open()
    assert list(world.scratch.iterdir()) == []


@pytest.fixture(params=["path", "url", "relative", "shallow", "detached", "worktree", "folder", "partial", "sha256"])
def place(request: pytest.FixtureRequest, world: World) -> Path:
    """A project's folder in a repository of every kind; its remote has no state."""
    match request.param:
        case "path":
            return world.clone
        case "url":
            git("remote", "set-url", "origin", world.remote.as_uri(), cwd=world.clone)
        case "relative":
            git("remote", "set-url", "origin", "../remote.git", cwd=world.clone)
            return world.clone / "project"
        case "shallow" | "partial":
            world.commit(world.clone)
            git("push", "--quiet", "origin", "HEAD:main", cwd=world.clone)
            git("config", "uploadpack.allowFilter", "true", cwd=world.remote)
            how = "--depth=1" if request.param == "shallow" else "--filter=blob:none"
            git("clone", "--quiet", how, world.remote.as_uri(), "made", cwd=world.root)
            return world.root / "made"
        case "detached":
            git("checkout", "--quiet", "--detach", cwd=world.clone)
        case "worktree":
            git("worktree", "add", "--quiet", "../made", cwd=world.clone)
            return world.root / "made" / "project"
        case "folder":
            return world.clone / "project"
        case "sha256":
            git("init", "--quiet", "--bare", "--object-format=sha256", "other.git", cwd=world.root)
            git("init", "--quiet", "--object-format=sha256", "made", cwd=world.root)
            git("remote", "add", "origin", "../other.git", cwd=world.root / "made")
            return world.root / "made"
    return world.clone


def test_every_kind_of_clone_works_and_stays_as_it_was(world: World, place: Path) -> None:
    before = contents(world.clone), contents(place)
    with world.open(place) as state:
        first = state.replace({"lockfile": b"1"}, expected=state.read().commit, message="")
        second = state.replace({"lockfile": b"2"}, expected=first, message="")
    with world.open(place) as state:
        assert state.read() == Snapshot(commit=second, files={"lockfile": b"2"})
    assert (contents(world.clone), contents(place)) == before


def test_an_empty_remote_is_as_good_as_any(world: World) -> None:
    git("init", "--quiet", "--bare", "empty.git", cwd=world.root)
    git("init", "--quiet", "fresh", cwd=world.root)
    git("remote", "add", "upstream", "../empty.git", cwd=world.root / "fresh")
    with world.open(world.root / "fresh", remote="upstream") as state:
        commit = state.replace({"a": b"1"}, expected=state.read().commit, message="")
        assert state.read().commit == commit


def test_two_environments_of_one_project_are_kept_apart(world: World) -> None:
    with (
        StateRef.open(world.clone, project="arrakis", environment="a") as one,
        StateRef.open(world.clone, project="arrakis", environment="b") as other,
    ):
        one.replace({"x": b"1"}, expected=None, message="")
        other.replace({"x": b"2"}, expected=None, message="")
        assert (one.read().files, other.read().files) == ({"x": b"1"}, {"x": b"2"})
