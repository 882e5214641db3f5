"""The run lock of a shared state: who holds it, and until when.

It lives in the state's ref, so that whoever replaces the ref by compare-and-swap holds or loses it in the same step. A
holder renews its lease as long as it lives. Nobody can tell a dead runner from one that is cut off from the remote, so
a lease ends by time: the holder sends nothing unless its lease lasts longer than that takes, and another run takes the
lock only some time after the lease ended, in case the two machines' clocks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from pydantic import AwareDatetime, TypeAdapter

from syncspec.apply.clock import rfc3339
from syncspec.apply.runlock import LockHolder
from syncspec.errors import RunLockedError

__all__ = ["CLOCKS_DIFFER", "LEASE", "Lease", "locked"]

LEASE = timedelta(seconds=120)
"""How long a hold lasts that is not renewed."""

CLOCKS_DIFFER = timedelta(seconds=30)
"""By how much the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The lock in one version of the state. `epoch` counts the runs that took it and those that were cut off.

    `since`: runs from before that time may not be known to this state; None: all are.
    """

    epoch: int = 0
    holder: LockHolder | None = None
    expires: AwareDatetime | None = None
    since: AwareDatetime | None = None

    def is_free(self, now: datetime) -> bool:
        """Whether another run may take the lock."""
        return self.holder is None or self.expires is None or now > self.expires + CLOCKS_DIFFER

    def printed(self) -> bytes:
        times = {name: rfc3339(at) if at else None for name, at in (("expires", self.expires), ("since", self.since))}
        return orjson.dumps({"epoch": self.epoch, "holder": self.holder, **times}, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parsed(cls, content: bytes) -> Lease:
        """Read what `printed` made; keys that a later version added are passed over. Raises ValueError."""
        return _LEASE.validate_json(content)


_LEASE = TypeAdapter(Lease)


def locked(lease: Lease, *, where: str) -> RunLockedError:
    """Say who holds a lock, and what can be done about it."""
    assert lease.expires is not None
    free_at = rfc3339(lease.expires + CLOCKS_DIFFER)
    return RunLockedError(
        "Another run holds the lock",
        detail=f"{where}. Held by {lease.holder}. It ends at {free_at} unless that run renews it. Nothing was sent.",
        hint="wait for it, or give --lock-timeout SECONDS; one that hangs can be cut off with: syncspec lock unlock",
    )
