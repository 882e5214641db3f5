"""Lock entries from what was sent and what the upstream showed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, rfc3339
from syncspec.apply.mapping import SentRecord
from syncspec.keys import has_sensitive_key, key_digest
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry, OpenAttempt, Origin, under
from syncspec.planning.referring import has_unspoken_fields
from syncspec.records import Data, Declared, DesiredRecord, DesiredSet, FieldRules, Json, ObservedRecord, Target
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

    def key_id(self, match_on: Sequence[str], rules: FieldRules) -> str | None:
        """What the digests of match keys over these fields are keyed by; None: by nothing."""
        return self.keys.best_id if has_sensitive_key(match_on, rules) else None

    def sent(self, data: Data, rules: FieldRules) -> dict[str, FieldDigests]:
        """The digests of what is declared, and so sent."""
        private = self.keys.shared is None
        return {
            name: FieldDigests(sent=self._digest(name, rules, value), private=private and rules.rule(name).sensitive)
            for name, value in data.items()
        }

    def created(self, record: SentRecord, target: Target, row: ObservedRecord) -> LockEntry:
        """The entry of a record that this run created. What the answer shows is what was seen first."""
        assert record.desired is not None
        return self._entry(
            record.desired,
            target,
            row,
            origin=Origin.CREATED,
            secret=record.key_secret,
            fields=self._seen(record.sent, record.desired.data, record.rules, row, whole=False),
        )

    def changing(
        self, names: Collection[str], data: Data, rules: FieldRules, row: ObservedRecord | None
    ) -> dict[str, FieldDigests]:
        """The digests of the fields that an update sends, with what the upstream shows of them `before`."""
        private, shown = self.keys.shared is None, row.data if row is not None else {}
        return {
            name: FieldDigests(
                sent=self._digest(name, rules, data[name]),
                before=self._digest(name, rules, shown.get(name)),
                private=private and rules.rule(name).sensitive,
            )
            for name in names
        }

    def updated(self, record: SentRecord, row: ObservedRecord) -> LockEntry:
        """The entry of a record that this run updated; fields that the answer does not show were not seen yet."""
        assert record.locked is not None
        assert record.desired is not None
        sent = self._seen(record.sent, record.desired.data, record.rules, row, whole=False)
        key, locked = record.desired.key, record.locked
        if key is not None and set(record.match_on) & sent.keys():
            locked = replace(locked, key=key_digest(key.strict, secret=record.key_secret))
        refers = record.refers_to
        if refers is None:
            refers = _either(locked, record.desired)
        locked = under(locked, record.desired.lifecycle, depends_on=refers)
        return _written(locked, sent, row, at=rfc3339(self.clock.now()))

    def update_found(
        self,
        attempt: OpenAttempt,
        locked: LockEntry,
        row: ObservedRecord,
        *,
        declared: Declared | None,
    ) -> LockEntry:
        """The entry of a record whose update was sent and turned out to be there.

        What the list showed before is what was seen last. Without a declaration nobody knows how values are digested,
        so that what the list shows is not kept.
        """
        rules, sent = declared[0].rules if declared is not None else None, {}
        for name, item in attempt.sent.items():
            known = locked.fields.get(name)
            seen = self._digest(name, rules, row.data.get(name), private=item.private) if rules is not None else None
            before = known.seen if known is not None and known.private == item.private else None
            sent[name] = replace(item, seen=seen, before=before or _NOTHING)
        if declared is not None and declared[1].key is not None and set(declared[0].match_on) & sent.keys():
            secret = self.key_secret(declared[0].match_on, declared[0].rules)
            locked = replace(locked, key=key_digest(declared[1].key.strict, secret=secret))
        if declared is not None:
            unspoken = has_unspoken_fields(locked, declared[1], sent)
            refers = _either(locked, declared[1]) if unspoken else declared[1].needs
            locked = under(locked, declared[1].lifecycle, depends_on=refers)
        return _written(locked, sent, row, at=attempt.intended_at or rfc3339(self.clock.now()))

    def found(
        self,
        attempt: OpenAttempt,
        row: ObservedRecord,
        *,
        origin: Origin,
        declared: Declared | None,
        at: str,
    ) -> LockEntry:
        """The entry of a record that was sent and found in a list later, locked `at` that time.

        What was sent comes from the attempt; one that does not know it leaves what is declared now as the baseline.
        """
        rules = declared[0].rules if declared is not None else None
        fields: Mapping[str, FieldDigests] = attempt.sent
        if rules is not None and declared is not None:
            sent = attempt.sent or self.sent(declared[1].data, rules)
            fields = {
                name: replace(known, seen=self._digest(name, rules, row.data.get(name), private=known.private))
                for name, known in sent.items()
            }
        entry = LockEntry(
            address=attempt.address,
            target=attempt.target,
            upstream_id=row.upstream_id,
            origin=origin,
            locked_at=at,
            key=attempt.key,
            marker=attempt.marker,
            updated_at=row.updated_at,
            fields=fields,
        )
        return under(entry, declared[1].lifecycle, depends_on=declared[1].needs) if declared is not None else entry

    def adopted(
        self, desired: DesiredRecord, record_set: DesiredSet, row: ObservedRecord, *, to_write: Collection[str] = ()
    ) -> LockEntry:
        """The entry of a record that existed before: later changes count from what was observed and declared now.

        Of the fields `to_write` what was observed is the whole baseline, so that they are updated sooner or later.
        """
        rules, secret = record_set.rules, self.key_secret(record_set.match_on, record_set.rules)
        fields = self._seen(self.sent(desired.data, rules), desired.data, rules, row, whole=True)
        fields |= {name: replace(fields[name], sent=fields[name].seen) for name in to_write}
        return self._entry(desired, record_set.target, row, origin=Origin.ADOPTED, secret=secret, fields=fields)

    def moved(self, entry: LockEntry, desired: DesiredRecord, *, refers_to: tuple[str, ...] | None = None) -> LockEntry:
        """The same record under its new address. `refers_to` None: what it referred to may hold, too."""
        refers = _either(entry, desired) if refers_to is None else refers_to
        return under(replace(entry, address=desired.address, depends_on=refers), desired.lifecycle)

    def seen(
        self, entry: LockEntry, rules: FieldRules, row: ObservedRecord, *, agreed: Data | None = None
    ) -> LockEntry:
        """The entry with what the upstream shows of the fields that it holds.

        `agreed` are declared fields that the row shows as they are declared: whoever changed them, that is what holds.
        """
        fields = {
            name: replace(digests, seen=self._digest(name, rules, row.data.get(name), private=digests.private))
            for name, digests in entry.fields.items()
        }
        for name, sent in self.sent(agreed or {}, rules).items():
            known = fields.get(name)
            if known is None or (known.private == sent.private and known.sent != sent.sent):
                fields[name] = replace(
                    sent,
                    seen=self._digest(name, rules, row.data.get(name), private=sent.private),
                    before=known.before if known is not None else None,
                )
        return replace(entry, fields=fields, updated_at=row.updated_at or entry.updated_at)

    def _entry(
        self,
        desired: DesiredRecord,
        target: Target,
        row: ObservedRecord,
        *,
        origin: Origin,
        secret: bytes | None,
        fields: Mapping[str, FieldDigests],
    ) -> LockEntry:
        entry = LockEntry(
            address=desired.address,
            target=target,
            upstream_id=row.upstream_id,
            origin=origin,
            locked_at=rfc3339(self.clock.now()),
            key=key_digest(desired.key.strict, secret=secret) if desired.key else None,
            marker=desired.marker if origin is Origin.CREATED else None,
            updated_at=row.updated_at,
            fields=fields,
        )
        return under(entry, desired.lifecycle, depends_on=desired.needs)

    def _seen(
        self, sent: Mapping[str, FieldDigests], data: Data, rules: FieldRules, row: ObservedRecord, *, whole: bool
    ) -> dict[str, FieldDigests]:
        """`whole`: the row was listed, so a field that it lacks is empty; an answer may leave fields out."""
        fields = {}
        for name, known in sent.items():
            value, shown = data[name], row.data.get(name)
            seen = known.sent
            if not (whole or name in row.data):
                seen = None
            elif not isinstance(value, str) or value != shown:
                seen = self._digest(name, rules, shown)
            fields[name] = FieldDigests(sent=known.sent, seen=seen, private=known.private, before=known.before)
        return fields

    def _digest(self, name: str, rules: FieldRules, value: Json, *, private: bool | None = None) -> str | None:
        """`private` tells which key the field's other digest has; None where that key is not at hand."""
        if not rules.rule(name).sensitive:
            return digest(value)
        key = self.keys.best if private is None else (self.keys.private if private else self.keys.shared)
        return None if key is None else digest(value, key=key)


_NOTHING = digest(None)
"""Stands for what was never seen: it tells that the field was sent, and a list that shows it empty may lag."""


def _either(entry: LockEntry, desired: DesiredRecord) -> tuple[str, ...]:
    """What a record is declared to refer to or referred to before."""
    return tuple(sorted({*entry.depends_on, *desired.needs}))


def _written(locked: LockEntry, sent: Mapping[str, FieldDigests], row: ObservedRecord, *, at: str) -> LockEntry:
    """The entry after an update: of the fields that it did not send, what was seen before still holds."""
    others = {name: replace(item, before=None) for name, item in locked.fields.items() if name not in sent}
    return replace(locked, updated_at=row.updated_at, written_at=at, fields={**others, **sent})
