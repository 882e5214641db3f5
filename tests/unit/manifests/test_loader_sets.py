from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncspec.errors import ManifestError
from syncspec.manifests import shape
from syncspec.manifests.loader import load_sets
from syncspec.manifests.models import Metadata, RecordSet, RecordSetSpec, RecordSpec
from syncspec.manifests.project_models import ProjectFile, ProjectMetadata, ProjectSpec, UpstreamSpec
from syncspec.manifests.reader import UNSET
from syncspec.records import FieldType

KEYED = "match_on: [Email]\n"
PAUL = "records: {paul: {data: {Email: paul@arrakis.org}}}\n"


def test_unknown_key_gets_the_nearest_one_of_its_place(workspace: Any) -> None:
    workspace.contacts(
        "match_on: [Email]\nrecords:\n  paul:\n    data: {Email: x}\n"
        "    lifecycle: {on_dirft: report}\n    upstreamid: 5\n"
    )
    first, second = workspace.errors()
    assert (first.summary, first.detail, first.hint) == (
        "Unknown key",
        '"on_dirft" is not known under spec.records.paul.lifecycle.',
        'did you mean "on_drift"?',
    )
    assert (str(first.source), first.length, first.address) == ("manifests/contacts.yaml:10:19", 8, "contacts.paul")
    assert (second.hint, second.source.line) == ('did you mean "upstream_id"?', 11)


@pytest.mark.parametrize(
    ("spec", "detail", "hint"),
    [
        ("records: []\n" + KEYED, "Expected a mapping, found a list.", "write a mapping"),
        (
            "records:\n" + KEYED,
            "Expected a mapping, found nothing.",
            "write what belongs under the key, or {} for nothing",
        ),
        (KEYED + "records: {p: 5}\n", "Expected a mapping, found a number.", "write a mapping"),
        (KEYED + "records: {p: {data: [1]}}\n", "Expected a mapping, found a list.", "write a mapping"),
        ("match_on: Email\n" + PAUL, "Expected a list, found text.", "write it as a list: [Email]"),
        ("match_on: [1]\n" + PAUL, "Expected text, found a number.", 'quote it: "1"'),
        (KEYED + "sync_id: 5\n" + PAUL, "Expected text, found a number.", 'quote it: "5"'),
        (KEYED + "sync_id: true\n" + PAUL, "Expected text, found true.", 'quote it: "true"'),
        (KEYED + "batch: {max_records: '5'}\n" + PAUL, "Expected a whole number, found text.", "take the quotes away"),
        (
            KEYED + "batch: {max_records: 0}\n" + PAUL,
            "Expected a number that is at least 1, found 0.",
            "correct the number",
        ),
        (
            KEYED + "fields: {A: {sensitive: yes}}\n" + PAUL,
            "Expected true or false, found text.",
            "write true or false",
        ),
        (KEYED + "sync_id: !unset\n" + PAUL, "Expected text, found !unset.", "write text"),
        (KEYED + "upstream: ''\n" + PAUL, "The text is empty.", "write a value, or remove the key"),
    ],
)
def test_wrong_type_is_said_in_words_of_yaml(workspace: Any, spec: str, detail: str, hint: str) -> None:
    workspace.contacts(spec)
    error = workspace.error()
    assert (error.detail, error.hint) == (detail, hint)


def test_missing_key_is_an_error_at_the_mapping_that_lacks_it(workspace: Any) -> None:
    workspace.contacts(KEYED)
    error = workspace.error()
    assert error.summary == "A key is missing"
    assert error.detail == 'Neither "records" nor "records_from" stands under spec.'
    assert (error.source.line, error.hint) == (4, "add records:, or records_from: with a file of rows")


def test_nothing_of_the_validation_library_shows(workspace: Any) -> None:
    workspace.write(
        "manifests/contacts.yaml",
        "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata: [1]\nspec:\n  collection_id: 5\n  match_on: {a: 1}\n"
        "  fields: {A: {type: txt, scale: -1, separator: ''}, B: 1}\n  batch: 5\n  records: 7\n"
        "  lifecycle: {protect: 1}\n",
    )
    text = repr(workspace.errors())
    assert "pydantic" not in text
    assert "Input should" not in text
    assert "Spec" not in text


