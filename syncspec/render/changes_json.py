"""What differs between two revisions, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncspec._version import __version__
from syncspec.planning.comparison import Comparison, DeclaredChange
from syncspec.planning.plan import FieldChange
from syncspec.planning.set_settings import SettingChange
from syncspec.records import Json
from syncspec.render.diagnostics import diagnostic_json, source_json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.redaction import redacted_diagnostics

__all__ = ["changes_json"]


def changes_json(comparisons: Sequence[Comparison], *, older: str, newer: str, redact: bool = False) -> bytes:
    """The changes as one JSON document: equal changes are equal bytes. `redact` hides every value."""
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "syncspec_version": __version__,
            "project": comparisons[0].project,
            "older": older,
            "newer": newer,
            "comparisons": [_comparison(each, redact) for each in comparisons],
        }
    )


def _comparison(comparison: Comparison, redact: bool) -> Mapping[str, object]:
    diagnostics = redacted_diagnostics(comparison.diagnostics) if redact else comparison.diagnostics
    return {
        "environments": list(comparison.environments),
        "summary": {
            **{kind.value: number for kind, number in comparison.summary.items()},
            "unchanged": comparison.unchanged,
            "settings": len(comparison.settings),
        },
        "changes": [_change(change, redact) for change in comparison.changes],
        "settings": [_setting(setting, redact) for setting in comparison.settings],
        "diagnostics": [diagnostic_json(item) for item in diagnostics],
    }


def _change(change: DeclaredChange, redact: bool) -> Mapping[str, object]:
    target = change.target
    return {
        "address": change.address,
        "change": change.kind.value,
        "effect": change.effect.value,
        "former": change.former,
        "upstream": target.upstream,
        "sync_id": target.sync_id,
        "collection_id": target.collection_id,
        "upstream_id": change.upstream_id,
        "protected": change.protected,
        "fields": _fields(change.fields, redact),
        "settings": _fields(change.settings, redact),
        "released": list(change.released),
        "source": source_json(change.source),
    }


def _fields(fields: Iterable[FieldChange], redact: bool) -> list[Mapping[str, Json]]:
    return [
        {
            "path": each.path,
            "before": None if redact or each.sensitive else each.before,
            "after": None if redact or each.sensitive else each.after,
            "sensitive": redact or each.sensitive,
            "known_after_apply": each.known_after_apply,
        }
        for each in fields
    ]


def _setting(setting: SettingChange, redact: bool) -> Mapping[str, object]:
    hidden = redact or setting.secret
    return {
        "set": setting.set_name,
        "name": setting.name,
        "before": None if hidden else setting.before,
        "after": None if hidden else setting.after,
        "hidden": hidden,
        "grave": setting.grave,
        "source": source_json(setting.source),
    }
