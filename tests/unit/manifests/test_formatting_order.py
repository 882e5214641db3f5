"""The order of keys: the documented one where syncspec gives the names, the author's where they do."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.key_order import Order, order_of_kind
from syncspec.manifests.models import RecordSet
from syncspec.manifests.project_models import ProjectFile

HEAD = "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata:\n  name: a\n"


def formatted(text: str) -> str:
    result = format_manifest(text.encode(), file="m.yaml")
    assert result.diagnostics == ()
    assert result.content is not None
    return result.content.decode()


def models_below(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = {model}
    for info in model.model_fields.values():
        waiting: list[Any] = [info.annotation]
        while waiting:
            annotation = waiting.pop()
            waiting += get_args(annotation)
            if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in found:
                found |= models_below(annotation)
    return found


def orders_below(order: Order) -> list[Order]:
    inner = [*order.inner.values(), *([order.each] if order.each else [])]
    return [order, *(found for each in inner for found in orders_below(each))]


@pytest.mark.parametrize(("kind", "model"), [("RecordSet", RecordSet), ("Project", ProjectFile)])
def test_every_key_of_every_model_has_its_place(kind: str, model: type[BaseModel]) -> None:
    order = order_of_kind(kind)
    assert order is not None
    known = {frozenset(each.keys) for each in orders_below(order)}
    for each in models_below(model):
        assert frozenset(info.alias or name for name, info in each.model_fields.items()) in known, each


def test_a_set_has_its_keys_in_the_documented_order() -> None:
    order = order_of_kind("RecordSet")
    assert order is not None
    assert order.keys == ("apiVersion", "kind", "metadata", "spec")
    assert order.inner["metadata"].keys == ("name", "labels")
    spec = order.inner["spec"]
    assert spec.keys[:5] == ("upstream", "sync_id", "collection_id", "environments", "match_on")
    assert spec.keys[-2:] == ("records_from", "records")
    assert spec.of("records") is not None
    assert spec.inner["records"].of("anyone").keys == ("upstream_id", "lifecycle", "data")
    assert spec.inner["records"].of("anyone").of("data") is None


def test_keys_are_put_in_order_with_all_that_belongs_to_them() -> None:
    assert formatted(
        "# yaml-language-server: $schema=x\n"
        "spec:\n"
        "  # The records.\n"
        "  records:\n"
        "    zoe:\n"
        "      data:\n"
        "        b: 1 # one\n"
        "        a: 2\n"
        "        # no c\n"
        "      # As it is upstream.\n"
        "      upstream_id: '1'\n"
        "    adam:\n"
        "      data: {}\n"
        "\n"
        "  # The collection.\n"
        "  collection_id: a:b # which\n"
        "# A set.\n"
        "kind: RecordSet\n"
        "metadata:\n"
        "  labels: {b: x, a: y}\n"
        "  name: a\n"
        "apiVersion: syncspec/v1\n"
        "# The end.\n"
    ) == (
        "# yaml-language-server: $schema=x\n"
        "apiVersion: syncspec/v1\n"
        "# A set.\n"
        "kind: RecordSet\n"
        "metadata:\n"
        "  name: a\n"
        "  labels: {b: x, a: y}\n"
        "spec:\n"
        "  # The collection.\n"
        "  collection_id: a:b # which\n"
        "\n"
        "  # The records.\n"
        "  records:\n"
        "    zoe:\n"
        "      # As it is upstream.\n"
        "      upstream_id: '1'\n"
        "      data:\n"
        "        b: 1 # one\n"
        "        a: 2\n"
        "        # no c\n"
        "    adam:\n"
        "      data: {}\n"
        "# The end.\n"
    )


def test_what_a_blank_line_parts_from_the_first_key_stays_at_the_top() -> None:
    before = HEAD + "spec:\n  # All of it.\n\n  # The key.\n  match_on: [a]\n  collection_id: a:b\n"
    after = HEAD + "spec:\n  # All of it.\n\n  collection_id: a:b\n  # The key.\n  match_on: [a]\n"
    assert formatted(before) == after


def test_the_comment_at_the_top_of_a_document_stays_there() -> None:
    before = "# Licence.\nkind: Project\n# About the name.\nmetadata:\n  name: a\napiVersion: syncspec/v1\n"
    after = "# Licence.\napiVersion: syncspec/v1\nkind: Project\n# About the name.\nmetadata:\n  name: a\n"
    assert formatted(before) == after


def test_a_project_file_is_put_in_order() -> None:
    before = (
        "apiVersion: syncspec/v1\nkind: Project\nmetadata:\n  name: a\nspec:\n"
        "  guards:\n    max_adopts: 1\n    max_creates: 2\n"
        "  environments:\n    live:\n      guards: {}\n      variables: {b: 1, a: 2}\n    sandbox: {}\n"
        "  upstreams:\n    z:\n      token: ${env.T}\n      type: sequin\n    a: {token: x, type: sequin}\n"
    )
    after = (
        "apiVersion: syncspec/v1\nkind: Project\nmetadata:\n  name: a\nspec:\n"
        "  upstreams:\n    z:\n      type: sequin\n      token: ${env.T}\n    a: {token: x, type: sequin}\n"
        "  guards:\n    max_creates: 2\n    max_adopts: 1\n"
        "  environments:\n    live:\n      variables: {b: 1, a: 2}\n      guards: {}\n    sandbox: {}\n"
    )
    assert formatted(before) == after


def test_each_document_is_put_in_the_order_of_its_kind() -> None:
    before = "kind: RecordSet\napiVersion: syncspec/v1\n---\n---\nb: 1\na: 2\n---\nkind: Project\napiVersion: x\n"
    after = "apiVersion: syncspec/v1\nkind: RecordSet\n---\n---\nb: 1\na: 2\n---\napiVersion: x\nkind: Project\n"
    assert formatted(before) == after


@pytest.mark.parametrize("kind", ["Deployment", "recordset", "12"])
def test_a_document_of_another_kind_keeps_its_order(kind: str) -> None:
    text = f"spec: {{}}\nkind: {kind}\napiVersion: apps/v1\n"
    assert formatted(text) == text


def test_a_mapping_with_a_key_that_is_not_known_keeps_its_order() -> None:
    text = HEAD + "spec:\n  match_no: [a]\n  records: {}\n  collection_id: a:b\n"
    assert formatted(text) == text


def test_an_anchor_stays_before_its_alias() -> None:
    text = HEAD + "spec:\n  match_on: &key\n    - Email\n  collection_id: a:b\n"
    assert formatted(text) == HEAD + "spec:\n  collection_id: a:b\n  match_on: &key\n    - Email\n"
    needed = HEAD + "spec:\n  match_on: [&key Email]\n  upstream: *key\n  collection_id: a:b\n"
    assert formatted(needed) == needed


def test_what_an_anchor_names_keeps_its_order() -> None:
    record = "    a: &a\n      data:\n        x: 1\n      upstream_id: '1'\n"
    text = HEAD + f"spec:\n  collection_id: a:b\n  records:\n{record}    b: *a\n"
    assert formatted(text) == text


def test_empty_lines_that_a_text_keeps_are_never_more_or_less_for_an_order() -> None:
    before = HEAD + "spec:\n  upstream: x\n\n  records: {}\n\n  collection_id: |+\n    a:b\n\n"
    after = HEAD + "spec:\n  upstream: x\n\n  collection_id: |+\n    a:b\n\n  records: {}\n"
    assert formatted(before) == after
