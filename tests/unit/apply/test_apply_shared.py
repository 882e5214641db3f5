from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.builders import NOW, TARGET, VirtualClock, desired
from support.builders import locked as locked_as
from support.git_world import World

from syncspec.apply.announcement import Announcements, announced_by
from syncspec.apply.base import files_of, known_here, open_ref, read_base, read_view
from syncspec.apply.delivery import Delivery
from syncspec.apply.journal import Journal
from syncspec.apply.lease import LEASE, Lease, locked
from syncspec.apply.mapping import SentRecord
from syncspec.apply.runlock import LockHolder
from syncspec.apply.shared import SharedState, hold_shared_state
from syncspec.apply.stateref import RaceLostError
from syncspec.errors import LockfileError, RunLockedError, StateError
from syncspec.lockfile import Lockfile, OpenAttempt
from syncspec.lockfile.file import parse_lockfile, render_lockfile
from syncspec.records import FieldRules
from syncspec.settings import Guards, LoadedProject, StateBackend, StateSettings, UpstreamSettings

HOLDER = LockHolder(
    who="paul",
    host="caladan",
    process=7,
    command="syncspec apply",
    since="2026-01-01T00:00:00.000Z",
    run="20260101T000000-aaaaaa",
    places=("lockfile arrakis/syncspec.lock",),
)
OTHER = replace(HOLDER, who="duncan", host="ginaz", run="20260101T000000-bbbbbb")
EMPTY = Lockfile(project="arrakis")
UPSTREAMS = {"crm": UpstreamSettings(name="crm", request_timeout=60.0, settle=300.0)}


def project_in(world: World) -> LoadedProject:
    root = world.clone / "project"
    return LoadedProject(
        root=root,
        name="arrakis",
        environment=None,
        upstreams=UPSTREAMS,
        sets=(),
        guards=Guards(),
        lockfile=root / "syncspec.lock",
        state_dir=root / ".syncspec",
        state=StateSettings(backend=StateBackend.GIT),
    )


def delivery(*names: str, **changes: object) -> Delivery:
    records = tuple(
        SentRecord(
            desired=desired(f"c.{name}", Email=f"{name}@x.org"),
            wire={"Email": f"{name}@x.org"},
            match_on=("Email",),
            marker_field=None,
            rules=FieldRules(),
        )
        for name in names
    )
    return replace(Delivery(target=TARGET, records=records), **changes)


# The lease


def test_a_lease_is_read_as_it_was_printed() -> None:
    lease = Lease(epoch=3, holder=HOLDER, expires=NOW + LEASE, since=NOW)
    assert Lease.parsed(lease.printed()) == lease
    assert Lease.parsed(Lease(epoch=4).printed()) == Lease(epoch=4)


def test_a_lease_of_a_later_version_is_read() -> None:
    assert Lease.parsed(b'{"epoch": 1, "holder": null, "expires": null, "region": "eu"}') == Lease(epoch=1)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"epoch": "x"}', b'{"epoch": 1, "expires": "2026-01-01T00:00:00"}'])
def test_what_is_no_lease_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"validation error"):
        Lease.parsed(content)


def test_a_lock_is_free_where_nobody_holds_it_or_its_lease_is_over_by_any_clock() -> None:
    held = Lease(holder=HOLDER, expires=NOW)
    assert Lease().is_free(NOW)
    assert not held.is_free(NOW + timedelta(seconds=30))
    assert held.is_free(NOW + timedelta(seconds=31))


def test_a_held_lock_names_its_holder_its_end_and_a_way_out() -> None:
    found = locked(Lease(holder=HOLDER, expires=NOW), where="refs/x").diagnostics[0]
    assert "paul on caladan (process 7) since 2026-01-01T00:00:00.000Z: syncspec apply" in found.detail
    assert "2026-01-01T00:00:30.000Z" in found.detail
    assert "syncspec lock unlock" in (found.hint or "")


# Announcements


