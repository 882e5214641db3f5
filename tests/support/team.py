"""Clones of one repository whose project keeps its state in a ref of their remote, over one upstream."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.builders import NOW, VirtualClock
from support.git_world import REF, WHO, git
from support.pipeline import SEQUIN, STORE, Folder, Wrapped, project_file, served, stored
from syncspec.apply.clock import Clock


def shared_project(**upstream: Any) -> str:
    """A project file whose state is kept in git."""
    project = json.loads(project_file(**{**SEQUIN, **upstream}))
    project["spec"]["state"] = {"backend": "git"}
    return json.dumps(project)


@dataclass
class Team:
    """`remote` is a bare repository; the upstream keeps its records in `store`, and `sent` names those of requests."""

    root: Path
    patch: pytest.MonkeyPatch
    sent: list[list[str]] = field(default_factory=list)

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def store(self) -> Path:
        return self.root / STORE

    def make(self, *, project: str | None = None, **sets: str) -> None:
        """Make the repository with these manifests, and an upstream that notes what it is sent."""
        home = self.root / "home"
        home.mkdir()
        self.patch.setenv("HOME", str(home))
        self.patch.delenv("XDG_CONFIG_HOME", raising=False)
        self.patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        git("init", "--quiet", "--bare", "--initial-branch=main", "remote.git", cwd=self.root)
        git("clone", "--quiet", str(self.remote), "seed", cwd=self.root)
        seed = Folder(self.root / "seed")
        seed.write(project=project or shared_project(), **sets)
        self.commit(seed, "the project")
        self.serve()

    def serve(self, wrap: Any = None) -> None:
        """Have every clone reach the upstream by connections that are wrapped so."""
        team = self

        class Noting(Wrapped):
            async def run(self, request: Any) -> Any:
                team.sent.append([record["Email"] for record in request.records])
                return await self.inner.run(request)

        def wrapped(connection: Any) -> Any:
            return Noting(wrap(connection) if wrap else connection)

        self.patch.setattr("syncspec.project.reading.connect", served(self.store, wrap=wrapped))

    def commit(self, folder: Folder, message: str) -> None:
        git("add", ".", cwd=folder.root)
        git(*WHO, "commit", "--quiet", f"--message={message}", cwd=folder.root)
        git("push", "--quiet", "origin", "HEAD:main", cwd=folder.root)

    def clone(self, name: str, *, after: float = 0.0, clock: Clock | None = None) -> Folder:
        """A fresh clone, used so many seconds after the beginning."""
        git("clone", "--quiet", str(self.remote), name, cwd=self.root)
        time = clock or VirtualClock(NOW + timedelta(seconds=after), boot=f"boot of {name}")
        return Folder(self.root / name, clock=time, environ={"TOKEN": "t"})

    def remove(self, folder: Folder) -> None:
        shutil.rmtree(folder.root)

    def hook(self, script: str) -> None:
        """Have the remote ask this shell script before it changes a ref: $1 is its name."""
        path = self.remote / "hooks" / "update"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    # What the ref and the upstream hold

    @property
    def tip(self) -> str | None:
        return git("for-each-ref", "--format=%(objectname)", REF, cwd=self.remote) or None

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the shared lockfile."""
        return [json.loads(line) for line in self._file("lockfile").splitlines()[1:]]

    def lock(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._file("lock.json"))
        return found

    def _file(self, name: str) -> bytes:
        done = subprocess.run(["git", "show", f"{REF}:{name}"], cwd=self.remote, capture_output=True, check=True)
        return done.stdout

    def locked_ids(self) -> dict[str, str]:
        return {line["address"]: line["upstream_id"] for line in self.lines() if line["state"] != "pending"}

    def pending(self) -> list[str]:
        return [line["address"] for line in self.lines() if line["state"] == "pending"]

    def made(self) -> dict[str, list[str]]:
        """The IDs that the upstream gave, by address of the set `contacts`."""
        found: dict[str, list[str]] = {}
        for row in stored(self.store):
            found.setdefault(address_of(row["data"]["Email"]), []).append(row["upstream_id"])
        return found

    def check_whole(self, addresses: Iterable[str]) -> None:
        """Every address has one record upstream, whose ID the ref holds; nothing is open, and nobody holds the lock."""
        made = self.made()
        assert {address: len(ids) for address, ids in made.items()} == dict.fromkeys(addresses, 1)
        assert self.locked_ids() == {address: ids[0] for address, ids in made.items()}
        assert self.pending() == []
        assert self.lock()["holder"] is None


def address_of(email: str) -> str:
    """`p3@x.org` → `contacts.c3`"""
    return f"contacts.c{email[1:].partition('@')[0]}"
