"""The state of a project in a git ref, which its runs share wherever they run.

The ref, `refs/syncspec/<project>/<environment>` of a remote, is a line of commits; each holds the whole state as plain
files, beside one named `format`. It is read whole, and replaced by compare-and-swap: a write either follows exactly
the commit that it was made from, or is not made. A branch would run pipelines and stand in everybody's list; a ref
elsewhere is left alone by hosts and by `git fetch`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from syncspec.apply.gitcommand import Answer
from syncspec.apply.gitproblems import (
    NotWrittenError,
    RaceLostError,
    WriteUnknownError,
    foreign,
    lost,
    newer,
    not_written,
    unknown,
)
from syncspec.apply.gitremote import Carrier, carrier, rejection
from syncspec.errors import StateError
from syncspec.upstream.sequin.excerpt import clean

__all__ = ["NotWrittenError", "RaceLostError", "Snapshot", "StateRef", "WriteUnknownError", "state_ref_name"]

_FORMAT = "format"
_VERSION = "1"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_][A-Za-z0-9_.@+-]*)*")
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the ref held when it was read; `commit` is None where it does not exist yet. `format` is not in `files`."""

    commit: str | None
    files: Mapping[str, bytes]


def state_ref_name(project: str, environment: str | None) -> str:
    """The ref of a project's environment: a valid name, and another one for every other pair."""
    return f"refs/syncspec/{_encoded(project)}/{'_' if environment is None else _encoded(environment)}"


def _encoded(name: str) -> str:
    """Percent-encoded, dots too: git refuses `..`, `.lock` and dots at either end."""
    text = quote(name.encode("utf-8", "surrogatepass"), safe="").replace(".", "%2E").replace("~", "%7E")
    if text in ("", "_"):
        # "_" stands for no environment; a lone "%" is no encoding of anything.
        return "%5F" if text else "%"
    if len(text) <= _LONGEST:
        return text
    # Hosts keep a ref in a file of its name, of at most 255 bytes.
    return f"{text[:100]}%%{hashlib.sha256(text.encode()).hexdigest()[:32]}"


class StateRef:
    """One project's state in a ref of a remote; one thread at a time, blocking, closed after use.

    Nothing is kept between runs but what the remote holds. `read` always asks the remote.
    """

    __slots__ = ("_carrier", "_known", "_late")

    def __init__(self, carried: Carrier) -> None:
        self._carrier = carried
        self._known: set[str] = set()
        """Commits that are here and were found to be ours."""
        self._late: dict[str, str | None] = {}
        """Our writes of which nothing was seen, with what they follow: they may still arrive."""

    @classmethod
    def open(
        cls, folder: Path, *, project: str, environment: str | None, remote: str = "origin", timeout: float = 120.0
    ) -> Self:
        """Get ready for the state of a project whose folder is inside a work tree; the remote is not asked yet.

        `timeout`, in seconds, bounds each git command. Raises StateError: there is no git, no work tree, no such
        remote.
        """
        ref = state_ref_name(project, environment)
        return cls(carrier(folder, ref=ref, remote=remote, timeout=timeout))

    def __str__(self) -> str:
        return str(self._carrier.home)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what this run keeps on disk."""
        self._carrier.close()

    @property
    def ref(self) -> str:
        return self._carrier.home.ref

    def read(self) -> Snapshot:
        """What the remote's ref holds now. Raises StateError: it cannot be read, or what it holds is not ours."""
        commit = self._carrier.tip()
        if commit is None:
            return Snapshot(commit=None, files={})
        if commit not in self._known:
            commit = self._carrier.fetch(newest_only=not self._known)
        files = self._checked(commit)
        self._known.add(commit)
        return Snapshot(commit=commit, files=files)

    def replace(self, files: Mapping[str, bytes], *, expected: str | None, message: str) -> str:
        """Let the ref hold exactly these files where it is still at `expected` (None: absent); returns the new commit.

        Raises RaceLostError where the ref is at something else; NotWrittenError where the write got lost and may be
        tried again with the same `expected`, even if it arrives meanwhile; WriteUnknownError where neither is known;
        StateError where the remote refuses it, or what it holds is not ours. Names of files are relative, with
        forward slashes; ValueError else.
        """
        _check_names(files)
        if expected is not None and expected not in self._known:
            found = self.read().commit
            if found != expected:
                raise lost(self._carrier.home, found)
        # The token tells our commit from one that another run makes of the same files in the same second.
        text = f"{clean(message)}\n\nwrite: {secrets.token_hex(16)}\n"
        whole = {**files, _FORMAT: f"{_VERSION}\n".encode()}
        commit = self._carrier.commit(whole, parent=expected, message=text)
        self._late[commit] = expected
        answer = self._carrier.push(commit, expected=expected)
        found = commit if answer.ok else self._asked(commit, expected, answer)
        if found == commit:
            del self._late[commit]
            self._known.add(commit)
            return commit
        # An earlier write of ours came in late: this one was meant to follow what that one follows.
        self._known.add(found)
        del self._late[found]
        return self.replace(files, expected=found, message=message)

    def _asked(self, commit: str, expected: str | None, answer: Answer) -> str:
        """Ask the remote what became of a push that did not end well: our commit, or one of ours that was late."""
        home, refusal = self._carrier.home, rejection(answer)
        try:
            found = self._carrier.tip()
            ours = found is not None and (found == commit or (refusal is None and self._followed(commit, found)))
        except StateError as error:
            if refusal is not None:
                raise not_written(home, answer, refusal) from error
            raise unknown(home, answer, error) from error
        if ours:
            return commit
        if found == expected:
            raise not_written(home, answer, refusal)
        if found is not None and found in self._late and self._late[found] == expected:
            return found
        raise lost(home, found)

    def _followed(self, commit: str, found: str) -> bool:
        """Whether our commit came in and somebody has already written after it."""
        if found in self._known or found in self._late:
            return False
        return self._carrier.is_before(commit, self._carrier.fetch(newest_only=False))

    def _checked(self, commit: str) -> dict[str, bytes]:
        home = self._carrier.home
        files = self._carrier.files(commit)
        if files is None:
            raise foreign(home, commit, "it does not hold plain files")
        version = files.pop(_FORMAT, None)
        if version is None:
            raise foreign(home, commit, f'it has no file "{_FORMAT}"')
        text = version[:100].decode("utf-8", "replace").strip()
        if text.partition(".")[0] != _VERSION:
            raise newer(home, text)
        return files


def _check_names(files: Mapping[str, bytes]) -> None:
    for name in files:
        parts = name.split("/")
        above = {"/".join(parts[:end]) for end in range(1, len(parts))}
        if not _NAME.fullmatch(name) or name == _FORMAT or parts[0] == _FORMAT or above & files.keys():
            raise ValueError(f"not a name for a file of the state: {name!r}")