def test_a_wave_is_announced_with_all_that_another_machine_needs_to_look_for_it() -> None:
    made = Announcements("run", UPSTREAMS)
    made.begin([delivery("a", "b"), delivery("c", polling_seconds=600.0)], at=NOW)
    until = NOW + timedelta(seconds=120)
    content = render_lockfile(made.added_to(EMPTY, until=until))
    lines = parse_lockfile(content, file="lockfile", project="arrakis", environment=None).pending
    assert [line.attempt for line in lines] == ["run.w1.0", "run.w1.1", "run.w1.2"]
    assert {announced_by(line) for line in lines} == {"run"}
    assert {line.intended_at for line in lines} == {"2026-01-01T00:00:00.000Z"}
    horizons = [datetime.fromisoformat(line.horizon) - until for line in lines]
    assert horizons == [timedelta(seconds=360), timedelta(seconds=360), timedelta(seconds=60 + 1200)]
    assert all(line.key and line.loose_key and line.state == "intended" for line in lines)


def test_what_is_concluded_is_announced_no_more() -> None:
    made = Announcements("run", UPSTREAMS)
    made.begin([delivery("a", "b")], at=NOW)
    made.conclude({"c.a"})
    assert [line.address for line in made.added_to(EMPTY, until=NOW).pending] == ["c.b"]
    made.begin([delivery("d")], at=NOW)
    assert [line.attempt for line in made.added_to(EMPTY, until=NOW).pending] == ["run.w2.0"]


def test_an_announcement_stands_for_the_intents_of_its_address_and_for_nothing_else() -> None:
    def attempt(name: str, address: str, state: str) -> OpenAttempt:
        return OpenAttempt(
            attempt=name, address=address, target=TARGET, kind="create", state=state, horizon="2026-01-01T00:00:00Z"
        )

    made = Announcements("run", UPSTREAMS)
    made.begin([delivery("a")], at=NOW)
    known = (attempt("run.1.0", "c.a", "intended"), attempt("old.1.0", "c.a", "unknown"), attempt("r.2.0", "c.b", "x"))
    pending = made.added_to(replace(EMPTY, pending=known), until=NOW).pending
    assert [line.attempt for line in pending] == ["old.1.0", "run.w1.0", "r.2.0"]


def test_announcements_of_this_journals_runs_are_passed_over(tmp_path: Path) -> None:
    made = Announcements("run", UPSTREAMS)
    made.begin([delivery("a")], at=NOW)
    lockfile = made.added_to(EMPTY, until=NOW)
    with Journal.open(tmp_path, "arrakis/syncspec.lock") as journal:
        assert known_here(lockfile, journal) == lockfile
        journal.begin_run("run", command="apply", owner="me", now=NOW)
        assert known_here(lockfile, journal) == EMPTY


# What the journal knows of what was published


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "state", "arrakis/syncspec.lock") as made:
        yield made


def test_what_changes_while_it_is_published_is_published_again(journal: Journal) -> None:
    entry, other = locked_as("c.a", "ID1"), locked_as("c.b", "ID2")
    journal.put([entry, other])
    journal.mark_leaving()
    journal.put([replace(entry, protect=True)])
    journal.mark_published()
    held = {"c.a", "c.b"}
    assert [item.address for item in journal.identities(beyond=held, shared=True)] == ["c.a"]


def test_what_was_not_published_counts_as_new_until_it_is(journal: Journal) -> None:
    journal.put([locked_as("c.a", "ID1")])
    journal.mark_leaving()
    (identity,) = journal.identities(shared=True)
    assert not identity.folded
    journal.mark_leaving()
    journal.mark_published()
    assert journal.identities(shared=True) == ()
    assert [item.folded for item in journal.identities()] == [True]


def test_what_was_folded_on_this_machine_alone_is_new_to_the_shared_state(journal: Journal) -> None:
    journal.put([locked_as("c.a", "ID1")], removed=[locked_as("c.gone", "ID0")])
    journal.mark_folded()
    assert {item.address: item.folded for item in journal.identities(shared=True)} == {"c.a": False}
    assert {item.address: item.folded for item in journal.identities(beyond={"c.gone"}, shared=True)} == {"c.a": False}
    journal.mark_leaving()
    journal.mark_published()
    assert journal.identities(shared=True) == ()


# The hold


