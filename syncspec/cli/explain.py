"""`syncspec explain`."""

from __future__ import annotations

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec explain contacts.paul
  syncspec explain contacts.paul --json
"""


@click.command("explain", epilog=_EXAMPLES)
@click.argument("address")
@format_options("text", "json")
@project_options()
@click.pass_obj
def command(invocation: Invocation, address: str) -> int:
    """Tell what manifest, lockfile, journal and upstream say of one record, and which rule decides what happens."""
    import anyio

    from syncspec.project.explanation import explain
    from syncspec.render.explanation import explanation_json, explanation_text

    known = anyio.run(explain, invocation.open(), address)
    color = invocation.screen.result_color
    invocation.write(explanation_json(known) if invocation.is_json else explanation_text(known, color=color))
    return 0
