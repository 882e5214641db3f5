"""The files that one set takes records from: opened, checked against the set's options, and made into records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from syncspec.diagnostics import Source
from syncspec.manifests.documents import Document
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_checks import RecordChecks
from syncspec.manifests.record_data import Layer
from syncspec.manifests.rows.data_file import COLUMN, DataFile
from syncspec.manifests.rows.opening import Opened, open_rows
from syncspec.manifests.rows.records import RowRecords, fixed_fields, row_fields
from syncspec.manifests.rows.sources import RowSource
from syncspec.manifests.rows.templates import columns_of
from syncspec.manifests.set_options import Options
from syncspec.manifests.shaped_records import RECORDS, Origin, ShapedRecord

__all__ = ["RowFiles"]


class RowFiles:
    """The files of one set. `opened` are those whose rows could be read, in order, once `records` was used up."""

    def __init__(
        self,
        document: Document,
        set_name: str,
        *,
        options: Options,
        checks: RecordChecks,
        root: Path,
        problems: Problems,
    ) -> None:
        self.opened: list[DataFile] = []
        self._document = document
        self._set_name = set_name
        self._options = options
        self._checks = checks
        self._root = root
        self._secret = any(rule.sensitive for rule in options.rules.fields.values())
        self._problems = problems

    def records(self, sources: Iterable[RowSource]) -> Iterator[ShapedRecord]:
        """The records of all rows, file by file; what is wrong is reported.

        A name that the manifest's own records or a row before have is refused.
        """
        taken: dict[str, Source] = {}
        for number, source in enumerate(sources):
            if number == 0:
                taken.update(self._document.key_sources(RECORDS))
            opened = open_rows(source, root=self._root, secret=self._secret, problems=self._problems)
            if opened is None:
                continue
            self.opened.append(opened.data)
            yield from self._made(source, opened, taken)

    def _made(self, source: RowSource, opened: Opened, taken: dict[str, Source]) -> Iterator[ShapedRecord]:
        fields = row_fields(source, opened)
        opened.data.sources = fields
        self._check_name(source, fields)
        self._check_marker(source, opened, fields)
        fixed = fixed_fields(source)
        layer = Layer(data=fixed, document=self._document, path=(*source.path, "data"))
        origin = Origin(
            document=opened.data,
            plain=True,
            base=self._checks.base_of(layer, fields),
            fields=frozenset(fields) | fixed.keys(),
        )
        made = RowRecords(
            source,
            opened,
            set_name=self._set_name,
            origin=origin,
            rules=self._options.rules,
            taken=taken,
            problems=self._problems,
        )
        yield from made.records()

    def _check_name(self, source: RowSource, fields: dict[str, list[str]]) -> None:
        """Refuse a name that is made of what sensitive fields are made of."""
        rules = self._options.rules
        secret = {name for field, columns in fields.items() if rules.rule(field).sensitive for name in columns}
        for column in columns_of(source.name):
            if column.name in secret:
                self._problems.add(
                    self._document,
                    path=column.path,
                    code="sensitive-name",
                    summary="A record's name would show a sensitive value",
                    detail=f'The column "{shortened(column.name)}" gives a sensitive field its value, and names are '
                    "shown everywhere.",
                    hint="make the name of other columns",
                    shift=column.offset,
                )

    def _check_marker(self, source: RowSource, opened: Opened, fields: dict[str, list[str]]) -> None:
        marker = self._options.marker_field
        if marker is None or marker not in fields:
            return
        if source.data is not None:
            layer = Layer(data=source.data, document=self._document, path=(*source.path, "data"))
        else:
            layer = Layer(data=fields, document=opened.data, path=(COLUMN, list(fields).index(marker)))
        self._checks.refuse_marker(layer, marker)
