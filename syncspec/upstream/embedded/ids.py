"""Upstream IDs in the form that each provider gives them. A serial number makes an ID, so none is used twice."""

from __future__ import annotations

import hashlib

__all__ = ["salesforce_18", "upstream_id"]

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

_SALESFORCE_PREFIXES = {
    "account": "001",
    "asset": "02i",
    "campaign": "701",
    "case": "500",
    "contact": "003",
    "contract": "800",
    "event": "00U",
    "lead": "00Q",
    "opportunity": "006",
    "opportunity_line_item": "00k",
    "order": "801",
    "pricebook2": "01s",
    "pricebook_entry": "01u",
    "product2": "01t",
    "task": "00T",
    "user": "005",
}
_STRIPE_PREFIXES = {
    "coupon": "coupon",
    "customer": "cus",
    "invoice": "in",
    "price": "price",
    "product": "prod",
    "subscription": "sub",
}
_NUMERIC = frozenset({"github", "hubspot", "shopify"})


def upstream_id(collection_id: str, serial: int, seed: int) -> str:
    """Give the ID of the record with this serial number. The same three arguments always give the same ID."""
    provider, _, name = collection_id.partition(":")
    name = name or provider
    match provider:
        case "salesforce":
            return salesforce_18(_salesforce_prefix(name) + _base62(seed, 2) + "0" + _base62(serial, 9))
        case "stripe":
            return f"{_STRIPE_PREFIXES.get(name, name[:8])}_{_base62(seed, 4)}{_base62(serial, 10)}"
        case "airtable":
            return f"rec{_base62(seed, 4)}{_base62(serial, 10)}"
        case _ if provider in _NUMERIC:
            return str((100 + seed % 900) * 10**9 + serial)
        case _:
            return f"{name[:12]}_{_base62(seed, 4)}{_base62(serial, 10)}"


def salesforce_18(short: str) -> str:
    """Lengthen a case-sensitive 15-character ID by the 3 characters that tell upper from lower case."""
    suffix = ""
    for start in (0, 5, 10):
        chunk = short[start : start + 5]
        suffix += _CHECKSUM[sum(1 << bit for bit, char in enumerate(chunk) if "A" <= char <= "Z")]
    return short + suffix


def _salesforce_prefix(name: str) -> str:
    lowered = name.lower()
    known = _SALESFORCE_PREFIXES.get(lowered) or _SALESFORCE_PREFIXES.get(lowered.replace("_", ""))
    if known is not None:
        return known
    digest = int.from_bytes(hashlib.sha256(lowered.encode()).digest()[:4])
    # Custom objects have prefixes of their own, which begin with "a".
    return ("a" if lowered.endswith("__c") else "0") + _base62(digest, 2)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
