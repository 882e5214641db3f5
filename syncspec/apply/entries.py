"""Lock entries from what was sent and what the upstream showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, rfc3339
from syncspec.apply.mapping import SentRecord
from syncspec.keys import has_sensitive_key, key_digest
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry, Origin
from syncspec.records import Data, DesiredRecord, DesiredSet, FieldRules, Json, ObservedRecord, Target
from syncspec.values import digest

__all__ = ["EntryMaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMaker:
    """Makes lock entries; without a shared key, digests of sensitive fields are this machine's own."""

    clock: Clock
    keys: DigestKeys

    def key_secret(self, match_on: Sequence[str], rules: FieldRules) -> bytes | None:
        """What keys the digests of match keys over these fields."""
        return self.keys.best if has_sensitive_key(match_on, rules) else None

    def created(self, record: SentRecord, target: Target, row: ObservedRecord) -> LockEntry:
        """The entry of a record that this run created. What the answer shows is what was seen first."""
        secret = record.key_secret
        return self._entry(record.desired, record.rules, target, row, origin=Origin.CREATED, secret=secret)

    def adopted(self, desired: DesiredRecord, record_set: DesiredSet, row: ObservedRecord) -> LockEntry:
        """The entry of a record that existed before: later changes count from what was observed and declared now."""
        rules, secret = record_set.rules, self.key_secret(record_set.match_on, record_set.rules)
        return self._entry(desired, rules, record_set.target, row, origin=Origin.ADOPTED, secret=secret)

    def moved(self, entry: LockEntry, desired: DesiredRecord) -> LockEntry:
        """The same record under its new address."""
        return replace(entry, address=desired.address, protect=entry.protect or desired.lifecycle.protect)

    def seen(self, entry: LockEntry, rules: FieldRules, row: ObservedRecord) -> LockEntry:
        """The entry with what the upstream shows of the fields that it holds."""
        fields = {
            name: replace(digests, seen=self._digest(name, rules, row.data.get(name), private=digests.private))
            for name, digests in entry.fields.items()
        }
        return replace(entry, fields=fields, updated_at=row.updated_at or entry.updated_at)

    def _entry(
        self,
        desired: DesiredRecord,
        rules: FieldRules,
        target: Target,
        row: ObservedRecord,
        *,
        origin: Origin,
        secret: bytes | None,
    ) -> LockEntry:
        return LockEntry(
            address=desired.address,
            target=target,
            upstream_id=row.upstream_id,
            origin=origin,
            locked_at=rfc3339(self.clock.now()),
            protect=desired.lifecycle.protect,
            key=key_digest(desired.key.strict, secret=secret) if desired.key else None,
            marker=desired.marker if origin is Origin.CREATED else None,
            updated_at=row.updated_at,
            fields=self._fields(desired.data, rules, row, whole=origin is Origin.ADOPTED),
        )

    def _fields(self, data: Data, rules: FieldRules, row: ObservedRecord, *, whole: bool) -> dict[str, FieldDigests]:
        """`whole`: the row was listed, so a field that it lacks is empty; an answer may leave fields out."""
        fields = {}
        for name, value in data.items():
            shown = row.data.get(name)
            sent = seen = self._digest(name, rules, value)
            if not (whole or name in row.data):
                seen = None
            elif not isinstance(value, str) or value != shown:
                seen = self._digest(name, rules, shown)
            private = self.keys.shared is None and rules.rule(name).sensitive
            fields[name] = FieldDigests(sent=sent, seen=seen, private=private)
        return fields

    def _digest(self, name: str, rules: FieldRules, value: Json, *, private: bool | None = None) -> str | None:
        """`private` tells which key the field's other digest has; None where that key is not at hand."""
        if not rules.rule(name).sensitive:
            return digest(value)
        key = self.keys.best if private is None else (self.keys.private if private else self.keys.shared)
        return None if key is None else digest(value, key=key)
