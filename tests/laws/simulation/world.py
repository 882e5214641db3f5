"""One project, its upstream, its checkouts, and the runs in them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from support.pipeline import SEQUIN, Folder, project_file

from simulation.author import COLLECTIONS, Author
from simulation.loop import VirtualLoop
from simulation.process import Machine, Process
from simulation.upstream import Upstream
from simulation.weather import Limits, Weather, drawn_spec
from syncspec.apply.runlock import unlock
from syncspec.project.core import AsyncProject
from syncspec.project.opening import Opening
from syncspec.settings import LoadedProject

__all__ = ["MAIN", "RIVAL", "Checkout", "World"]

MAIN, RIVAL = "main", "rival"
"""The environments of the project; both declare the same records in the same sync."""


class _Loaded:
    """An `Opening` of what is loaded already."""

    def __init__(self, project: LoadedProject) -> None:
        self._project = project

    def load(self, *, resolve_env: bool) -> LoadedProject:
        return self._project


@dataclass
class Checkout:
    """A folder with the project on one machine. `state` is where its runs keep what they know."""

    folder: Folder
    machine: Machine
    state: Path
    loaded: dict[tuple[str, ...], _Loaded] = field(default_factory=dict)

    def project(self, env: str = MAIN) -> AsyncProject:
        """The project as its files are now; what was read once is not read again while they are the same."""
        texts = (env, *sorted(path.read_text() for path in self.folder.root.glob("*.yaml")))
        if texts not in self.loaded:
            opening = Opening(path=self.folder.root, env=env, environ={"TOKEN": "t"}, state_dir=self.state)
            self.loaded[texts] = _Loaded(opening.load(resolve_env=True))
        return AsyncProject(cast(Opening, self.loaded[texts]), clock=self.machine)

    def lockfile(self, env: str = MAIN) -> Path:
        return self.folder.root / f"syncspec.{env}.lock"


@dataclass
class World:
    """Everything that there is, drawn from one seed. `story` tells what happened, for whoever reads a failure."""

    loop: VirtualLoop
    draw: random.Random
    root: Path
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    checkouts: list[Checkout] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = self.draw
        self.settle = draw.choice([20.0, 60.0, 300.0])
        self.limits = Limits.drawn(draw, self.settle)
        self.settings: dict[str, Any] = {
            "settle_seconds": self.settle,
            "request_timeout_seconds": draw.choice([5, 30, 60]),
            "wait_seconds": draw.choice([0, 5, 60, 400]),
            "concurrency": draw.choice([1, 1, 2, 3]),
            "atomic_batches": draw.random() < 0.15,
        }
        self.shares_state = draw.random() < 0.6
        self.author = Author.drawn(draw, number=draw.choice([1, 2, 3, 4, 6, 8]), sets=draw.choice([1, 1, 2]))
        profile = draw.choice(["plain", "plain", "plain", "lowercase", "lowercase+trim"])
        if profile != "plain":
            # These change the case of every text, and an ID in another case is another ID.
            for person in self.author.people:
                person.boss = None
        self.upstream = Upstream(self.loop, draw, profile=profile)
        spec = drawn_spec(draw, self.limits)
        self.weather = Weather(
            spec,
            seed=draw.randrange(2**31),
            now=self.upstream.now,
            atomic=self.settings["atomic_batches"],
            counts=self.counts,
        )
        self.upstream.unreachable = draw.choice([0.0, 0.0, 0.1])
        self.upstream.open(self.weather)
        self.tell(f"settings {self.settings}, limits {self.limits}, profile {profile}, shared {self.shares_state}")
        self.tell(f"weather {spec}")
        self._likings: dict[str, float] = {}
        self.committed: list[bytes] = []
        self.by_hand: set[str] = set()
        self.edited_by_hand: set[str] = set()
        self.deleted_by_hand: dict[str, str] = {}
        self.seen: set[str] = set()
        self.memory_lost = False
        self.add_checkout()

    @property
    def relaxed(self) -> set[str]:
        """Tokens of people that nothing ties to their records any more, since all that changed that could."""
        return {
            person.token
            for person in self.author.people
            if person.has_new_key and (self.memory_lost or self.has_rival or len(person.addresses) > 1)
        }

    @property
    def has_rival(self) -> bool:
        """Whether the other environment was used."""
        return any(process.env == RIVAL for process in self.processes)

    @property
    def checkout(self) -> Checkout:
        """The one that is used now."""
        return self.checkouts[-1]

    def tell(self, text: str) -> None:
        self.story.append(f"{self.loop.time():8.1f}  {text}")

    def happens(self, weights: Mapping[str, float]) -> str:
        """Draw what happens. Every world has likings of its own, so that rare things come together in some."""
        for name in weights:
            if name not in self._likings:
                self._likings[name] = self.draw.choice([0.1, 1.0, 1.0, 6.0])
        return self.draw.choices(list(weights), [weight * self._likings[name] for name, weight in weights.items()])[0]

    # Checkouts

    def add_checkout(self, *, lockfile: bytes | None = None) -> Checkout:
        """A new folder; without shared state on a new machine, which knows nothing of earlier runs."""
        number = len(self.checkouts)
        root = self.root / f"checkout-{number}"
        machine = (
            self.checkouts[0].machine if self.shares_state and self.checkouts else Machine(self.loop, f"m{number}")
        )
        state = self.root / "state" if self.shares_state else root / ".syncspec"
        checkout = Checkout(Folder(root), machine, state)
        checkout.folder.write(project=project_file(environments={MAIN: {}, RIVAL: {}}, **{**SEQUIN, **self.settings}))
        if lockfile is not None:
            checkout.lockfile().write_bytes(lockfile)
        self.checkouts.append(checkout)
        self.tell(f"checkout-{number} is made{' with a lockfile' if lockfile is not None else ''}")
        return checkout

    def write_manifests(self, checkout: Checkout) -> None:
        checkout.folder.write(**self.author.manifests())

    # Runs

    @property
    def living(self) -> list[Process]:
        return [process for process in self.processes if process.lives]

    def start(self, checkout: Checkout, *, env: str = MAIN, options: dict[str, Any], **fate: Any) -> Process:
        """Start one apply; `fate`: where it dies or is suspended."""
        name = f"run-{len(self.processes)}"
        process = Process(name, self.loop, checkout.machine, told=self.tell, **fate)
        process.env = env
        process.declared = frozenset(person.token for person in self.author.declared)
        self.write_manifests(checkout)
        self.tell(f"{name} starts in {checkout.folder.root.name} env={env} {options} {fate}")
        project = checkout.project(env)

        def took_lock(run: Any) -> None:
            process.run = run

        # Who removes everybody means it.
        options = {"allow": ["max_emptied_collections=9"], **options}
        process.start(lambda: project.apply(on_run=took_lock, command=name, **options))
        self.processes.append(process)
        self.counts["runs"] += 1
        return process

    def cut_off(self, checkout: Checkout) -> None:
        """Take the run lock away from whoever holds it, as `lock unlock` does."""
        unlock(checkout.project().load())
        for process in self.processes:
            process.is_cut_off = process.is_cut_off or process.lives
        self.counts["unlocks"] += 1
        self.tell("the run lock is taken away")

    # What people do, and what breaks

    def commit_lockfile(self) -> None:
        """Keep the lockfile as it is now, as a commit does."""
        path = self.checkout.lockfile()
        if path.exists():
            self.committed.append(path.read_bytes())

    def lose_lockfile(self) -> None:
        """Delete the lockfile, or put an older one in its place."""
        if self.living:
            return
        path = self.checkout.lockfile()
        if self.committed and self.draw.random() < 0.7:
            path.write_bytes(self.draw.choice(self.committed))
            self.tell("an older lockfile is restored")
        else:
            path.unlink(missing_ok=True)
            self.tell("the lockfile is lost")
        self.counts["lockfile lost or older"] += 1

    def lose_journal(self) -> None:
        """Delete what earlier runs knew. Only while nothing runs: nobody may lose it under a run's hands."""
        if self.living:
            return
        for path in self.checkout.state.glob("journal.sqlite3*"):
            path.unlink()
        self.memory_lost = True
        self.counts["journal lost"] += 1
        self.tell("the journal is lost")

    def take_another_checkout(self) -> None:
        """Go on in another folder, with a lockfile of some age or with none.

        Without shared state only while nothing runs, which is the bound of what a run without its journal may assume.
        """
        if not self.shares_state:
            if self.living:
                return
            self.memory_lost = True
        lockfile = self.draw.choice([None, *self.committed[-3:]])
        self.add_checkout(lockfile=lockfile)
        self.counts["fresh checkouts"] += 1

    def step_clock(self, seconds: float | None = None) -> None:
        """Put the wall clock of the machine in use forward or back."""
        if seconds is None:
            steps = [-3600.0, -60.0, -5.0, 5.0, 60.0, 3600.0, -2 * self.settle, 2 * self.settle]
            seconds = self.draw.choice(steps)
        self.checkout.machine.step(seconds)
        self.counts["clock steps"] += 1
        self.tell(f"the wall clock steps by {seconds:.0f} s")

    def create_by_hand(self) -> None:
        """Another person creates one of the records in the upstream's own pages."""
        person = self.draw.choice(self.author.people)
        upstream_id = self.upstream.create_by_hand(person.data(), COLLECTIONS[person.set_name])
        self.by_hand.add(person.token)
        self.counts["created by hand"] += 1
        self.tell(f"{person.token} is created by hand as {upstream_id}")

    async def change_by_hand(self) -> None:
        """Another person edits or deletes a record, ours or not."""
        rows = await self.upstream.rows()
        if not rows:
            return
        row = self.draw.choice(rows)
        if self.draw.random() < 0.7:
            self.upstream.edit_by_hand(row, f"hand {self.draw.randint(1, 3)}")
            self.edited_by_hand.add(row.token)
            self.counts["edited by hand"] += 1
            self.tell(f"{row.token} is edited by hand ({row.upstream_id})")
        else:
            self.upstream.delete_by_hand(row)
            self.deleted_by_hand[row.upstream_id] = row.token
            self.counts["deleted by hand"] += 1
            self.tell(f"{row.token} is deleted by hand ({row.upstream_id})")

    def reset_streams(self) -> None:
        """The sync reads its provider again from the beginning, and shows each record after some time."""
        longest = self.draw.choice([0.0, self.settle, 3 * self.settle])
        self.upstream.rebuild(longest)
        self.counts["streams rebuilt"] += 1
        self.tell(f"the streams are rebuilt within {longest:.0f} s")