class Hold:
    """A run's hold of the state in a world's remote."""

    def __init__(self, world: World, *, holder: LockHolder = HOLDER, name: str = "a") -> None:
        self.world, self.holder, self.clock = world, holder, VirtualClock()
        self.project = replace(project_in(world), state_dir=world.root / f"state-{name}")

    def run(self, body: object = None, *, patience: float = 0.0, own: Lockfile = EMPTY) -> None:
        """Hold the lock while `body`, given the shared state and the journal, runs."""

        async def held() -> None:
            with Journal.open(self.project.state_dir, "arrakis/syncspec.lock") as journal:
                async with hold_shared_state(
                    self.project,
                    journal,
                    holder=self.holder,
                    patience=patience,
                    own=lambda: own,
                    no_prior_run=True,
                    clock=self.clock,
                ) as shared:
                    if body is not None:
                        await body(shared, journal)  # type: ignore[operator]

        anyio.run(held)

    def lease(self) -> Lease:
        with open_ref(self.project) as ref:
            return read_view(ref, self.project).lease

    def lockfile(self) -> Lockfile:
        return read_base(self.project).lockfile


@pytest.fixture
def hold(world: World) -> Hold:
    return Hold(world)


def test_a_hold_is_taken_published_and_let_go(hold: Hold) -> None:
    seen: list[Lease] = []

    async def body(shared: SharedState, journal: Journal) -> None:
        seen.append(await anyio.to_thread.run_sync(hold.lease))
        journal.put([locked_as("c.a", "ID1")])

    hold.run(body, own=replace(EMPTY, entries={"c.old": locked_as("c.old", "ID0")}))
    assert (seen[0].holder, seen[0].epoch, seen[0].expires) == (HOLDER, 1, NOW + LEASE)
    assert (hold.lease().holder, hold.lease().epoch) == (None, 1)
    assert list(hold.lockfile().entries) == ["c.a", "c.old"]
    hold.run()
    assert hold.lease().epoch == 2
    assert list(hold.lockfile().entries) == ["c.a", "c.old"]


def test_a_hold_waits_for_another_and_takes_over_when_its_lease_is_over(hold: Hold, world: World) -> None:
    left = files_of(EMPTY, Lease(epoch=5, holder=OTHER, expires=NOW + timedelta(seconds=10)))
    world.plant({**left, "format": b"1\n"})
    with pytest.raises(RunLockedError, match="Another run holds the lock"):
        hold.run(patience=30)
    assert sum(hold.clock.slept) >= 30
    hold.run(patience=30)
    assert (hold.lease().epoch, hold.lease().holder) == (6, None)


def test_an_error_in_a_run_lets_go_of_the_lock_and_comes_out_as_it_is(hold: Hold) -> None:
    async def body(shared: SharedState, journal: Journal) -> None:
        journal.put([locked_as("c.a", "ID1")])
        raise StateError("The disk is full")

    with pytest.raises(StateError, match="The disk is full"):
        hold.run(body)
    assert hold.lease().holder is None
    assert list(hold.lockfile().entries) == ["c.a"]


def test_a_run_that_is_cancelled_publishes_and_lets_go(hold: Hold) -> None:
    async def body(shared: SharedState, journal: Journal) -> None:
        journal.put([locked_as("c.a", "ID1")])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(10)
        await shared.release()

    hold.run(body)
    assert list(hold.lockfile().entries) == ["c.a"]


def test_a_permit_renews_a_lease_that_would_end_before_the_request_leaves(hold: Hold) -> None:
    item = delivery("a")

    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([item])
        hold.clock.moment += timedelta(seconds=105)
        before = hold.world.tip()
        await shared.permit(item)
        assert hold.world.tip() == before
        hold.clock.moment += timedelta(seconds=6)
        await shared.permit(item)
        lease = await anyio.to_thread.run_sync(hold.lease)
        assert lease.expires == hold.clock.now() + LEASE

    hold.run(body)


def test_a_machine_that_was_suspended_does_not_trust_its_wall_clock_alone(hold: Hold) -> None:
    item = delivery("a")

    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([item])
        hold.clock.moment += timedelta(seconds=200)
        hold.clock.step(-200)
        before = hold.world.tip()
        await shared.permit(item)
        assert hold.world.tip() != before

    hold.run(body)


def test_a_request_that_is_covered_does_not_wait_for_a_publication(hold: Hold) -> None:
    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([delivery("a")])
        async with shared._turn:
            with anyio.fail_after(30):
                await shared.permit(delivery("a"))

    hold.run(body)


