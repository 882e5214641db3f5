"""Makes declared records of a file's: names, values of the fields' types, and references in the place of links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncspec.address import encoded_name
from syncspec.diagnostics import did_you_mean
from syncspec.errors import UsageError
from syncspec.keys import match_key_of
from syncspec.lookups import Lookups
from syncspec.manifests.documents import Value
from syncspec.manifests.findings import shortened
from syncspec.manifests.foreign.model import ForeignCollection, ForeignRecord, Link
from syncspec.manifests.imported import Notes
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.cells import CellError, checker, converter
from syncspec.manifests.yaml_text import UnwritableError, literal
from syncspec.project.links import Links, source_of, text_of, texts_of
from syncspec.project.picking import LONGEST_NAME, NOTHING_TO_WRITE, Choice, shows
from syncspec.providers import provider
from syncspec.records import DesiredSet

__all__ = ["NewRecords", "Target", "declare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A file's collection and the set that it goes to, None where it is there for links alone."""

    collection: ForeignCollection
    record_set: DesiredSet | None


@dataclass(slots=True, kw_only=True)
class NewRecords:
    """What one set gets: `bodies` by record name, as a manifest holds them."""

    record_set: DesiredSet
    bodies: dict[str, dict[str, Value]] = field(default_factory=dict)


def declare(
    targets: Sequence[Target],
    sets: Iterable[DesiredSet],
    lookups: Sequence[Lookups],
    choice: Choice,
    *,
    notes: Notes,
    problems: Problems,
) -> dict[str, NewRecords]:
    """The records that are new, by set; what is wrong is reported at its place in the files. Raises UsageError."""
    declarer = _Declarer(list(sets), lookups, choice, notes, problems)
    made = []
    for target in targets:
        if target.record_set is not None:
            declarer.check_choice(target.collection, target.record_set)
            made += [(target, record, name) for record, name in declarer.names(target.collection, target.record_set)]
    found: dict[str, NewRecords] = {}
    for target, record, name in made:
        record_set = target.record_set
        assert record_set is not None, "only records of a set have names"
        entry = found.setdefault(record_set.name, NewRecords(record_set=record_set))
        data = declarer.data(target.collection, record_set, record, f"{record_set.name}.{name}")
        if data:
            entry.bodies[name] = {"data": data}
        else:
            notes.skip(str(source_of(record)), NOTHING_TO_WRITE)
    return found


