"""A new project in an editor that speaks the YAML language server: what it offers, explains and underlines, offline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import run
from support.language_server import Editor, editing

HEAD = """\
# yaml-language-server: $schema=../schemas/recordset.v1.schema.json
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor")
    assert run("init", "crm", folder=folder).code == 0
    return folder / "crm"


@pytest.fixture(scope="module")
def editor(project: Path) -> Iterator[Editor]:
    with editing(project) as editor:
        yield editor


def shown(editor: Editor, project: Path, text: str) -> tuple[Path, int, int]:
    """A new manifest with the cursor at the mark ‸: the file, and the cursor's line and column."""
    before, _, after = text.partition("‸")
    file = project / "manifests" / f"draft-{uuid.uuid4()}.yaml"
    editor.open(file, before + after)
    return file, before.count("\n"), len(before.rpartition("\n")[2])


def test_nothing_is_underlined_in_a_new_project(editor: Editor, project: Path) -> None:
    for name in ("syncspec.yaml", "manifests/contacts.yaml"):
        file = project / name
        editor.open(file, file.read_text(encoding="utf-8"))
        assert editor.findings(file) == []


def test_a_key_is_explained_where_the_pointer_rests(editor: Editor, project: Path) -> None:
    told = editor.hover(*shown(editor, project, HEAD + "  ma‸tch_on:\n    - Email\n  records: {}\n"))
    assert "The fields that together recognise a record upstream: its natural key." in told


def test_keys_are_offered_with_what_they_mean(editor: Editor, project: Path) -> None:
    offered = editor.completions(*shown(editor, project, HEAD + "  ‸\n  records: {}\n"))
    assert {"match_on", "marker_field", "lifecycle", "records_from", "sync_id"} <= set(offered)
    assert "collection_id" not in offered
    assert offered["match_on"].startswith("The fields that together recognise a record upstream")


def test_words_of_a_choice_are_offered_with_what_they_mean(editor: Editor, project: Path) -> None:
    offered = editor.completions(*shown(editor, project, HEAD + "  lifecycle:\n    on_drift: ‸\n  records: {}\n"))
    assert {"report", "restore", "fail"} <= set(offered)
    assert "Write the declared value back." in offered["restore"]


def test_a_chosen_word_is_explained_where_the_pointer_rests(editor: Editor, project: Path) -> None:
    told = editor.hover(*shown(editor, project, HEAD + "  lifecycle:\n    on_drift: res‸tore\n  records: {}\n"))
    assert "* `restore`: Write the declared value back." in told


def test_a_misspelt_key_and_a_missing_one_are_underlined(editor: Editor, project: Path) -> None:
    file, _, _ = shown(editor, project, HEAD + "  match_onn:\n    - Email\n  records: {}\n")
    assert any("match_onn" in finding for finding in editor.findings(file))
    file, _, _ = shown(editor, project, HEAD.replace("collection_id: salesforce:contact", "records: {}"))
    assert any("collection_id" in finding for finding in editor.findings(file))


def test_expressions_tags_and_null_are_not_underlined(editor: Editor, project: Path) -> None:
    text = HEAD + "  batch:\n    max_records: ${var.most}\n  upstream: null\n  records:\n    paul:\n      data:\n"
    file, _, _ = shown(editor, project, text + "        LeadSource: !unset\n        Email: ${var.mail}\n")
    assert editor.findings(file) == []
