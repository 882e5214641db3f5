from __future__ import annotations

from typing import Any

import pytest


def moves(workspace: Any, *pairs: tuple[str, str], records: str = "paul", name: str = "contacts") -> None:
    declared = "".join(f"  {each}: {{data: {{Email: {each}@x.org}}}}\n" for each in records.split())
    listed = "".join(f'  - {{from: "{before}", to: "{after}"}}\n' for before, after in pairs)
    workspace.contacts(f"match_on: [Email]\nmoved:\n{listed}records:\n{declared}", name=name)


def former(workspace: Any) -> dict[str, tuple[str, ...]]:
    return {record.address: record.former for each in workspace.load().sets for record in each.records if record.former}


def test_a_renamed_record_knows_its_former_address(workspace: Any) -> None:
    moves(workspace, ("muaddib", "paul"))
    assert former(workspace) == {"contacts.paul": ("contacts.muaddib",)}


def test_a_record_of_another_set_is_named_by_its_address(workspace: Any) -> None:
    moves(workspace, ("people.paul", "paul"), ("leto", "dukes.leto"))
    workspace.contacts("match_on: [Email]\nrecords: {leto: {data: {Email: l@x.org}}}\n", name="dukes")
    # A text with a dot may be a name of the set, too: the lockfile tells which it was.
    assert former(workspace) == {
        "contacts.paul": ("contacts.people.paul", "people.paul"),
        "dukes.leto": ("contacts.leto",),
    }


def test_a_name_with_a_dot_and_a_sign_is_a_name(workspace: Any) -> None:
    moves(workspace, ("paul@x.org", "paul"))
    assert former(workspace) == {"contacts.paul": ("contacts.paul@x.org",)}


def test_a_chain_of_renames_ends_at_the_declared_record_whatever_their_order(workspace: Any) -> None:
    for pairs in ([("a", "b"), ("b", "c"), ("c", "paul")], [("c", "paul"), ("a", "b"), ("b", "c")]):
        moves(workspace, *pairs)
        assert former(workspace) == {"contacts.paul": ("contacts.c", "contacts.b", "contacts.a")}


@pytest.mark.parametrize(
    ("pairs", "code", "text"),
    [
        ([("a", "pual")], "unknown-record", '"pual" is not declared'),
        ([("a", "b"), ("b", "nobody")], "unknown-record", "is not declared"),
        ([("a", "b"), ("b", "a")], "unknown-record", "is not declared"),
        ([("paul", "leto")], "moved-and-declared", "contacts.paul is declared"),
        ([("a", "paul"), ("a", "leto")], "moved-twice", '"a" was renamed twice'),
        ([("a", "paul"), ("b", "paul")], "moved-twice", '"paul" is what two records were renamed to'),
        ([("a b", "paul")], "invalid-name", '"a b" is neither a name nor an address'),
    ],
)
def test_a_move_that_cannot_be_is_an_error_at_its_place(
    workspace: Any, pairs: list[tuple[str, str]], code: str, text: str
) -> None:
    moves(workspace, *pairs, records="paul leto")
    errors = workspace.errors()
    assert {error.code for error in errors} == {code}
    assert text in errors[0].detail
    assert all(error.source.file == "manifests/contacts.yaml" and error.source.line > 7 for error in errors)


def test_a_misspelt_name_gets_a_suggestion(workspace: Any) -> None:
    moves(workspace, ("a", "pual"))
    assert 'did you mean "contacts.paul"?' in workspace.error().hint


def test_unknown_keys_of_a_move_are_errors(workspace: Any) -> None:
    workspace.contacts("match_on: [Email]\nmoved: [{from: a, into: p}]\nrecords: {p: {data: {Email: x}}}\n")
    assert {error.code for error in workspace.errors()} == {"unknown-key", "missing-key"}
