"""Runs git: never longer than its time, never with a question, and only in the repository that it is told.

What the caller's environment says about *which* repository is meant (GIT_DIR, GIT_INDEX_FILE, … as a hook or an alias
sets them) is left out; what it says about *how* to reach a remote (ssh command, proxies, certificates, credentials)
stays. git runs in a session of its own: Ctrl-C at the terminal does not end a write half-way, and ssh finds no
terminal to ask for a password at. Output goes through files, since a process that git leaves behind, as ssh and
credential helpers do, would hold a pipe open.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from syncspec.errors import StateError

__all__ = ["Answer", "Git"]

_KEPT = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
    "GIT_HTTP_",
    "GIT_PROTOCOL",
    "GIT_PROXY_",
    "GIT_SSH",
    "GIT_SSL_",
)
"""How the names of those variables of git's begin that say how remotes are reached."""

_ALWAYS = {
    "GCM_INTERACTIVE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}

_OFFLINE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
"""There is no protocol of that name, so that none is allowed."""

_FIXED = (
    "color.ui=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "fetch.prune=false",
    "fetch.pruneTags=false",
    "fetch.unpackLimit=1",
    "fastimport.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
)
"""What the user's settings must not change, given on the command line, which beats them all. The unpack limits keep
large files from being compressed twice."""

_GRACE_SECONDS = 0.3
_MOST_STDERR = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one command gave; `code` is None where it was ended because its time was up."""

    code: int | None
    stdout: bytes
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """How git is started: the folder that it runs in, its time limit in seconds, and for which repository.

    `git_dir` None: the repository that the folder is in. `offline`: no remote is reached, not even for objects that a
    partial clone lacks. `settings` are put on top of the user's; they travel in the
    environment and not on the command line, which every user of the machine can read.
    """

    folder: Path
    timeout: float
    git_dir: Path | None = None
    offline: bool = False
    settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def run(self, *arguments: str, stdin: bytes = b"") -> Answer:
        """Run one command to its end. Raises StateError where git cannot be started at all."""
        where = () if self.git_dir is None else (f"--git-dir={self.git_dir}",)
        fixed = [word for setting in _FIXED for word in ("-c", setting)]
        try:
            return self._run(["git", *where, *fixed, *arguments], stdin)
        except (FileNotFoundError, NotADirectoryError) as error:
            if not self.folder.is_dir():
                raise _no_folder(self.folder) from error
            raise _no_git() from error
        except OSError as error:
            raise StateError(
                "git cannot be started",
                detail=f"{error.strerror or error}. Nothing further was sent.",
                hint="make room on the disk and look at the permissions, then run the same command again",
            ) from error

    def _run(self, command: list[str], stdin: bytes) -> Answer:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, without a shell
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=given,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            code = _wait(process, self.timeout)
            out.seek(0)
            err.seek(0)
            return Answer(code=code, stdout=out.read(), stderr=err.read(_MOST_STDERR).decode("utf-8", "replace"))

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or (name.startswith(_KEPT) and name != "GIT_CONFIG")
        }
        given = kept.get("GIT_CONFIG_COUNT", "")
        first = int(given) if given.isdecimal() else 0
        for number, (name, value) in enumerate(self.settings, first):
            kept[f"GIT_CONFIG_KEY_{number}"] = name
            kept[f"GIT_CONFIG_VALUE_{number}"] = value
        if self.settings:
            kept["GIT_CONFIG_COUNT"] = str(first + len(self.settings))
        return kept | _ALWAYS | (_OFFLINE if self.offline else {})


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """The exit code; None where the time was up. However this is left, the process has ended."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return None
    except BaseException:
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and all that it started, ssh above all; at first so that it can take its lock files away."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Not waited for in between: its number must stay its own until the last signal is sent.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        time.sleep(_GRACE_SECONDS if number is signal.SIGTERM else 0)
    process.wait()


def _no_git() -> StateError:
    return StateError(
        "git was not found",
        detail="The project keeps its state in a git ref, and there is no git command on the PATH. Nothing was sent.",
        hint="install git 2.31 or newer; or keep the state in the project's folder, with state: {backend: local}",
    )


def _no_folder(folder: Path) -> StateError:
    return StateError(
        "The project's folder was not found",
        detail=f"{folder} is not a folder any more. Nothing was sent.",
        hint="run the command in the project's folder",
    )
