"""A throw-away git repository with a project in it, and no settings of this machine's user."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.command import CONTACTS, PROJECT

GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}


@dataclass
class History:
    """A repository at `top` whose project is in `folder` of it, "." for the top itself."""

    top: Path
    folder: str = "."

    @property
    def root(self) -> Path:
        return self.top / self.folder

    def git(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        """What a git command prints; it must succeed."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.top,
            input=stdin,
            capture_output=True,
            check=False,
            env={**os.environ, **GIT_ENVIRONMENT},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, old: str, new: str, name: str = "manifests/contacts.yaml") -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything; returns the commit's ID."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def started(top: Path, folder: str = ".", *, project: str = PROJECT, contacts: str = CONTACTS) -> History:
    """A repository with one commit, tagged `first`, that holds the usual project."""
    top.mkdir(parents=True)
    history = History(top=top, folder=folder)
    history.git("init", "--quiet", "-b", "main")
    history.write("syncspec.yaml", project)
    history.write("manifests/contacts.yaml", contacts)
    history.commit("first")
    history.git("tag", "first")
    return history
