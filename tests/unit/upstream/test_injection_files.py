"""Faults files: their schema, and what a reader is told who gets one wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from syncspec.errors import ManifestError
from syncspec.manifests.reader import read_file
from syncspec.render.diagnostics import diagnostics_text
from syncspec.render.schemas import all_schemas
from syncspec.upstream.embedded.faults.file import read_faults
from syncspec.upstream.embedded.faults.models import FaultsFile
from syncspec.upstream.embedded.faults.terms import MutationFault, ReadFault

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "faults"
EXAMPLES = sorted((ROOT / "examples").glob("**/faults*.yaml"))
SCHEMA = all_schemas()["faults.v1.schema.json"]


def value_of(path):
    (document,), _ = read_file(path, file=path.name)
    return document.value


def test_every_key_of_a_faults_file_is_explained_with_examples_that_fit():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for place in (SCHEMA, *SCHEMA["$defs"].values()):
        for key, about in place.get("properties", {}).items():
            assert about["title"], key
            assert about["description"], key
            for example in about["examples"]:
                jsonschema.Draft202012Validator({**about, "$defs": SCHEMA["$defs"]}).validate(example)


@pytest.mark.parametrize("path", [*sorted((CASES / "good").iterdir()), *EXAMPLES], ids=lambda path: path.name)
def test_a_good_file_fits_the_schema(path):
    jsonschema.Draft202012Validator(SCHEMA).validate(value_of(path))
    read_faults(path)


@pytest.mark.parametrize("name", ["misspelt.yaml", "types.yaml", "kind.yaml", "kind-misspelt.yaml", "not-ours.yaml"])
def test_the_schema_refuses_what_the_reader_refuses(name):
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(value_of(CASES / "bad" / name))


def test_the_case_of_everything_uses_every_fault_and_every_key():
    text = (CASES / "good" / "everything.yaml").read_text(encoding="utf-8")
    for name in (*MutationFault, *ReadFault):
        assert f"fault: {name}" in text
    spec = read_faults(CASES / "good" / "everything.yaml")
    rules = (*spec.mutations, *spec.reads)
    used = {name for rule in rules for name in rule.model_fields_set}
    assert used == {name for rule in rules for name in type(rule).model_fields}
    assert spec.syncs is not None
    assert spec.syncs.model_fields_set == set(type(spec.syncs).model_fields)


def test_a_misspelt_fault_is_told_with_its_line_and_what_was_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("faults.yaml")
    path.write_text("apiVersion: syncspec/v1\nkind: Faults\nspec:\n  reads:\n    - fault: emty_page\n")
    with pytest.raises(ManifestError) as caught:
        read_faults(path)
    assert diagnostics_text(caught.value.diagnostics) == (
        "error: A value is not one of those that are known here\n"
        "  faults.yaml:5:14\n"
        "      5 |     - fault: emty_page\n"
        "        |              ^^^^^^^^^\n"
        "  Expected error or rate_limited or dropped_connection or no_answer or truncated_body or unreadable_body or "
        'latency or empty_page or duplicated_rows or stream_reset, found "emty_page".\n'
        '  hint: did you mean "empty_page"?\n'
    )


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ManifestError) as caught:
        read_faults(tmp_path / "none.yaml")
    assert "none.yaml" in diagnostics_text(caught.value.diagnostics)


def test_a_file_is_what_its_model_prints(tmp_path):
    spec = read_faults(CASES / "good" / "everything.yaml")
    written = tmp_path / "again.yaml"
    written.write_text(json.dumps(FaultsFile(spec=spec).model_dump(mode="json", by_alias=True)))
    assert read_faults(written) == spec


def test_the_example_shows_its_own_file_and_every_recipe_works():
    page = (ROOT / "examples" / "faults" / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert shown in (ROOT / "examples" / "faults" / "faults.yaml").read_text(encoding="utf-8")
    recipes = [re.findall(r"`([^`]*)`", line.split("|")[2]) for line in page.splitlines() if line.startswith("| a ")]
    assert len(recipes) > 8
    for recipe in recipes:
        named = " ".join(recipe)
        for key in re.findall(r"(\w+):", named):
            assert f'"{key}"' in json.dumps(SCHEMA), key
        for fault in re.findall(r"fault: (\w+)", named):
            assert fault in {*MutationFault, *ReadFault}
