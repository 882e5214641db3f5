"""Git repositories in a temporary folder, and a `git` on the PATH that fails as a test tells it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncspec.apply.stateref import StateRef
from syncspec.errors import StateError

REF = "refs/syncspec/arrakis/_"
SECRET = "t0ken-canary"
"""What no error may show."""

WHO = ("-c", "user.name=A", "-c", "user.email=a@b.c")


def git(*arguments: str, cwd: Path, stdin: bytes = b"") -> str:
    """What a git command prints; it must succeed."""
    done = subprocess.run(["git", *arguments], cwd=cwd, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class World:
    """`remote` is a bare repository with a branch main, `clone` a clone of it whose remote is `origin`."""

    root: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def clone(self) -> Path:
        return self.root / "clone"

    @property
    def scratch(self) -> Path:
        """Where everything goes that is kept for the length of a run."""
        return self.root / "tmp"

    def make(self, template: Path) -> None:
        """Copy the repositories, and leave out of account how this machine's user has set git up."""
        for name in ("remote.git", "clone"):
            shutil.copytree(template / name, self.root / name)
        for name in ("home", "tmp"):
            (self.root / name).mkdir()
        self.monkeypatch.setenv("HOME", str(self.root / "home"))
        self.monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
        self.monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        self.monkeypatch.setattr("tempfile.tempdir", str(self.scratch))
        config = self.clone / ".git" / "config"
        config.write_text(f'{config.read_text()}[remote "origin"]\n\turl = {self.remote}\n')

    def commit(self, repository: Path) -> None:
        git(*WHO, "commit", "--quiet", "--allow-empty", "--message=x", cwd=repository)

    def settings(self, text: str) -> None:
        """The user's own settings, which hold in every repository."""
        (self.root / "home" / ".gitconfig").write_text(text)

    def open(self, folder: Path | None = None, *, remote: str = "origin", timeout: float = 60.0) -> StateRef:
        where = self.clone if folder is None else folder
        return StateRef.open(where, project="arrakis", environment=None, remote=remote, timeout=timeout)

    def tip(self, ref: str = REF) -> str | None:
        """Where the remote's ref is."""
        return git("for-each-ref", "--format=%(objectname)", ref, cwd=self.remote) or None

    def history(self, ref: str = REF) -> list[str]:
        return git("rev-list", ref, cwd=self.remote).split()

    def hook(self, name: str, script: str) -> None:
        """Install a hook in the remote."""
        path = self.remote / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def plant(self, files: dict[str, bytes], *, ref: str = REF, more: str = "") -> str:
        """Put a commit with these files at a ref of the remote, as somebody else would; `more` is for `git mktree`."""
        lines = [f"100644 blob {self.blob(content)}\t{name}\n" for name, content in files.items()]
        tree = git("mktree", cwd=self.remote, stdin="".join([*lines, more]).encode())
        commit = git(*WHO, "commit-tree", tree, "-m", "planted", cwd=self.remote)
        git("update-ref", ref, commit, cwd=self.remote)
        return commit

    def blob(self, content: bytes) -> str:
        return git("hash-object", "-w", "--stdin", cwd=self.remote, stdin=content)

    def wrap_git(self, script: str) -> None:
        """Put a `git` before the real one: a shell script, in which $GIT is the real one and $ROOT this folder.

        Only the calls of the state ref in its own repository come to the script; $PUSH is "yes" where one pushes.
        """
        real = shutil.which("git")
        (self.root / "bin").mkdir(exist_ok=True)
        path = self.root / "bin" / "git"
        path.write_text(
            f'#!/bin/sh\nGIT={real}\nROOT="{self.root}"\n'
            'case "$*" in --git-dir=*syncspec-git-*) ;; *) exec $GIT "$@" ;; esac\n'
            'PUSH=no; case "$*" in *" push "*) PUSH=yes ;; esac\n'
            f'{script}\nexec $GIT "$@"\n'
        )
        path.chmod(0o755)
        self.monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    def unwrap_git(self) -> None:
        shutil.rmtree(self.root / "bin")


def make_template(folder: Path) -> None:
    """Make the repositories that every world begins with."""
    git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", "remote.git", cwd=folder)
    git("init", "--quiet", "--template=", "--initial-branch=main", "clone", cwd=folder)
    clone = folder / "clone"
    (clone / "project").mkdir()
    (clone / "project" / "syncspec.yaml").write_text("kind: Project\n")
    git("add", ".", cwd=clone)
    git(*WHO, "commit", "--quiet", "--message=x", cwd=clone)
    git("push", "--quiet", "../remote.git", "main", cwd=clone)
    git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", cwd=clone)


def everything_said(error: StateError) -> str:
    found = error.diagnostics[0]
    return f"{error!r} {error} {found!r}"


def refused(world: World, **options: object) -> StateError:
    """The error that reading raises."""
    with pytest.raises(StateError) as caught, world.open(**options) as state:  # type: ignore[arg-type]
        state.read()
    assert "Nothing was sent." in caught.value.diagnostics[0].detail
    assert caught.value.diagnostics[0].detail.isprintable()
    assert SECRET not in everything_said(caught.value)
    assert caught.value.diagnostics[0].hint
    return caught.value


def contents(folder: Path) -> dict[str, str]:
    """A fingerprint of every file in a folder, those of `.git` included."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            stat = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = f"{digest} {stat.st_mtime_ns}"
    return found
