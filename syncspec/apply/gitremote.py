"""The repository that carries a shared state between here and a remote.

It is a bare repository in a temporary folder, made for one run and removed after it. The user's own repository is only
asked for its remote's URL and for how that is reached: nothing is fetched into it, so that its objects, refs, index,
`.git/shallow` and promises to a partial clone stay what they are, no `git gc` of it can take from us what we need,
and of the state's history only the newest commit is ever transferred. Credentials keep working, since every setting
of the user's repository that concerns transport is passed on, whatever file it stands in. (Including the user's
configuration file would not do: its `includeIf "gitdir:…"`, in which hosted runners keep their token, are decided
by the folder of the repository that asks.)
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from syncspec.apply.gitcommand import Answer, Git
from syncspec.apply.gitproblems import (
    Home,
    broken,
    no_remote,
    no_work_tree,
    old_git,
    several_places,
    too_large,
    unreadable,
)
from syncspec.upstream.sequin.excerpt import clean

__all__ = ["Carrier", "carrier", "rejection"]

MOST_BYTES = 512 * 1024 * 1024
"""The largest state that is read."""

_OLDEST = (2, 31)
_SHARED = "shared"
_SEEN = "refs/syncspec-seen"
_MADE = "refs/syncspec-made"
_AUTHOR = "syncspec <syncspec@localhost>"

_TRANSPORT = re.compile(
    r"(?:credential|http|protocol|ssh)\..+|core\.(?:askpass|gitproxy|sshcommand)|transfer\.credentialsinurl"
)
"""The settings that say how a remote is reached; those of the one remote come to them."""

_IMPORT = ("fast-import", "--quiet", "--done", "--force", "--date-format=raw")
_OF_REMOTE = frozenset({"proxy", "proxyauthmethod", "receivepack", "uploadpack", "vcs"})
_REJECTED = re.compile(rb"^!\t[^\t]*\t\[(?:remote )?rejected\](?: \((?P<reason>.*)\))?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A repository of our own that reads and writes one ref of a remote. Every method but `close` may raise StateError.

    Commits are named by their full IDs.
    """

    home: Home
    git: Git
    folder: TemporaryDirectory[str]

    def close(self) -> None:
        """Remove the repository; what the remote holds stays."""
        self.folder.cleanup()

    def tip(self) -> str | None:
        """Ask the remote which commit the ref is at; None where it does not exist."""
        answer = self.git.run("ls-remote", "--quiet", "--", _SHARED, self.home.ref)
        if not answer.ok:
            raise unreadable(self.home, answer)
        # A pattern matches the ends of names, so refs/heads/refs/syncspec/… may come along.
        named = (line.split("\t", 1) for line in answer.stdout.decode("utf-8", "replace").splitlines() if "\t" in line)
        return next((commit for commit, name in named if name == self.home.ref), None)

    def fetch(self, *, newest_only: bool) -> str:
        """Bring what the ref is at now here; else with what lies between that and what is here. Returns its ID."""
        depth = ("--depth=1",) if newest_only else ()
        refspec = f"+{self.home.ref}:{_SEEN}"
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", *depth)
        answer = self.git.run("fetch", *options, "--", _SHARED, refspec)
        if not answer.ok:
            raise unreadable(self.home, answer)
        return self._local("The shared state cannot be read", "rev-parse", "--verify", _SEEN).decode().strip()

    def files(self, commit: str) -> dict[str, bytes] | None:
        """The files of a commit that is here; None where it is no commit, or holds anything but plain files."""
        listing = self.git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        if not listing.ok:
            return None
        names, blobs, size = [], [], 0
        for entry in listing.stdout.split(b"\0")[:-1]:
            about, _, name = entry.partition(b"\t")
            mode, kind, blob, length = about.split()
            if kind != b"blob" or mode not in (b"100644", b"100755"):
                return None
            names.append(name.decode("utf-8", "surrogateescape"))
            blobs.append(blob)
            size += int(length)
        if size > MOST_BYTES:
            raise too_large(self.home, size, MOST_BYTES)
        wanted = b"".join(item + b"\n" for item in (commit.encode(), *blobs))
        objects = _objects(self._local("The shared state cannot be read", "cat-file", "--batch", stdin=wanted))
        if objects[0][0] != b"commit":
            return None
        return dict(zip(names, (content for _, content in objects[1:]), strict=True))

    def commit(self, files: Mapping[str, bytes], *, parent: str | None, message: str) -> str:
        """Make a commit that holds exactly these files; returns its ID. It is here only, until it is pushed."""
        stream = _stream(files, parent=parent, message=message, now=int(time.time()))
        made = self._local("The shared state cannot be put together", *_IMPORT, stdin=stream)
        return made.decode().strip()

    def push(self, commit: str, *, expected: str | None) -> Answer:
        """Have the remote move the ref from `expected` to the commit, or create it; whatever else it is at: refused.

        The lease makes git compare what the remote shows with `expected`, and the remote compares once more as it
        writes. The commit follows `expected`, so nothing is ever forced.
        """
        lease = f"--force-with-lease={self.home.ref}:{expected or ''}"
        options = ("--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no", lease)
        return self.git.run("push", *options, "--", _SHARED, f"{commit}:{self.home.ref}")

    def is_before(self, commit: str, later: str) -> bool:
        """Whether one commit that is here is an ancestor of another."""
        return self.git.run("merge-base", "--is-ancestor", commit, later).ok

    def _local(self, summary: str, *arguments: str, stdin: bytes = b"") -> bytes:
        answer = self.git.run(*arguments, stdin=stdin)
        if not answer.ok:
            raise broken(summary, answer)
        return answer.stdout


