"""Counts the contacts that an upstream lists; exits with 1 where some are there more than once."""

from __future__ import annotations

import os
import sys
from collections import Counter

import httpx

rows = httpx.get(
    f"{sys.argv[1]}/v1/records",
    params={"collection_id": "salesforce:contact", "limit": 1000},
    headers={"authorization": f"Bearer {os.environ['CRM_TOKEN']}"},
).json()["records"]
emails = Counter(row["data"]["Email"] for row in rows)
surplus = emails.total() - len(emails)
print(f"{emails.total()} contacts, {surplus} too many")
sys.exit(1 if surplus else 0)
