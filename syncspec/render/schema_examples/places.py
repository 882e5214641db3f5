"""Where the example's records live."""

from __future__ import annotations

from typing import Final

__all__ = ["PLACE", "SOURCE", "SYNC", "WHERE"]

SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"
PLACE: Final = {
    "upstream": "crm",
    "endpoint": "9f86d081884c7d65",
    "sync_id": SYNC,
    "collection_id": "salesforce:contact",
}
WHERE: Final = {"upstream": "crm", "sync_id": SYNC, "collection_id": "salesforce:contact"}
SOURCE: Final = {"file": "manifests/contacts.yaml", "line": 14, "column": 5}
