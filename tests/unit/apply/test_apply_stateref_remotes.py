"""How remotes are reached, with whose credentials, and what is said where they are not."""

from __future__ import annotations

import os
import socket
import sys
from base64 import b64encode
from collections.abc import Iterator

import pytest
from support.git_http import Host, hosting
from support.git_world import SECRET, World, git, refused

from syncspec.apply.stateref import NotWrittenError, RaceLostError, Snapshot
from syncspec.errors import StateError

HEADER = f"basic {b64encode(f'x:{SECRET}'.encode()).decode()}"


@pytest.fixture
def host(world: World) -> Iterator[Host]:
    """The remote over HTTP; `origin` of the clone points there."""
    git("config", "http.receivepack", "true", cwd=world.remote)
    with hosting(Host(root=world.root)) as found:
        git("remote", "set-url", "origin", f"{found.url}/remote.git", cwd=world.clone)
        yield found


def works(world: World) -> None:
    with world.open() as state:
        commit = state.replace({"a": b"1"}, expected=state.read().commit, message="")
        for path in world.scratch.rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    with world.open() as state:
        assert state.read() == Snapshot(commit=commit, files={"a": b"1"})
    assert world.tip() == commit


def own_config(world: World) -> str:
    return (world.clone / ".git" / "config").read_text()


def header(url: str) -> str:
    return f'[http "{url}/"]\n\textraheader = AUTHORIZATION: {HEADER}\n'


@pytest.mark.parametrize("place", ["repository", "included", "conditional", "worktree", "user", "command"])
def test_a_token_works_wherever_git_finds_it_and_is_sent_once(world: World, host: Host, place: str) -> None:
    host.wanted = HEADER
    text = header(host.url)
    config, apart = world.clone / ".git" / "config", world.root / "token.config"
    apart.write_text(text)
    match place:
        case "repository":
            config.write_text(own_config(world) + text)
        case "included":
            config.write_text(f"{own_config(world)}[include]\n\tpath = ../../token.config\n")
        case "conditional":
            config.write_text(f'{own_config(world)}[includeIf "gitdir:{world.clone}/.git"]\n\tpath = {apart}\n')
        case "worktree":
            git("config", "extensions.worktreeConfig", "true", cwd=world.clone)
            (world.clone / ".git" / "config.worktree").write_text(text)
        case "user":
            world.settings(text)
        case _:
            world.monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
            world.monkeypatch.setenv("GIT_CONFIG_KEY_0", f"http.{host.url}/.extraheader")
            world.monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"AUTHORIZATION: {HEADER}")
    works(world)
    assert all(item == [HEADER] for item in host.seen)


def test_credentials_in_the_url_work_and_are_never_shown(world: World, host: Host) -> None:
    host.wanted = f"Basic {b64encode(f'me:{SECRET}'.encode()).decode()}"
    url = f"{host.url.replace('://', f'://me:{SECRET}@')}/remote.git"
    git("remote", "set-url", "origin", url, cwd=world.clone)
    works(world)
    host.wanted = "Basic something else"
    error = refused(world)
    assert error.diagnostics[0].summary == "The remote refuses access to the shared state"
    assert f"(http://***@{host.url.removeprefix('http://')}/remote.git)" in error.diagnostics[0].detail


def test_a_credential_helper_of_the_repository_works(world: World, host: Host) -> None:
    host.wanted = f"Basic {b64encode(f'me:{SECRET}'.encode()).decode()}"
    helper = f"!f() {{ echo username=me; echo password={SECRET}; }}; f"
    git("config", "credential.helper", helper, cwd=world.clone)
    works(world)


def test_a_host_that_asks_for_a_password_gets_no_answer_from_a_terminal(world: World, host: Host) -> None:
    host.wanted = HEADER
    error = refused(world)
    assert error.diagnostics[0].summary == "The remote refuses access to the shared state"
    assert "could not read Username" in error.diagnostics[0].detail


