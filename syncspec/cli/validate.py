"""`syncspec validate`."""

from __future__ import annotations

from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec validate
  syncspec validate --format github     annotate a pull request
"""


@click.command("validate", epilog=_EXAMPLES)
@click.argument("path", required=False, metavar="[PATH]", type=click.Path(path_type=Path))
@format_options("text", "json", "github")
@project_options()
@click.pass_obj
def command(invocation: Invocation, path: Path | None) -> int:
    """Read and check all manifests, offline: no secret is needed and nothing is sent.

    All errors of all files are shown at once. The project that PATH (else this folder) belongs to is always checked
    as a whole, and in each of its environments unless one is chosen. Exit code 1 where there are errors.
    """
    from syncspec.cli.repository import folder_in_repository
    from syncspec.project.validation import validate
    from syncspec.render.diagnostics import count_text, diagnostics_document, github_annotations

    opening = invocation.opening(path)
    result = validate(opening)
    match invocation.format:
        case "json":
            invocation.write(diagnostics_document(result.diagnostics))
        case "github":
            invocation.write(github_annotations(result.diagnostics, folder=folder_in_repository(opening.path)))
        case _:
            invocation.screen.show(result.diagnostics)
    if not result.ok:
        invocation.screen.note(f"{count_text(result.diagnostics)}; nothing was sent.")
        return 1
    if invocation.format == "text":
        for project in result.projects:
            records = sum(len(record_set.records) for record_set in project.sets)
            where = f" in {project.environment}" if project.environment is not None else ""
            invocation.write(f"Valid{where}: {_counted(records, 'record')} in {_counted(len(project.sets), 'set')}.\n")
    return 0


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
