"""Which rows of a collection are imported, with which of their fields and under which names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from syncspec.address import encoded_name
from syncspec.apply.state import State
from syncspec.deferred import IdOf
from syncspec.diagnostics import did_you_mean
from syncspec.errors import UsageError
from syncspec.keys import match_key_of
from syncspec.manifests.documents import Value
from syncspec.manifests.imported import Notes
from syncspec.manifests.yaml_text import Expression, UnwritableError, literal
from syncspec.planning.wording import ids_text
from syncspec.providers import provider
from syncspec.records import Data, DesiredSet, FieldRule, FieldType, Json, ObservedRecord
from syncspec.values import equal, is_blank, problem, short_id

__all__ = ["LONGEST_NAME", "NOTHING_TO_WRITE", "Choice", "Empty", "Picked", "pick", "shows"]

Empty: TypeAlias = Literal["omit", "null"]

LONGEST_NAME = 200

NOTHING_TO_WRITE = "no field of it is left to write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a caller wants of a collection. `where` holds field and value, all of which must be equal.

    `fields` None: all that can be written. `empty` says what becomes of fields without a value;
    `references`: IDs of records that are known become references to them.
    """

    where: tuple[tuple[str, str], ...] = ()
    fields: tuple[str, ...] | None = None
    name_from: str | None = None
    empty: Empty = "omit"
    references: bool = False


@dataclass(slots=True, kw_only=True)
class Picked:
    """A row to import. `data` is as it will be written; `keyless`: nothing but its ID tells which record it is."""

    name: str
    row: ObservedRecord
    data: dict[str, Value]
    keyless: bool


def pick(
    record_set: DesiredSet,
    rows: Sequence[ObservedRecord],
    choice: Choice,
    *,
    state: State,
    sets: Iterable[DesiredSet],
    in_doubt: Mapping[str, str],
    known_ids: Mapping[str, IdOf],
    notes: Notes,
) -> list[Picked]:
    """The live rows that are to become records of the set, by upstream ID. Raises UsageError.

    `in_doubt` are short IDs of rows that an attempt of an address may have made, `known_ids` those that become
    references.
    """
    live = [row for row in rows if not row.deleted]
    _check_choice(record_set, live, choice)
    chosen = [row for row in live if _is_wanted(record_set, row, choice)]
    free = _free_rows(record_set, chosen, live, state, sets, in_doubt, notes)
    taken = {address.partition(".")[2] for address in _addresses(record_set.name, state, sets)}
    picked = []
    for row in free:
        data = _data(record_set, row, choice, known_ids, notes)
        if not data:
            notes.skip(row.upstream_id, NOTHING_TO_WRITE)
            continue
        name = _name(record_set, row, choice, taken)
        taken.add(name)
        picked.append(Picked(name=name, row=row, data=data, keyless=not record_set.match_on))
    return picked


def _check_choice(record_set: DesiredSet, live: Sequence[ObservedRecord], choice: Choice) -> None:
    known = sorted(set().union(*(row.data for row in live))) if live else []
    named = [*(name for name, _ in choice.where), *(choice.fields or ())]
    named += [choice.name_from] if choice.name_from is not None else []
    for name in named if live else ():
        if name not in known:
            raise UsageError(
                "Unknown field",
                detail=f'No record of {record_set.target.collection_id} shows "{name}". Nothing was written.',
                hint=did_you_mean(name, known) or f"its fields: {', '.join(known[:12])}{', …' if known[12:] else ''}",
            )
    sensitive = [name for name in record_set.match_on if record_set.rules.rule(name).sensitive]
    if sensitive:
        raise UsageError(
            "The match key is sensitive",
            detail=f"match_on names {', '.join(sensitive)}, whose values are not written into manifests, and without "
            "them no record can be declared. Nothing was written.",
            hint="import into a set that matches on other fields: --set NAME --match-on FIELD",
        )
    if choice.name_from is not None and record_set.rules.rule(choice.name_from).sensitive:
        raise UsageError(
            "A record's name would show a sensitive value",
            detail=f"{choice.name_from} is sensitive, and names are shown everywhere. Nothing was written.",
            hint="name the records from another field",
        )


def _is_wanted(record_set: DesiredSet, row: ObservedRecord, choice: Choice) -> bool:
    return all(shows(record_set.rules.rule(name), row.data.get(name), value) for name, value in choice.where)


def shows(rule: FieldRule, observed: Json, text: str) -> bool:
    """Whether a value is what a text says, as the field's values are compared; an empty text asks for no value."""
    if not text:
        return is_blank(observed)
    if isinstance(observed, bool):
        return text.lower() == ("true" if observed else "false")
    return not is_blank(observed) and equal(text, observed, rule, scalars_as_text=True)


