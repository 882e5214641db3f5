"""The example's run: its report, its events, and the requests of it that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncspec.render.schema_examples.places import SOURCE, WHERE

__all__ = ["EVENTS", "REPORT", "REQUESTS"]

RUN: Final = "20261125T014717Z-7f3a"
BATCH: Final = {
    "batch": 1,
    "wave": 1,
    "kind": "create",
    **WHERE,
    "addresses": ["contacts.duncan"],
    "attempts": ["run-7f3a/1/0"],
}
FAILED: Final = {
    **BATCH,
    "outcome": "rejected",
    "status": 422,
    "reason": "answered 422: Email is not valid",
    "sent_at": "2026-11-25T01:47:18.000Z",
    "seconds": 0.21,
}
FINDING: Final = {
    "severity": "error",
    "code": "lost-lock",
    "summary": "The run lock was lost",
    "detail": "Another run took it while this one waited.",
    "hint": "run the same command again",
    "address": "contacts.duncan",
    "source": SOURCE,
}

REPORT: Final = {
    "format_version": "1.0",
    "run": RUN,
    "exit_code": 3,
    "interrupted": False,
    "summary": {
        "created": 1,
        "adopted": 0,
        "updated": 0,
        "deleted": 0,
        "unchanged": 41,
        "rejected": 1,
        "unknown": 0,
        "not_attempted": 0,
    },
    "records": [
        {
            "address": "contacts.paul",
            "outcome": "created",
            "upstream_id": "0035g00000XyZaBAAV",
            "error": None,
            "source": SOURCE,
        },
        {
            "address": "contacts.duncan",
            "outcome": "rejected",
            "upstream_id": None,
            "error": "422: Email is not valid",
            "source": SOURCE,
        },
    ],
    "diagnostics": [FINDING],
    "error": FINDING,
    "failed_batches": [FAILED],
}

REQUESTS: Final = {
    "format_version": "1.0",
    "run": RUN,
    "failed_batches": [
        {
            **FAILED,
            "request": {"body": {"kind": "create", "records": [{"data": {"Email": "duncan"}}]}, "truncated": False},
            "answer": {
                "body": {"error": "Email is not valid"},
                "truncated": False,
                "status": 422,
                "headers": {"content-type": "application/json"},
                "bytes": 30,
            },
        }
    ],
}

MOMENT: Final = {"time": "2026-11-25T01:47:18.000Z", "run": RUN}
EVENTS: Final[tuple[Mapping[str, Any], ...]] = (
    {**MOMENT, "event": "run-opened", "command": "syncspec apply --auto-approve"},
    {
        **MOMENT,
        "event": "run-started",
        "command": "syncspec apply --auto-approve",
        "project": "arrakis",
        "environment": "sandbox",
        "plan_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "batches": 2,
        "records": 2,
        "actions": {"create": 2},
    },
    {**MOMENT, "event": "batch-sent", **BATCH, "records": 1, "attempt": 1},
    {
        **MOMENT,
        "event": "batch-finished",
        **BATCH,
        "records": 1,
        "outcome": "rejected",
        "status": 422,
        "reason": "answered 422: Email is not valid",
        "seconds": 0.21,
    },
    {
        **MOMENT,
        "event": "record-finished",
        "address": "contacts.paul",
        "outcome": "created",
        "upstream_id": "0035g00000XyZaBAAV",
        "error": None,
        "candidates": [],
        "source": SOURCE,
    },
    {**MOMENT, "event": "waiting", "upstream": "crm", "reason": "answered 429", "seconds": 5.0},
    {**MOMENT, "event": "locked", "lockfile": "syncspec.lock", "entries": 42, "pending": 0},
    {**MOMENT, "event": "interrupted", "at_once": False},
    {**MOMENT, "event": "run-finished", "exit_code": 3, "summary": REPORT["summary"], "requests": 2},
    {**MOMENT, "event": "run-failed", "exit_code": 6, "error": FINDING},
)

LOG: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "time": MOMENT["time"],
        "level": "warning",
        "event": "signal",
        "run": RUN,
        "message": "Finishing what is in flight; press Ctrl-C again to stop at once.",
    },
    {
        "time": MOMENT["time"],
        "level": "error",
        "event": "diagnostic",
        "run": RUN,
        "message": FINDING["summary"],
        "diagnostic": FINDING,
    },
)