def test_a_host_that_refuses_writes_only_is_no_lost_race(world: World, host: Host) -> None:
    host.refuse = {"receive-pack": 403}
    with world.open() as state:
        assert state.read().commit is None
        with pytest.raises(StateError) as caught:
            state.replace({"a": b"1"}, expected=None, message="")
    assert type(caught.value) is StateError
    found = caught.value.diagnostics[0]
    assert (found.summary, "403" in found.detail) == ("The remote refuses access to the shared state", True)
    assert "Nothing of this write was kept. Nothing further was sent." in found.detail
    assert "may write to the repository" in str(found.hint)


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_host_that_is_out_of_order_is_not_a_state_that_is_absent(world: World, host: Host, status: int) -> None:
    host.refuse = {"/": status}
    error = refused(world)
    assert error.diagnostics[0].summary == "The shared state cannot be read"


def test_an_answer_that_the_host_never_gave_is_looked_up(world: World, host: Host) -> None:
    with world.open() as state:
        host.drop = "after"
        first = state.replace({"a": b"1"}, expected=None, message="")
        assert world.tip() == first
        host.drop = "before"
        with pytest.raises(NotWrittenError):
            state.replace({"a": b"2"}, expected=first, message="")
        host.drop = ""
        assert state.replace({"a": b"2"}, expected=first, message="") == world.tip()
        with world.open() as other, pytest.raises(RaceLostError):
            other.replace({"a": b"3"}, expected=first, message="")


