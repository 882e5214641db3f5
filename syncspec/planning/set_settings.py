"""What differs in the settings of a project and of its sets, where it does not show in the records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncspec.diagnostics import Source
from syncspec.records import DesiredSet, FieldRule, Json
from syncspec.settings import DeclaredSetting

__all__ = ["SettingChange", "project_settings", "set_settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """One setting with its value on both sides, None where it is not declared.

    `set_name` None: it is the project's. `secret`: neither value is shown. `grave`: locked records stop, or records
    are recognised in another way, or a limit on what may be done is wider. `source` None: it is declared no more.
    """

    name: str
    before: Json
    after: Json
    set_name: str | None = None
    secret: bool = False
    grave: bool = False
    told: str = ""
    source: Source | None = None


_UPSTREAM_GRAVE = frozenset(
    {"type", "base_url", "token", "atomic_batches", "unique_upstream", "assume_complete", "settle_seconds"}
)
"""Where requests and the token go, and what the promise that nothing is created twice rests on."""


def project_settings(
    before: Mapping[str, DeclaredSetting], after: Mapping[str, DeclaredSetting]
) -> Iterator[SettingChange]:
    """The settings under `spec` that differ, by their paths."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and old.value == new.value and type(old.value) is type(new.value):
            continue
        secret = any(each is not None and each.secret for each in (old, new))
        yield SettingChange(
            name=name,
            before=None if secret or old is None else old.value,
            after=None if secret or new is None else new.value,
            secret=secret,
            grave=_is_grave(name, old, new, before),
            told=_told(name),
            source=new.source if new is not None else None,
        )


def _is_grave(
    name: str, old: DeclaredSetting | None, new: DeclaredSetting | None, before: Mapping[str, DeclaredSetting]
) -> bool:
    part, *rest = name.split(".")
    if part == "guards":
        return old is not None and (new is None or _is_more(new.value, old.value))
    if part == "upstreams" and len(rest) > 1:
        # Nothing is locked in an upstream that is new.
        known = any(each.startswith(f"{part}.{rest[0]}.") for each in before)
        return known and (rest[1] in _UPSTREAM_GRAVE or rest[1] == "syncs")
    return part == "state"


def _is_more(new: Json, old: Json) -> bool:
    return isinstance(new, int | float) and isinstance(old, int | float) and new > old


def _told(name: str) -> str:
    part, *rest = name.split(".")
    if part == "guards":
        return "limits what one plan may do"
    if part == "state":
        return "tells where the record of attempts is kept"
    match rest[1:2]:
        case ["base_url"] | ["type"]:
            return "tells where requests and the token go; records that are locked at another address are blocked"
        case ["token"]:
            return "tells with which token requests are sent"
        case ["syncs"]:
            return "tells where sets without a sync_id keep their records"
    return ""


def set_settings(before: DesiredSet, after: DesiredSet) -> Iterator[SettingChange]:
    """The settings of one set that differ, its collection's and its upstream's part in them included."""
    pairs: list[tuple[str, Json, Json, str]] = [
        ("upstream", before.target.upstream, after.target.upstream, _TARGET),
        ("sync_id", before.target.sync_id, after.target.sync_id, _TARGET),
        ("collection_id", before.target.collection_id, after.target.collection_id, _TARGET),
        ("match_on", list(before.match_on), list(after.match_on), _MATCH),
        ("marker_field", before.marker_field, after.marker_field, _MATCH),
        ("batch.max_records", before.max_records, after.max_records, ""),
        ("await_consumers", _plain(before.await_consumers), _plain(after.await_consumers), ""),
        ("labels", dict(before.labels), dict(after.labels), ""),
    ]
    names = sorted(before.rules.fields.keys() | after.rules.fields.keys())
    pairs += [
        (f"fields.{name}", _rule(before, name), _rule(after, name), _field_told(before, after, name)) for name in names
    ]
    for name, old, new, told in pairs:
        if old != new:
            yield SettingChange(
                name=name, before=old, after=new, set_name=after.name, grave=bool(told), told=told, source=after.source
            )


_TARGET = "tells where the records are; those that are locked elsewhere are blocked until lock retarget"
_MATCH = "tells how records are recognised upstream"


def _field_told(before: DesiredSet, after: DesiredSet, name: str) -> str:
    if before.rules.rule(name).sensitive and not after.rules.rule(name).sensitive:
        return "its values are shown from now on"
    return ""


def _rule(record_set: DesiredSet, name: str) -> Json:
    """The rule that holds for a field, as it would be declared."""
    return _plain(record_set.rules.rule(name))


def _plain(value: object) -> Json:
    """A setting with what differs from its default, as plain values."""
    if value is None:
        return None
    assert dataclasses.is_dataclass(value)
    found: dict[str, Json] = {}
    for each in dataclasses.fields(value):
        item = getattr(value, each.name)
        if item != each.default or not isinstance(value, FieldRule):
            found[each.name] = (
                item.value if isinstance(item, StrEnum) else list(item) if isinstance(item, tuple) else item
            )
    return found
