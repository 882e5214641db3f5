"""`syncspec changes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options, selection_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec changes                              what is not committed yet
  syncspec changes main...HEAD                  what a branch changes
  syncspec changes v1..v2 --target contacts
  syncspec changes origin/main...HEAD --format markdown > comment.md
"""


@click.command("changes", epilog=_EXAMPLES)
@click.argument("revisions", default="HEAD", metavar="[REV..REV]")
@selection_options()
@click.option("--full", is_flag=True, help="Show every change, however many there are.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where anything differs.")
@review_options()
@project_options()
@click.pass_obj
def command(
    invocation: Invocation,
    revisions: str,
    paths: tuple[Path, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    labels: Mapping[str, str],
    full: bool,
    detailed_exitcode: bool,
) -> int:
    """Tell what a change of the manifests means in records: from git, offline, without any secret.

    REV..REV are two revisions; REV...REV begins where the two parted; one REV is compared with the working tree.
    Without it, HEAD is. No upstream is asked: the lockfile of the newer side tells what is locked already.
    No environment variable is read: those that the project names stand as they are written, ${env.NAME}, unless
    --env-file gives them.

    Without -e, all environments of the newer side are compared; those in which the same differs stand together.
    Exit code 1 where a revision cannot be read, or the newer side has errors; where only the older one has, all
    records are shown as added.
    """
    from syncspec.errors import UsageError
    from syncspec.project.changes import changes

    if invocation.upstream is not None:
        raise UsageError("--upstream has no use here", detail="No upstream is asked.", hint="leave it away")
    invocation.enter_folder()
    opening = invocation.opening(_start(paths))
    inputs = opening.inputs()
    found = changes(
        replace(
            opening,
            env=inputs["environment"],
            state_dir=inputs["state_dir"],
            environ=invocation.given_environ(),
        ),
        revisions,
        include=include,
        exclude=exclude,
        labels=labels,
        paths=paths,
    )
    if invocation.format not in ("json", "github"):
        invocation.show(found.diagnostics)
    invocation.write_rendered(
        found.render(
            invocation.format,
            color=invocation.screen.result_color,
            full=full,
            redact=invocation.redact,
            folder=invocation.annotated_folder(),
        )
    )
    return 2 if detailed_exitcode and not found.is_empty else 0


def _start(paths: tuple[Path, ...]) -> Path | None:
    """Where the project is looked for: the first PATH, or what is left of it, for it may have been removed."""
    if not paths:
        return None
    return next(path for path in (paths[0].absolute(), *paths[0].absolute().parents) if path.exists())
