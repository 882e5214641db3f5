"""Laws of files of rows: what a file says is what is declared, and whatever bytes it holds, something is said."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import memory

from syncspec.errors import ManifestError
from syncspec.manifests.loader import load_sets
from syncspec.manifests.models import Metadata, RecordSet, RecordSetSpec, RecordsFromSpec, RecordSpec
from syncspec.settings import LoadedProject

characters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
odd = ["", "x", '"', ",", ";", "\n", "\r\n", " ", "${row.a}", "02134"]
cells = st.one_of(st.sampled_from(odd), st.text(characters))
tables = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(st.text(characters, min_size=1), min_size=width, max_size=width, unique=True),
        st.lists(st.lists(cells, min_size=width, max_size=width), max_size=5),
    )
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), cells
)
keys = st.text(characters, min_size=1)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=6)


def loaded(content: bytes, name: str, **options: Any) -> LoadedProject:
    """A project whose only set takes its records from a file of that content."""
    source = RecordsFromSpec(file=name, name="n-${row.number}", **options)
    declared = RecordSet(
        metadata=Metadata(name="s"),
        spec=RecordSetSpec(collection_id="other:thing", records_from=source, batch=None),
    )
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as folder:
        (Path(folder) / name).write_bytes(content)
        return load_sets([declared], None, root=Path(folder), upstream="embedded")


def lines_fed(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from([",", ";", "\t", "|", "µ"]), st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_cells_of_csv_are_the_values_of_the_records(
    table: tuple[list[str], list[list[str]]], delimiter: str, encoding: str
) -> None:
    columns = [f"c{lines_fed(name)}" for name in table[0]]
    if len(set(columns)) < len(columns):
        return
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["number", *columns])
    writer.writerows([number, *row] for number, row in enumerate(table[1]))
    project = loaded(written.getvalue().encode(encoding), "x.csv", delimiter=delimiter, encoding=encoding)
    assert [record.data for record in project.sets[0].records] == [
        {"number": str(number), **{name: lines_fed(cell) for name, cell in zip(columns, row, strict=True) if cell}}
        for number, row in enumerate(table[1])
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(keys, values), max_size=4), st.booleans())
@example([{"a": [0.30000000000000004, 1e300, -0.0, 5e-324]}], True)
def test_objects_of_json_lines_are_the_data_of_the_records(objects: list[dict[str, Any]], ascii: bool) -> None:
    rows = [{**row, "number": number} for number, row in enumerate(objects)]
    content = "\n".join(json.dumps(row, ensure_ascii=ascii) for row in rows).encode()
    found = [record.data for record in loaded(content, "x.jsonl").sets[0].records]
    assert found == rows
    assert json.dumps(found) == json.dumps(rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(characters, min_size=1), unique=True))
def test_rows_are_the_same_records_as_those_that_are_written_out(names: list[str]) -> None:
    rows = "".join(json.dumps({"number": name}) + "\n" for name in names)
    from_rows = loaded(rows.encode(), "x.jsonl").sets[0].records
    written = RecordSet(
        metadata=Metadata(name="s"),
        spec=RecordSetSpec(
            collection_id="other:thing",
            records={
                record.address.partition(".")[2]: RecordSpec(data={"number": name.replace("${", "$${")})
                for record, name in zip(from_rows, names, strict=True)
            },
        ),
    )
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as folder:
        project = load_sets([written], None, root=Path(folder), upstream="embedded")
    assert [(record.address, record.data) for record in from_rows] == [
        (record.address, record.data) for record in project.sets[0].records
    ]


single = [bytes([code]) for code in b'",\n\rx{}[:1\xff\0']
pieces = st.sampled_from([*single, b"number", b"\xef\xbb\xbf", b'":', b"\\ud8"])


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=30).map(b"".join), st.sampled_from(["x.csv", "x.jsonl"]))
def test_whatever_bytes_a_file_holds_it_loads_or_is_refused_with_places_and_ways_out(content: bytes, name: str) -> None:
    try:
        assert loaded(b"number,x\n" + content if name == "x.csv" else content, name)
    except ManifestError as error:
        for item in error.diagnostics:
            assert item.is_error
            assert item.source is not None
            assert item.summary
            assert item.detail
            assert item.hint
            assert item.length >= 1
