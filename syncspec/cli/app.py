"""The command `syncspec` itself; a command's file is imported when that command is run."""

from __future__ import annotations

from importlib import import_module

import click

from syncspec._version import __version__
from syncspec.cli.invocation import Invocation
from syncspec.cli.options import json_option, project_options
from syncspec.diagnostics import did_you_mean

__all__ = ["app"]

_COMMANDS = {
    "init": "Make a project to start from.",
    "validate": "Check all manifests, offline.",
    "import": "Write manifests of records that exist.",
    "fmt": "Give manifests their canonical form.",
    "plan": "Show what apply would do.",
    "apply": "Do what the manifests say, after a question.",
    "accept": "Take what changed upstream into the manifests.",
    "changes": "Tell what a change in git means in records.",
    "show": "Show a saved plan, or a past run.",
    "undo": "Take back what one run did, after a question.",
    "destroy": "Delete all that was created, after a question.",
    "resolve": "Settle by hand what became of a record.",
    "explain": "Tell all that is known of one record.",
    "runs": "List past runs, or show one.",
    "lock": "Look after the lockfile and the run lock.",
    "doctor": "Check URL, token, sync, state and lockfile.",
    "serve": "Serve the embedded upstream over HTTP.",
    "schema": "Print or write the JSON Schemas.",
    "completion": "Print a script for shell completion.",
}

_FILES = {"import": "importing"}
"""The files of commands whose names no module can have."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports only the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"syncspec.cli.{_FILES.get(cmd_name, cmd_name)}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name not in _COMMANDS and not name.startswith("-"):
            nearest = did_you_mean(name, list(_COMMANDS))
            raise click.UsageError(f'There is no command "{name}"' + (f"; {nearest}" if nearest else "."), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


_EPILOG = """\b
Begin with:
  syncspec init crm
  cd crm
  syncspec plan
  syncspec apply
\b
Exit codes:
  0    done
  1    failed, nothing was sent
  2    what --detailed-exitcode or --fail-on asked for is there
  3    applied in part
  4    the outcome of some records is unknown
  5    the plan is stale
  6    a guard refused the plan
  7    another run holds the lock
  64   wrong usage
  130  interrupted
"""


@click.group(
    cls=LazyGroup,
    no_args_is_help=False,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@project_options()
@json_option()
@click.version_option(__version__, "--version", message="%(prog)s %(version)s", help="Show the version.")
@click.pass_context
def app(context: click.Context) -> int:
    """Records as code: manifests of the records that must exist, a plan to review, and an apply that creates no
    record twice.

    Results go to stdout; progress, warnings and errors to stderr.
    """
    if context.invoked_subcommand is None:
        context.ensure_object(Invocation).screen.tell(f"{context.get_help()}\n", event="help")
        return 64
    return 0
