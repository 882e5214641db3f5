"""Lock entries from what was sent and what the upstream showed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, rfc3339
from syncspec.apply.mapping import SentRecord
from syncspec.keys import key_digest
from syncspec.lockfile import FieldDigests, LockEntry, Origin
from syncspec.records import Data, DesiredRecord, FieldRules, Json, ObservedRecord, Target
from syncspec.values import digest

__all__ = ["EntryMaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMaker:
    """Makes lock entries. `digest_key` keys the digests of sensitive fields; `private`: it is this machine's own."""

    clock: Clock
    digest_key: bytes
    private: bool

    def created(self, record: SentRecord, target: Target, row: ObservedRecord) -> LockEntry:
        """The entry of a record that this run created. What the answer shows is what was seen first."""
        return self._entry(record.desired, record.rules, target, row, origin=Origin.CREATED)

    def adopted(self, desired: DesiredRecord, rules: FieldRules, target: Target, row: ObservedRecord) -> LockEntry:
        """The entry of a record that existed before: later changes count from what was observed and declared now."""
        return self._entry(desired, rules, target, row, origin=Origin.ADOPTED)

    def moved(self, entry: LockEntry, desired: DesiredRecord) -> LockEntry:
        """The same record under its new address."""
        return replace(entry, address=desired.address, protect=entry.protect or desired.lifecycle.protect)

    def seen(self, entry: LockEntry, rules: FieldRules, row: ObservedRecord) -> LockEntry:
        """The entry with what the upstream shows of the fields that it holds."""
        fields = {
            name: replace(digests, seen=self._digest(name, rules, row.data.get(name)))
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
    ) -> LockEntry:
        return LockEntry(
            address=desired.address,
            target=target,
            upstream_id=row.upstream_id,
            origin=origin,
            locked_at=rfc3339(self.clock.now()),
            protect=desired.lifecycle.protect,
            key=key_digest(desired.key.strict) if desired.key else None,
            marker=desired.marker if origin is Origin.CREATED else None,
            updated_at=row.updated_at,
            fields=self._fields(desired.data, rules, row, whole=origin is Origin.ADOPTED),
        )

    def _fields(self, data: Data, rules: FieldRules, row: ObservedRecord, *, whole: bool) -> dict[str, FieldDigests]:
        """`whole`: the row was listed, so a field that it lacks is empty; an answer may leave fields out."""
        return {
            name: FieldDigests(
                sent=self._digest(name, rules, value),
                seen=self._digest(name, rules, row.data.get(name)) if whole or name in row.data else None,
                private=self.private and rules.rule(name).sensitive,
            )
            for name, value in data.items()
        }

    def _digest(self, name: str, rules: FieldRules, value: Json) -> str:
        return digest(value, key=self.digest_key if rules.rule(name).sensitive else None)
