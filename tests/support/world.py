"""An upstream with faults and any number of runners that reach it, all on one clock that is moved by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.builders import VirtualClock
from support.pipeline import CONTACT, STORE, SYNC, Folder, Wrap, Wrapped, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.upstream.embedded.faults.injection import Faults
from syncspec.upstream.embedded.faults.models import FaultsSpec
from syncspec.upstream.embedded.mutations import Item, Mutation
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.protocol import MutationKind


class World:
    """`sent` holds every mutation request that reached the upstream; `spec` is that of a faults file."""

    def __init__(self, root: Path, *, profiles: Mapping[str, str] | None = None, **spec: Any) -> None:
        self.root, self.clock, self.sent = root, VirtualClock(), []
        self._profiles = profiles
        self.go_wrong(**spec)

    def go_wrong(self, **spec: Any) -> None:
        """From now on these faults, and no others."""
        model = FaultsSpec.model_validate(spec, by_name=False)
        self._faults = Faults(model, seed=7, now=self.clock.now, sleep=self.clock.sleep)

    def folder(self, name: str = "project", **upstream: Any) -> Folder:
        """A checkout of the project on a runner of its own."""
        return served_folder(self.root / name, clock=self.clock, **{"concurrency": 1, **upstream})

    def wait(self, seconds: float) -> None:
        self.clock.moment += timedelta(seconds=seconds)

    @contextmanager
    def reached(self, wrap: Wrap | None = None) -> Iterator[None]:
        """Whatever runs in this block reaches the upstream."""

        def counted(connection: Any) -> Any:
            counting = _Counting(connection, self.sent)
            return wrap(counting) if wrap else counting

        with pytest.MonkeyPatch.context() as patch:
            connect = served(
                self.root / STORE, faults=self._faults, wrap=counted, profiles=self._profiles, now=self.clock.now
            )
            patch.setattr("syncspec.project.reading.connect", connect)
            yield

    def apply(
        self, folder: Folder, *, env: str | None = None, wrap: Wrap | None = None, **options: Any
    ) -> AppliedReport:
        with self.reached(wrap):
            return folder.open(env).apply(**options)

    def plan(self, folder: Folder, *, wrap: Wrap | None = None) -> ReviewablePlan:
        with self.reached(wrap):
            return folder.open().plan()

    def apply_until(self, folder: Folder, step: str) -> None:
        """An apply in a process that is killed at that step, and does nothing afterwards."""
        steps = _Until(step)
        with pytest.MonkeyPatch.context() as patch:
            numbered = number_steps(patch, steps)
            with self.reached(numbered):
                try:
                    folder.open().apply()
                except BaseException as error:
                    if not is_killed(error):
                        raise
        assert steps.dead, f"the run never came to {step}"

    def write(self, *, kind: str = "create", **item: Any) -> None:
        """Somebody else's change, which every list shows at once."""
        store = Store.open(self.root / STORE, seed=7, now=self.clock.now)
        try:
            made = Mutation(kind=MutationKind(kind), sync_id=SYNC, collection_id=CONTACT, items=(Item(**item),))
            store.apply(made, lambda mutation, data: data)
        finally:
            store.close()

    def rows(self) -> list[dict[str, Any]]:
        return stored(self.root / STORE)

    def ids(self) -> dict[str, str]:
        """Address to upstream ID, by the number in each contact's Email."""
        return {address_of(row): row["upstream_id"] for row in self.rows()}

    def check_healed(self, folder: Folder, count: int) -> None:
        """Every contact exists once, under the ID that is locked for it; nothing is open, and a run has nothing to do.

        Nothing was ever deleted: whatever was created still lives.
        """
        rows = self.rows()
        assert Counter(map(address_of, rows)) == {f"contacts.c{number}": 1 for number in range(count)}
        assert (folder.locked_ids(), folder.pending()) == (self.ids(), [])
        before, sent = folder.lockfile.read_bytes(), len(self.sent)
        report = self.apply(folder)
        assert (outcomes(report), report.exit_code, len(self.sent)) == ({"unchanged": count}, 0, sent)
        assert (folder.lockfile.read_bytes(), self.rows()) == (before, rows)
        assert {request.kind for request in self.sent} <= {"create"}


class _Counting(Wrapped):
    def __init__(self, inner: Any, sent: list[Any]) -> None:
        super().__init__(inner)
        self._sent = sent

    async def run(self, request: Any) -> Any:
        self._sent.append(request)
        return await self.inner.run(request)


class _Until(Steps):
    """Ends the process the first time that it comes to a step of that name."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted

    def at(self, name: str) -> None:
        super().at(name)
        if name == self._wanted:
            self.dead = True
            super().at(name)


def address_of(row: Mapping[str, Any]) -> str:
    return f"contacts.c{row['data']['Email'].strip().lower()[1:].partition('@')[0]}"


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}
