"""`syncspec import`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec import salesforce:account --match-on Name --dry-run
  syncspec import salesforce:contact --set contacts --match-on Email
  syncspec import salesforce:contact --where LeadSource=Web --fields FirstName,LastName,Email
  syncspec import hubspot:companies --name-from domain -o manifests/companies.yaml
"""


def _names(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...] | None:
    names = tuple(dict.fromkeys(name.strip() for text in values for name in text.split(",")))
    if "" in names:
        raise click.BadParameter("A field's name is empty.", context, parameter)
    return names or None


def _conditions(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f'"{text}" is not FIELD=VALUE.', context, parameter)
        pairs.append((name, value))
    return tuple(pairs)


@click.command("import", epilog=_EXAMPLES)
@click.argument("collection")
@click.option(
    "--set", "set_name", metavar="NAME", help="The set that the records go to; it is made where there is none."
)
@click.option("--upstream", metavar="NAME", help="The upstream to read, where the project has several.")
@click.option("--sync-id", metavar="ID", help="The sync to read, where the upstream names none for the provider.")
@click.option(
    "--where",
    multiple=True,
    callback=_conditions,
    metavar="FIELD=VALUE",
    help="Only records with this value; several must all hold. FIELD= stands for no value.",
)
@click.option(
    "--fields",
    multiple=True,
    callback=_names,
    metavar="A,B",
    help="The fields to write, instead of all that can be written.",
)
@click.option(
    "--empty",
    type=click.Choice(["omit", "null"]),
    default="omit",
    help="What becomes of empty fields: omit does not manage them, the default; null keeps them empty.",
)
@click.option(
    "--name-from", metavar="FIELD", help="What records are named after, instead of the match key or the upstream ID."
)
@click.option("--match-on", multiple=True, callback=_names, metavar="A,B", help="The match key of a new set.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The manifest to write to."
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be written.")
@format_options("text", "json")
@project_options(trial=False)
@click.pass_obj
def command(
    invocation: Invocation,
    collection: str,
    set_name: str | None,
    upstream: str | None,
    sync_id: str | None,
    where: tuple[tuple[str, str], ...],
    fields: tuple[str, ...] | None,
    empty: str,
    name_from: str | None,
    match_on: tuple[str, ...] | None,
    output: Path | None,
    dry_run: bool,
) -> int:
    """Write a manifest of the records that a collection holds upstream, and lock them: nothing upstream is changed,
    and the next plan has nothing to do.

    COLLECTION is the provider and the collection, such as salesforce:contact. Records go to the set of that
    collection, else to a new one. A manifest that is there is added to, and all that it holds stays. Records that
    belong to an address already are skipped, so that the command may be run again.

    Left out are fields without a value, those that the provider writes itself, such as CreatedDate, and those that the
    project declares to be sensitive. The list is read whole, or nothing is written.
    """
    from syncspec.cli.progress import watch
    from syncspec.project.loop import run_to_end
    from syncspec.render.importing import imported_json, imported_text

    if invocation.upstream is not None:
        raise click.UsageError("--upstream embedded tries a project out, and an import writes into it.")
    with watch(invocation.screen) as view:
        done = run_to_end(
            functools.partial(
                invocation.open().import_records,
                collection,
                set_name=set_name,
                upstream=upstream,
                sync_id=sync_id,
                where=where,
                fields=fields,
                empty=cast(Literal["omit", "null"], empty),
                name_from=name_from,
                match_on=match_on,
                output=output,
                dry_run=dry_run,
                lock_timeout=invocation.lock_timeout,
                on_rows=view.rows,
                command="syncspec import",
            )
        )
    invocation.screen.show(done.diagnostics)
    if invocation.is_json:
        invocation.write(imported_json(done))
    else:
        invocation.write(imported_text(done, color=invocation.screen.result_color))
    return 0
