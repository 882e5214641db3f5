"""One project's lockfile, plans and report, as the published schemas show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["EXAMPLES", "add_examples"]

_SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"
_PLACE: Final = {
    "upstream": "crm",
    "endpoint": "9f86d081884c7d65",
    "sync_id": _SYNC,
    "collection_id": "salesforce:contact",
}
_WHERE: Final = {"upstream": "crm", "sync_id": _SYNC, "collection_id": "salesforce:contact"}
_SOURCE: Final = {"file": "manifests/contacts.yaml", "line": 14, "column": 5}

_LOCKFILE: Final = (
    {"lockfile_version": 1, "project": "arrakis", "environment": "sandbox"},
    {
        "address": "contacts.paul",
        **_PLACE,
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
        **_PLACE,
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

_PLAN: Final = {
    "format_version": "1.0",
    "syncspec_version": "0.1.0",
    "project": "arrakis",
    "environment": "sandbox",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "summary": {
        "create": 1,
        "adopt": 0,
        "update": 0,
        "delete": 0,
        "move": 0,
        "unchanged": 41,
        "drift": 0,
        "blocked": 0,
        "unknown": 0,
    },
    "changes": [
        {
            "address": "contacts.paul",
            "action": "create",
            "reason": "no record upstream matches",
            **_WHERE,
            "upstream_id": None,
            "absence": "proved",
            "fields": [{"path": "Email", "before": None, "after": "paul@arrakis.org", "sensitive": False}],
            "source": _SOURCE,
        }
    ],
    "requests": [{"wave": 0, "kind": "create", **_WHERE, "addresses": ["contacts.paul"], "bytes": 812}],
    "observations": [{**_WHERE, "readable": True, "absence": "proved", "reason": "", "live_rows": 41}],
    "diagnostics": [
        {
            "severity": "warning",
            "code": "field-never-seen",
            "summary": "No upstream record has a field that is declared",
            "detail": "emial is in no record of salesforce:contact.",
            "hint": "did you mean “Email”?",
            "address": "contacts.paul",
            "source": _SOURCE,
        }
    ],
}

_REPORT: Final = {
    "format_version": "1.0",
    "run": "20261125T014717Z-7f3a",
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
            "source": _SOURCE,
        },
        {
            "address": "contacts.duncan",
            "outcome": "rejected",
            "upstream_id": None,
            "error": "422: Email is not valid",
            "source": _SOURCE,
        },
    ],
}

_SAVED_PLAN: Final = (
    {
        "kind": "SavedPlan",
        "format_version": "1.0",
        "syncspec_version": "0.1.0",
        "project": "arrakis",
        "environment": "sandbox",
        "digest": _PLAN["digest"],
        "sha256": "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce",
    },
    {
        "plan": _PLAN,
        "steps": [
            {
                "target": 0,
                "code": "absent",
                "upstream_ids": [],
                "moved_from": None,
                "rewrites": False,
                "protect": False,
                "declaration": "2c624232cdd221771294dfbb310aca000a0df6ac8b66b696d90ef06fdefb64a3",
                "shown": "19581e27de7ced00ff1ce50b2047e7a567c76b1cbaebabe5ef03f7c3017bb5b7",
                "declared": {"Email": "2c624232cdd221e7"},
                "traits": 0,
                "entry": {
                    "upstream_id": "0035g00000XyZaBAAV",
                    "written_at": "2026-11-25T02:10:00Z",
                    "digest": "4a44dc15364204a8",
                },
                "attempts": "4fc82b26aecb47d2",
                "row": {"Email": "4b227777d4dd1fc6"},
            }
        ],
        "requests": [{"target": 0, "await_consumers": {"ids": ["wh-1"], "timeout_ms": 30000}}],
        "observations": [{"target": 0, "cursor": "41", "stream": "stream-1", "polling_seconds": 60.0}],
        "unchanged": [["contacts.jessica", 0, 0, 1, "0035g00000XyZaDAAV", 2, 20, 5]],
        "selection": {
            "include": ["contacts.*"],
            "exclude": ["contacts.leto"],
            "labels": {"team": "revops"},
            "paths": ["manifests"],
        },
        "settings": {"set contacts": {"match_on": "5feceb66ffc86f38"}},
        "targets": [_PLACE],
        "traits": [{"lifecycle": "6b86b273ff34fce1"}],
        "texts": ["unchanged", "as declared", "manifests/contacts.yaml"],
        "key_id": "4e07408562bedb8b",
    },
)

EXAMPLES: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "lockfile.v1.schema.json": _LOCKFILE,
    "plan.v1.schema.json": (_PLAN,),
    "report.v1.schema.json": (_REPORT,),
    "saved-plan.v1.schema.json": _SAVED_PLAN,
}
"""By a schema's file name, whole documents that fit it; they hold every key that the schema knows."""


def add_examples(schema: dict[str, Any], examples: tuple[Mapping[str, Any], ...]) -> None:
    """Give every property that has no example those that whole documents hold of it."""
    schema["examples"] = list(examples)
    for example in examples:
        _spread(schema, example, schema.get("$defs", {}))


def _spread(schema: dict[str, Any], value: Any, definitions: Mapping[str, Any]) -> None:
    if isinstance(value, list):
        for item in value:
            _spread(schema.get("items", {}), item, definitions)
        return
    if not isinstance(value, Mapping):
        return
    if "$ref" in schema:
        _spread(definitions[schema["$ref"].rpartition("/")[2]], value, definitions)
    for choice in schema.get("anyOf", ()):
        if _has_shape(choice, value, definitions):
            _spread(choice, value, definitions)
    others = schema.get("additionalProperties")
    for key, part in value.items():
        about = schema.get("properties", {}).get(key, others)
        if isinstance(about, dict):
            if about is not others and about.get("examples", [None]) == [None]:
                about["examples"] = [part]
            _spread(about, part, definitions)


def _has_shape(schema: Mapping[str, Any], value: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether this is the one of several shapes that a value has: it knows all the value's keys."""
    target = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return set(value) <= set(target.get("properties", ()))
