"""Checks the records of one set, and makes desired records of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncspec.diagnostics import Severity, Source, did_you_mean
from syncspec.keys import match_key_of
from syncspec.manifests.data_schemas import DataSchema
from syncspec.manifests.documents import Document, Path
from syncspec.manifests.findings import shortened
from syncspec.manifests.lifecycle import merged_lifecycle
from syncspec.manifests.models import LifecycleSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_data import Layer, check_values, merged_data
from syncspec.manifests.schema_files import report_violations
from syncspec.manifests.set_options import Options
from syncspec.records import Data, DesiredRecord, MatchKey
from syncspec.values import is_blank

__all__ = ["RecordChecks"]

_RECORDS: Path = ("spec", "records")


class RecordChecks:
    """One set's checks. `desired` is called for each record, `finish` once after them."""

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
    ) -> None:
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
        self._keyless: list[tuple[str, str, Data]] = []

    def check_defaults(self) -> None:
        """Report what is wrong with the defaults, once and not in every record."""
        for layer in self._default_layers:
            check_values(layer, self._options.rules, self._problems, typed=self._typed, address=None)
            marker = self._options.marker_field
            if marker is not None and marker in layer.data:
                self._refuse_marker(layer, marker, None)

    def desired(
        self,
        address: str,
        name: str,
        own: dict[str, Any],
        *,
        source: Source,
        upstream_id: str | None,
        lifecycle: LifecycleSpec | None,
        complete: bool,
        plain: bool,
    ) -> DesiredRecord | None:
        """The record with its defaults, key and marker; None where what it declares is not known.

        `plain`: no `!unset` is in it, so that without defaults there is nothing to merge.
        """
        data = own
        if self._defaults or not plain:
            data = merged_data(self._defaults, self._layer(name, own), self._problems, address=address)
        self._seen.update(data)
        if not complete:
            return None
        self._check_data(name, own, data, address)
        options = self._options
        key: MatchKey | None = None
        if options.match_on:
            key = self._key_of(data)
            if key is None:
                self._keyless.append((name, address, data))
        return DesiredRecord(
            address=address,
            data=data,
            source=source,
            key=key,
            marker=None if options.marker_field is None else self._marker(address),
            upstream_id=upstream_id,
            lifecycle=self._lifecycle if lifecycle is None else merged_lifecycle((*options.lifecycles, lifecycle)),
        )

    def finish(self) -> None:
        """Report what only the whole set can tell: key fields that are missing, names that no record knows."""
        absent = [
            name for name in self._options.match_on if name not in self._seen and name != self._options.marker_field
        ]
        if self._keyless and absent:
            self._report_unknown_keys(absent)
        for name, address, data in self._keyless:
            lacking = [field for field in self._options.match_on if is_blank(data.get(field)) and field not in absent]
            if lacking and self._options.marker_field not in lacking:
                self._report_keyless(name, address, data, lacking[0])
        self._check_ignored()

    def _layer(self, name: str, own: dict[str, Any]) -> Layer:
        return Layer(data=own, document=self._document, path=(*_RECORDS, name, "data"))

    def _check_data(self, name: str, own: dict[str, Any], data: Data, address: str) -> None:
        if not data or "" in data:
            self._refuse_blank(name, bool(data), address)
        if not self._typed.keys().isdisjoint(own):
            check_values(
                self._layer(name, own), self._options.rules, self._problems, typed=self._typed, address=address
            )
        marker = self._options.marker_field
        if marker is not None and marker in own:
            self._refuse_marker(self._layer(name, own), marker, address)
        if self._schema is not None and not self._schema.accepts(data):
            layers = [self._layer(name, own), *reversed(self._default_layers)]
            report_violations(self._schema, data, layers, self._options.rules, self._problems, address=address)

    def _refuse_blank(self, name: str, has_data: bool, address: str) -> None:
        path = (*_RECORDS, name, "data")
        self._problems.add(
            self._document,
            path=(*path, "") if has_data else path,
            code="empty-value" if has_data else "empty-data",
            summary="A field has no name" if has_data else "A record has no data",
            detail="A field's name is the empty text." if has_data else "There would be nothing to create.",
            hint="name the field" if has_data else "write its fields under data, or remove the record",
            at="key",
            address=address,
        )

    def _refuse_marker(self, layer: Layer, marker: str, address: str | None) -> None:
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

    def _report_keyless(self, name: str, address: str, data: Data, field: str) -> None:
        if self._problems.only_counts(self._document):
            return
        what = "is empty here" if field in data else "is not declared here"
        others = [own for own in data if own not in self._options.match_on]
        near = None if field in data else did_you_mean(field, others)
        self._problems.add(
            self._document,
            path=(*_RECORDS, name, "data", field),
            code="no-match-key",
            summary="A record lacks a key field",
            detail=f'"{shortened(field)}" is in match_on, and {what}: the record could not be recognised upstream.',
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