def _free_rows(
    record_set: DesiredSet,
    chosen: Sequence[ObservedRecord],
    live: Sequence[ObservedRecord],
    state: State,
    sets: Iterable[DesiredSet],
    in_doubt: Mapping[str, str],
    notes: Notes,
) -> list[ObservedRecord]:
    """The rows that belong to no address yet, and that their key tells from all others."""
    place = record_set.target.place
    here = [each for each in sets if each.target.place == place]
    locked = {
        short_id(entry.upstream_id): entry.address
        for entry in state.lockfile.entries.values()
        if entry.target.place == place
    }
    declared = {record.key.loose: record.address for each in here for record in each.records if record.key is not None}
    by_id = {
        short_id(record.upstream_id): record.address
        for each in here
        for record in each.records
        if record.upstream_id is not None
    }
    key_of = match_key_of(record_set.match_on, record_set.rules)
    strict: dict[str, list[str]] = defaultdict(list)
    loose: dict[str, list[str]] = defaultdict(list)
    for row in live if record_set.match_on else ():
        key = key_of(row.data)
        if key is not None:
            strict[key.strict].append(row.upstream_id)
    for row in chosen:
        key = key_of(row.data)
        if key is not None:
            loose[key.loose].append(row.upstream_id)
    free = []
    for row in chosen:
        key = key_of(row.data)
        holder = locked.get(short_id(row.upstream_id))
        owner = by_id.get(short_id(row.upstream_id)) or (declared.get(key.loose) if key is not None else None)
        if holder is not None:
            notes.skip(row.upstream_id, f"it is locked as {holder}")
        elif short_id(row.upstream_id) in in_doubt:
            sent = in_doubt[short_id(row.upstream_id)]
            notes.skip(row.upstream_id, f"it may be what {sent} was sent as, which is not settled")
        elif owner is not None:
            notes.skip(row.upstream_id, f"it is declared as {owner}, which the next apply adopts")
        elif record_set.match_on and key is None:
            notes.skip(row.upstream_id, f"it has no value for {', '.join(_lacking(record_set, row))}, its match key")
        elif key is not None and (len(strict[key.strict]) > 1 or len(loose[key.loose]) > 1):
            others = {*strict[key.strict], *loose[key.loose]} - {row.upstream_id}
            notes.skip(row.upstream_id, f"its match key is that of {ids_text(sorted(others))} too")
        else:
            free.append(row)
    return free


def _lacking(record_set: DesiredSet, row: ObservedRecord) -> list[str]:
    return [name for name in record_set.match_on if is_blank(row.data.get(name))] or list(record_set.match_on)


def _addresses(set_name: str, state: State, sets: Iterable[DesiredSet]) -> Collection[str]:
    """All addresses of the set that mean something already."""
    known = {record.address for each in sets if each.name == set_name for record in each.records}
    held = {*state.lockfile.entries, *(attempt.address for attempt in state.open_attempts)}
    return known | {address for address in held if address.partition(".")[0] == set_name}


def _name(record_set: DesiredSet, row: ObservedRecord, choice: Choice, taken: Collection[str]) -> str:
    """A name of its own: that of the field, else with the upstream ID behind it, which no other record has."""
    source = choice.name_from or (record_set.match_on[0] if len(record_set.match_on) == 1 else None)
    value = row.data.get(source) if source is not None else None
    own_id = encoded_name(row.upstream_id)
    text = "" if value is None or isinstance(value, list | dict) else str(value).strip()
    name = own_id
    try:
        name = encoded_name(text) if text else own_id
    except UnicodeEncodeError:
        name = own_id
    if len(name) > LONGEST_NAME:
        name = own_id
    number, made = 1, name
    while made in taken:
        made = f"{name}-{own_id}" if number == 1 else f"{name}-{own_id}-{number}"
        number += 1
    return made


def _data(
    record_set: DesiredSet, row: ObservedRecord, choice: Choice, known_ids: Mapping[str, IdOf], notes: Notes
) -> dict[str, Value]:
    """The fields that are written, in the order of the row; the key's own among them whatever was chosen."""
    data: dict[str, Value] = {}
    for name in choice.fields or row.data:
        if name not in data and (name in record_set.match_on or _is_written(record_set, name, choice, notes)):
            _take(record_set, row.data, name, choice, known_ids, data, notes)
    missing = [name for name in record_set.match_on if name not in data]
    for name in missing:
        _take(record_set, row.data, name, choice, known_ids, data, notes)
    return data


def _is_written(record_set: DesiredSet, name: str, choice: Choice, notes: Notes) -> bool:
    """Whether the field's values may stand in a manifest; why not is noted."""
    target = record_set.target
    if record_set.rules.rule(name).sensitive:
        notes.leave_out(name, "it is sensitive")
    elif name == record_set.marker_field:
        notes.leave_out(name, "it is the marker field, whose values are made")
    elif choice.fields is None and provider(target.provider).writes_itself(target.collection_id, name):
        notes.leave_out(name, "the provider writes it itself")
    else:
        return True
    return False


def _take(
    record_set: DesiredSet,
    row: Data,
    name: str,
    choice: Choice,
    known_ids: Mapping[str, IdOf],
    data: dict[str, Value],
    notes: Notes,
) -> None:
    """Put a field's value where it is written; one without a value, or that no manifest can hold, is left out."""
    value = row.get(name)
    rule = record_set.rules.rule(name)
    if value is None or value == "":
        if choice.empty == "null" and name in row:
            data[name] = value
        return
    why = problem(value, rule) if rule.type is not None else None
    if why is not None:
        notes.leave_out(name, f"its value does not fit the field's type: {why}")
        return
    known = _known(value, rule, known_ids)
    try:
        _check_name(name)
        data[name] = literal(value if known is None else Expression(known))
    except UnwritableError as error:
        notes.leave_out(name, str(error))


def _known(value: Json, rule: FieldRule, known_ids: Mapping[str, IdOf]) -> IdOf | None:
    """The record that a value is the ID of; a number in a field that is not said to hold IDs may be anything."""
    if not isinstance(value, str) or not value or (rule.type is not FieldType.ID and value.isdigit()):
        return None
    return known_ids.get(short_id(value))


def _check_name(name: str) -> None:
    """Raise UnwritableError for a field's name that no manifest can hold."""
    if not name:
        raise UnwritableError("its name is empty")
    literal({name: None})
