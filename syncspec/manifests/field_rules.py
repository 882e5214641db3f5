"""Merges what provider, collection and set say about fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncspec.manifests.models import FieldSpec
from syncspec.providers import Provider
from syncspec.records import Compare, FieldRule, FieldRules, FieldType

__all__ = ["contradiction", "merged_rules"]

_NOT_TEXT = frozenset(
    {FieldType.INTEGER, FieldType.DECIMAL, FieldType.BOOLEAN, FieldType.DATE, FieldType.DATETIME, FieldType.JSON}
)


def merged_rules(provider: Provider, layers: Sequence[Mapping[str, FieldSpec] | None]) -> FieldRules:
    """The rules of a set, field by field and within a field option by option; the farthest layer first.

    A layer that gives a field another type takes the options of the old type away.
    """
    fields = dict(provider.fields)
    for layer in layers:
        for name, spec in (layer or {}).items():
            fields[name] = _applied(spec, fields.get(name, provider.default))
    return FieldRules(fields=fields, scalars_as_text=provider.scalars_as_text, default=provider.default)


def contradiction(spec: FieldSpec, rule: FieldRule) -> tuple[str, str] | None:
    """The option that makes no sense beside the field's type, and why; `rule` is what the field comes to in all."""
    if spec.scale is not None and rule.type is not FieldType.DECIMAL:
        return "scale", f"scale counts the digits of a decimal, and {_typed(rule)}."
    if spec.separator is not None and rule.type is not FieldType.MULTI:
        return "separator", f"separator stands between the parts of a multi-select, and {_typed(rule)}."
    if spec.compare in (Compare.TRIM, Compare.CASEFOLD) and rule.type in _NOT_TEXT:
        return "compare", f"{spec.compare} is for text, and {_typed(rule)}."
    return None


def _typed(rule: FieldRule) -> str:
    return "the field has no type" if rule.type is None else f"the field's type is {rule.type}"


def _applied(spec: FieldSpec, below: FieldRule) -> FieldRule:
    if spec.type is not None and spec.type is not below.type:
        below = FieldRule(type=spec.type, sensitive=below.sensitive)
    return FieldRule(
        type=below.type,
        compare=below.compare if spec.compare is None else spec.compare,
        scale=below.scale if spec.scale is None else spec.scale,
        separator=below.separator if spec.separator is None else spec.separator,
        sensitive=below.sensitive if spec.sensitive is None else spec.sensitive,
    )
