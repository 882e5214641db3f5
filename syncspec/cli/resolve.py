"""`syncspec resolve`."""

from __future__ import annotations

import functools

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec explain contacts.paul                       what is known, and what upstream may be it
  syncspec resolve contacts.paul --created 0035g00000XyZaBAAV
  syncspec resolve contacts.paul --not-created         the next apply creates it
  syncspec resolve 'contacts.p*' --not-created         all that are open and fit
"""


@click.command("resolve", epilog=_EXAMPLES)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--created", metavar="ID", help="The upstream ID that the record was created as.")
@click.option("--not-created", is_flag=True, help="The record was not created.")
@click.option("--force", is_flag=True, help="Settle it although the upstream does not bear it out.")
@format_options("text", "json")
@project_options()
@click.pass_obj
def command(
    invocation: Invocation, addresses: tuple[str, ...], created: str | None, not_created: bool, force: bool
) -> int:
    """Settle what became of a record that was sent and whose outcome is unknown. Nothing is sent; nobody is asked.

    Most unknowns settle by themselves: apply looks for them. This is for those that cannot, such as records without
    match key and marker, several records that match, or a record that was sent twice and never seen.

    Refused are an ID that another address holds, and --not-created while the request may still be executed, or while
    something upstream may be the record; --force lifts the latter.

    --not-created takes several addresses, sets and patterns, and settles all that is open of them, or, where one is
    refused, nothing.
    """
    from syncspec.project.loop import run_to_end
    from syncspec.project.resolving import resolve, resolve_not_created
    from syncspec.render.json_bytes import json_bytes

    if (created is None) is not not_created:
        raise click.UsageError("Give either --created ID or --not-created.")
    if created is not None and len(addresses) > 1:
        raise click.UsageError("--created ID takes one ADDRESS: an upstream record belongs to one address.")
    project, patience = invocation.open(), invocation.lock_timeout
    if created is None and _names_several(addresses):
        several = run_to_end(
            functools.partial(
                resolve_not_created,
                project,
                addresses,
                force=force,
                lock_timeout=patience,
                command="syncspec resolve",
            )
        )
        if invocation.is_json:
            items = [{"address": each.address, "attempts": each.attempts} for each in several]
            invocation.write(json_bytes({"format_version": "1.0", "settled": items}))
        for each in several if not invocation.is_json else ():
            invocation.write(f"{each.address} was not created; the next apply creates it.\n")
        return 0
    done = run_to_end(
        functools.partial(
            resolve,
            project,
            addresses[0],
            created=created,
            force=force,
            lock_timeout=patience,
            command="syncspec resolve",
        )
    )
    if invocation.is_json:
        settled = {"address": done.address, "upstream_id": done.upstream_id, "attempts": done.attempts}
        invocation.write(json_bytes({"format_version": "1.0", **settled}))
    elif done.upstream_id is not None:
        invocation.write(f"{done.address} is locked as {done.upstream_id}.\n")
    else:
        invocation.write(f"{done.address} was not created; the next apply creates it.\n")
    return 0


def _names_several(addresses: tuple[str, ...]) -> bool:
    """Whether more than one address is named, or a set or pattern that may hold several."""
    first = addresses[0]
    return len(addresses) > 1 or "." not in first or not set("*?[").isdisjoint(first)
