"""The example's plan, printed and saved, and the change of manifests that led to it."""

from __future__ import annotations

from typing import Final

from syncspec.render.schema_examples.places import PLACE, SOURCE, WHERE

__all__ = ["CHANGES", "PLAN", "SAVED_PLAN"]

FIELD: Final = {
    "path": "Email",
    "before": None,
    "after": "paul@arrakis.org",
    "sensitive": False,
    "known_after_apply": False,
}
PLAN: Final = {
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
            **WHERE,
            "upstream_id": None,
            "absence": "proved",
            "fields": [FIELD],
            "waits_for": ["companies.arrakis"],
            "source": SOURCE,
        }
    ],
    "requests": [{"wave": 0, "kind": "create", **WHERE, "addresses": ["contacts.paul"], "bytes": 812}],
    "observations": [{**WHERE, "readable": True, "absence": "proved", "reason": "", "live_rows": 41}],
    "diagnostics": [
        {
            "severity": "warning",
            "code": "field-never-seen",
            "summary": "No upstream record has a field that is declared",
            "detail": "emial is in no record of salesforce:contact.",
            "hint": "did you mean “Email”?",
            "address": "contacts.paul",
            "source": SOURCE,
        }
    ],
}

SAVED_PLAN: Final = (
    {
        "kind": "SavedPlan",
        "format_version": "1.0",
        "syncspec_version": "0.1.0",
        "project": "arrakis",
        "environment": "sandbox",
        "digest": PLAN["digest"],
        "sha256": "4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce",
    },
    {
        "plan": PLAN,
        "steps": [
            {
                "target": 0,
                "code": "absent",
                "upstream_ids": [],
                "moved_from": None,
                "rewrites": False,
                "relocks": False,
                "drops": False,
                "after": ["companies.arrakis"],
                "removal": "delete None False",
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
        "targets": [PLACE],
        "traits": [{"lifecycle": "6b86b273ff34fce1"}],
        "texts": ["unchanged", "as declared", "manifests/contacts.yaml"],
        "key_id": "4e07408562bedb8b",
    },
)

CHANGES: Final = {
    "format_version": "1.0",
    "syncspec_version": "0.1.0",
    "project": "arrakis",
    "older": "main (1f0c2d3e4a5b)",
    "newer": "the working tree",
    "comparisons": [
        {
            "environments": ["sandbox", "live"],
            "summary": {"added": 1, "changed": 0, "renamed": 0, "removed": 0, "unchanged": 41, "settings": 1},
            "changes": [
                {
                    "address": "contacts.paul",
                    "change": "added",
                    "effect": "create",
                    "former": None,
                    **WHERE,
                    "upstream_id": None,
                    "protected": True,
                    "fields": [FIELD],
                    "settings": [{**FIELD, "path": "lifecycle.protect", "before": False, "after": True}],
                    "released": ["LeadSource"],
                    "source": SOURCE,
                }
            ],
            "settings": [
                {
                    "set": "contacts",
                    "name": "match_on",
                    "before": ["Name"],
                    "after": ["Email"],
                    "hidden": False,
                    "grave": True,
                    "source": SOURCE,
                }
            ],
            "diagnostics": PLAN["diagnostics"],
        }
    ],
}