def rejection(answer: Answer) -> str | None:
    """Why a push was refused; None where it was not, or where nobody said so: then it may have been written."""
    found = _REJECTED.search(answer.stdout)
    if found is None:
        return None
    return clean((found["reason"] or b"rejected").decode("utf-8", "replace"))


def _objects(stream: bytes) -> list[tuple[bytes, bytes]]:
    """The (type, content) of each object that `cat-file --batch` gave."""
    found, at = [], 0
    while at < len(stream):
        end = stream.index(b"\n", at)
        _, kind, size = stream[at:end].split()
        start, at = end + 1, end + 1 + int(size) + 1
        found.append((kind, stream[start : at - 1]))
    return found


def _stream(files: Mapping[str, bytes], *, parent: str | None, message: str, now: int) -> bytes:
    """One commit in the language of `git fast-import`, which prints the commit's ID in the end."""
    text = message.encode()
    lines = [
        f"commit {_MADE}\nmark :1\nauthor {_AUTHOR} {now} +0000\ncommitter {_AUTHOR} {now} +0000\n".encode(),
        b"data %d\n%b\n" % (len(text), text),
        b"" if parent is None else f"from {parent}\n".encode(),
        b"deleteall\n",
    ]
    for name, content in sorted(files.items()):
        lines += [f"M 100644 inline {name}\n".encode(), b"data %d\n" % len(content), content, b"\n"]
    return b"".join([*lines, b"get-mark :1\n", b"done\n"])


def carrier(folder: Path, *, ref: str, remote: str, timeout: float) -> Carrier:
    """Make the repository that carries a ref of a remote of the folder's repository. Raises StateError."""
    _check_version(Git(folder=folder, timeout=timeout))
    top, object_format = _work_tree(Git(folder=folder, timeout=timeout))
    # URLs and commands may be relative to the top of the work tree.
    users = Git(folder=top, timeout=timeout)
    url = _url(users, remote)
    made = TemporaryDirectory(prefix="syncspec-git-", ignore_cleanup_errors=True)
    try:
        path = Path(made.name) / "state.git"
        own = Git(folder=top, timeout=timeout, git_dir=path)
        answer = users.run("init", "--bare", "--quiet", "--template=", f"--object-format={object_format}", str(path))
        if not answer.ok:
            raise broken("A repository for the shared state cannot be made", answer)
        settings = (*_inherited(users, own, remote), *_own_settings(url))
    except BaseException:
        made.cleanup()
        raise
    git = Git(folder=top, timeout=timeout, git_dir=path, settings=settings)
    return Carrier(home=Home(ref=ref, remote=remote, url=url), git=git, folder=made)


def _check_version(git: Git) -> None:
    answer = git.run("version")
    found = re.search(r"(\d+)\.(\d+)", answer.stdout.decode("utf-8", "replace"))
    if not answer.ok or found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise old_git(answer.stdout.decode("utf-8", "replace") or answer.stderr)


def _work_tree(git: Git) -> tuple[Path, str]:
    """The top of the work tree that the folder is in, and how its repository names objects."""
    answer = git.run("rev-parse", "--show-toplevel", "--show-object-format")
    if not answer.ok:
        raise no_work_tree(git.folder, answer)
    top, object_format = answer.stdout[:-1].decode("utf-8", "surrogateescape").rsplit("\n", 1)
    return Path(top), object_format


def _url(git: Git, remote: str) -> str:
    """Where the remote is written to: reading elsewhere, from a mirror, might show a state that is over."""
    answer = git.run("remote", "get-url", "--push", "--all", "--", remote)
    urls = answer.stdout.decode("utf-8", "surrogateescape").splitlines()
    if not answer.ok or not urls:
        raise no_remote(remote, git.run("remote").stdout.decode("utf-8", "replace").split())
    if len(urls) > 1:
        raise several_places(remote, len(urls))
    return urls[0]


def _own_settings(url: str) -> tuple[tuple[str, str], ...]:
    # The URL was rewritten by the user's url.*.insteadOf before; the longest match wins, and leaves it as it is.
    return ((f"remote.{_SHARED}.url", url), (f"remote.{_SHARED}.pushurl", url), (f"url.{url}.insteadOf", url))


def _inherited(users: Git, own: Git, remote: str) -> list[tuple[str, str]]:
    """The settings of the user's repository that say how the remote is reached, without those that hold everywhere.

    A setting that is passed on twice would be used twice, and a host refuses two headers of one name.
    """
    everywhere = {origin for origin, _, _ in _settings_of(own)}
    of_remote = f"remote.{remote}."
    found = []
    for origin, name, value in _settings_of(users):
        last = name.rpartition(".")[2]
        if name == of_remote + last and last in _OF_REMOTE:
            found.append((f"remote.{_SHARED}.{last}", value))
        elif origin not in everywhere and _TRANSPORT.fullmatch(name):
            found.append((name, value))
    return found


def _settings_of(git: Git) -> list[tuple[str, str, str]]:
    """Every setting that holds for a repository, as (the file it stands in, name, value), in the order they count."""
    answer = git.run("config", "--list", "--show-origin", "-z")
    if not answer.ok:
        raise broken("The git configuration cannot be read", answer)
    parts = answer.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    found = []
    for origin, entry in zip(parts[::2], parts[1::2], strict=True):
        name, has_value, value = entry.partition("\n")
        # A name without a value is a switch that is on.
        found.append((origin, name, value if has_value else "true"))
    return found
