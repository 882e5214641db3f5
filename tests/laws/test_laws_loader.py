"""Laws of loading: the order of files never matters, and defaults lie under every record."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support import memory

from syncspec.diagnostics import Source
from syncspec.errors import ManifestError
from syncspec.manifests.documents import document_from
from syncspec.manifests.loader import load, load_sets
from syncspec.manifests.models import Metadata, RecordSet, RecordSetSpec, RecordSpec
from syncspec.manifests.problems import Problems
from syncspec.manifests.reader import UNSET
from syncspec.manifests.record_data import Layer, effective_defaults, merged_data

NOWHERE = Source(file="")
PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata: {name: law}
spec:
  upstreams: {crm: {type: embedded}}
"""

fields = st.sampled_from(["Email", "Name", "Age", "City"])
scalars = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["x", "y", "", "ß"]))
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(fields, scalars, max_size=2))
data = st.dictionaries(fields, values, max_size=4)


def manifest(name: str, emails: list[str]) -> str:
    records = "".join(f"    r{number}:\n      data:\n        Email: {email}\n" for number, email in enumerate(emails))
    head = f"apiVersion: syncspec/v1\nkind: RecordSet\nmetadata:\n  name: {name}\nspec:\n"
    return head + f"  collection_id: salesforce:contact\n  match_on: [Email]\n  records:\n{records or '    {}'}\n"


def outcome(texts: list[str]) -> Any:
    """What is loaded of the documents in the order given, one file each, without places; or the codes of the errors."""
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as folder:
        root = Path(folder)
        (root / "syncspec.yaml").write_text(PROJECT)
        for number, text in enumerate(texts):
            (root / f"{number}.yaml").write_text(text)
        try:
            loaded = load(root)
        except ManifestError as error:
            return sorted(item.code for item in error.diagnostics)
        return [
            replace(each, source=NOWHERE, records=tuple(replace(record, source=NOWHERE) for record in each.records))
            for each in loaded.sets
        ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.lists(st.sampled_from("uvwxyzUVW"), max_size=3)), max_size=4),
    st.randoms(use_true_random=False),
)
def test_order_of_files_never_matters(sets: list[tuple[str, list[str]]], random: Any) -> None:
    texts = [manifest(name, emails) for name, emails in sets]
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert outcome(texts) == outcome(shuffled)


@settings(deadline=None)
@given(defaults=data, own=data, dropped=st.sets(fields))
def test_record_holds_its_own_fields_over_the_defaults_without_those_it_drops(
    defaults: dict[str, Any], own: dict[str, Any], dropped: set[str]
) -> None:
    declared = {**own, **dict.fromkeys(dropped & defaults.keys(), UNSET)}
    problems, document = Problems(), document_from({})
    merged = merged_data(dict(defaults), Layer(data=declared, document=document, path=()), problems)
    assert merged == {name: value for name, value in {**defaults, **declared}.items() if value is not UNSET}
    assert not problems.has_errors


@settings(deadline=None)
@given(far=data, near=data, own=data)
def test_layers_of_defaults_are_one_layer(far: dict[str, Any], near: dict[str, Any], own: dict[str, Any]) -> None:
    problems, document = Problems(), document_from({})
    layers = [Layer(data=each, document=document, path=()) for each in (far, near)]
    both = effective_defaults(layers, problems)
    assert both == {**far, **near}
    assert merged_data(both, Layer(data=own, document=document, path=()), problems) == {**far, **near, **own}


@settings(max_examples=40, deadline=None)
@given(defaults=data, records=st.dictionaries(st.sampled_from("abc"), data, min_size=1))
def test_loading_never_changes_what_was_declared(defaults: dict[str, Any], records: dict[str, Any]) -> None:
    declared = RecordSet(
        metadata=Metadata(name="s"),
        spec=RecordSetSpec(
            collection_id="salesforce:contact",
            defaults=defaults,
            records={name: RecordSpec(data={"Email": name, **each, "Key": name}) for name, each in records.items()},
            match_on=("Key",),
        ),
    )
    before = declared.model_copy(deep=True)
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as folder:
        loaded = load_sets([declared], None, root=Path(folder), upstream="embedded")
    assert declared == before
    assert {record.address for record in loaded.sets[0].records} == {f"s.{name}" for name in records}


WHOLE = {
    "apiVersion": "syncspec/v1",
    "kind": "RecordSet",
    "metadata": {"name": "s", "labels": {"team": "${var.t}"}},
    "spec": {
        "upstream": "crm",
        "sync_id": "y",
        "collection_id": "salesforce:contact",
        "match_on": ["Email"],
        "marker_field": "M",
        "batch": {"max_records": 2},
        "fields": {"Email": {"compare": "trim"}, "Age": {"type": "decimal", "scale": 1}},
        "defaults": {"City": "x"},
        "lifecycle": {"protect": True, "ignore_changes": ["Age"]},
        "await_consumers": {"ids": ["w"]},
        "records": {"a": {"data": {"Email": "a", "Age": 1}, "upstream_id": "1", "lifecycle": {"on_drift": "fail"}}},
        "records_from": [
            {
                "file": "rows.csv",
                "format": "csv",
                "name": "r-${row.Email}",
                "data": {"Email": "${row.Email}", "Age": "${row.Age}", "More": {"x": ["${row.Age}"]}},
                "empty": "omit",
                "delimiter": ",",
                "encoding": "utf-8",
            }
        ],
    },
}
JUNK: list[Any] = [
    None,
    True,
    -1,
    0.5,
    "",
    "a b",
    "${var.x}",
    "${",
    "${env.X}",
    [],
    {},
    [None],
    {"": 1},
    {"${x}": {}},
    "é\x07",
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, item in inner for place in places(item, (*path, step)))]


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copied = list(value) if isinstance(value, list) else dict(value)
    copied[path[0]] = replaced(value[path[0]], path[1:], other)
    return copied


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(places(WHOLE)), st.sampled_from(JUNK))
def test_whatever_stands_in_a_manifest_it_loads_or_is_refused_with_places_and_ways_out(
    path: tuple[Any, ...], junk: Any
) -> None:
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as folder:
        root = Path(folder)
        (root / "syncspec.yaml").write_text(PROJECT + "  variables: {t: x}\n")
        (root / "rows.csv").write_text("Email,Age\nb,1\nc,\n")
        (root / "a.yaml").write_text(json.dumps(replaced(WHOLE, path, junk)))
        try:
            assert load(root).name == "law"
        except ManifestError as error:
            for item in error.diagnostics:
                assert item.is_error
                assert item.source is not None
                assert item.summary
                assert item.detail
                assert item.hint
