"""Changes and the words of their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncspec.lockfile import LockEntry, OpenAttempt
from syncspec.planning.plan import Action, Change, FieldChange, Resend
from syncspec.planning.rules import Rule
from syncspec.records import Absence, DesiredRecord, DesiredSet, Json, ObservedRecord
from syncspec.values.structure import quoted, scalar_text

__all__ = ["attempt_reason", "blocked", "both_sides", "change_of", "ids_text", "removal_words", "shown_values"]

_MAX_VALUE = 80
_MAX_IDS = 20


def change_of(
    record_set: DesiredSet,
    record: DesiredRecord,
    action: Action,
    rule: Rule,
    reason: str,
    *,
    upstream_id: str | None = None,
    upstream_ids: tuple[str, ...] = (),
    absence: Absence | None = None,
    moved_from: str | None = None,
    fields: tuple[FieldChange, ...] = (),
    observed: ObservedRecord | None = None,
    resend: Resend | None = None,
) -> Change:
    """A change of a declared record."""
    return Change(
        address=record.address,
        action=action,
        code=rule.value,
        reason=reason,
        target=record_set.target,
        upstream_id=upstream_id,
        upstream_ids=upstream_ids,
        absence=absence,
        moved_from=moved_from,
        fields=fields,
        source=record.source,
        desired=record,
        observed=observed,
        resend=resend,
    )


def blocked(
    record_set: DesiredSet,
    record: DesiredRecord,
    rule: Rule,
    reason: str,
    *,
    upstream_id: str | None = None,
    rows: Sequence[ObservedRecord] = (),
    ids: Sequence[str] = (),
    fields: tuple[FieldChange, ...] = (),
) -> Change:
    """A change that does nothing and says why; of one row its ID is known, of several all are named."""
    ids = tuple(sorted([*ids, *(row.upstream_id for row in rows)]))
    return change_of(
        record_set,
        record,
        Action.BLOCKED,
        rule,
        reason,
        upstream_id=upstream_id or (ids[0] if len(ids) == 1 else None),
        upstream_ids=ids if len(ids) > 1 else (),
        fields=fields,
    )


def ids_text(upstream_ids: Iterable[str]) -> str:
    """The IDs in order, as a sentence part; of very many the first, for all are in `upstream_ids`."""
    ids = sorted(upstream_ids)
    more = f" and {len(ids) - _MAX_IDS:,} more" if len(ids) > _MAX_IDS else ""
    return ", ".join(ids[:_MAX_IDS]) + more


def shown_values(record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord) -> str:
    """Each key field as it is declared and as it is upstream; never the values of sensitive fields."""
    return _sides(record_set, record, row, record_set.match_on, sensitive="is written in another form")


def both_sides(record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord, names: Iterable[str]) -> str:
    """Each of the fields as it is declared and as it is upstream; never the values of sensitive ones."""
    return _sides(record_set, record, row, sorted(names), sensitive="has another value upstream than here")


def _sides(
    record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord, names: Iterable[str], *, sensitive: str
) -> str:
    return ", ".join(
        f"{name} is {_value(row.data.get(name))} upstream and {_value(record.data.get(name))} here"
        if not record_set.rules.rule(name).sensitive
        else f"{name} (sensitive) {sensitive}"
        for name in names
    )


def _value(value: Json) -> str:
    if isinstance(value, str):
        text = f'"{value}"' if value.isprintable() and '"' not in value else quoted(value)
    else:
        text = scalar_text(value) or "empty"
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"


def refers_now(change: Change) -> tuple[str, ...] | None:
    """What a locked record's values refer to, where nothing is written; None: what was sent before."""
    return change.refers_to if change.action in (Action.UNCHANGED, Action.DRIFT) else None


def removal_words(entry: LockEntry, after: LockEntry) -> tuple[str, ...]:
    """What changes of what an entry says of its record's removal."""
    words = []
    if after.depends_on != entry.depends_on:
        words.append("what it refers to")
    if after.on_remove is not entry.on_remove:
        words.append(f"on_remove {after.on_remove}")
    if after.protect is not entry.protect:
        words.append("protected" if after.protect else "no longer protected")
    if after.delete_adopted is not entry.delete_adopted:
        words.append(f"delete_adopted {str(after.delete_adopted).lower()}")
    return tuple(words)


_WAYS_OUT = {
    "needs_person": "look upstream, then settle it with: syncspec resolve",
    "duplicate": "keep one of them upstream, or name the right one with: syncspec resolve --created ID",
    "unmapped": "it is not sent again; look upstream, then settle it: syncspec resolve --created ID, or --not-created",
}


def attempt_reason(attempts: Sequence[OpenAttempt], doubts: Mapping[str, str]) -> str:
    """What is open about a record that was sent: state, evidence, horizon, candidates, and what settles it."""
    last = attempts[-1]
    if last.kind != "create":
        return _change_reason(last, doubts)
    parts = [f"it was sent before and what became of that is not settled ({last.state.replace('_', ' ')})"]
    if last.evidence:
        parts.append(last.evidence)
    candidates = {upstream_id for attempt in attempts for upstream_id in attempt.candidates}
    if candidates:
        parts.append(f"it may be {ids_text(candidates)}")
    doubt = doubts.get(last.attempt)
    if last.state in _WAYS_OUT:
        parts.append(_WAYS_OUT[last.state])
    elif doubt is not None:
        parts.append(f"that the list does not show it proves nothing, for {doubt}; syncspec resolve settles it by hand")
    else:
        parts.append(f"its absence proves nothing before {last.horizon}, and it is not sent again until then")
    return "; ".join(parts)


def _change_reason(attempt: OpenAttempt, doubts: Mapping[str, str]) -> str:
    """What is open about an update or a delete: it is settled by what the record shows."""
    parts = [f"its {attempt.kind} of {attempt.upstream_id} was sent, and what became of that is not known"]
    if attempt.evidence:
        parts.append(attempt.evidence)
    doubt = doubts.get(attempt.attempt)
    if doubt is not None:
        parts.append(f"the list does not tell, for {doubt}; syncspec resolve --not-created settles it by hand")
    else:
        parts.append(f"the list need not show it before {attempt.horizon}, and nothing is sent again until then")
    return "; ".join(parts)
