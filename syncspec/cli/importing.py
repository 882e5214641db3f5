"""`syncspec import`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec import salesforce:account --match-on Name --dry-run
  syncspec import salesforce:contact --set contacts --match-on Email
  syncspec import salesforce:contact --where LeadSource=Web --fields FirstName,LastName,Email
  syncspec import salesforce:lead --from leads.csv --match-on Email
  syncspec import --from data/sample-data-plan.json --match-on Name
  syncspec import --from sfdmu/export.json -o manifests/sfdmu
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
@click.argument("collection", required=False)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take the records from this file, and not from upstream.",
)
@click.option(
    "--from-format",
    "source_format",
    type=click.Choice(["csv", "jsonl", "sfdmu", "sobject-tree"]),
    help="How that file is written, where its name and content do not tell.",
)
@click.option("--delimiter", metavar="CHAR", help="What stands between the cells of CSV; else a comma, in .tsv a tab.")
@click.option("--encoding", metavar="NAME", help="The encoding of CSV, such as windows-1252; else UTF-8.")
@click.option(
    "--set", "set_name", metavar="NAME", help="The set that the records go to; it is made where there is none."
)
@click.option("--upstream", metavar="NAME", help="The records' upstream, where the project has several.")
@click.option("--sync-id", metavar="ID", help="The records' sync, where the upstream names none for the provider.")
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
    help="What becomes of empty fields: omit, the default, does not manage them; null keeps them empty.",
)
@click.option(
    "--name-from", metavar="FIELD", help="What records are named after, instead of match key, reference or upstream ID."
)
@click.option("--match-on", multiple=True, callback=_names, metavar="A,B", help="The match key of a new set.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="The manifest to write to, or a folder for one of each set.",
)
@click.option(
    "--references",
    is_flag=True,
    help="Write IDs of records that are locked or looked up already as references to them.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would be written.")
@format_options("text", "json")
@project_options(trial=False)
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    collection: str | None,
    source: Path | None,
    source_format: str | None,
    delimiter: str | None,
    encoding: str | None,
    references: bool,
    **options: Any,
) -> int:
    """Write a manifest of records that exist upstream, and lock them: nothing upstream is changed, and the next plan
    has nothing to do. Or, with --from, write manifests of the records in a file; apply then creates or adopts them.

    COLLECTION is the provider and the collection, such as salesforce:contact. Records go to the set of that
    collection, else to a new one. A manifest that is there is added to, and all that it holds stays. Records that
    belong to an address already are skipped, so that the command may be run again.

    Left out are fields without a value, those that the provider writes itself, such as CreatedDate, and those that the
    project declares to be sensitive. Everything is read, or nothing is written.

    Of several collections import those first that others refer to: with --references the ID of an account is then
    written as ${record.account.acme.upstream_id}, and holds in every environment.

    Files may be CSV or JSON Lines, which need a COLLECTION, sObject trees of the Salesforce CLI or the plan that names
    several of them, and SFDMU's export.json with its CSV files. Reference IDs, and columns such as
    Account.Ext_Id__c, become references to the records that they name.
    """
    from syncspec.render.importing import imported_json, imported_text

    if invocation.upstream is not None:
        raise click.UsageError("--upstream embedded tries a project out, and an import writes into it.")
    if source is None:
        _refuse_without_file(collection, source_format=source_format, delimiter=delimiter, encoding=encoding)
        done = _from_upstream(invocation, collection, {"references": references, **options})
    else:
        if references:
            raise click.UsageError(
                "--references is for records of an upstream; those of files become references anyway."
            )
        project = invocation.open()
        delimiter = "\t" if delimiter == "\\t" else delimiter
        done = project.import_files(
            source, collection, format=source_format, delimiter=delimiter, encoding=encoding or "utf-8", **options
        )
    invocation.screen.show(done.diagnostics)
    if invocation.is_json:
        invocation.write(imported_json(done))
    else:
        invocation.write(imported_text(done, color=invocation.screen.result_color))
    return 0


def _refuse_without_file(collection: str | None, **options: str | None) -> None:
    """Refuse a command line that makes sense with a file only."""
    if collection is None:
        raise click.UsageError("Name a COLLECTION, such as salesforce:contact, or a file with --from.")
    for name, value in options.items():
        if value is not None:
            option = "--from-format" if name == "source_format" else f"--{name}"
            raise click.UsageError(f"{option} is for files, and --from names none.")


def _from_upstream(invocation: Invocation, collection: str | None, options: dict[str, Any]) -> Any:
    from syncspec.cli.progress import watch
    from syncspec.project.loop import run_to_end

    with watch(invocation.screen) as view:
        return run_to_end(
            functools.partial(
                invocation.open().import_records,
                collection or "",
                lock_timeout=invocation.lock_timeout,
                on_rows=view.rows,
                command="syncspec import",
                **options,
            )
        )
