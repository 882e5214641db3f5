"""The journal's rows as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

import orjson

from syncspec.errors import StateError
from syncspec.lockfile import FieldDigests, LockEntry, OpenAttempt
from syncspec.lockfile.lines import parse_lens, parse_line
from syncspec.records import Target
from syncspec.upstream.protocol import MutationKind

__all__ = ["entry_of", "open_attempt", "packed_sent", "private_digests", "unpacked_sent"]


def open_attempt(connection: sqlite3.Connection, row: sqlite3.Row) -> OpenAttempt:
    """A row of `attempts`; a creation with the IDs of its answer that nobody got, or those that were found.

    Of an attempt that was proved absent, `absences` counts that proof.
    """
    returned: Iterable[sqlite3.Row] = ()
    if row["kind"] == MutationKind.CREATE:
        returned = connection.execute(
            "SELECT upstream_id FROM returned WHERE run = ? AND batch = ? AND address IS NULL",
            (row["run"], row["batch"]),
        )
    candidates = {candidate["upstream_id"] for candidate in returned}
    if row["found"]:
        candidates.update(orjson.loads(row["found"]))
    return OpenAttempt(
        attempt=row["attempt"],
        address=row["address"],
        target=Target(
            upstream=row["upstream"],
            endpoint=row["endpoint"],
            sync_id=row["sync_id"],
            collection_id=row["collection_id"],
        ),
        kind=row["kind"],
        state=row["state"],
        horizon=row["horizon"],
        intended_at=row["intended_at"],
        boot=row["boot"],
        uptime=row["uptime"],
        key=row["key"],
        loose_key=row["loose_key"],
        key_id=row["key_id"],
        marker=row["marker"],
        lens=parse_lens(row["lens"]) if row["lens"] else None,
        evidence=row["message"],
        candidates=tuple(sorted(candidates)),
        upstream_id=row["upstream_id"],
        status=row["status"],
        refused=bool(row["refused"] or row["alone"]),
        stream=row["stream"],
        absences=row["absences"] + row["absent"],
        sent=unpacked_sent(row["sent"]),
    )


def packed_sent(sent: Mapping[str, FieldDigests]) -> bytes | None:
    """Digests of what was sent, as a row of `attempts` keeps them: a list marks one that stays on this machine."""
    if not sent:
        return None
    return orjson.dumps({name: [item.sent] if item.private else item.sent for name, item in sent.items()})


def unpacked_sent(text: bytes | None) -> dict[str, FieldDigests]:
    """What `packed_sent` made."""
    values = orjson.loads(text) if text else {}
    return {
        name: FieldDigests(sent=value[0], private=True) if isinstance(value, list) else FieldDigests(sent=value)
        for name, value in values.items()
    }


def entry_of(row: sqlite3.Row) -> LockEntry | None:
    """The lock entry of a row of `identities`; None: the address holds nothing any more. Raises StateError."""
    if row["line"] is None:
        return None
    entry = parse_line(row["line"])
    if not isinstance(entry, LockEntry):
        raise StateError("The journal cannot be read", detail="An identity is no lock entry. Nothing was sent.")
    private = {
        name: FieldDigests(sent=sent, seen=seen, before=before[0] if before else None, private=True)
        for name, (sent, seen, *before) in orjson.loads(row["private"] or b"{}").items()
    }
    return replace(entry, fields={**entry.fields, **private}) if private else entry


def private_digests(entry: LockEntry) -> bytes | None:
    """What of an entry stays out of its line, for the row's `private`."""
    digests = {name: (item.sent, item.seen, item.before) for name, item in entry.fields.items() if item.private}
    return orjson.dumps(digests) if digests else None
