"""Columns that name records of other tables."""

from __future__ import annotations

import pytest

from syncspec.manifests.foreign.tables import linked_column


@pytest.mark.parametrize(
    ("column", "field", "fields", "objects"),
    [
        ("Account.Ext_Id__c", "AccountId", ("Ext_Id__c",), ("Account",)),
        ("Product_Family__r.Name", "Product_Family__c", ("Name",), ("Product_Family__c",)),
        ("Account.$$Key1__c$Key2__c", "AccountId", ("Key1__c", "Key2__c"), ("Account",)),
        ("Parent$Account.Name", "ParentId", ("Name",), ("Account",)),
        ("Parent.Name", "ParentId", ("Name",), ("Lead",)),
        ("ReportsTo.Email", "ReportsToId", ("Email",), ("Contact",)),
        ("Owner.Username", "OwnerId", ("Username",), ("User",)),
        ("RecordType.DeveloperName", "RecordTypeId", ("DeveloperName",), ("RecordType",)),
    ],
)
def test_a_column_says_which_record_a_field_names(
    column: str, field: str, fields: tuple[str, ...], objects: tuple[str, ...]
) -> None:
    linked = linked_column(column, "Lead")
    assert linked is not None
    assert (linked.field, linked.fields, linked.objects) == (field, fields, objects)


@pytest.mark.parametrize("column", ["Name", "AccountId", "a.b.c", ".x", "x.", "First name.x", "1.5", "$$a$b"])
def test_other_columns_are_fields_of_their_own(column: str) -> None:
    assert linked_column(column, "Lead") is None
