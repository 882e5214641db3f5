"""Resolves references between records, once all sets of a project are known.

A reference to a field becomes the value that is declared for it; a reference to an upstream ID stays in the value as an
`IdOf`. What they make of each record is its `needs`; records that need each other are refused, each circle as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from syncspec.deferred import Deferred, IdOf, is_deferred, leaves, replaced
from syncspec.diagnostics import Source, did_you_mean
from syncspec.keys import match_key
from syncspec.lookups import Lookups
from syncspec.manifests.expressions import Namespace
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_sets import LoadedSet
from syncspec.manifests.references import PlacedReference
from syncspec.records import Data, DesiredRecord, DesiredSet, FieldRule, FieldRules, FieldType
from syncspec.settings import SetElsewhere

__all__ = ["resolve_references"]

_MOST_CIRCLES = 20


def resolve_references(
    loaded: Sequence[LoadedSet],
    lookups: Iterable[Lookups],
    *,
    unsure: Collection[str],
    elsewhere: Mapping[str, SetElsewhere],
    problems: Problems,
) -> list[LoadedSet]:
    """The sets with their references resolved; what is wrong is reported.

    `unsure` are the names of sets that are declared and could not be loaded: what refers to them is not judged.
    `elsewhere` are sets that only other environments have.
    """
    if not any(each.checks.dropped or any(record.deferred for record in each.desired.records) for each in loaded):
        return list(loaded)
    names = _Names(loaded, lookups, unsure, elsewhere, problems)
    return _Resolution(loaded, names, problems).resolved()


class _Names:
    """What can be referred to."""

    def __init__(
        self,
        loaded: Sequence[LoadedSet],
        lookups: Iterable[Lookups],
        unsure: Collection[str],
        elsewhere: Mapping[str, SetElsewhere],
        problems: Problems,
    ) -> None:
        self.sets = {each.desired.name: each for each in loaded}
        self.records = {record.address: record for each in loaded for record in each.desired.records}
        self._lookups = {each.name: {record.address for record in each.records} for each in lookups}
        self._unsure, self._elsewhere = unsure, elsewhere
        self._problems = problems

    def knows(self, placed: PlacedReference, address: str) -> bool:
        """Whether what is referred to is there; where it is certain that it is not, that is reported."""
        to = placed.to
        looked_up = to.namespace is Namespace.LOOKUP
        known: Collection[str] = self._lookups if looked_up else self.sets
        other: Collection[str] = self.sets if looked_up else self._lookups
        if to.set_name not in known:
            if to.set_name not in self._unsure:
                self._refuse_set(placed, address, known, other)
            return False
        if looked_up:
            return to.address in self._lookups[to.set_name] or self._refuse_record(
                placed, address, self._lookups[to.set_name]
            )
        target = self.sets[to.set_name]
        if to.address not in self.records:
            names = [record.address for record in target.desired.records]
            return to.address not in target.checks.dropped and self._refuse_record(placed, address, names)
        record = self.records[to.address]
        if to.field is None or to.field in record.data or to.field in record.deferred:
            return True
        return self._refuse_field(placed, address, record)

    def _refuse_set(
        self, placed: PlacedReference, address: str, known: Collection[str], other: Collection[str]
    ) -> None:
        looked_up = placed.to.namespace is Namespace.LOOKUP
        word, wrong = ("lookup set", "record set") if looked_up else ("record set", "lookup set")
        name = placed.to.set_name
        detail = f'No {word} is named "{shortened(name)}".'
        if name in self._elsewhere:
            detail = f"In this environment it is not declared: {self._elsewhere[name].told(name)}."
            hint = "give the referring set the same environments, or declare that one for this environment too"
        elif name in other:
            hint = f"{shortened(name)} is a {wrong}: write ${{{'record' if looked_up else 'lookup'}.{name}…}}"
        else:
            hint = did_you_mean(name, sorted(known)) or _known(known, f"declare a {word} of that name")
        self._refuse(placed, address, "unknown-set", detail, hint)

    def _refuse_record(self, placed: PlacedReference, address: str, known: Iterable[str]) -> bool:
        to = placed.to
        names = sorted(name.partition(".")[2] for name in known)
        detail = f'{to.set_name} has no record "{shortened(to.record)}".'
        hint = did_you_mean(to.record, names) or _known(names, "declare it there")
        self._refuse(placed, address, "unknown-record", detail, hint)
        return False

    def _refuse_field(self, placed: PlacedReference, address: str, record: DesiredRecord) -> bool:
        field = placed.to.field or ""
        names = sorted([*record.data, *record.deferred])
        detail = f'{record.address} declares no field "{shortened(field)}".'
        hint = did_you_mean(field, names) or _known(names, "declare it there")
        self._refuse(placed, address, "unknown-field", detail, hint)
        return False

    def _refuse(self, placed: PlacedReference, address: str, code: str, detail: str, hint: str) -> None:
        self._problems.add(
            placed.document,
            path=placed.path,
            code=code,
            summary="A reference leads nowhere",
            detail=detail,
            hint=hint,
            address=address,
            shift=placed.to.offset,
        )


def _known(names: Collection[str], otherwise: str) -> str:
    shown = ", ".join(shortened(name) for name in sorted(names)[:8])
    more = ", …" if len(names) > 8 else ""
    return f"known: {shown}{more}" if names else otherwise


class _Resolution:
    """Goes through the records that refer to others, each after those that it needs."""

    def __init__(self, loaded: Sequence[LoadedSet], names: _Names, problems: Problems) -> None:
        self._loaded, self._names, self._problems = loaded, names, problems
        self._records = dict(names.records)
        self._referring = {
            record.address: record for each in loaded for record in each.desired.records if record.deferred
        }
        self._broken: set[str] = set()
        self._sensitive: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        self._repeated: dict[str, Data] = {}

    def resolved(self) -> list[LoadedSet]:
        for each in self._loaded:
            for address, dropped in each.checks.dropped.items():
                for leaf in dropped:
                    if isinstance(leaf, PlacedReference):
                        self._names.knows(leaf, address)
        for address in self._in_order(self._graph()):
            record = self._referring.get(address)
            if record is not None and address not in self._broken:
                self._resolve(record)
        return [self._complete(each) for each in self._loaded]

    def _graph(self) -> dict[str, dict[str, PlacedReference]]:
        """The records that each record refers to, with the first reference to each. A record's own fields may repeat
        each other, and its own ID stands for itself."""
        graph: dict[str, dict[str, PlacedReference]] = {}
        for address in sorted(self._referring):
            edges = graph.setdefault(address, {})
            for placed in _references(self._referring[address]):
                if not self._names.knows(placed, address):
                    self._broken.add(address)
                elif placed.to.namespace is Namespace.RECORD and (placed.to.address != address or not placed.to.field):
                    edges.setdefault(placed.to.address, placed)
        return graph

    def _in_order(self, graph: dict[str, dict[str, PlacedReference]]) -> list[str]:
        """Every record after those that it refers to; of those in a circle, which is reported, nothing is made."""
        for _ in range(_MOST_CIRCLES):
            try:
                return list(TopologicalSorter({name: sorted(edges) for name, edges in graph.items()}).static_order())
            except CycleError as error:
                # Each of them is referred to by the one that follows.
                circle: list[str] = error.args[1][:0:-1]
                start = circle.index(min(circle))
                circle = circle[start:] + circle[:start]
                self._refuse_circle(circle, graph)
                self._broken.update(circle)
                for name in circle:
                    for other in circle:
                        graph[name].pop(other, None)
        return []

    def _refuse_circle(self, circle: list[str], graph: Mapping[str, Mapping[str, PlacedReference]]) -> None:
        steps = [(name, graph[name][other]) for name, other in zip(circle, [*circle[1:], circle[0]], strict=True)]
        first = steps[0][1]
        alone = len(circle) == 1
        chain = " → ".join(f"{shortened(name)} ({_place(placed)})" for name, placed in steps)
        self._problems.add(
            first.document,
            path=first.path,
            code="reference-cycle",
            summary="A record refers to itself" if alone else "Records refer to each other in a circle",
            detail=f"The upstream ID of {circle[0]} is known only once it exists."
            if alone
            else f"{chain} → {shortened(circle[0])}. None of them can be made before the others.",
            hint="leave the field out, and let the upstream fill it in"
            if alone
            else "take one of these references out, or write the value out in its place",
            address=circle[0],
            shift=first.to.offset,
        )

    def _resolve(self, record: DesiredRecord) -> None:
        """Put what is referred to into one record's values."""
        address, set_name = record.address, record.address.partition(".")[0]
        values: dict[str, Deferred] = {}
        for name in record.deferred:
            self._field(record, name, values, [])
        if address in self._broken:
            return
        deferred = {name: value for name, value in values.items() if is_deferred(value)}
        repeated = {name: value for name, value in values.items() if name not in deferred}
        self._repeated[address] = repeated
        for name, value in deferred.items():
            if isinstance(value, IdOf):
                self._ids.setdefault(set_name, set()).add(name)
        ids = {leaf for value in deferred.values() for leaf in leaves(value) if isinstance(leaf, IdOf)}
        direct = [placed.to for placed in _references(record) if placed.to.namespace is Namespace.RECORD]
        needs = {to.address for to in direct} | {each.address for each in ids if not each.looked_up}
        self._records[address] = replace(
            record,
            data={**record.data, **repeated},
            deferred=deferred,
            needs=tuple(sorted(needs - {address})),
            follows=tuple(sorted({to.address for to in direct if to.field is not None} - {address})),
            lookups=tuple(sorted(each.address for each in ids if each.looked_up)),
        )

    def _field(self, record: DesiredRecord, name: str, values: dict[str, Deferred], trail: list[str]) -> Deferred:
        """The value of a field; the record's own fields may repeat each other, and `trail` are those on the way."""
        if name in values or name not in record.deferred:
            return values.get(name, record.data.get(name))
        if name in trail:
            self._refuse_own_circle(record, [*trail[trail.index(name) :], name])
            return None

        def put(leaf: Any) -> Deferred:
            to = leaf.to
            if to.field is None:
                return IdOf(to.address, looked_up=to.namespace is Namespace.LOOKUP)
            if self._is_sensitive(to.set_name, to.field):
                self._sensitive.setdefault(record.address.partition(".")[0], set()).add(name)
            if to.address == record.address:
                return self._field(record, to.field, values, [*trail, name])
            if to.address in self._broken:
                self._broken.add(record.address)
                return None
            other = self._records[to.address]
            return other.deferred[to.field] if to.field in other.deferred else other.data[to.field]

        values[name] = value = replaced(record.deferred[name], put)
        return value

    def _refuse_own_circle(self, record: DesiredRecord, names: list[str]) -> None:
        self._broken.add(record.address)
        first = next(_references(record, names[0]))
        self._problems.add(
            first.document,
            path=first.path,
            code="reference-cycle",
            summary="Fields of a record repeat each other in a circle",
            detail=f"{record.address}: {' → '.join(map(shortened, names))}.",
            hint="give one of them a value of its own",
            address=record.address,
            shift=first.to.offset,
        )

    def _is_sensitive(self, set_name: str, field: str) -> bool:
        rules = self._names.sets[set_name].desired.rules
        return rules.rule(field).sensitive or field in self._sensitive.get(set_name, ())

    def _complete(self, loaded: LoadedSet) -> LoadedSet:
        desired = loaded.desired
        rules = self._rules(desired)
        keyed = any(rules.rule(name) != desired.rules.rule(name) for name in desired.match_on)
        records = []
        for record in desired.records:
            made = self._records[record.address]
            if record.deferred and record.address in self._repeated:
                made = loaded.checks.completed(made, rules, repeated=self._repeated[record.address])
            elif keyed and made.key is not None:
                made = replace(made, key=match_key(made.data, desired.match_on, rules))
            records.append(made)
        return replace(loaded, desired=replace(desired, records=tuple(records), rules=rules))

    def _rules(self, desired: DesiredSet) -> FieldRules:
        """The set's rules: what repeats a sensitive value is sensitive, and IDs are compared as such by default."""
        fields = dict(desired.rules.fields)
        for name in sorted(self._ids.get(desired.name, ())):
            rule = desired.rules.rule(name)
            if rule.type is None and rule.compare is None:
                fields[name] = replace(rule, type=FieldType.ID)
        for name in sorted(self._sensitive.get(desired.name, ())):
            fields[name] = replace(fields.get(name, FieldRule()), sensitive=True)
        return desired.rules if fields == desired.rules.fields else replace(desired.rules, fields=fields)


def _references(record: DesiredRecord, field: str | None = None) -> Iterator[PlacedReference]:
    for name, value in record.deferred.items():
        for leaf in leaves(value):
            if isinstance(leaf, PlacedReference) and field in (None, name):
                yield leaf


def _place(placed: PlacedReference) -> Source | None:
    found = placed.document.diagnostic(code="reference", summary="", path=placed.path, shift=placed.to.offset)
    return found.source