def test_every_pattern_of_the_models_has_words() -> None:
    def patterns(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["pattern"]} if isinstance(value.get("pattern"), str) else set()
            return own.union(*map(patterns, value.values()))
        return set().union(*map(patterns, value)) if isinstance(value, list) else set()

    found = patterns(ProjectFile.model_json_schema()) | patterns(RecordSet.model_json_schema())
    known_elsewhere = {"^[A-Za-z0-9][A-Za-z0-9_.@+-]*$", r"^[a-z0-9][a-z0-9_-]*:[^\s:][^\s]*$|\$\{"}
    assert found - known_elsewhere <= set(shape.FORMS)
    assert len(found) > 3


@pytest.mark.parametrize("name", ["-a", "a b", "a/b", "ä", ".a", "_a", "a:b", "a\\nb"])
def test_record_name_outside_the_alphabet_is_an_error(workspace: Any, name: str) -> None:
    workspace.contacts(KEYED + f'records: {{"{name}": {{data: {{Email: x}}}}}}\n')
    assert workspace.error().code == "invalid-name"


@pytest.mark.parametrize("name", ["Contacts", "1a", "a.b", "a_b", "", "a b"])
def test_set_name_outside_the_alphabet_is_an_error(workspace: Any, name: str) -> None:
    text = (workspace.root / "manifests/contacts.yaml").read_text()
    workspace.write("manifests/contacts.yaml", text.replace("name: contacts", f"name: '{name}'"))
    assert workspace.error().source.line == 3


def test_two_sets_of_one_name_are_an_error_that_shows_both_places(workspace: Any) -> None:
    text = (workspace.root / "manifests/contacts.yaml").read_text()
    workspace.write("manifests/z.yaml", text)
    error = workspace.error()
    assert (error.code, str(error.source)) == ("duplicate-set", "manifests/z.yaml:3:18")
    assert error.detail == '"contacts" is also the name of the set at manifests/contacts.yaml:3:18.'


def test_set_without_records_is_fine(workspace: Any) -> None:
    workspace.contacts(KEYED + "records: {}\n")
    assert workspace.load().sets[0].records == ()


@pytest.mark.parametrize(
    "collection", ["contact", "Salesforce:contact", "salesforce:", ":contact", "salesforce: contact", "a:b:"]
)
def test_collection_is_provider_and_name(workspace: Any, collection: str) -> None:
    text = (workspace.root / "manifests/contacts.yaml").read_text()
    workspace.write("manifests/contacts.yaml", text.replace("salesforce:contact", f"'{collection}'"))
    if collection == "a:b:":
        assert workspace.error().code == "no-sync"
    else:
        assert (
            workspace.error().hint == "write provider:name with the provider in lower case, such as salesforce:contact"
        )


def test_upstream_must_be_named_where_there_are_several(workspace: Any) -> None:
    workspace.project("", base=(workspace.root / "syncspec.yaml").read_text() + "    erp: {type: embedded}\n")
    assert workspace.error().detail == "The project has several upstreams: crm, erp."
    workspace.contacts("upstream: crn\n" + KEYED + PAUL)
    error = workspace.error()
    assert (error.code, error.hint) == ("unknown-upstream", 'did you mean "crm"?')


def test_sync_comes_from_the_set_else_the_upstream(workspace: Any) -> None:
    assert workspace.load().sets[0].target.sync_id == "sf-sync"
    workspace.contacts("sync_id: mine\n" + KEYED + PAUL)
    assert workspace.load().sets[0].target.sync_id == "mine"
    workspace.contacts(KEYED + PAUL, collection="stripe:customer")
    error = workspace.error()
    assert error.code == "no-sync"
    assert "spec.upstreams.crm.syncs" in error.hint


def test_defaults_are_merged_by_top_level_key_from_the_farthest_to_the_nearest(workspace: Any) -> None:
    workspace.project("collections: {salesforce:contact: {defaults: {A: far, B: far, C: far, D: far}}}\n")
    workspace.contacts(
        KEYED + "defaults: {B: near, C: {x: 1}, D: !unset }\n"
        "records: {paul: {data: {Email: x, C: {y: 2}, A: !unset , B: null}}}\n"
    )
    assert workspace.data() == {"Email": "x", "C": {"y": 2}, "B": None}


