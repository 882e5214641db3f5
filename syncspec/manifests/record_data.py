"""Puts a record's data together from the defaults above it and its own, and checks the values."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass
from typing import Any

from syncspec.deferred import is_deferred
from syncspec.manifests.documents import Path, Placed
from syncspec.manifests.expansion import PLACEHOLDER
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.scalars import UNSET
from syncspec.records import Data, FieldRule, FieldRules
from syncspec.values import problem

__all__ = ["Layer", "check_values", "effective_defaults", "holds_placeholder", "merged_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One mapping of fields, and where it stands."""

    data: AbstractMapping[str, Any]
    document: Placed
    path: Path


def effective_defaults(layers: list[Layer], problems: Problems) -> Data:
    """The defaults that hold for every record: each layer over those before it."""
    merged: Data = {}
    for layer in layers:
        merged = merged_data(merged, layer, problems)
    return merged


def merged_data(below: Data, layer: Layer, problems: Problems, *, address: str | None = None) -> Data:
    """The layer's fields over those below it; `!unset` takes one away, and is reported where there is none."""
    merged = dict(below)
    for name, value in layer.data.items():
        if value is UNSET:
            if name in below:
                del merged[name]
            else:
                _refuse_unset(layer, (name,), "no default below gives this field a value", problems, address)
        else:
            if isinstance(value, dict | list):
                _check_inner(layer, value, (name,), problems, address)
            merged[name] = value
    return merged


def check_values(
    layer: Layer, rules: FieldRules, problems: Problems, *, typed: AbstractMapping[str, FieldRule], address: str | None
) -> None:
    """Report each value that does not fit its field's type. `typed` are the rules that ask for one."""
    fields = typed if len(typed) < len(layer.data) else layer.data
    for name in fields:
        value = layer.data.get(name)
        if name not in typed or value is None or value is UNSET:
            continue
        why = problem(value, typed[name])
        if why is not None and not is_deferred(value):
            rule = typed[name]
            detail = f'"{shortened(name)}" has the type {rule.type}: {why}.'
            if rule.sensitive:
                detail = f'"{shortened(name)}" is not a value of type {rule.type}.'
            problems.add(
                layer.document,
                path=(*layer.path, name),
                at="key" if rule.sensitive else "value",
                code="wrong-value",
                summary="A value does not fit its field's type",
                detail=detail,
                hint="correct the value, or the type under fields",
                address=address,
            )


def holds_placeholder(value: object) -> bool:
    """Whether a stand-in for an environment variable is in the value, at any depth."""
    if isinstance(value, str):
        return PLACEHOLDER in value
    if isinstance(value, AbstractMapping):
        return any(map(holds_placeholder, value.values()))
    return isinstance(value, list) and any(map(holds_placeholder, value))


def _check_inner(layer: Layer, value: object, path: Path, problems: Problems, address: str | None) -> None:
    """Report `!unset` inside a value: only whole fields have defaults."""
    if value is UNSET:
        _refuse_unset(layer, path, "it takes away whole fields, not parts of their values", problems, address)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_inner(layer, item, (*path, key), problems, address)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _check_inner(layer, item, (*path, number), problems, address)


def _refuse_unset(layer: Layer, path: Path, why: str, problems: Problems, address: str | None) -> None:
    problems.add(
        layer.document,
        path=(*layer.path, *path),
        code="misplaced-unset",
        summary="!unset has nothing to take away",
        detail=f"Here {why}.",
        hint="remove the field; write null to clear it upstream",
        address=address,
    )
