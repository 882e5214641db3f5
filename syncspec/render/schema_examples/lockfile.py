"""The example's lockfile."""

from __future__ import annotations

from typing import Final

from syncspec.render.schema_examples.places import PLACE

__all__ = ["LOCKFILE"]

LOCKFILE: Final = (
    {"lockfile_version": 1, "project": "arrakis", "environment": "sandbox"},
    {
        "address": "contacts.paul",
        **PLACE,
        "upstream_id": "0035g00000XyZaBAAV",
        "origin": "created",
        "state": "locked",
        "protect": True,
        "on_remove": "delete",
        "delete_adopted": False,
        "depends_on": ["companies.arrakis"],
        "key": "5e884898da280471",
        "marker": "arrakis/contacts.paul",
        "locked_at": "2026-11-25T01:47:17Z",
        "updated_at": "2026-11-25T01:47:16Z",
        "sent": {"Email": "2c624232cdd221e7"},
        "seen": {"Email": "4b227777d4dd1fc6"},
        "before": {"Email": "ef2d127de37b942b"},
        "written_at": "2026-11-25T02:10:00Z",
    },
    {
        "address": "contacts.duncan",
        **PLACE,
        "state": "pending",
        "attempt": "run-7f3a/1/0",
        "kind": "create",
        "attempt_state": "unknown",
        "horizon": "2026-11-25T01:53:30Z",
        "key": "6b51d431df5d7f14",
        "loose_key": "d4735e3a265e16ee",
        "marker": "arrakis/contacts.duncan",
        "key_id": "4e07408562bedb8b",
        "lens": {
            "match_on": {
                "Email": {
                    "type": "text",
                    "compare": "casefold",
                    "scale": None,
                    "separator": ";",
                    "sensitive": False,
                }
            },
            "scalars_as_text": False,
            "marker_field": "Syncspec_Key__c",
        },
        "evidence": "no answer within 60 s",
        "candidates": ["0035g00000XyZaCAAV"],
        "upstream_id": None,
        "intended_at": "2026-11-25T01:47:15Z",
        "status": 504,
        "refused": False,
        "stream": "stream-1",
        "absences": 0,
        "sent": {"Email": "2c624232cdd221e7"},
    },
)
