"""Which values of a locked record may be shown: the rules that said so may have gone together with its declaration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry
from syncspec.records import Data, DesiredSet, FieldRules, Json, ObservedRecord
from syncspec.values import digest

__all__ = ["Secrecy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrecy:
    """Reads the rules of sets as they hold for what is locked: a field in doubt counts as sensitive."""

    keys: DigestKeys
    _declared: dict[str, frozenset[str]] = field(default_factory=dict)

    def rules(self, record_set: DesiredSet, entry: LockEntry, row: ObservedRecord) -> FieldRules:
        """The set's rules, with all those of our fields sensitive of which nobody tells that they are not."""
        rules = record_set.rules
        fields = {**dict.fromkeys(record_set.match_on, FieldDigests()), **entry.fields}
        doubtful = [
            name
            for name, known in fields.items()
            if not rules.rule(name).sensitive and self._is_doubtful(record_set, name, known, row.data.get(name))
        ]
        if not doubtful:
            return rules
        return replace(
            rules, fields={**rules.fields, **{name: replace(rules.rule(name), sensitive=True) for name in doubtful}}
        )

    def hidden(self, record_set: DesiredSet, entry: LockEntry, row: ObservedRecord) -> Data:
        """What the row shows of sensitive fields, and of those that may be."""
        rules = self.rules(record_set, entry, row)
        return {name: value for name, value in row.data.items() if rules.rule(name).sensitive}

    def _is_doubtful(self, record_set: DesiredSet, name: str, known: FieldDigests, value: Json) -> bool:
        if known.private or self._is_keyed(known, value):
            return True
        if name in record_set.rules.fields or name in self._declared_in(record_set):
            return False
        # The digest of a sensitive value is keyed: a plain one tells that the field was none when it was last seen.
        return known.seen != digest(value)

    def _is_keyed(self, known: FieldDigests, value: Json) -> bool:
        key = self.keys.shared
        return key is not None and digest(value, key=key) in (known.sent, known.seen)

    def _declared_in(self, record_set: DesiredSet) -> frozenset[str]:
        """The fields that any of its records declares."""
        if record_set.name not in self._declared:
            names = (name for record in record_set.records for name in (*record.data, *record.deferred))
            self._declared[record_set.name] = frozenset(names)
        return self._declared[record_set.name]
