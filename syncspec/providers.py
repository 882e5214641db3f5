"""What is known of providers: limits, and how they store values. Facts only; nothing here talks to a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from syncspec.records import FieldRule, FieldType

__all__ = ["DEFAULT_MAX_RECORDS", "KNOWN_PROVIDERS", "Provider", "provider"]

DEFAULT_MAX_RECORDS = 100
"""Records per request where nothing is known of the provider."""


_ANY = FieldRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, as the part of a collection ID before the colon names it.

    `max_records` is the most that one create request may hold. `fields` are rules for fields that every collection
    of the provider has; `default` is the rule of all others. `null` is the value that clears a field.
    `multi_as_list`: multi-selects travel as JSON lists, not as text with separators. `read_only` are fields that the
    provider itself writes, in every collection, and `read_only_in` those of one collection, by its name in lower case.
    """

    name: str
    max_records: int = DEFAULT_MAX_RECORDS
    scalars_as_text: bool = False
    fields: Mapping[str, FieldRule] = field(default_factory=lambda: MappingProxyType({}))
    default: FieldRule = _ANY
    null: str | None = None
    multi_as_list: bool = False
    read_only: frozenset[str] = frozenset()
    read_only_in: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def writes_itself(self, collection_id: str, name: str) -> bool:
        """Whether the provider is known to write the field itself, so that nobody else can."""
        collection = collection_id.partition(":")[2].lower()
        return name in self.read_only or name in self.read_only_in.get(collection, ())


_ID = FieldRule(type=FieldType.ID)
_DATETIME = FieldRule(type=FieldType.DATETIME)

_SALESFORCE_IDS = (
    "AccountId",
    "CampaignId",
    "CaseId",
    "ContactId",
    "ContractId",
    "CreatedById",
    "Id",
    "LastModifiedById",
    "LeadId",
    "MasterRecordId",
    "OpportunityId",
    "OrderId",
    "OwnerId",
    "ParentId",
    "Pricebook2Id",
    "PricebookEntryId",
    "Product2Id",
    "QuoteId",
    "RecordTypeId",
    "ReportsToId",
    "WhatId",
    "WhoId",
)
_SALESFORCE_DATETIMES = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_HUBSPOT_DATETIMES = ("createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate")
_SALESFORCE_READ_ONLY = frozenset(
    {
        "BillingAddress",
        "CreatedById",
        "CreatedDate",
        "Id",
        "IsDeleted",
        "LastActivityDate",
        "LastModifiedById",
        "LastModifiedDate",
        "LastReferencedDate",
        "LastViewedDate",
        "MailingAddress",
        "MasterRecordId",
        "OtherAddress",
        "PhotoUrl",
        "ShippingAddress",
        "SystemModstamp",
        "attributes",
    }
)
_OF_PERSONS = frozenset({"Address", "Name"})
"""Salesforce puts these together from other fields of a person."""
_HUBSPOT_READ_ONLY = frozenset(
    {
        *_HUBSPOT_DATETIMES,
        "hs_created_by_user_id",
        "hs_object_id",
        "hs_object_source",
        "hs_object_source_id",
        "hs_object_source_label",
        "hs_updated_by_user_id",
        "hubspot_owner_assigneddate",
        "notes_last_contacted",
        "notes_last_updated",
        "num_associated_contacts",
        "num_associated_deals",
    }
)

KNOWN_PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        known.name: known
        for known in (
            Provider(
                name="salesforce",
                max_records=200,
                fields=MappingProxyType(
                    {**dict.fromkeys(_SALESFORCE_IDS, _ID), **dict.fromkeys(_SALESFORCE_DATETIMES, _DATETIME)}
                ),
                read_only=_SALESFORCE_READ_ONLY,
                read_only_in=MappingProxyType(dict.fromkeys(("contact", "lead", "user"), _OF_PERSONS)),
            ),
            Provider(
                name="hubspot",
                scalars_as_text=True,
                null="",
                fields=MappingProxyType({"hs_object_id": _ID, **dict.fromkeys(_HUBSPOT_DATETIMES, _DATETIME)}),
                read_only=_HUBSPOT_READ_ONLY,
            ),
            Provider(name="airtable", max_records=10, multi_as_list=True, read_only=frozenset({"createdTime", "id"})),
            Provider(name="stripe", max_records=1, read_only=frozenset({"created", "id", "livemode", "object"})),
        )
    }
)
"""The providers whose limits and habits are known, by name."""


def provider(name: str) -> Provider:
    """What is known of a provider; a name that is not known gets the general defaults."""
    return KNOWN_PROVIDERS.get(name) or Provider(name=name)
