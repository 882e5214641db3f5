"""What happens in a world: drawn step by step, within the bounds of the promise."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import memory

from simulation.laws import ViolationError, check_always, check_end, check_outcome
from simulation.loop import VirtualLoop
from simulation.process import Process, number_steps
from simulation.telling import told
from simulation.world import MAIN, RIVAL, Checkout, World
from syncspec.project.results import AppliedReport

__all__ = ["simulate"]

CALM_RUNS = 4
"""So many runs after the weather has cleared up settle everything that needs nobody."""

_BETWEEN = {
    "time": 5,
    "author": 6,
    "lockfile": 4,
    "journal": 1,
    "both": 1,
    "checkout": 3,
    "clock": 4,
    "hand": 2,
    "others": 3,
    "reset": 2,
}
_MEANWHILE = {
    "stop": 3,
    "kill": 3,
    "suspend": 3,
    "beside": 3,
    "unlock": 6,
    "clock": 3,
    "hand": 1,
    "others": 1,
    "author": 1,
}
"""What may happen, and how likely it is."""


def simulate(draw: random.Random) -> Counter[str]:
    """Let a drawn world run to its end; gives what happened, counted. Raises ViolationError with the whole story."""
    random.seed(draw.randrange(2**31))
    with (
        tempfile.TemporaryDirectory(dir=memory.FOLDER) as root,
        pytest.MonkeyPatch.context() as patch,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        number_steps(patch, draw)
        return runner.run(_lived(draw, Path(root), patch))


async def _lived(draw: random.Random, root: Path, patch: pytest.MonkeyPatch) -> Counter[str]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    world = World(loop, draw, root)
    patch.setattr("syncspec.project.reading.connect", world.upstream.connect)
    try:
        for _ in range(draw.randint(1, 4)):
            await _between(world)
            await _run(world)
            if draw.random() < 0.2:
                world.step_clock()
        await _come_to_rest(world)
    except ViolationError as violation:
        violation.add_note("\n".join(world.story))
        raise
    finally:
        for process in world.living:
            process.kill()
            await process.ended(1.0)
        world.upstream.close()
    return world.counts


async def _between(world: World) -> None:
    """What may happen while nothing runs, or while only what was cut off still does."""
    for _ in range(world.draw.choice([0, 0, 1, 1, 2, 3])):
        match world.happens(_BETWEEN):
            case "time":
                await _pass_time(world)
            case "author":
                world.tell(f"the author {world.author.change()}")
            case "lockfile":
                world.lose_lockfile()
            case "journal":
                world.lose_journal()
            case "both":
                world.lose_journal()
                world.lose_lockfile()
            case "reset":
                world.reset_streams()
            case "checkout":
                world.take_another_checkout()
            case "clock":
                world.step_clock()
            case "hand":
                world.create_by_hand()
            case "others":
                await world.change_by_hand()
        await check_always(world)


async def _pass_time(world: World) -> None:
    seconds = world.draw.choice([1.0, 10.0, world.settle / 2, world.settle, 3 * world.settle + 100])
    world.tell(f"{seconds:.0f} s pass")
    await asyncio.sleep(seconds)


def _fate(world: World) -> dict[str, Any]:
    draw = world.draw
    chance = draw.random()
    at_intent = draw.random() < 0.5
    step = draw.choice([1, 1, 2, 3]) if at_intent else draw.randint(1, 45)
    if chance < 0.35:
        return {"kill_at": step, "at_intent": at_intent}
    if chance < 0.55:
        long = 3 * world.settle + 150
        seconds = draw.choice([3.0, 15.0, world.settle, long, long, long])
        return {"suspend_at": step, "suspend_for": seconds, "at_intent": at_intent}
    return {}


def _options(world: World) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if world.draw.random() < 0.3:
        options["wait_settled"] = True
    if world.draw.random() < 0.2 and world.author.declared:
        options["include"] = [world.draw.choice(world.author.declared).address]
    return options


async def _run(world: World) -> None:
    """One run, and what happens beside it."""
    env = RIVAL if world.draw.random() < 0.15 else MAIN
    checkout = world.checkout
    beside = any(process.holds_lock for process in world.processes)
    fate = _fate(world)
    process = world.start(checkout, env=env, options=_options(world), **fate)
    if fate.get("suspend_for", 0.0) > world.settle and world.draw.random() < 0.7:
        await _overtake(world, process, fate["suspend_for"])
    for _ in range(world.draw.choice([0, 0, 0, 1, 2, 4])):
        if await process.ended(world.draw.choice([0.01, 1.0, 12.0, 40.0, world.settle])):
            break
        await _meanwhile(world, process)
        await check_always(world)
    if process.lives and not process.is_cut_off:
        await process.ended()
    if not process.lives:
        await _judge(world, process, expects_lock=beside)


async def _judge(world: World, process: Process, *, expects_lock: bool) -> None:
    world.tell(f"{process} ended: {told(process.outcome)}")
    check_outcome(world, process, expects_lock=expects_lock)
    world.commit_lockfile()
    await check_always(world)


async def _meanwhile(world: World, process: Process) -> None:
    """Something happens while a run lives."""
    match world.happens(_MEANWHILE):
        case "stop" if process.run is not None and not process.is_suspended:
            process.signal(twice=world.draw.random() < 0.5)
        case "kill":
            process.kill()
        case "suspend" if not process.is_suspended:
            process.suspend(world.draw.choice([5.0, 60.0, 3 * world.settle + 150]))
        case "beside":
            await _run_beside(world, process)
        case "unlock" if process.run is not None:
            world.cut_off(world.checkout)
        case "clock":
            world.step_clock()
        case "hand":
            world.create_by_hand()
        case "others":
            await world.change_by_hand()
        case "author":
            world.tell(f"the author {world.author.change()}")


async def _overtake(world: World, process: Process, seconds: float) -> None:
    """A run that is suspended for so long loses its lock, and others go on in its place before it wakes up.

    The wall clock may go back meanwhile, so that no time seems to have passed when it does.
    """
    while not process.is_suspended:
        if await process.ended(1.0):
            return
    world.cut_off(world.checkout)
    for _ in range(world.draw.randint(1, 2)):
        if world.draw.random() < 0.5:
            world.step_clock()
        other = world.start(world.checkout, options={"wait_settled": True})
        await other.ended()
        await _judge(world, other, expects_lock=False)
    if world.draw.random() < 0.3 and process.is_suspended:
        world.step_clock(5.0 - seconds)


async def _run_beside(world: World, process: Process) -> None:
    """A second run on the same state finds the lock held."""
    env = RIVAL if world.draw.random() < 0.3 else MAIN
    holds = process.holds_lock
    other = world.start(world.checkout, env=env, options={})
    await other.ended()
    await _judge(world, other, expects_lock=holds)


async def _come_to_rest(world: World) -> None:
    """Nothing goes wrong any more, and everything settles, in a bounded number of runs."""
    for process in world.living:
        if world.draw.random() < 0.5 or process.holds_lock:
            process.kill()
        await process.ended()
        world.tell(f"{process} ended: {told(process.outcome)}")
        check_outcome(world, process, expects_lock=False)
    await check_always(world)
    world.weather.clear()
    world.tell("nothing goes wrong any more")
    checkout = world.checkout
    checkout.machine.catch_up()
    envs = (MAIN, RIVAL) if world.has_rival else (MAIN,)
    # What a list does not show yet is left as it is: all of it has to be in sight for a run to do the rest.
    await asyncio.sleep(world.settle)
    for _ in range(CALM_RUNS):
        for env in envs:
            process = world.start(checkout, env=env, options={"wait_settled": True})
            await process.ended()
            await _judge(world, process, expects_lock=False)
        await asyncio.sleep(world.settle)
        if all(_changed_nothing(process) for process in world.processes[-len(envs) :]):
            break
    world.counts["deletions"] += len(world.upstream.deletions)
    for env in envs:
        await _check_end(world, checkout, env)


def _changed_nothing(process: Process) -> bool:
    """Whether the run found everything as it is declared."""
    outcome = process.outcome
    return isinstance(outcome, AppliedReport) and {record.outcome for record in outcome.records} <= {"unchanged"}


async def _check_end(world: World, checkout: Checkout, env: str) -> None:
    plans: list[Any] = []

    async def plan() -> Any:
        plans.append(await checkout.project(env).plan())
        return plans[0]

    process = Process("plan", world.loop, checkout.machine, told=world.tell)
    process.start(plan)
    await process.ended()
    if not plans:
        raise ViolationError("crash", told(process.outcome))
    await check_end(world, checkout, env, plans[0])
