"""The journal's file: opened, checked and guarded against what disks do."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from syncspec.errors import StateError

__all__ = ["JOURNAL", "open_database", "prepare_state_dir", "reading", "writing"]

JOURNAL = "journal.sqlite3"
_VERSION = 3
_BUSY_MS = 10_000


def prepare_state_dir(folder: Path) -> None:
    """Make the state folder, hidden from git by its own .gitignore. Raises StateError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StateError(
            "The state folder cannot be written",
            detail=f"{folder}: {error.strerror or error}. Nothing was sent.",
            hint="give write access, or name another folder in SYNCSPEC_STATE_DIR",
        ) from error


def open_database(folder: Path, *, create: bool) -> sqlite3.Connection | None:
    """Open the journal for writing (`create`) or only for reading; None where there is nothing to read.

    Raises StateError where the file is damaged, of a newer version, or cannot be opened. It is never replaced.
    """
    path = folder / JOURNAL
    if not create and not path.exists():
        return None
    try:
        connection = _connect(path, create=create)
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0 and not create:
            # Another process is about to make its tables.
            connection.close()
            return None
        if version == 0:
            _initialise(connection, path)
        elif version in _STEPS and create:
            _upgrade(connection)
        elif version != _VERSION and version not in _STEPS:
            raise _unknown_version(path, version)
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    if damage != "ok":
        raise _damaged(path, str(damage))
    return connection


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    mode = "rwc" if create else "ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=_BUSY_MS / 1000
    )
    connection.row_factory = sqlite3.Row
    if create:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _initialise(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables, unless another process did so meanwhile; an empty file that holds tables is not ours."""
    script = resources.files("syncspec.apply").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.execute("BEGIN IMMEDIATE")
    if int(connection.execute("PRAGMA user_version").fetchone()[0]) == 0:
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            connection.execute("ROLLBACK")
            raise _damaged(path, "it holds tables but no version")
        for statement in script.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('digest_key', ?)", (secrets.token_hex(32),))
        connection.execute(f"PRAGMA user_version={_VERSION}")
    connection.execute("COMMIT")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_STEPS = {
    2: (
        "CREATE TABLE overwritten (attempt TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT",
        "CREATE INDEX IF NOT EXISTS rejected_attempts ON attempts (lockfile) WHERE state = 'rejected'",
    )
}
"""What takes a journal of that version to the next one; until it is written to, it is read as it is."""


def _upgrade(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    while (version := int(connection.execute("PRAGMA user_version").fetchone()[0])) in _STEPS:
        for statement in _STEPS[version]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={version + 1}")
    connection.execute("COMMIT")


def _unusable(path: Path, error: sqlite3.Error) -> StateError:
    """A file that the system does not let us use is not a damaged one: moving it away would lose what it knows."""
    if not isinstance(error, sqlite3.OperationalError):
        return _damaged(path, str(error))
    return StateError(
        "The journal cannot be opened",
        detail=f"{path}: {error}. Nothing was sent.",
        hint="make room on the disk or give access to the folder, then run the same command again",
    )


def _damaged(path: Path, reason: str) -> StateError:
    return StateError(
        "The journal cannot be read",
        detail=f"{path}: {reason}. Nothing was sent. The lockfile still holds every ID that was folded into it.",
        hint="free the disk or restore the file from a backup; to go on without it, move it away: creates then rest "
        "on the lockfile and on what is visible upstream alone",
    )


def _unknown_version(path: Path, version: int) -> StateError:
    return StateError(
        "The journal is of another version",
        detail=f"{path} is of version {version}; this syncspec reads version {_VERSION}. Nothing was sent.",
        hint="use the syncspec that wrote it",
    )


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One durable transaction: on disk when the block ends. Raises StateError; nothing of it then holds."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.rollback()
        raise StateError(
            "The journal cannot be written",
            detail=f"{error}. Sending has stopped.",
            hint="make room or give write access, then run the same command again",
        ) from error


@contextmanager
def reading() -> Iterator[None]:
    """Translate what SQLite raises while rows are read. Raises StateError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StateError("The journal cannot be read", detail=f"{error}. Nothing was sent.") from error
