"""A project's files as a git revision holds them, put into a folder of their own.

The repository is only read: neither the working tree nor the index is looked at or touched, nothing of the project is
run, and no remote is reached. Links and submodules are not followed; what they would have added is told.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from syncspec.apply.gitcommand import Answer, Git
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import SyncspecError, UsageError
from syncspec.manifests.findings import shortened
from syncspec.manifests.limits import DEFAULT_LIMITS

__all__ = ["Repository", "Span", "parse_span"]

_SECONDS = 120.0
_MOST_BYTES = 512 * 2**20
_MOST_AT_ONCE = 32 * 2**20
_MOST_SHOWN = 5
_YAML = (b".yaml", b".yml")
_DATA = (b".csv", b".tsv", b".jsonl", b".ndjson", b".json", b".lock")
_FILE = (b"100644", b"100755", b"100664")
_LINK, _SUBMODULE = b"120000", b"160000"
_LARGE_FILE = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Two revisions as they were named; `newer` None: the working tree. `from_base`: from their merge base."""

    older: str
    newer: str | None
    from_base: bool = False


def parse_span(text: str) -> Span:
    """Read `REV`, `REV..REV` or `REV...REV`; a side that is left out is HEAD. Raises UsageError."""
    dots = "..." if "..." in text else ".."
    older, found, newer = text.partition(dots)
    if not found:
        span = Span(older=older, newer=None)
    else:
        span = Span(older=older or "HEAD", newer=newer or "HEAD", from_base=dots == "...")
    for name in (span.older, span.newer):
        if name is not None and (not name or name.startswith("-") or not name.isprintable()):
            raise UsageError(
                "A revision cannot be used",
                detail=f'"{shortened(name)}" cannot name a revision. Nothing was read.',
                hint="write REV..REV, such as main..HEAD, or one revision to compare the working tree with",
            )
    return span


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    """A file of a revision: its path within the project, its object and its size."""

    name: bytes
    object: bytes
    size: int


class Repository:
    """The git repository that a project's folder lies in. Raises SyncspecError where there is none."""

    def __init__(self, root: Path) -> None:
        if shutil.which("git") is None:
            raise SyncspecError(
                "git was not found",
                detail="There is no git command on the PATH. Nothing was read.",
                hint="install git",
            )
        self._git = Git(folder=root, timeout=_SECONDS, offline=True)
        answer = self._git.run("rev-parse", "--git-dir")
        if not answer.ok:
            raise SyncspecError(
                "The project is in no git repository that can be read",
                detail=f"git says: {_words(answer)}. Nothing was read.",
                hint="run the command in a clone of the repository",
            )

    def commit(self, name: str) -> str:
        """The ID of the commit that a revision names. Raises SyncspecError where it is not here."""
        found = self._parsed(name)
        # In a second step, since a search for a message takes all that follows for a part of it.
        found = found and self._parsed(f"{found}^{{commit}}")
        if not found:
            raise SyncspecError(
                "A revision was not found",
                detail=f'"{shortened(name)}" names no commit of this clone. Nothing was compared.',
                hint=f"to choose a path, write: HEAD {shortened(name)}" if _is_path(name) else self._missing_hint(),
            )
        return found

    def _parsed(self, text: str) -> str:
        """The object that a text names; empty where there is none."""
        answer = self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", text)
        words = answer.stdout.decode("ascii", "replace").split()
        return words[-1] if answer.ok and words else ""

    def merge_base(self, older: str, newer: str) -> str:
        """The best common ancestor of two commits. Raises SyncspecError where they have none here."""
        answer = self._git.run("merge-base", older, newer)
        if not answer.ok:
            raise SyncspecError(
                "The two revisions have no common commit here",
                detail=f"{older[:12]} and {newer[:12]} do not meet in what this clone holds. Nothing was compared.",
                hint=self._missing_hint(),
            )
        return answer.stdout.decode("ascii", "replace").split()[0]

    def _missing_hint(self) -> str:
        shallow = self._git.run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        if shallow:
            return "the clone is shallow: fetch the whole history (git fetch --unshallow; fetch-depth: 0 in a pipeline)"
        return "fetch it first, or look at its name"

    def write(self, commit: str, folder: Path) -> list[Diagnostic]:
        """Write what the project may read at a commit into an empty folder; returns what was left out that matters.

        Files that no manifest can name are left out too. Raises SyncspecError where there is too much of it, or the
        clone lacks a part.
        """
        listing = self._git.run("ls-tree", "-r", "-z", "-l", commit)
        if not listing.ok:
            raise _incomplete(commit, _words(listing))
        blobs, findings = _entries(listing.stdout)
        manifests = [blob for blob in blobs if blob.name.lower().endswith(_YAML)]
        contents = self._write_all(commit, manifests, folder, findings)
        texts = [text for text in contents if b"format" in text or b"Project" in text]
        others = [blob for blob in blobs if not blob.name.lower().endswith(_YAML)]
        self._write_all(commit, [blob for blob in others if _may_be_read(blob.name, texts)], folder, findings)
        return findings

    def _write_all(self, commit: str, blobs: Iterable[_Blob], folder: Path, findings: list[Diagnostic]) -> list[bytes]:
        """Write the files; returns what is in them."""
        blobs = list(blobs)
        size = sum(blob.size for blob in blobs)
        if size > _MOST_BYTES:
            raise SyncspecError(
                "A revision holds too much to be compared",
                detail=f"The project's files in {commit[:12]} are {size:,} bytes; at most {_MOST_BYTES:,} are read.",
                hint="keep files that are no manifests and no data of theirs outside the project's folder",
            )
        contents: list[bytes] = []
        for slice_ in _slices(blobs):
            for blob, content in zip(slice_, self._contents(commit, slice_), strict=True):
                if content.startswith(_LARGE_FILE):
                    findings.append(_left_out("A file is kept in Git LFS and was not read", [blob.name]))
                    continue
                _write(folder, blob.name, content)
                contents.append(content)
        return contents

    def _contents(self, commit: str, blobs: list[_Blob]) -> Iterator[bytes]:
        answer = self._git.run("cat-file", "--batch", stdin=b"".join(blob.object + b"\n" for blob in blobs))
        if not answer.ok:
            raise _incomplete(commit, _words(answer))
        output, at = answer.stdout, 0
        for _ in blobs:
            end = output.index(b"\n", at)
            head = output[at:end].split()
            if len(head) != 3:
                raise _incomplete(commit, "an object is missing, as in a partial clone")
            size = int(head[2])
            yield output[end + 1 : end + 1 + size]
            at = end + 1 + size + 1


