"""What must hold at every moment of a simulated world, and at its end."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from support.steps import Killed

from simulation.author import Person
from simulation.process import Process
from simulation.telling import told
from simulation.upstream import Row
from simulation.world import Checkout, World
from syncspec.apply.report import DONE, RecordOutcome
from syncspec.apply.states import OPEN_STATES, AttemptState
from syncspec.errors import LockfileError, RunLockedError, StalePlanError, StateError, UpstreamError
from syncspec.planning.plan import Action, Change
from syncspec.planning.rules import Rule
from syncspec.project.results import AppliedReport, ReviewablePlan

__all__ = ["ViolationError", "check_always", "check_end", "check_outcome"]

_HONEST = (RunLockedError, UpstreamError, StateError, LockfileError, StalePlanError, Killed)
"""What a run may end with besides a report."""


class ViolationError(AssertionError):
    """A law does not hold. `law` names it."""

    def __init__(self, law: str, detail: str) -> None:
        super().__init__(f"{law}: {detail}")
        self.law = law


@dataclass
class _Known:
    """What lockfiles and journals hold: upstream IDs, and addresses whose attempts are open."""

    ids: set[str] = field(default_factory=set)
    open_addresses: set[str] = field(default_factory=set)
    stuck_addresses: set[str] = field(default_factory=set)
    """Those that were sent twice and absent twice, or answered as created though nothing was."""


async def check_always(world: World) -> None:
    """Nobody was made twice, nothing was deleted, and every record of ours is known to us."""
    rows = await world.upstream.rows()
    by_token: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.is_ours:
            by_token[row.token].append(row)
    for token, made in by_token.items():
        if len(made) > 1 and token not in world.relaxed:
            raise ViolationError("duplicate", f"{token} was created {len(made)} times: {made}")
    live = {row.upstream_id for row in rows}
    gone = world.seen - live - world.deleted_by_hand.keys() - world.upstream.deletions.keys()
    if gone:
        raise ViolationError("deleted", f"{gone} were there before")
    _check_deletions(world)
    _check_children(world, rows)
    world.seen |= {row.upstream_id for row in rows}
    if world.memory_lost:
        return
    known = _known(world)
    people = {person.token: person for person in world.author.people}
    for row in rows:
        is_lost = row.is_ours and row.upstream_id not in known.ids
        if is_lost and row.token not in world.by_hand and not people[row.token].addresses & known.open_addresses:
            raise ViolationError("lost", f"nothing here knows of {row}")


def _check_deletions(world: World) -> None:
    """Nothing is asked to be deleted but what we created, is to be deleted by then, and the run does not declare."""
    for upstream_id, deletion in world.upstream.deletions.items():
        what = f"{deletion.process} deletes {upstream_id}, which is {deletion.token}"
        if deletion.token in deletion.process.declared and deletion.token not in world.relaxed:
            raise ViolationError("deleted", f"{what} and declared")
        if world.author.lifecycle["on_remove"] != "delete":
            raise ViolationError("deleted", f"{what}, and on_remove is keep")
        if not deletion.is_ours:
            raise ViolationError("deleted", f"{what} and was created by hand")


def _check_children(world: World, rows: Iterable[Row]) -> None:
    """Whoever a record refers to is not deleted before it refers to somebody else."""
    for row in rows:
        excused = row.token in world.by_hand | world.edited_by_hand | world.relaxed or world.memory_lost
        if row.boss in world.upstream.deletions and not excused and not world.has_rival:
            raise ViolationError("order", f"{row.boss} is deleted, and {row} refers to it")


def _known(world: World) -> _Known:
    found = _Known()
    for checkout in world.checkouts:
        for path in checkout.folder.root.glob("*.lock"):
            for line in map(json.loads, path.read_bytes().splitlines()[1:]):
                _take_line(found, line)
    for state in {checkout.state for checkout in world.checkouts}:
        _read_journal(found, state / "journal.sqlite3")
    for process in world.processes:
        if isinstance(process.outcome, AppliedReport):
            for record in process.outcome.records:
                found.ids |= {*record.candidates, *([record.upstream_id] if record.upstream_id else [])}
    return found


def _take_line(found: _Known, line: dict[str, object]) -> None:
    if line.get("state") == "pending":
        found.open_addresses.add(str(line["address"]))
    elif "upstream_id" in line:
        found.ids.add(str(line["upstream_id"]))


def _read_journal(found: _Known, path: object) -> None:
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return
    with closing(database):
        try:
            lines = database.execute("SELECT line FROM identities WHERE line IS NOT NULL").fetchall()
            found.ids |= {str(json.loads(line)["upstream_id"]) for (line,) in lines}
            found.ids |= {each for (each,) in database.execute("SELECT upstream_id FROM returned")}
            attempts = database.execute("SELECT address, state, upstream_id, found FROM attempts").fetchall()
        except sqlite3.OperationalError:
            # Its process died before it had made its tables.
            return
    for address, state, upstream_id, candidates in attempts:
        if state in OPEN_STATES:
            found.open_addresses.add(address)
        if state == AttemptState.NEEDS_PERSON:
            found.stuck_addresses.add(address)
        found.ids |= {upstream_id, *(json.loads(candidates) if candidates else ())}


def check_outcome(world: World, process: Process, *, expects_lock: bool) -> None:
    """The run ended in one of the ways that it may, and its report is true to itself."""
    outcome = process.outcome
    if expects_lock and not isinstance(outcome, RunLockedError | Killed):
        raise ViolationError("lock", f"{process} ran beside another run: {told(outcome)}")
    if isinstance(outcome, AppliedReport):
        _check_report(outcome)
    elif not isinstance(outcome, _HONEST):
        raise ViolationError("crash", f"{process}: {told(outcome)}")


def _check_report(applied: AppliedReport) -> None:
    outcomes = [record.outcome for record in applied.records]
    expected = 0
    if any(found.severity == "error" for found in applied.report.diagnostics):
        expected = 3
    if {RecordOutcome.REJECTED, RecordOutcome.NOT_ATTEMPTED} & {*outcomes}:
        expected = 3
    if RecordOutcome.UNKNOWN in outcomes:
        expected = 4
    if applied.report.interrupted:
        expected = 130
    if applied.exit_code != expected or len({record.address for record in applied.records}) != len(outcomes):
        raise ViolationError("report", f"exit code {applied.exit_code} where the records say {expected}")
    for record in applied.records:
        done = record.outcome in DONE - {RecordOutcome.UNCHANGED}
        if (done and not record.upstream_id) or (not done and record.outcome != "unchanged" and not record.error):
            raise ViolationError("report", f"{record} does not say what it must")


async def check_end(world: World, checkout: Checkout, env: str, plan: ReviewablePlan) -> None:
    """Every declared record is there once and locked under its ID, or somebody is asked for it with good reason."""
    rows = {row.upstream_id: row for row in await world.upstream.rows()}
    locked = checkout.folder.locked_ids(checkout.lockfile(env))
    if not plan.is_empty:
        raise ViolationError("unsettled", f"there is still something to do: {plan.render()}")
    actions = {change.address: change for change in plan.changes}
    for person in world.author.declared:
        row = rows.get(locked.get(person.address, ""))
        if row is None:
            change = actions[person.address]
            if not (_needs_somebody(world, person, change, rows.values()) or _waits_for_boss(person, actions)):
                raise ViolationError("unsettled", f"{person.address} is not locked: {change.code}: {change.reason}")
        elif row.token != person.token:
            raise ViolationError("wrong ID", f"{person.address} is locked as {row}")
        else:
            _check_content(world, person, row, actions)
            _check_reference(world, person, row, locked, actions)
    _check_nobody_is_lost(world, rows.values(), {*locked.values()}, plan.render("json"))


def _check_content(world: World, person: Person, row: Row, actions: Mapping[str, Change]) -> None:
    """A locked record is as it is declared, or the plan says why not, and somebody else has had a hand in it."""
    change = actions[person.address]
    is_as_declared = row.note == person.note
    excused = person.token in world.by_hand | world.edited_by_hand or world.memory_lost or world.has_rival
    if change.action is Action.UNCHANGED and not is_as_declared and not excused:
        raise ViolationError("content", f"{person.address} is {row.note!r} where {person.note!r} is declared")
    excused = excused or person.token in world.relaxed or _waits_for_boss(person, actions)
    if change.action is not Action.UNCHANGED and not excused:
        raise ViolationError("unsettled", f"{person.address}: {change.code}: {change.reason}")


def _check_reference(
    world: World, person: Person, row: Row, locked: Mapping[str, str], actions: Mapping[str, Change]
) -> None:
    """A record that refers to another one holds the very ID that this one is locked under."""
    boss = person.boss
    if boss is None or not boss.is_declared or actions[person.address].action is not Action.UNCHANGED:
        return
    excused = person.token in world.by_hand | world.edited_by_hand or world.memory_lost or world.has_rival
    if row.boss != locked.get(boss.address) and not excused:
        raise ViolationError("reference", f"{person.address} refers to {row.boss}, not to {locked.get(boss.address)}")


def _waits_for_boss(person: Person, actions: Mapping[str, Change]) -> bool:
    """Whether the record is held back by the one that it refers to, of which the laws judge in its turn."""
    boss = person.boss
    if boss is None or not boss.is_declared or actions[person.address].code != Rule.REFERENCE_BLOCKED:
        return False
    return actions[boss.address].action in (Action.BLOCKED, Action.UNKNOWN)


def _check_nobody_is_lost(world: World, rows: Iterable[Row], locked: Collection[str], said: str) -> None:
    """Every record of ours is locked, journalled or named; of those not declared, only while nothing was forgotten."""
    known = _known(world)
    declared = {person.token for person in world.author.declared}
    for row in rows:
        if not row.is_ours or (row.token not in declared and world.memory_lost):
            continue
        if row.upstream_id not in {*locked, *known.ids} and row.upstream_id not in said:
            raise ViolationError("lost", f"nobody says anything of {row}")


def _needs_somebody(world: World, person: Person, change: Change, rows: Iterable[Row]) -> bool:
    """Whether the plan asks somebody, in a case where nothing else is left."""
    if change.action not in (Action.BLOCKED, Action.UNKNOWN):
        return False
    if person.token in world.by_hand or person.token in world.relaxed:
        return True
    is_there = any(row.token == person.token for row in rows)
    match Rule(change.code):
        case Rule.OPEN_ATTEMPT | Rule.WAITS_FOR_UNKNOWN:
            was_deleted = person.token in world.deleted_by_hand.values()
            is_stuck = bool(person.addresses & _known(world).stuck_addresses)
            if change.code == Rule.WAITS_FOR_UNKNOWN and not is_there and world.counts["clock steps"]:
                # A list that was rebuilt after the clock stepped is waited for by every clock, and nobody waits long
                # enough for an address that is not declared any more.
                return True
            return (not is_there and was_deleted) or (is_stuck and (not is_there or world.has_rival))
        case Rule.LOOKS_LIKE:
            # The provider stored its key otherwise, and whoever knew that is forgotten, or another environment.
            return is_there and (world.memory_lost or world.has_rival)
        case Rule.NOT_VISIBLE:
            # A stream that is started anew shows no tombstone of what was deleted before.
            return change.upstream_id in world.deleted_by_hand
        case Rule.DELETED_UPSTREAM:
            return world.author.lifecycle["on_missing"] == "block" and change.upstream_id in world.deleted_by_hand
        case Rule.MARKED_FOR_ANOTHER | Rule.LOCKED_ELSEWHERE:
            return world.has_rival and (is_there or person.token in world.deleted_by_hand.values())
        case _:
            return False
