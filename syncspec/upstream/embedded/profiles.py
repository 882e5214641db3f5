"""Profiles: how the embedded upstream behaves when a provider's records are written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncspec.diagnostics import did_you_mean
from syncspec.errors import UpstreamError
from syncspec.records import Data
from syncspec.upstream.embedded import rules
from syncspec.upstream.embedded.rules import Place, Rule

__all__ = ["PROFILES", "Profile", "find_profile", "profile_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named behaviour: rules in the order in which they are applied, and fields that no two records may share.

    `unique` maps a collection ID, or `*` for all, to field names; empty values are never compared.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    unique: Mapping[str, tuple[str, ...]] | None = None

    def write(self, data: Data, place: Place) -> Data:
        """Give the data as it is stored. Raises RefusedError where the profile refuses it."""
        for rule in self.rules:
            data = rule(data, place)
        return data

    def unique_fields(self, collection_id: str) -> tuple[str, ...]:
        declared = self.unique or {}
        return declared.get(collection_id, ()) + declared.get("*", ())


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(name="plain"),
        Profile(
            name="salesforce",
            rules=(
                rules.trim,
                rules.null_for_empty,
                rules.check_emails,
                rules.emails_only(rules.lowercase),
                rules.money_only(rules.round_to_cents),
                rules.custom_only(rules.reorder),
                rules.offsets,
                rules.long_ids,
            ),
        ),
        Profile(
            name="hubspot",
            rules=(
                rules.stringify,
                rules.empty_for_null,
                rules.emails_only(rules.trim),
                rules.emails_only(rules.lowercase),
                rules.reorder,
            ),
            unique={"hubspot:contact": ("email",)},
        ),
        Profile(name="lowercase", rules=(rules.lowercase,)),
        Profile(name="trim", rules=(rules.trim,)),
        Profile(name="round", rules=(rules.round_to_cents,)),
        Profile(name="stringify", rules=(rules.stringify,)),
        Profile(name="reorder", rules=(rules.reorder,)),
        Profile(name="empty_for_null", rules=(rules.empty_for_null,)),
        Profile(name="offsets", rules=(rules.offsets,)),
        Profile(name="drop_unknown", rules=(rules.drop_unknown,)),
        Profile(name="refuse_unknown", rules=(rules.refuse_unknown,)),
        Profile(name="unique", unique={"*": ("email", "Email")}),
    )
}
"""All profiles by name: those of providers first, then single behaviours."""


def profile_for(provider: str, chosen: Mapping[str, str]) -> Profile:
    """Give the profile chosen for a provider; else the one of its own name; else `plain`."""
    name = chosen.get(provider)
    return find_profile(name) if name is not None else PROFILES.get(provider, PROFILES["plain"])


def find_profile(text: str) -> Profile:
    """Read a choice: a name, `unique:FIELD` for another unique field, or several of them joined by `+`.

    Raises UpstreamError where a name is unknown.
    """
    parts = [_single(part.strip()) for part in text.split("+")]
    if len(parts) == 1:
        return parts[0]
    unique: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for collection, fields in (part.unique or {}).items():
            unique[collection] = unique.get(collection, ()) + fields
    return Profile(name=text, rules=tuple(rule for part in parts for rule in part.rules), unique=unique)


def _single(name: str) -> Profile:
    base, _, field = name.partition(":")
    if base == "unique" and field:
        return Profile(name=name, unique={"*": (field,)})
    if name not in PROFILES:
        raise UpstreamError(
            "Unknown profile of the embedded upstream",
            detail=f'"{name}" is none of: {", ".join(PROFILES)}. Nothing was written.',
            hint=did_you_mean(name, tuple(PROFILES)),
        )
    return PROFILES[name]