@pytest.mark.parametrize(
    "data", ["{Email: x, A: !unset }", "{Email: x, B: !unset , A: [!unset ]}", "{Email: x, A: {b: !unset }}"]
)
def test_unset_without_a_default_is_an_error(workspace: Any, data: str) -> None:
    workspace.contacts(KEYED + f"defaults: {{B: 1}}\nrecords: {{paul: {{data: {data}}}}}\n")
    assert workspace.error().code == "misplaced-unset"


def test_unset_in_lowest_defaults_is_an_error(workspace: Any) -> None:
    workspace.contacts(KEYED + "defaults: {B: !unset }\n" + PAUL)
    assert (workspace.error().code, workspace.error().source.line) == ("misplaced-unset", 7)


@pytest.mark.parametrize("record", ["{data: {}}", "{data: {B: !unset }}"])
def test_record_without_data_is_an_error(workspace: Any, record: str) -> None:
    workspace.contacts(f"marker_field: M\ndefaults: {{B: 1}}\nrecords: {{paul: {record}}}\n")
    if record == "{data: {}}":
        assert workspace.data() == {"B": 1}
    else:
        assert workspace.error().code == "empty-data"


def test_field_without_a_name_is_an_error(workspace: Any) -> None:
    workspace.contacts(KEYED + "records: {paul: {data: {Email: x, '': 1}}}\n")
    assert workspace.error().summary == "A field has no name"


def test_field_rules_are_merged_over_collection_and_provider(workspace: Any) -> None:
    workspace.project(
        "collections:\n  salesforce:contact:\n"
        "    fields: {S: {sensitive: true, compare: trim}, A: {type: decimal, scale: 2}}\n"
    )
    workspace.contacts(KEYED + "fields: {S: {compare: casefold}, A: {type: text}, OwnerId: {type: text}}\n" + PAUL)
    rules = workspace.load().sets[0].rules
    assert (rules.rule("S").sensitive, rules.rule("S").compare) == (True, "casefold")
    assert (rules.rule("A").type, rules.rule("A").scale) == (FieldType.TEXT, None)
    assert rules.rule("OwnerId").type is FieldType.TEXT
    assert rules.rule("AccountId").type is FieldType.ID


@pytest.mark.parametrize(
    "options", ["{scale: 2}", "{type: text, scale: 2}", "{separator: ','}", "{type: integer, compare: casefold}"]
)
def test_contradictory_options_are_an_error_at_the_option(workspace: Any, options: str) -> None:
    workspace.contacts(KEYED + f"fields: {{A: {options}}}\n" + PAUL)
    assert workspace.error().code == "contradiction"


def test_value_that_does_not_fit_its_type_is_an_error_at_the_value(workspace: Any) -> None:
    workspace.contacts(
        KEYED + "fields: {Amount: {type: decimal}}\ndefaults: {Amount: much}\n"
        "records:\n  a: {data: {Email: x}}\n  b: {data: {Email: y, Amount: [1]}}\n"
    )
    first, second = workspace.errors()
    assert (first.source.line, first.address) == (8, None)
    assert second.detail == '"Amount" has the type decimal: expected a number, found a list.'
    assert (second.source.line, second.address) == (11, "contacts.b")


def test_equal_loose_keys_are_an_error_across_sets_that_shows_both(workspace: Any) -> None:
    workspace.contacts(KEYED + "records: {p2: {data: {Email: ' PAUL@arrakis.org'}}}\n", name="people")
    error = workspace.error()
    assert (error.code, error.address, str(error.source)) == (
        "duplicate-key-values",
        "people.p2",
        "manifests/people.yaml:7:13",
    )
    assert error.detail == (
        'people.p2 (Email: " PAUL@arrakis.org") and contacts.paul (Email: "paul@arrakis.org") at '
        "manifests/contacts.yaml:8:5 have nearly the same key in salesforce:contact."
    )


@pytest.mark.parametrize("spec", ["sync_id: other\n" + KEYED, "match_on: [Name]\n"])
def test_equal_keys_in_other_places_or_of_other_fields_are_fine(workspace: Any, spec: str) -> None:
    workspace.contacts(
        spec + "records: {p: {data: {Email: paul@arrakis.org, Name: paul@arrakis.org}}}\n", name="people"
    )
    assert len(workspace.load().sets) == 2