def test_nobody_at_the_address_is_said_without_what_the_url_hides(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"http://me:{SECRET}@127.0.0.1:{port}/x.git?private_token={SECRET}"
        git("remote", "set-url", "origin", url, cwd=world.clone)
        error = refused(world)
    found = error.diagnostics[0]
    assert found.summary == "The shared state cannot be read"
    assert f"origin (http://***@127.0.0.1:{port}/x.git?***)" in found.detail
    assert "Failed to connect" in found.detail


def test_a_repository_that_is_not_there_is_said(world: World) -> None:
    world.remote.rename(world.root / "away")
    found = refused(world).diagnostics[0]
    assert found.summary == "The shared state cannot be read"
    assert "does not appear to be a git repository" in found.detail


def ssh(world: World, script: str) -> None:
    path = world.root / "ssh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    git("remote", "set-url", "origin", f"someone@host.invalid:{world.remote}", cwd=world.clone)
    git("config", "core.sshCommand", "../ssh", cwd=world.clone)


def test_the_ssh_command_of_the_repository_is_used(world: World) -> None:
    ssh(world, 'for last; do :; done; exec sh -c "$last"')
    works(world)


@pytest.mark.parametrize(
    ("script", "summary", "said"),
    [
        (
            "echo 'someone@host.invalid: Permission denied (publickey).' >&2; exit 255",
            "The remote refuses access to the shared state",
            "Permission denied (publickey).",
        ),
        (
            "printf 'ssh: connect to host host.invalid port 22: Connection refused\\r\\n' >&2; exit 255",
            "The shared state cannot be read",
            "Connection refused.",
        ),
        ("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 255", "The shared state cannot be read", "xxx…"),
    ],
)
def test_what_ssh_says_is_shown_in_one_line(world: World, script: str, summary: str, said: str) -> None:
    ssh(world, script)
    found = refused(world).diagnostics[0]
    assert found.summary.startswith(summary)
    assert said in found.detail
    assert len(found.detail) < 600


def test_a_password_that_the_other_side_repeats_is_not_shown(world: World) -> None:
    said = f"{SECRET} and %74{SECRET[1:]} of http://me:{SECRET}@x/?a={SECRET} are wrong"
    ssh(world, f"echo '{said}' >&2; exit 255")
    git("remote", "set-url", "origin", f"ssh://me:%74{SECRET[1:]}@host.invalid/x.git", cwd=world.clone)
    assert "*** and *** of http://***@x/?*** are wrong." in refused(world).diagnostics[0].detail


def test_what_git_starts_has_no_terminal_of_ours(world: World) -> None:
    """Neither can ssh ask for a password there, nor does Ctrl-C reach it."""
    ssh(world, f"{sys.executable} -c 'import os; print(\"session\", os.getsid(0))' >&2; exit 255")
    detail = refused(world).diagnostics[0].detail
    assert "session " in detail
    assert f"session {os.getsid(0)}." not in detail


@pytest.mark.parametrize("whose", ["--local", "--global"])
def test_a_url_is_rewritten_once_and_as_it_is_for_writing(world: World, whose: str) -> None:
    """A second rewriting would lead elsewhere."""
    (world.root / "elsewhere").mkdir()
    git("init", "--quiet", "--bare", "elsewhere/remote.git", cwd=world.root)
    git("remote", "set-url", "origin", "nowhere:remote.git", cwd=world.clone)
    git("config", whose, f"url.{world.root}/.pushInsteadOf", "nowhere:", cwd=world.clone)
    git("config", whose, f"url.{world.root}/elsewhere/.insteadOf", f"{world.root}/", cwd=world.clone)
    works(world)


def test_the_state_is_read_where_it_is_written(world: World) -> None:
    """A mirror may lag behind; what it shows is no proof of anything."""
    git("init", "--quiet", "--bare", "mirror.git", cwd=world.root)
    git("remote", "set-url", "origin", str(world.root / "mirror.git"), cwd=world.clone)
    git("remote", "set-url", "--push", "origin", str(world.remote), cwd=world.clone)
    works(world)


def test_the_users_settings_and_hooks_do_not_matter(world: World) -> None:
    spoil = world.root / "spoil"
    for folder in (spoil, world.clone / ".git" / "hooks"):
        folder.mkdir()
    for name in ("pre-push", "reference-transaction", "post-checkout", "pre-auto-gc"):
        for folder in (spoil, world.clone / ".git" / "hooks"):
            (folder / name).write_text(f'#!/bin/sh\ntouch "{world.root}/hook-ran"\nexit 1\n')
            (folder / name).chmod(0o755)
    git("config", "core.hooksPath", "hooks", cwd=world.remote)
    world.settings(
        f"[core]\n\thooksPath = {spoil}\n[commit]\n\tgpgSign = true\n[push]\n\tgpgSign = true\n\tfollowTags = true\n"
        "[tag]\n\tgpgSign = true\n[gpg]\n\tprogram = false\n[fetch]\n\tprune = true\n\tpruneTags = true\n"
        '[gc]\n\tauto = 1\n[remote "origin"]\n\tmirror = true\n\tprune = true\n\ttagOpt = --tags\n'
        "\tfetch = +refs/*:refs/*\n[init]\n\ttemplateDir = /nonexistent\n\tdefaultObjectFormat = sha256\n"
        "[user]\n\tuseConfigOnly = true\n[color]\n\tui = always\n"
    )
    works(world)
    assert not (world.root / "hook-ran").exists()


def test_a_repository_that_the_environment_points_to_is_not_used(world: World) -> None:
    """As a hook or an alias of git's sets it, when syncspec runs inside."""
    git("init", "--quiet", "wrong", cwd=world.root)
    wrong = world.root / "wrong"
    for name, value in [
        ("GIT_DIR", wrong / ".git"),
        ("GIT_WORK_TREE", wrong),
        ("GIT_INDEX_FILE", wrong / "index"),
        ("GIT_OBJECT_DIRECTORY", wrong / ".git" / "objects"),
        ("GIT_NAMESPACE", "wrong"),
        ("GIT_CONFIG", "/nonexistent"),
        ("GIT_TRACE", "1"),
        ("GIT_TRACE_CURL", "1"),
        ("GIT_AUTHOR_DATE", "never"),
    ]:
        world.monkeypatch.setenv(name, str(value))
    with world.open() as state:
        commit = state.replace({"a": b"1"}, expected=state.read().commit, message="")
    for name in list(os.environ):
        if name.startswith("GIT_"):
            world.monkeypatch.delenv(name)
    assert world.tip() == commit
