"""What goes wrong between here and the shared state, in words for people.

No text holds a password, nor more of what git said than one line without control characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from syncspec.apply.gitcommand import Answer
from syncspec.errors import StateError
from syncspec.settings import Secret
from syncspec.upstream.sequin.excerpt import clean, without

__all__ = [
    "Home",
    "NotWrittenError",
    "RaceLostError",
    "WriteUnknownError",
    "broken",
    "foreign",
    "lost",
    "masked",
    "newer",
    "no_remote",
    "no_work_tree",
    "not_written",
    "old_git",
    "several_places",
    "too_large",
    "unknown",
    "unreadable",
]


class RaceLostError(StateError):
    """Somebody else moved the ref; nothing of ours was kept."""

    code = "race-lost"


class NotWrittenError(StateError):
    """The ref is as it was; the same write may be tried again."""

    code = "state-not-written"


class WriteUnknownError(StateError):
    """The ref may hold our write or not: the remote did not answer, and cannot be asked."""

    code = "state-write-unknown"


_LINE_LENGTH = 200
_NOTHING = "Nothing was sent."
_NO_MORE = "Nothing further was sent."

_USERINFO = re.compile(r"(?<=://)[^/\s'\"]*@")
_QUERY = re.compile(r"(://[^\s'\"?]*)\?[^\s'\"]*")
_PASSWORD = re.compile(r"://[^/\s:@]*:([^/\s]*)@")

_NOISE = re.compile(
    r"^\s*(hint:|warning:|to \S+$|error: failed to push some refs|fatal: could not read from remote repository"
    r"|please make sure you have the correct access rights|and the repository exists|remote:\s*$)",
    re.IGNORECASE,
)
"""Lines that say nothing about the cause."""

_ACCESS = re.compile(
    r"authentication failed|could not read (username|password)|terminal prompts disabled|permission denied"
    r"|access denied|not authorized|unauthorized|returned error: 40[13]|invalid (username|credentials)"
    r"|permission to .* denied",
    re.IGNORECASE,
)
"""How remotes and git say that they want to know who we are, or do not like it."""

_BUSY = re.compile(
    r"lock|failed to update ref|unpacker error|internal|transaction|stale info|fetch first", re.IGNORECASE
)
"""Reasons of a remote that pass: another writer was at the ref, or its disk or database was."""


def masked(text: str) -> str:
    """The text with what may be secret in its URLs replaced: user names, passwords and queries."""
    return _QUERY.sub(r"\1?***", _USERINFO.sub("***@", text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a shared state lives: a ref of a remote. Prints without credentials."""

    ref: str
    remote: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return clean(f"{self.ref} at {masked(self.remote)} ({masked(self.url)})", 2 * _LINE_LENGTH)

    def said(self, answer: Answer) -> str:
        """The line of git's in which the cause stands, as a sentence."""
        if answer.code is None:
            return "there was no answer in time."
        return self._sentence(_cause(answer.stderr) or f"git ended with code {answer.code} and said nothing")

    def refused(self, reason: str, answer: Answer) -> str:
        """Why the remote refuses a write: its reason, and what a hook of its says to it."""
        spoken = [line for line in answer.stderr.splitlines() if line.startswith("remote:") and not _NOISE.match(line)]
        return self._sentence(f"{reason}: {spoken[0].removeprefix('remote:').strip()}" if spoken else reason)

    def _sentence(self, text: str) -> str:
        password = _PASSWORD.search(self.url)
        for secret in {password[1], unquote(password[1])} if password else ():
            text = without(text, Secret(secret))
        return clean(masked(text), _LINE_LENGTH).rstrip(". ") + "."


def _cause(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.match(line)]
    return (telling or lines or [""])[0]


def old_git(version: str) -> StateError:
    """Something that shared state needs is missing from this git."""
    return StateError(
        "git is too old",
        detail=f'"{clean(version, 60)}" lacks what shared state needs. {_NOTHING}',
        hint="install git 2.31 or newer; or keep the state in the project's folder, with state: {backend: local}",
    )


def no_work_tree(folder: Path, answer: Answer) -> StateError:
    """The folder is in no repository, in one without files, or in one that git does not trust."""
    shown = clean(str(folder), 2 * _LINE_LENGTH)
    local = "or keep the state in the project's folder, with state: {backend: local}"
    if "dubious ownership" in answer.stderr:
        return StateError(
            "git does not trust the repository",
            detail=f"{shown} belongs to another user than the one who runs syncspec. {_NOTHING}",
            hint="if you trust it, run: git config --global --add safe.directory with the repository's folder",
        )
    if "not a git repository" in answer.stderr:
        return StateError(
            "The project is not in a git repository",
            detail=f"{shown}: neither it nor a folder above it is one. {_NOTHING}",
            hint=f"run syncspec in a clone of the repository, {local}",
        )
    if "must be run in a work tree" in answer.stderr:
        return StateError(
            "The project is not in a work tree",
            detail=f"{shown} is inside a repository's own folder, or in one without files. {_NOTHING}",
            hint=f"run syncspec in a clone of the repository, {local}",
        )
    return broken("The repository cannot be read", answer)