def test_what_is_not_announced_is_announced_before_it_is_permitted(hold: Hold) -> None:
    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([delivery("a")])
        await shared.permit(delivery("b"))
        held = await anyio.to_thread.run_sync(hold.lockfile)
        assert [line.attempt.partition(".")[2] for line in held.pending] == ["w1.0", "w1.1"]

    hold.run(body)


def test_a_remote_that_is_slower_than_the_lease_lets_nothing_be_sent(
    hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(shared: SharedState, journal: Journal) -> None:
        write = shared._write

        def slowly(*given: Any) -> str:
            hold.clock.moment += timedelta(seconds=111)
            return write(*given)

        monkeypatch.setattr(shared, "_write", slowly)
        await shared.announce([delivery("a")])
        with pytest.raises(StateError, match="cannot be kept up"):
            await shared.permit(delivery("a"))

    hold.run(body)


def test_a_hold_that_was_taken_away_permits_nothing_for_good(hold: Hold, world: World) -> None:
    item = delivery("a")

    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([item])
        journal.put([locked_as("c.a", "ID1")])
        world.plant({**files_of(EMPTY, Lease(epoch=9)), "format": b"1\n"})
        hold.clock.moment += timedelta(seconds=119)
        for _ in range(2):
            with pytest.raises(RaceLostError):
                await shared.permit(item)
        assert shared.lost is not None

    with pytest.raises(StateError, match="lacks what this run did"):
        hold.run(body)
    assert hold.lease().epoch == 9
    hold.run()
    assert list(hold.lockfile().entries) == ["c.a"]


def test_outcomes_are_published_while_the_run_goes_on(hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncspec.apply.shared._NEWS_SECONDS", 0.0)
    monkeypatch.setattr("syncspec.apply.shared._SHARE", 0.0)
    first, second = delivery("a"), delivery("b")

    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([first, second])
        journal.put([locked_as("c.a", "ID1")])
        shared.concluded(first, [])
        held = await anyio.to_thread.run_sync(hold.lockfile)
        while not held.entries:
            held = await anyio.to_thread.run_sync(hold.lockfile)
        assert [line.address for line in held.pending] == ["c.b"]

    hold.run(body)


def test_a_retry_stays_announced(hold: Hold) -> None:
    item = delivery("a", "b")

    async def body(shared: SharedState, journal: Journal) -> None:
        await shared.announce([item])
        shared.concluded(item, [replace(item, records=item.records[1:])])
        hold.clock.moment += timedelta(seconds=119)
        await shared.permit(replace(item, records=item.records[1:]))
        held = await anyio.to_thread.run_sync(hold.lockfile)
        assert [line.address for line in held.pending] == ["c.b"]

    hold.run(body)


def test_a_write_that_gets_lost_is_tried_again(hold: Hold, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncspec.apply.shared._PAUSES", (0.0, 0.0))
    world.wrap_git('if [ $PUSH = yes ] && [ ! -e "$ROOT/once" ]; then touch "$ROOT/once"; exit 128; fi')
    hold.run()
    assert (world.root / "once").exists()
    assert hold.lease().epoch == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"lock.json": Lease().printed()}, 'it has no file "lockfile"'),
        ({"lockfile": render_lockfile(EMPTY)}, 'it has no file "lock.json"'),
        ({"lockfile": render_lockfile(EMPTY), "lock.json": b"{"}, '"lock.json" cannot be read'),
    ],
)
def test_a_state_that_is_not_whole_is_refused_and_left(
    hold: Hold, world: World, files: dict[str, bytes], said: str
) -> None:
    planted = world.plant({**files, "format": b"1\n"})
    with pytest.raises(StateError) as caught:
        hold.run()
    assert said in caught.value.diagnostics[0].detail
    assert world.tip() == planted


def test_a_state_of_another_project_is_refused(hold: Hold, world: World) -> None:
    files = files_of(replace(EMPTY, project="caladan"), Lease())
    planted = world.plant({**files, "format": b"1\n"})
    with pytest.raises(LockfileError):
        hold.run()
    assert world.tip() == planted


def test_since_when_runs_are_known_is_kept_with_the_state(hold: Hold, world: World) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    world.plant({**files_of(EMPTY, Lease(epoch=1, since=since)), "format": b"1\n"})
    base = read_base(hold.project)
    assert base.cold_since is not None
    assert base.cold_since.wall == since
    hold.run()
    # The run said that no other came before.
    assert read_base(hold.project).cold_since is None
