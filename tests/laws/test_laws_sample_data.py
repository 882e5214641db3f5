"""The main job on real records of a Salesforce sample app, where they lie beside the checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import syncspec
from syncspec.apply.report import RecordOutcome
from syncspec.planning.plan import Action

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "ebikes"
FILES = {"accounts": "Accounts.json", "families": "Product_Family__cs.json", "products": "Product__cs.json"}

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample data is not beside this checkout")


def record_set(name: str, file: str) -> syncspec.RecordSet:
    """A set of a file's records under their reference IDs; fields that refer to other records are left out."""
    records: dict[str, Any] = {}
    for item in json.loads((SAMPLES / file).read_text(encoding="utf-8"))["records"]:
        attributes = item.pop("attributes")
        data = {key: value for key, value in item.items() if not str(value).startswith("@")}
        records[attributes["referenceId"]] = {"data": data}
        kind = attributes["type"].lower()
    return syncspec.RecordSet.model_validate(
        {
            "apiVersion": "syncspec/v1",
            "kind": "RecordSet",
            "metadata": {"name": name},
            "spec": {"collection_id": f"salesforce:{kind}", "match_on": ["Name"], "records": records},
        }
    )


def test_the_sample_apps_records_are_created_once(tmp_path: Path) -> None:
    sets = [record_set(name, file) for name, file in FILES.items()]
    declared = sum(len(item.spec.records) for item in sets)
    assert declared > 20
    with syncspec.from_sets(sets, root=tmp_path, upstream="embedded", environ={}) as project:
        plan = project.plan()
        assert plan.summary[Action.CREATE] == declared
        report = project.apply(plan, approved=plan.digest)
        assert report.summary[RecordOutcome.CREATED] == declared
        assert project.plan().is_empty
        assert project.apply().summary[RecordOutcome.UNCHANGED] == declared
