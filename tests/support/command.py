"""The installed command in a real process, with or without a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMAND = [sys.executable, "-m", "syncspec"]
PATIENCE = 60.0

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: arrakis
spec:
  manifests:
    - manifests
  upstreams:
    crm:
      type: embedded
"""

CONTACTS = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
  labels:
    team: revops
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  records:
    paul:
      data:
        LastName: Atreides
        Email: paul@arrakis.org
    duncan:
      data:
        LastName: Idaho
        Email: duncan@arrakis.org
"""


def environ(**more: str) -> dict[str, str]:
    """This process's environment without anything that would steer syncspec."""
    ours = ("SYNCSPEC_", "NO_COLOR", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **more}


def write_project(folder: Path, *, project: str = PROJECT, contacts: str = CONTACTS) -> Path:
    (folder / "manifests").mkdir(parents=True)
    (folder / "syncspec.yaml").write_text(project, encoding="utf-8")
    (folder / "manifests" / "contacts.yaml").write_text(contacts, encoding="utf-8")
    return folder


def many_contacts(number: int) -> str:
    """A set of so many contacts, two records a request."""
    head = CONTACTS.partition("  records:\n")[0] + "  batch:\n    max_records: 2\n  records:\n"
    return head + "".join(
        f"    p{each:04}:\n      data:\n        LastName: L{each}\n        Email: p{each}@arrakis.org\n"
        for each in range(number)
    )


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def run(
    *arguments: str, folder: Path, env: Mapping[str, str] | None = None, stdin: str = "", patience: float = PATIENCE
) -> Done:
    """Run a command to its end, without a terminal."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=dict(env or environ()),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=patience,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


class Terminal:
    """A command at a terminal of its own; what it writes to stdout and stderr is `text`."""

    def __init__(self, *arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.text = ""
        self._end, inner = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=dict(env or environ(TERM="xterm")),
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def read_until(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._take(), f"ended before {text!r}: {self.text}"

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        while self._take():
            pass
        code = self._process.wait(PATIENCE)
        os.close(self._end)
        assert "Traceback" not in self.text, self.text
        return code

    def _take(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], PATIENCE)
        assert ready, f"nothing came: {self.text}"
        try:
            content = os.read(self._end, 65536)
        except OSError:
            return False
        self.text += content.decode("utf-8", "replace")
        return bool(content)
