"""Which addresses a run plans. What is not selected is left alone; nothing is ever removed for not being selected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Self

from syncspec.address import matches_any
from syncspec.diagnostics import did_you_mean
from syncspec.errors import UsageError
from syncspec.records import DesiredSet
from syncspec.settings import SetElsewhere

__all__ = ["Selection"]

_NOTHING: Mapping[str, SetElsewhere] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for; empty parts select everything.

    `include` and `exclude` hold addresses, set names and globs; `labels` must all be there; `paths` are files and
    folders relative to the project's folder, with forward slashes. An address that is not declared stands in no file
    and carries no label: only `include` and `exclude` speak of it.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        return not (self.include or self.exclude or self.labels or self.paths)

    @property
    def narrowed(self) -> Self | None:
        """The selection, None where it leaves nothing out."""
        return None if self.is_everything else self

    def __call__(self, record_set: DesiredSet | None, address: str) -> bool:
        is_set_selected = self.selects_set(record_set) if record_set else not (self.labels or self.paths)
        return (
            is_set_selected
            and (not self.include or matches_any(address, self.include))
            and not matches_any(address, self.exclude)
        )

    def selects_set(self, record_set: DesiredSet) -> bool:
        """Whether records of the set can be selected, by its labels and its place."""
        if any(record_set.labels.get(name) != value for name, value in self.labels.items()):
            return False
        return not self.paths or any(_lies_in(record_set.source.file, path) for path in self.paths)

    def check(
        self,
        sets: Sequence[DesiredSet],
        locked: Collection[str] = (),
        elsewhere: Mapping[str, SetElsewhere] = _NOTHING,
    ) -> None:
        """Make sure that every part that was asked for names something, declared or `locked`. Raises UsageError.

        `elsewhere` are the sets of other environments, by name: they are not declared here, and the message says so.
        """
        if self.is_everything:
            return
        # A dict is a set that keeps its order.
        addresses = list(dict.fromkeys([*(record.address for each in sets for record in each.records), *locked]))
        names = [record_set.name for record_set in sets]
        for pattern in (*self.include, *self.exclude):
            if pattern not in names and not any(matches_any(address, [pattern]) for address in addresses):
                other = elsewhere.get(pattern.partition(".")[0])
                if other is not None:
                    raise _elsewhere(other.told(pattern.partition(".")[0]), other)
                raise _nothing(
                    f'"{pattern}" names no declared or locked record, and no set',
                    did_you_mean(pattern, addresses + names),
                )
        for path in self.paths:
            if not any(_lies_in(record_set.source.file, path) for record_set in sets):
                for name, other in sorted(elsewhere.items()):
                    if _lies_in(other.source.file, path):
                        raise _elsewhere(other.told(name), other)
                raise _nothing(
                    f"no record set of this project stands in {path}",
                    "name a manifest or its folder, or list that folder under spec.manifests of the project file",
                )
        if self.labels and not any(self.selects_set(record_set) for record_set in sets):
            raise _nothing(f"no record set carries {_shown(self.labels.items())}", None)


def _lies_in(file: str, path: str) -> bool:
    return path in ("", ".") or PurePosixPath(file).is_relative_to(path)


def _elsewhere(detail: str, other: SetElsewhere) -> UsageError:
    return _nothing(detail, f"name its environment with -e {other.environments[0]}, or add this one to the set")


def _shown(labels: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels)


def _nothing(detail: str, hint: str | None) -> UsageError:
    return UsageError(
        "The selection matches nothing",
        detail=f"{detail[0].upper()}{detail[1:]}. Nothing was planned.",
        hint=hint or "list what is declared with: syncspec plan --full",
    )
