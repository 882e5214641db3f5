"""`syncspec fmt`."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

if TYPE_CHECKING:
    from syncspec.diagnostics import Diagnostic
    from syncspec.project.formatting import FormattedFile
    from syncspec.render.formatting import Outcome

__all__ = ["command"]

_STDIN = "-"
_SAID: dict[Outcome, str] = {
    "rewritten": "rewritten",
    "unformatted": "would be rewritten",
    "failed": "left as it is for an error",
    "skipped": "without a document of syncspec's",
    "unchanged": "unchanged",
}
_EXAMPLES = """\b
Examples:
  syncspec fmt
  syncspec fmt manifests/contacts.yaml
  syncspec fmt --check --diff           in a pipeline
  syncspec fmt - < contacts.yaml        in an editor
"""


@click.command("fmt", epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; name the files that would change, and exit with 1.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@format_options("text", "json")
@project_options()
@click.pass_obj
def command(invocation: Invocation, paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Give manifests and project files their canonical form, and print the names of those that were rewritten.

    Without a PATH these are the files of the project that this folder belongs to. A folder stands for all YAML files
    in it; files that hold no document of syncspec's are left alone. With - as the only PATH, stdin is formatted to
    stdout.

    Two spaces of indentation, lists indented under their keys, keys in their documented order, at most one blank line
    in a row. Comments, quotes, anchors, block texts, what stands in braces and brackets, and the order of records,
    data and other names of yours stay. A file whose meaning would change, or that cannot be read, is reported and
    left as it is, with exit code 1.
    """
    from syncspec.project.formatting import format_files, select_files

    if diff and invocation.is_json:
        raise click.UsageError("--diff and --format json both say what goes to stdout: give one of them.")
    if Path(_STDIN) in paths:
        return _format_stdin(invocation, paths, check=check, diff=diff)
    invocation.enter_folder()
    selected = select_files(invocation.opening(), paths)
    run = _Run(invocation, check=check, diff=diff)
    run.fail(selected.diagnostics)
    for file in format_files(selected):
        run.take(file)
    return run.finish()


@dataclass(slots=True)
class _Run:
    """What became of the files so far."""

    invocation: Invocation
    check: bool
    diff: bool
    files: list[tuple[str, Outcome]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def fail(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        """Tell what is wrong."""
        self.diagnostics += diagnostics
        self.invocation.screen.show(diagnostics)

    def take(self, file: FormattedFile) -> None:
        """Write, show or name a file, as was asked for."""
        outcome = self._outcome(file)
        self.files.append((file.name, outcome))
        if self.diff and outcome == "unformatted":
            self.invocation.write(_diff(self.invocation, file))
        elif outcome in ("rewritten", "unformatted") and not self.invocation.is_json:
            self.invocation.write(f"{file.name}\n")

    def _outcome(self, file: FormattedFile) -> Outcome:
        from syncspec.project.formatting import write_formatted

        if file.foreign:
            return "skipped"
        if file.after is None:
            self.fail(file.diagnostics)
            return "failed"
        if not file.is_changed:
            return "unchanged"
        if self.check or self.diff:
            return "unformatted"
        problem = write_formatted(file)
        if problem is not None:
            self.fail((problem,))
            return "failed"
        return "rewritten"

    def finish(self) -> int:
        """Say how many there were; gives the exit code."""
        from syncspec.render.formatting import formatting_json
        from syncspec.render.values import counted

        if self.invocation.is_json:
            self.invocation.write(formatting_json(self.files, self.diagnostics))
        numbers = Counter(outcome for _, outcome in self.files)
        told = [f"{counted(numbers[each], 'file')} {said}" for each, said in _SAID.items() if numbers[each]]
        self.invocation.screen.note(f"{', '.join(told) or 'No files'}.")
        return int(bool(self.diagnostics) or (self.check and numbers["unformatted"] > 0))


def _format_stdin(invocation: Invocation, paths: tuple[Path, ...], *, check: bool, diff: bool) -> int:
    """Format stdin to stdout; nothing is written there where it is refused."""
    from syncspec.project.formatting import format_stdin

    if len(paths) > 1 or invocation.is_json:
        raise click.UsageError("- stands alone: stdin is formatted to stdout, and nothing else.")
    invocation.enter_folder()
    file = format_stdin(sys.stdin.buffer.read(), Path.cwd())
    if file.after is None:
        invocation.screen.show(file.diagnostics)
        return 1
    if diff:
        invocation.write(_diff(invocation, file))
    elif not check:
        invocation.write(file.after)
    elif file.is_changed:
        invocation.write(f"{file.name}\n")
    return int(check and file.is_changed)


def _diff(invocation: Invocation, file: FormattedFile) -> str:
    from syncspec.render.formatting import diff_text

    color = invocation.screen.result_color
    return diff_text(file.name, file.before, file.after or b"", sensitive=file.sensitive, color=color)