@pytest.mark.parametrize(
    ("value", "what"), [("null", "is empty here"), ("''", "is empty here"), ("'  '", "is empty here")]
)
def test_record_without_a_key_value_is_an_error(workspace: Any, value: str, what: str) -> None:
    workspace.contacts(KEYED + f"records: {{a: {{data: {{Email: {value}}}}}, b: {{data: {{Email: x}}}}}}\n")
    assert what in workspace.error().detail


def test_misspelt_key_field_is_one_error_and_not_one_per_record(workspace: Any) -> None:
    workspace.contacts("match_on: [Emial]\nrecords: {a: {data: {Email: x}}, b: {data: {Email: y}}}\n")
    error = workspace.error()
    assert (error.code, error.hint, error.source.line) == ("unknown-key-field", 'did you mean "Email"?', 6)


def test_set_without_key_or_marker_goes_one_by_one_with_a_warning(workspace: Any) -> None:
    workspace.contacts("batch: {max_records: 50}\n" + PAUL)
    project = workspace.load()
    assert project.sets[0].max_records == 1
    assert [item.code for item in project.diagnostics] == ["no-match-key"]


@pytest.mark.parametrize(
    ("collection", "batch", "limit", "warnings"),
    [
        ("salesforce:contact", "", 200, []),
        ("hubspot:contact", "", 100, []),
        ("github:issue", "sync_id: g\n", 100, []),
        ("salesforce:contact", "batch: {max_records: 20}\n", 20, []),
        ("salesforce:contact", "batch: {max_records: 201}\n", 201, ["large-batch"]),
        ("github:issue", "sync_id: g\nbatch: {max_records: 500}\n", 500, []),
    ],
)
def test_batch_size_is_declared_or_the_providers(
    workspace: Any, collection: str, batch: str, limit: int, warnings: list[str]
) -> None:
    workspace.contacts(KEYED + batch + PAUL, collection=collection)
    project = workspace.load()
    assert project.sets[0].max_records == limit
    assert [item.code for item in project.diagnostics] == warnings


def test_marker_names_project_environment_and_address(workspace: Any) -> None:
    workspace.contacts("marker_field: Key__c\n" + PAUL)
    assert workspace.load().sets[0].records[0].marker == "arrakis/contacts.paul"
    workspace.project("environments: {prod: {}}\n")
    assert workspace.load(environment="prod").sets[0].records[0].marker == "arrakis@prod/contacts.paul"


@pytest.mark.parametrize("spec", ["defaults: {Key__c: x}\n" + PAUL, "records: {p: {data: {Email: x, Key__c: y}}}\n"])
def test_marker_field_cannot_be_declared_as_data(workspace: Any, spec: str) -> None:
    workspace.contacts("marker_field: Key__c\n" + spec)
    assert workspace.error().code == "marker-in-data"


def test_marker_field_is_no_key_field(workspace: Any) -> None:
    workspace.contacts("marker_field: Email\nmatch_on: [Email]\nrecords: {p: {data: {X: 1}}}\n")
    assert workspace.error().code == "marker-in-match-on"


@pytest.mark.parametrize(
    ("other", "same"), [("0038b00002xyzAA", True), ("0038b00002xyzAAAAY", True), ("0038b00002xyzAb", False)]
)
def test_two_records_cannot_claim_one_upstream_id(workspace: Any, other: str, same: bool) -> None:
    workspace.contacts(
        KEYED + "records:\n  a: {upstream_id: 0038b00002xyzAA, data: {Email: x}}\n"
        f"  b: {{upstream_id: {other}, data: {{Email: y}}}}\n"
    )
    if same:
        error = workspace.error()
        assert (error.code, error.address) == ("duplicate-upstream-id", "contacts.b")
        assert "manifests/contacts.yaml:8:5" in error.detail
    else:
        assert len(workspace.load().sets[0].records) == 2