def _is_path(name: str) -> bool:
    try:
        return Path(name).exists()
    except OSError:
        return False


def _entries(listing: bytes) -> tuple[list[_Blob], list[Diagnostic]]:
    """The plain files of a listing, and what is told of the rest."""
    blobs: list[_Blob] = []
    links: list[bytes] = []
    modules: list[bytes] = []
    large: list[bytes] = []
    for entry in listing.split(b"\0")[:-1]:
        about, _, name = entry.partition(b"\t")
        mode, _, item, size = about.split()
        if mode == _SUBMODULE:
            modules.append(name)
        elif mode == _LINK:
            links.append(name)
        elif mode in _FILE and _is_safe(name):
            if int(size) > DEFAULT_LIMITS.max_bytes:
                large.append(name)
            else:
                blobs.append(_Blob(name=name, object=item, size=int(size)))
    findings = []
    if links:
        findings.append(_left_out("Links in git are not followed", links, severity=_gravity(links)))
    if modules:
        findings.append(_left_out("Submodules are not read", modules, severity=Severity.NOTE))
    if large := [name for name in large if name.lower().endswith((*_YAML, *_DATA))]:
        findings.append(_left_out("Files are too large to be read", large))
    return blobs, findings


def _gravity(links: list[bytes]) -> Severity:
    """A link that may be a manifest, or lead to some, makes the comparison incomplete."""
    grave = any(name.lower().endswith((*_YAML, *_DATA)) or b"." not in name.rpartition(b"/")[2] for name in links)
    return Severity.WARNING if grave else Severity.NOTE


def _left_out(summary: str, names: list[bytes], *, severity: Severity = Severity.WARNING) -> Diagnostic:
    shown = [shortened(_shown(name)) for name in sorted(names)]
    more = f" and {len(shown) - _MOST_SHOWN:,} more" if len(shown) > _MOST_SHOWN else ""
    return Diagnostic(
        severity=severity,
        code="left-out",
        summary=summary,
        detail=f"{', '.join(shown[:_MOST_SHOWN])}{more}: what is declared there is not compared.",
        source=Source(file=_shown(min(names))),
    )


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _is_safe(name: bytes) -> bool:
    """Whether a path stays below its folder, as git's own do; a made-up tree may hold others."""
    return all(part not in (b"", b".", b"..") for part in name.split(b"/"))


def _may_be_read(name: bytes, texts: list[bytes]) -> bool:
    """Whether a manifest can name the file: data by its ending, anything else where its name stands in one.

    `texts` are those in which a file without such an ending can be named.
    """
    last = name.rpartition(b"/")[2]
    return last.lower().endswith(_DATA) or any(last in text for text in texts)


def _slices(blobs: list[_Blob]) -> Iterator[list[_Blob]]:
    """The files in order, so many at once as memory should hold."""
    taken: list[_Blob] = []
    size = 0
    for blob in blobs:
        if taken and size + blob.size > _MOST_AT_ONCE:
            yield taken
            taken, size = [], 0
        taken.append(blob)
        size += blob.size
    if taken:
        yield taken


def _write(folder: Path, name: bytes, content: bytes) -> None:
    path = folder / os.fsdecode(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise SyncspecError(
            "A revision's files cannot be written",
            detail=f"{shortened(_shown(name))}: {error.strerror or error}. They go into a temporary folder.",
            hint="make room in the folder for temporary files",
        ) from error


def _incomplete(commit: str, why: str) -> SyncspecError:
    return SyncspecError(
        "A revision cannot be read",
        detail=f"{commit[:12]}: {why}. Nothing was compared.",
        hint="fetch all of it first: git fetch --refetch, or a clone without --filter",
    )


def _words(answer: Answer) -> str:
    """What git says, in one line."""
    lines = [line for line in answer.stderr.splitlines() if line.strip()]
    return _one_line(lines[0]) if lines else "it gave no reason"


def _one_line(text: str) -> str:
    """A line of git's, without what a terminal would act on."""
    return "".join(letter for letter in text.removeprefix("fatal: ")[:200] if letter.isprintable()).rstrip(".")
