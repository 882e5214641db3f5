"""`syncspec lock list|check|rebuild|retarget|forget|unlock`."""

from __future__ import annotations

import functools

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, general_options, project_options
from syncspec.errors import NotConfirmedError

__all__ = ["command"]


_EXAMPLES = """\b
Examples:
  syncspec lock list
  syncspec lock check --json
  syncspec lock rebuild                      after it was damaged or lost
  syncspec lock retarget                     after base_url or a sync changed
  syncspec lock forget contacts.paul
  syncspec lock forget '*' -e sandbox         after the sandbox was refreshed
  syncspec lock unlock
"""


@click.group("lock", epilog=_EXAMPLES)
@general_options()
def command() -> None:
    """Look after the lockfile, which maps addresses to upstream IDs, and the run lock."""


@command.command("list")
@format_options("text", "json")
@project_options()
@click.pass_obj
def list_entries(invocation: Invocation) -> int:
    """List every locked record and every attempt that is not settled."""
    from syncspec.apply.clock import SystemClock
    from syncspec.apply.state import read_state
    from syncspec.render.lock import lockfile_json, lockfile_text

    state = read_state(invocation.opening().load(resolve_env=False), clock=SystemClock())
    color = invocation.screen.result_color
    invocation.write(
        lockfile_json(state.lockfile) if invocation.is_json else lockfile_text(state.lockfile, color=color)
    )
    return 0


@command.command("check")
@format_options("text", "json")
@project_options()
@click.pass_obj
def check(invocation: Invocation) -> int:
    """Check that the lockfile can be read, contradicts nothing, and fits what is declared. Offline.

    Exit code 1 where it does not.
    """
    from syncspec.apply.clock import SystemClock
    from syncspec.apply.state import read_state
    from syncspec.planning.lock_check import check_lockfile
    from syncspec.render.diagnostics import diagnostics_document

    project = invocation.opening().load(resolve_env=False)
    state = read_state(project, clock=SystemClock())
    found = check_lockfile(project.sets, state.lockfile)
    invocation.screen.show(found)
    if invocation.is_json:
        invocation.write(diagnostics_document(found))
    if any(item.is_error for item in found):
        return 1
    if not invocation.is_json:
        invocation.write(f"{project.lockfile.name}: {len(state.lockfile.entries):,} locked, nothing contradicts.\n")
    return 0


@command.command("rebuild")
@project_options()
@click.pass_obj
def rebuild(invocation: Invocation) -> int:
    """Make the lockfile anew, of every line that can be read and all that the journal knows. Offline.

    A damaged lockfile is kept beside the new one. Where the journal is lost too, the next apply finds records by their
    match key or marker, and waits as every first run does before it creates any.
    """
    from syncspec.project.lockcare import rebuild as make_anew
    from syncspec.project.loop import run_to_end

    done = run_to_end(functools.partial(make_anew, invocation.open(), lock_timeout=invocation.lock_timeout))
    invocation.screen.show(done.lost)
    kept = f" The damaged file is {done.kept_as.name}." if done.kept_as is not None else ""
    invocation.write(f"{done.entries:,} locked, {done.pending:,} not settled.{kept}\n")
    return 0


@command.command("retarget")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--force", is_flag=True, help="Also where the new place does not show the record.")
@project_options()
@click.pass_obj
def retarget(invocation: Invocation, addresses: tuple[str, ...], force: bool) -> int:
    """Take entries to where their records are declared now: another base_url, sync or collection.

    A plan blocks such records, since the same ID elsewhere may be another record. Each ID must be visible in its new
    place; where one is not, nothing is changed.
    """
    from syncspec.project.lockcare import retarget as take
    from syncspec.project.loop import run_to_end

    done = run_to_end(
        functools.partial(take, invocation.open(), addresses, force=force, lock_timeout=invocation.lock_timeout)
    )
    for entry in done:
        invocation.write(f"{entry.address}  {entry.upstream_id}  {entry.target.collection_id}\n")
    invocation.screen.note(f"{len(done):,} taken to their new place.")
    return 0


@command.command("forget")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also protected records.")
@project_options()
@click.pass_obj
def forget(invocation: Invocation, addresses: tuple[str, ...], auto_approve: bool, force: bool) -> int:
    """Drop entries, and with them the upstream IDs of their records. Nothing upstream is changed.

    An ADDRESS is a record, a set, or a pattern such as 'contacts.a*'; '*' stands for all, as after a sandbox was
    refreshed and all its records have new IDs.

    The next plan takes a declared record for a new one: it adopts what matches its key, else it creates it.
    """
    from syncspec.apply.clock import SystemClock
    from syncspec.apply.state import read_state
    from syncspec.cli.question import ask_for_yes, require_terminal
    from syncspec.project.lockcare import forget as drop
    from syncspec.project.lockcare import matching
    from syncspec.project.loop import run_to_end

    if not auto_approve:
        state = read_state(invocation.opening().load(resolve_env=False), clock=SystemClock())
        chosen = matching(addresses, state.lockfile.entries)
        require_terminal("forget")
        if not ask_for_yes(invocation.screen, f"Drop {len(chosen):,} of the lockfile's entries?"):
            raise NotConfirmedError("Not confirmed", detail="The lockfile stays as it is.")
    done = run_to_end(
        functools.partial(drop, invocation.open(), addresses, force=force, lock_timeout=invocation.lock_timeout)
    )
    invocation.write("".join(f"{entry.address}  {entry.upstream_id}\n" for entry in done))
    return 0


@command.command("unlock")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@project_options()
@click.pass_obj
def unlock(invocation: Invocation, auto_approve: bool) -> int:
    """Cut off a run that holds the run lock and hangs.

    It is not needed after a crash: the lock of a dead process is free, and that of a runner that vanished ends by
    itself after two and a half minutes. The run that is cut off can record what is in flight, and sends nothing more.
    """
    from syncspec.apply.clock import SystemClock
    from syncspec.apply.holders import lock_holders
    from syncspec.apply.holders import unlock as cut_off
    from syncspec.cli.question import ask_for_yes, require_terminal

    project = invocation.opening().load(resolve_env=False)
    holders = lock_holders(project, clock=SystemClock())
    if not holders:
        invocation.write("No run holds the lock.\n")
        return 0
    for holder in holders:
        invocation.screen.tell(f"Held by {holder}\n")
    if not auto_approve:
        require_terminal("unlock")
        if not ask_for_yes(invocation.screen, "Cut it off?"):
            raise NotConfirmedError("Not confirmed", detail="The lock stays as it is.")
    cut_off(project, clock=SystemClock())
    invocation.write("The run was cut off; another one may begin.\n")
    return 0
