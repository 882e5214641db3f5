"""`syncspec lock list|check|unlock`."""

from __future__ import annotations

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, general_options, project_options
from syncspec.errors import NotConfirmedError

__all__ = ["command"]


_EXAMPLES = """\b
Examples:
  syncspec lock list
  syncspec lock check --json
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
    from syncspec.apply.run import read_state
    from syncspec.render.lock import lockfile_json, lockfile_text

    state = read_state(invocation.opening().load(resolve_env=False))
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
    from syncspec.apply.run import read_state
    from syncspec.planning.lock_check import check_lockfile
    from syncspec.render.diagnostics import diagnostics_document

    project = invocation.opening().load(resolve_env=False)
    state = read_state(project)
    found = check_lockfile(project.sets, state.lockfile)
    invocation.screen.show(found)
    if invocation.is_json:
        invocation.write(diagnostics_document(found))
    if any(item.is_error for item in found):
        return 1
    if not invocation.is_json:
        invocation.write(f"{project.lockfile.name}: {len(state.lockfile.entries):,} locked, nothing contradicts.\n")
    return 0


@command.command("unlock")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@project_options()
@click.pass_obj
def unlock(invocation: Invocation, auto_approve: bool) -> int:
    """Cut off a run that holds the run lock and hangs.

    It is not needed after a crash: the lock of a dead process is free. The run that is cut off can record what is in
    flight, and sends nothing more.
    """
    from syncspec.apply.runlock import lock_holders
    from syncspec.apply.runlock import unlock as cut_off
    from syncspec.cli.question import ask_for_yes, require_terminal

    project = invocation.opening().load(resolve_env=False)
    holders = lock_holders(project)
    if not holders:
        invocation.write("No run holds the lock.\n")
        return 0
    for holder in holders:
        invocation.screen.tell(f"Held by {holder}\n")
    if not auto_approve:
        require_terminal("unlock")
        if not ask_for_yes(invocation.screen, "Cut it off?"):
            raise NotConfirmedError("Not confirmed", detail="The lock stays as it is.")
    cut_off(project)
    invocation.write("The run was cut off; another one may begin.\n")
    return 0