def test_sensitive_values_are_in_no_message(workspace: Any) -> None:
    workspace.contacts(
        "match_on: [SSN]\nfields: {SSN: {sensitive: true, type: integer}}\nrecords:\n"
        "  a: {data: {SSN: canary-1}}\n  b: {data: {SSN: Canary-1}}\n  c: {data: {SSN: 0777123}}\n"
        "  d: {dta: 1, data: {SSN: canary-2}}\n  e:\n    data:\n      SSN:\n        canary-3\n"
    )
    errors = workspace.errors()
    assert {error.code for error in errors} >= {
        "wrong-value",
        "duplicate-key-values",
        "ambiguous-number",
        "unknown-key",
    }
    assert "canary" not in repr(errors).lower()
    assert "777123" not in repr(errors)


def test_fault_in_a_collection_is_reported_once_and_not_by_each_set(workspace: Any) -> None:
    workspace.project(
        "collections: {salesforce:contact: {defaults: {Amount: much}, fields: {Amount: {type: decimal}}}}\n"
    )
    workspace.contacts(KEYED + "records: {a: {data: {Email: x}}}\n", name="people")
    assert str(workspace.error().source) == "syncspec.yaml:11:57"


def test_misspelt_ignored_field_gets_a_warning(workspace: Any) -> None:
    workspace.contacts(KEYED + "lifecycle: {ignore_changes: [Emial, SystemModstamp]}\n" + PAUL)
    (warning,) = workspace.load().diagnostics
    assert (warning.code, warning.hint) == ("unknown-field", 'did you mean "Email"?')


def test_consumers_of_the_set_win(workspace: Any) -> None:
    workspace.contacts(KEYED + "await_consumers: {ids: [a, b]}\n" + PAUL)
    assert workspace.load().sets[0].await_consumers.ids == ("a", "b")


def test_collection_is_inherited_and_the_set_wins(workspace: Any) -> None:
    workspace.project(
        "collections: {salesforce:contact: {match_on: [Name], marker_field: M, batch: {max_records: 9}}}\n"
    )
    workspace.contacts("records: {a: {data: {Name: x}}}\n")
    workspace.contacts("match_on: [Email]\nbatch: {max_records: 2}\n" + PAUL, name="people")
    contacts, people = workspace.load().sets
    assert (contacts.match_on, contacts.marker_field, contacts.max_records) == (("Name",), "M", 9)
    assert (people.match_on, people.marker_field, people.max_records) == (("Email",), "M", 2)


def built(**spec: Any) -> RecordSet:
    return RecordSet(
        metadata=Metadata(name="contacts"),
        spec=RecordSetSpec(collection_id="salesforce:contact", match_on=("Email",), **spec),
    )


def test_sets_built_in_python_go_the_same_way(tmp_path: Path) -> None:
    project = ProjectFile(
        metadata=ProjectMetadata(name="arrakis"),
        spec=ProjectSpec(upstreams={"crm": UpstreamSpec(type="embedded")}, variables={"d": "x.org"}),
    )
    records = {"paul": RecordSpec(data={"Email": "p@${var.d}", "A": UNSET, "B": None})}
    loaded = load_sets([built(defaults={"A": 1, "C": 2}, records=records)], project, root=tmp_path)
    assert loaded.sets[0].records[0].data == {"Email": "p@x.org", "B": None, "C": 2}
    assert (loaded.name, loaded.lockfile) == ("arrakis", tmp_path.resolve() / "syncspec.lock")
    assert load_sets(
        [built(records=records, defaults={"A": 1})], None, root=tmp_path, upstream="embedded", variables={"d": "y"}
    )


def test_errors_of_sets_built_in_python_name_the_address(tmp_path: Path) -> None:
    bad = {"a": RecordSpec(data={"Email": ""}), "b": RecordSpec(data={"Email": "${var.x}"})}
    with pytest.raises(ManifestError) as caught:
        load_sets([built(records=bad)], None, root=tmp_path, upstream="embedded")
    assert {error.address for error in caught.value.diagnostics} == {"contacts.a", "contacts.b"}
    with pytest.raises(ManifestError, match="No project file"):
        load_sets([], None, root=tmp_path)


def test_value_that_json_cannot_hold_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="JSON"):
        load_sets(
            [built(records={"a": RecordSpec(data={"Email": float("nan")})})], None, root=tmp_path, upstream="embedded"
        )
