"""Find out what became of an update whose outcome is open, from what its record shows now. Pure.

An update was applied where the record shows every field as it was sent. It was not where the record is deleted, or a
list that was begun after the horizon shows another value: it is then planned again from what is locked, and never just
repeated. A row from before our last write tells neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncspec.apply.attempts import Settlement
from syncspec.apply.entries import EntryMaker
from syncspec.apply.states import AttemptState
from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.records import Absence, Declared, Observation, ObservedRecord
from syncspec.values import digest, equal
from syncspec.values.instants import seconds_of

__all__ = ["ChangeCase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCase:
    """One open update. `row` is its record as the list shows it, `locked` the entry that it was planned from.

    `is_over`: the list was begun after the horizon. `declared` and `locked` are None where there is none by now.
    """

    attempt: OpenAttempt
    seen: Observation
    row: ObservedRecord | None
    locked: LockEntry | None
    declared: Declared | None
    entries: EntryMaker
    is_over: bool

    def judge(self) -> Settlement | None:
        """What the row settles; None: nothing yet."""
        attempt, row = self.attempt, self.row
        if row is None:
            return None
        if row.deleted:
            return Settlement(
                attempt=attempt, state=AttemptState.NOT_APPLIED, evidence=f"{attempt.upstream_id} is deleted upstream"
            )
        if self._may_be_old(row):
            return None
        if self._shows_what_was_sent(row):
            entry = None
            if self.locked is not None:
                entry = self.entries.update_found(attempt, self.locked, row, declared=self.declared)
            evidence = f"{attempt.upstream_id} shows what was sent"
            return Settlement(attempt=attempt, state=AttemptState.APPLIED, evidence=evidence, entry=entry)
        if not self.is_over or self.doubt:
            return None
        evidence = f"{attempt.upstream_id} does not show what was sent, in a list from after {attempt.horizon}"
        return Settlement(attempt=attempt, state=AttemptState.NOT_APPLIED, evidence=evidence, absent=True)

    @property
    def doubt(self) -> str:
        """Why the list does not tell; empty where it does."""
        if not self.attempt.sent:
            return "what was sent was not recorded here"
        if self.row is None:
            return f"{self.attempt.upstream_id} is not in it"
        if self.seen.absence is Absence.UNKNOWN:
            return self.seen.reason or "the list may not be complete"
        if self._may_be_old(self.row):
            return f"it shows {self.attempt.upstream_id} as it was before our last write"
        return ""

    def _may_be_old(self, row: ObservedRecord) -> bool:
        """Whether the row may be from before the version that is locked, which may look like what was sent."""
        if self.locked is None:
            return False
        shown, known = seconds_of(row.updated_at), seconds_of(self.locked.updated_at)
        if shown is not None and known is not None:
            return shown < known
        return self.locked.written_at is not None and not self.is_over

    def _shows_what_was_sent(self, row: ObservedRecord) -> bool:
        return bool(self.attempt.sent) and all(self._shows(name, row) for name in self.attempt.sent)

    def _shows(self, name: str, row: ObservedRecord) -> bool:
        """Whether the field is as it was sent: under its rule where it is still declared so, else to the letter."""
        item, observed = self.attempt.sent[name], row.data.get(name)
        digest_of = self._digest_of(name, private=item.private)
        if item.sent is None or digest_of is None:
            return False
        if self.declared is not None and name in self.declared[1].data:
            desired, rules = self.declared[1].data[name], self.declared[0].rules
            if digest_of(desired) == item.sent:
                return equal(desired, observed, rules.rule(name), scalars_as_text=rules.scalars_as_text)
        return digest_of(observed) == item.sent

    def _digest_of(self, name: str, *, private: bool) -> Callable[[object], str] | None:
        """How values of the field were digested; None where the key for that is not at hand."""
        sensitive = private or (self.declared is not None and self.declared[0].rules.rule(name).sensitive)
        if not sensitive:
            return digest  # type: ignore[return-value]
        key = self.entries.keys.private if private else self.entries.keys.shared
        return None if key is None else lambda value: digest(value, key=key)  # type: ignore[arg-type]
