"""Checks the records of one set, and makes desired records of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from syncspec.deferred import NOTHING, Deferred, Leaf, is_deferred, leaves, replaced
from syncspec.diagnostics import Severity, did_you_mean
from syncspec.keys import match_key, match_key_of
from syncspec.manifests.data_schemas import DataSchema
from syncspec.manifests.documents import Document
from syncspec.manifests.findings import shortened
from syncspec.manifests.lifecycle import check_protection, merged_lifecycle
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_data import Layer, check_values, holds_placeholder, merged_data
from syncspec.manifests.schema_files import report_violations
from syncspec.manifests.set_options import Options
from syncspec.manifests.shaped_records import ShapedRecord
from syncspec.records import Data, DesiredRecord, FieldRules, MatchKey
from syncspec.values import is_blank

__all__ = ["RecordChecks"]


class RecordChecks:
    """One set's checks. `desired` is called for each record, `finish` once after them.

    A record whose values refer to others is checked by `completed`, once these are known. `dropped` are records that
    are declared and of which too little is known to plan them, by address, with the references in them.
    """

    def __init__(
        self,
        *,
        document: Document,
        options: Options,
        defaults: Data,
        default_layers: list[Layer],
        schema: DataSchema | None,
        marker: Callable[[str], str],
        problems: Problems,
        placeholders: bool = False,
    ) -> None:
        self._placeholders = placeholders
        self._document = document
        self._options = options
        self._defaults = defaults
        self._default_layers = default_layers
        self._schema = schema
        self._marker = marker
        self._problems = problems
        self._lifecycle = merged_lifecycle(options.lifecycles)
        self._typed = {name: rule for name, rule in options.rules.fields.items() if rule.type is not None}
        self._key_of = match_key_of(options.match_on, options.rules)
        self._seen: set[str] = set()
        self._keyless: list[tuple[ShapedRecord, str, Data]] = []
        self._defaults_refer = any(map(is_deferred, defaults.values()))
        self._postponed: dict[str, ShapedRecord] = {}
        self.dropped: dict[str, list[Leaf]] = {}

    def check_defaults(self) -> None:
        """Report what is wrong with the defaults, once and not in every record."""
        for layer in self._default_layers:
            if not self._is_open(layer.data):
                check_values(layer, self._options.rules, self._problems, typed=self._typed, address=None)
            marker = self._options.marker_field
            if marker is not None and marker in layer.data:
                self.refuse_marker(layer, marker)

    def base_of(self, fixed: Layer, given: Iterable[str]) -> Data:
        """What lies beneath the data of every record of a file: the defaults, and the fields that are fixed for all.

        What is wrong with the fixed fields is reported here, once. `given` are the fields that rows give values to.
        """
        self._seen.update(fixed.data, given)
        if not self._is_open(fixed.data):
            check_values(fixed, self._options.rules, self._problems, typed=self._typed, address=None)
        marker = self._options.marker_field
        if marker is not None and marker in fixed.data:
            self.refuse_marker(fixed, marker)
        return merged_data(self._defaults, fixed, self._problems)

    def desired(self, address: str, record: ShapedRecord) -> DesiredRecord | None:
        """The record with its defaults, key and marker; None where what it declares is not known."""
        origin, own = record.origin, record.data
        data: Data = own  # type: ignore[assignment]
        if origin.base is not None:
            data = {**origin.base, **data} if origin.base else data
        elif self._defaults or not origin.plain:
            # Without defaults and without !unset there is nothing to merge.
            data = merged_data(self._defaults, _layer(record), self._problems, address=address)
        if origin.base is None:
            self._seen.update(data)
        if not record.complete:
            self.dropped[address] = [leaf for value in data.values() for leaf in leaves(value)]
            return None
        deferred = NOTHING
        if record.refers or self._defaults_refer:
            deferred = {name: value for name, value in data.items() if is_deferred(value)}
        options = self._options
        key: MatchKey | None = None
        if deferred:
            self._check_form(record, data, address)
            self._postponed[address] = record
            data = {name: value for name, value in data.items() if name not in deferred}
        else:
            if not self._is_open(data):
                self._check_data(record, data, address)
            if options.match_on:
                key = self._key_of(data)
                if key is None:
                    self._keyless.append((record, address, data))
        lifecycle = record.lifecycle
        if lifecycle is not None:
            check_protection(
                lifecycle,
                options.protected_at,
                document=record.origin.document,
                path=(*record.path, "lifecycle", "protect"),
                problems=self._problems,
                address=address,
            )
        return DesiredRecord(
            address=address,
            data=data,
            deferred=deferred,
            source=record.source,
            key=key,
            marker=None if options.marker_field is None else self._marker(address),
            upstream_id=record.upstream_id,
            lifecycle=self._lifecycle if lifecycle is None else merged_lifecycle((*options.lifecycles, lifecycle)),
        )

    def completed(self, desired: DesiredRecord, rules: FieldRules, *, repeated: Data) -> DesiredRecord:
        """A record whose references are resolved, checked as far as its values are known, with its key where it is.

        `repeated` are the values that references to others' fields gave it.
        """
        record = self._postponed.pop(desired.address)
        options = self._options
        layers = [_layer(record), *reversed(self._default_layers)]
        for name, value in repeated.items():
            layer = next((each for each in layers if name in each.data), layers[0])
            one = Layer(data={name: value}, document=layer.document, path=layer.path)
            check_values(one, rules, self._problems, typed=self._typed, address=desired.address)
        if self._schema is not None and not self._is_open(desired.data):
            whole = {**desired.data, **{name: replaced(value, str) for name, value in desired.deferred.items()}}
            unknown = [path for name, value in desired.deferred.items() for path in _unknown(value, (name,))]
            if unknown or not self._schema.accepts(whole):
                report_violations(
                    self._schema, whole, layers, rules, self._problems, address=desired.address, unknown=unknown
                )
        if not options.match_on:
            return desired
        known = [name for name in options.match_on if name not in desired.deferred]
        if any(is_blank(desired.data.get(name)) for name in known):
            self._keyless.append((record, desired.address, {**desired.data, **dict.fromkeys(desired.deferred, True)}))
        if len(known) < len(options.match_on):
            return desired
        return replace(desired, key=match_key(desired.data, options.match_on, rules))

    def finish(self) -> None:
        """Report what only the whole set can tell: key fields that are missing, names that no record knows."""
        absent = [
            name for name in self._options.match_on if name not in self._seen and name != self._options.marker_field
        ]
        if self._keyless and absent:
            self._report_unknown_keys(absent)
        for record, address, data in self._keyless:
            lacking = [field for field in self._options.match_on if is_blank(data.get(field)) and field not in absent]
            if lacking and self._options.marker_field not in lacking:
                self._report_keyless(record, address, data, lacking[0])
        self._check_ignored()

    def refuse_marker(self, layer: Layer, marker: str, address: str | None = None) -> None:
        """Report that the marker field stands in a layer."""
        self._problems.add(
            layer.document,
            path=(*layer.path, marker),
            code="marker-in-data",
            summary="The marker field is declared as data",
            detail=f'"{shortened(marker)}" is the marker_field: syncspec writes the record\'s address into it.',
            hint="remove the field here, or name another marker_field",
            at="key",
            address=address,
        )

    def _is_open(self, data: Mapping[str, object]) -> bool:
        """Whether a stand-in is among the values, so that they cannot be judged."""
        return self._placeholders and holds_placeholder(data)

    def _check_form(self, record: ShapedRecord, data: Data, address: str) -> None:
        if not data or "" in data:
            self._refuse_blank(record, bool(data), address)
        if record.origin.base is None:
            self._check_written(record, address)

    def _check_data(self, record: ShapedRecord, data: Data, address: str) -> None:
        self._check_form(record, data, address)
        if self._schema is not None and not self._schema.accepts(data):
            layers = [_layer(record), *reversed(self._default_layers)]
            report_violations(self._schema, data, layers, self._options.rules, self._problems, address=address)

    def _check_written(self, record: ShapedRecord, address: str) -> None:
        """Check what rows of a file were checked for already."""
        own = record.data
        if not self._typed.keys().isdisjoint(own):
            check_values(_layer(record), self._options.rules, self._problems, typed=self._typed, address=address)
        marker = self._options.marker_field
        if marker is not None and marker in own:
            self.refuse_marker(_layer(record), marker, address)

    def _refuse_blank(self, record: ShapedRecord, has_data: bool, address: str) -> None:
        path = (*record.path, "data")
        self._problems.add(
            record.origin.document,
            path=(*path, "") if has_data else path,
            code="empty-value" if has_data else "empty-data",
            summary="A field has no name" if has_data else "A record has no data",
            detail="A field's name is the empty text." if has_data else "There would be nothing to create.",
            hint="name the field" if has_data else "write its fields under data, or remove the record",
            at="key",
            address=address,
        )

    def _report_unknown_keys(self, absent: list[str]) -> None:
        for name in absent:
            self._problems.add(
                self._document,
                path=("spec", "match_on", self._options.match_on.index(name)),
                code="unknown-key-field",
                summary="No record has a key field",
                detail=f'"{shortened(name)}" is in match_on, and no record of the set declares it.',
                hint=did_you_mean(name, sorted(self._seen)) or "name fields that every record declares",
            )

    def _report_keyless(self, record: ShapedRecord, address: str, data: Data, field: str) -> None:
        document = record.origin.document
        if self._problems.only_counts(document):
            return
        given = field in data or field in record.origin.fields
        others = [own for own in data if own not in self._options.match_on]
        near = None if given else did_you_mean(field, others)
        self._problems.add(
            document,
            path=(*record.path, "data", field),
            code="no-match-key",
            summary="A record lacks a key field",
            detail=f'"{shortened(field)}" is in match_on, and {"is empty here" if given else "is not declared here"}: '
            "the record could not be recognised upstream.",
            hint=near or f"give {shortened(field)} a value",
            at="key",
            address=address,
        )

    def _check_ignored(self) -> None:
        """Warn of fields under the set's ignore_changes that no record declares: likely misspelt."""
        own = self._options.lifecycles[-1]
        for number, name in enumerate(own.ignore_changes or () if own is not None else ()):
            near = did_you_mean(name, sorted(self._seen)) if name not in self._seen else None
            if near is not None:
                self._problems.add(
                    self._document,
                    path=("spec", "lifecycle", "ignore_changes", number),
                    severity=Severity.WARNING,
                    code="unknown-field",
                    summary="No record declares a field that is to be ignored",
                    detail=f'"{shortened(name)}" is in ignore_changes.',
                    hint=near,
                )


def _layer(record: ShapedRecord) -> Layer:
    return Layer(data=record.data, document=record.origin.document, path=(*record.path, "data"))


def _unknown(value: Deferred, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The paths within a value at which something stands that is not known."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _unknown(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, (*path, number))
    elif isinstance(value, Leaf) or is_deferred(value):
        yield path
