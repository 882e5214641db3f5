"""`syncspec accept`."""

from __future__ import annotations

import functools

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec accept contacts.paul
  syncspec accept contacts.paul --field Title --dry-run
  syncspec accept contacts
"""


@click.command("accept", epilog=_EXAMPLES)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME",
    help="Only this field, for whatever reason it differs; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be written.")
@format_options("text", "json")
@project_options(trial=False)
@click.pass_obj
def command(invocation: Invocation, addresses: tuple[str, ...], fields: tuple[str, ...], dry_run: bool) -> int:
    """Take what somebody changed upstream into the manifests: the values of fields that drifted, or that both sides
    changed. Nothing upstream is changed, and the next plan has nothing to do for them.

    An ADDRESS is a record, a set, or a pattern such as 'contacts.a*'. Only the values themselves are edited: comments,
    order and anchors stay. A value that comes from defaults is written into its record. Nothing is asked, since only
    files change that are under version control: --dry-run shows the change first.

    Refused are sensitive fields, values that are made of variables or other expressions, and records that come from
    files of rows; the message says where to edit. Everything is accepted, or nothing is written.
    """
    from syncspec.cli.progress import watch
    from syncspec.project.loop import run_to_end
    from syncspec.render.accepting import accepted_json, accepted_text

    if invocation.upstream is not None:
        raise click.UsageError("--upstream embedded tries a project out, and accept writes into it.")
    with watch(invocation.screen) as view:
        done = run_to_end(
            functools.partial(invocation.open().accept, addresses, fields=fields, dry_run=dry_run, on_rows=view.rows)
        )
    if invocation.is_json:
        invocation.write(accepted_json(done))
    else:
        invocation.write(accepted_text(done, color=invocation.screen.result_color))
    return 0
