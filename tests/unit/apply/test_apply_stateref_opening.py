"""What must be there before the remote is asked at all, and what is said where it is not."""

from __future__ import annotations

import os

import pytest
from support.git_world import SECRET, World, git, refused


def test_without_git_that_is_said(world: World) -> None:
    (world.root / "empty").mkdir()
    world.monkeypatch.setenv("PATH", str(world.root / "empty"))
    found = refused(world).diagnostics[0]
    assert found.summary == "git was not found"
    assert "git 2.31 or newer" in str(found.hint)


@pytest.mark.parametrize("version", ["git version 2.30.9", "git version 1.8.3.1", "what?"])
def test_an_old_git_is_refused(world: World, version: str) -> None:
    (world.root / "old").mkdir()
    (world.root / "old" / "git").write_text(f"#!/bin/sh\necho {version}\n")
    (world.root / "old" / "git").chmod(0o755)
    world.monkeypatch.setenv("PATH", f"{world.root / 'old'}:{os.environ['PATH']}")
    assert refused(world).diagnostics[0].summary == "git is too old"


@pytest.mark.parametrize(
    ("place", "summary"),
    [
        ("home", "The project is not in a git repository"),
        ("remote.git", "The project is not in a work tree"),
        ("clone/.git/refs", "The project is not in a work tree"),
        ("nowhere", "The project's folder was not found"),
        ("clone/project/syncspec.yaml", "The project's folder was not found"),
    ],
)
def test_a_folder_that_is_in_no_work_tree_is_refused(world: World, place: str, summary: str) -> None:
    found = refused(world, folder=world.root / place).diagnostics[0]
    assert found.summary == summary
    assert str(world.root / place) in found.detail


def test_a_repository_of_another_user_gets_the_way_out_that_git_names(world: World) -> None:
    real = git("--exec-path", cwd=world.root)
    (world.root / "bin").mkdir()
    wrapper = world.root / "bin" / "git"
    wrapper.write_text(f'#!/bin/sh\nexport GIT_TEST_ASSUME_DIFFERENT_OWNER=1\nexec "{real}/git" "$@"\n')
    wrapper.chmod(0o755)
    world.monkeypatch.setenv("PATH", f"{world.root / 'bin'}:{os.environ['PATH']}")
    found = refused(world).diagnostics[0]
    assert found.summary == "git does not trust the repository"
    assert "safe.directory" in str(found.hint)


def test_a_remote_that_is_missing_is_refused_and_the_others_named(world: World) -> None:
    git("remote", "add", "fork", "https://x.example/y.git", cwd=world.clone)
    found = refused(world, remote="upstream").diagnostics[0]
    assert found.detail.startswith('"upstream" is not a remote of the repository; its remotes: fork, origin.')
    git("remote", "remove", "fork", cwd=world.clone)
    git("remote", "remove", "origin", cwd=world.clone)
    assert "its remotes: none." in refused(world).diagnostics[0].detail


@pytest.mark.parametrize("name", ["", "--all", "-x", f"https://me:{SECRET}@x.example/y.git", "a b", "ori\x1b[2Jgin"])
def test_what_is_no_name_of_a_remote_is_refused(world: World, name: str) -> None:
    assert refused(world, remote=name).diagnostics[0].summary == "The repository has no such remote"


def test_a_remote_that_pushes_to_several_places_is_refused(world: World) -> None:
    git("remote", "set-url", "--add", "--push", "origin", str(world.remote), cwd=world.clone)
    git("remote", "set-url", "--add", "--push", "origin", "https://x.example/y.git", cwd=world.clone)
    assert refused(world).diagnostics[0].summary == "The remote stands for several repositories"


def test_a_folder_with_odd_characters_is_no_trouble(world: World) -> None:
    odd = world.clone / "pro ject\nü'\""
    odd.mkdir()
    with world.open(odd) as state:
        commit = state.replace({"a": b"1"}, expected=None, message="")
    assert world.tip() == commit


def test_a_folder_is_shown_without_what_moves_the_cursor(world: World) -> None:
    odd = world.root / "a\x1b[2J\nb"
    odd.mkdir()
    assert "a\\u{1b}[2J b: neither" in refused(world, folder=odd).diagnostics[0].detail
