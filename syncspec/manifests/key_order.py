"""The order in which a manifest's and the project file's keys are written, taken from their models."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from syncspec.manifests.lookup_models import LookupSet
from syncspec.manifests.models import RecordSet
from syncspec.manifests.project_models import ProjectFile

__all__ = ["Order", "order_of_kind"]

_KINDS: Mapping[str, type[BaseModel]] = {"RecordSet": RecordSet, "LookupSet": LookupSet, "Project": ProjectFile}
_LAST = ("moved", "records_from", "records", "data")
"""What a set and a record are for, and what grows long: it stands below everything that is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Where the keys of a mapping go, and those of the mappings in it.

    `keys` are in order; none: they are the author's own names. `inner` has the order of the value of a key, `each`
    that of all other values.
    """

    keys: tuple[str, ...] = ()
    inner: Mapping[str, Order] = field(default_factory=dict)
    each: Order | None = None

    def of(self, key: str) -> Order | None:
        """The order of the mapping under a key; None where the author's stays."""
        return self.inner.get(key, self.each)


@cache
def order_of_kind(kind: str) -> Order | None:
    """The order of a document of this kind; None for a kind that is not known here."""
    model = _KINDS.get(kind)
    return None if model is None else _of_model(model)


def _of_model(model: type[BaseModel]) -> Order:
    names = sorted(model.model_fields, key=lambda name: _rank(name, model))
    if "api_version" in names:
        names.sort(key=["api_version", "kind", "metadata", "spec"].index)
    written = {name: model.model_fields[name].alias or name for name in names}
    inner = {written[name]: _of_type(model.model_fields[name].annotation) for name in names}
    return Order(keys=tuple(written.values()), inner={key: order for key, order in inner.items() if order is not None})


def _rank(name: str, model: type[BaseModel]) -> int:
    """What a model adds stands before what it shares with others, and what is long comes last."""
    if name in _LAST:
        return 2 + _LAST.index(name)
    return 0 if name in inspect.get_annotations(model) else 1


def _of_type(annotation: Any) -> Order | None:
    """The order in a value: of a model its own, of a mapping whose values are models the same for each."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return _of_model(annotation)
    inner = next(_models_in(annotation), None)
    if inner is None or get_origin(annotation) is not dict:
        return inner
    return Order(each=inner)


def _models_in(annotation: Any) -> Iterator[Order]:
    for argument in get_args(annotation):
        order = _of_type(argument)
        if order is not None:
            yield order