class _Declarer:
    def __init__(
        self,
        sets: Sequence[DesiredSet],
        lookups: Sequence[Lookups],
        choice: Choice,
        notes: Notes,
        problems: Problems,
    ) -> None:
        self._sets, self._choice, self._notes, self._problems = sets, choice, notes, problems
        self._links = Links(sets, lookups, problems)

    def check_choice(self, collection: ForeignCollection, record_set: DesiredSet) -> None:
        """Raise UsageError where what the caller names is not there, or would show what is sensitive."""
        known = sorted({name for record in collection.records for name in record.data})
        named = [*(name for name, _ in self._choice.where), *(self._choice.fields or ())]
        named += [self._choice.name_from] if self._choice.name_from is not None else []
        for name in [*named, *record_set.match_on]:
            if name not in known:
                raise UsageError(
                    "Unknown field",
                    detail=f'No record of {collection.collection_id} in the file has "{name}". Nothing was written.',
                    hint=did_you_mean(name, known)
                    or f"its fields: {', '.join(known[:12])}{', …' if known[12:] else ''}",
                )
        secret = [
            name
            for name in (*record_set.match_on, self._choice.name_from or "")
            if record_set.rules.rule(name).sensitive
        ]
        if secret:
            raise UsageError(
                "A sensitive field would have to be written",
                detail=f"{', '.join(secret)} is sensitive, and match key and names are shown. Nothing was written.",
                hint="name other fields with --match-on and --name-from",
            )

    def names(self, collection: ForeignCollection, record_set: DesiredSet) -> list[tuple[ForeignRecord, str]]:
        """The records that are new with their names; each record's address is noted for links to it."""
        declared = {record.address.partition(".")[2] for record in record_set.records}
        place = record_set.target.place
        keys = {
            record.key.loose: record.address
            for each in self._sets
            if each.target.place == place
            for record in each.records
            if record.key is not None
        }
        key_of = match_key_of(record_set.match_on, record_set.rules)
        seen: dict[str, ForeignRecord] = {}
        own_keys: dict[str, ForeignRecord] = {}
        new = []
        for record in collection.records:
            if not self._is_wanted(record_set, record):
                continue
            name = self._name(record_set, record)
            if name is None:
                continue
            key = key_of(texts_of(record.data)) if record_set.match_on else None
            owner = f"{record_set.name}.{name}" if name in declared else keys.get(key.loose) if key else None
            address = owner or f"{record_set.name}.{name}"
            if seen.setdefault(name, record) is not record:
                self._refuse_twice(record, seen[name], f"the name {shortened(name)}", "--name-from")
            elif record_set.match_on and key is None:
                self._refuse_keyless(record_set, record)
            elif key is not None and own_keys.setdefault(key.loose, record) is not record:
                self._refuse_twice(record, own_keys[key.loose], "the match key", "--match-on")
            elif owner is not None:
                self._notes.skip(str(source_of(record)), f"it is declared as {owner}, and left as it is there")
            else:
                new.append((record, name))
            self._links.note(collection, record, address)
        return new

    def _is_wanted(self, record_set: DesiredSet, record: ForeignRecord) -> bool:
        data = texts_of(record.data)
        return all(shows(record_set.rules.rule(name), data.get(name), text) for name, text in self._choice.where)

    def _name(self, record_set: DesiredSet, record: ForeignRecord) -> str | None:
        source = self._choice.name_from
        if source is None and record.reference is None:
            if len(record_set.match_on) != 1:
                raise UsageError(
                    "It is not known what the records are called",
                    detail=f"{record_set.name} has no match key of one field. Nothing was written.",
                    hint="say which field names them with --name-from",
                )
            source = record_set.match_on[0]
        value = record.reference if source is None else texts_of(record.data).get(source)
        text = "" if value is None or isinstance(value, list | dict) else str(value).strip()
        if not text:
            self._refuse(
                record,
                "no-name",
                "A record has no name",
                f"{source} is empty, which names the records.",
                "fill it in, or name another field with --name-from",
            )
            return None
        name = encoded_name(text)
        if len(name) > LONGEST_NAME:
            self._refuse(
                record,
                "no-name",
                "A record's name would be too long",
                f"It would have {len(name):,} characters, and at most {LONGEST_NAME} are written.",
                "name another field with --name-from",
            )
            return None
        return name

    def data(
        self, collection: ForeignCollection, record_set: DesiredSet, record: ForeignRecord, address: str
    ) -> dict[str, Value]:
        """The fields of a record as they are written; what is wrong with a value is reported."""
        made: dict[str, Value] = {}
        for name, reason in collection.dropped.items():
            self._notes.leave_out(name, reason)
        for name in self._choice.fields or record.data:
            if name in record.data and (name in record_set.match_on or self._is_written(record_set, name)):
                self._take(collection, record_set, record, name, address, made)
        for name in record_set.match_on:
            if name not in made:
                self._take(collection, record_set, record, name, address, made)
        return made

    def _is_written(self, record_set: DesiredSet, name: str) -> bool:
        target = record_set.target
        if record_set.rules.rule(name).sensitive:
            self._notes.leave_out(name, "it is sensitive")
        elif name == record_set.marker_field:
            self._notes.leave_out(name, "it is the marker field, whose values are made")
        elif self._choice.fields is None and provider(target.provider).writes_itself(target.collection_id, name):
            self._notes.leave_out(name, "the provider writes it itself")
        else:
            return True
        return False

    def _take(
        self,
        collection: ForeignCollection,
        record_set: DesiredSet,
        record: ForeignRecord,
        name: str,
        address: str,
        made: dict[str, Value],
    ) -> None:
        value = record.data.get(name)
        if isinstance(value, Link):
            reference = self._links.reference(record, name, value)
            if reference is not None:
                made[name] = literal(reference)
            return
        if value is None or value == "":
            if self._choice.empty == "null":
                made[name] = None
            return
        rule = record_set.rules.rule(name)
        convert = checker(rule) if collection.typed else converter(rule)
        try:
            made[name] = literal(value if convert is None else convert(value))
        except CellError as error:
            shown = "" if rule.sensitive else f": {str(error).partition(', found text')[0]}"
            self._refuse(
                record,
                "wrong-value",
                "A value does not fit its field's type",
                f"{address}: {name} has the type {rule.type}{shown}.",
                "correct the value, or the type under fields",
                field=name,
            )
        except UnwritableError as error:
            self._refuse(
                record,
                "unwritable",
                "A value cannot be written",
                f"{address}: {name}: {error}.",
                "correct the value, or leave the field out with --fields",
                field=name,
            )

    def _refuse_keyless(self, record_set: DesiredSet, record: ForeignRecord) -> None:
        lacking = [name for name in record_set.match_on if text_of(record.data.get(name)) == ""]
        self._refuse(
            record,
            "no-key",
            "A record lacks its match key",
            f"It has no value for {', '.join(lacking) or ', '.join(record_set.match_on)}.",
            "fill it in, or take the record out of the file",
        )

    def _refuse_twice(self, record: ForeignRecord, first: ForeignRecord, what: str, option: str) -> None:
        self._refuse(
            record,
            "duplicate-record",
            "Two records cannot be told apart",
            f"The record at {source_of(first)} has {what}, too.",
            f"remove one of the two, or name fields that tell them apart with {option}",
        )

    def _refuse(
        self, record: ForeignRecord, code: str, summary: str, detail: str, hint: str, *, field: str | None = None
    ) -> None:
        path = record.path if field is None else record.place_of(field)
        self._problems.add(record.placed, path=path, code=code, summary=summary, detail=detail, hint=hint)