def no_remote(name: str, known: list[str]) -> StateError:
    """The project file names a remote that the repository does not have."""
    there = ", ".join(clean(masked(other), 60) for other in known[:10]) or "none"
    return StateError(
        "The repository has no such remote",
        detail=f'"{clean(masked(name), 60)}" is not a remote of the repository; its remotes: {there}. {_NOTHING}',
        hint="name one of them in the project file, under state.remote" if known else "add one: git remote add",
    )


def several_places(name: str, count: int) -> StateError:
    """What is written to the remote would go to several repositories."""
    return StateError(
        "The remote stands for several repositories",
        detail=f'"{name}" pushes to {count} URLs, and a state that is shared lives in one. {_NOTHING}',
        hint="add a remote with one URL: git remote add; then name it in the project file, under state.remote",
    )


def broken(summary: str, answer: Answer) -> StateError:
    """A command failed that only works on this machine."""
    cause = "it took too long" if answer.code is None else masked(_cause(answer.stderr)) or f"exit code {answer.code}"
    return StateError(
        summary,
        detail=f"git said: {clean(cause, _LINE_LENGTH).rstrip('. ')}. {_NO_MORE}",
        hint="make room on the disk and look at the git configuration, then run the same command again",
    )


def unreadable(home: Home, answer: Answer) -> StateError:
    """The remote could not be asked."""
    if _ACCESS.search(answer.stderr):
        return _no_access(home, answer, "read", _NOTHING)
    return StateError(
        "The shared state cannot be read",
        detail=f"{home}: {home.said(answer)} {_NOTHING}",
        hint=f"find out why this fails, then run the same command again: git ls-remote {masked(home.remote)}",
    )


def _no_access(home: Home, answer: Answer, verb: str, sent: str) -> StateError:
    return StateError(
        "The remote refuses access to the shared state",
        detail=f"{home}: {home.said(answer)} {sent}",
        hint=f"give this run a key or token that may {verb} the repository; git must not need to ask for it",
    )


def foreign(home: Home, commit: str, why: str) -> StateError:
    """Somebody else keeps something of theirs under the ref."""
    return StateError(
        "The ref does not hold a state of syncspec's",
        detail=f"{home} is at {commit[:12]}: {why}. It is left as it is. {_NOTHING}",
        hint="find out who wrote it; once it is not needed, delete it at the remote with: git push --delete",
    )


def newer(home: Home, version: str) -> StateError:
    """A newer syncspec wrote what the ref holds."""
    return StateError(
        "The shared state is of another version",
        detail=f'{home} is in format "{clean(version, 20)}"; this syncspec knows format 1. It is left as it is. '
        f"{_NOTHING}",
        hint="use the version of syncspec that the other runs use",
    )


def too_large(home: Home, size: int, most: int) -> StateError:
    """More is there than is read; nothing of it was."""
    return StateError(
        "The shared state is too large",
        detail=f"{home} holds {size:,} bytes; at most {most:,} are read. {_NOTHING}",
        hint="split the project, or keep the state in the project's folder, with state: {backend: local}",
    )


def lost(home: Home, found: str | None) -> RaceLostError:
    """The ref moved between reading and writing; `found` is where it is now."""
    now = f"is at {found[:12]} now" if found else "is not there any more"
    return RaceLostError(
        "Another run changed the shared state",
        detail=f"{home} {now}, and was something else when this run read it. Nothing of ours was written. {_NO_MORE}",
        hint="let the other run end, then run the same command again",
    )


def not_written(home: Home, answer: Answer, rejection: str | None) -> StateError:
    """A write of which nothing was kept: the remote refuses it, or it went astray."""
    kept = f"Nothing of this write was kept. {_NO_MORE}"
    if rejection is not None and not _BUSY.search(rejection):
        return StateError(
            "The remote refuses to keep the shared state",
            detail=f"{home}: {home.refused(rejection, answer)} {kept}",
            hint="allow this run's account to push to refs/syncspec/*; or name another remote under state.remote",
        )
    if rejection is None and _ACCESS.search(answer.stderr):
        return _no_access(home, answer, "write to", kept)
    cause = home.said(answer) if rejection is None else home.refused(rejection, answer)
    return NotWrittenError(
        "The shared state was not written",
        detail=f"{home}: {cause} {kept}",
        hint="run the same command again",
    )


def unknown(home: Home, answer: Answer, then: StateError) -> WriteUnknownError:
    """`then` is what came of asking the remote afterwards."""
    return WriteUnknownError(
        "It is not known whether the shared state was written",
        detail=f"{home}: {home.said(answer)} Asked again, the remote gave no answer: "
        f"{then.diagnostics[0].summary[0].lower()}{then.diagnostics[0].summary[1:]}. {_NO_MORE}",
        hint="run the same command again once the remote can be reached; it looks there first",
    )
