"""`syncspec schema`."""

from __future__ import annotations

from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import general_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec schema                       the names
  syncspec schema recordset.v1          one schema
  syncspec schema --write schemas       all of them as files
  syncspec schema --check schemas       exit 1 where a file is missing or stale
"""


@click.command("schema", epilog=_EXAMPLES)
@click.argument("name", required=False)
@click.option("--write", "write", type=click.Path(path_type=Path, file_okay=False), help="Write all into this folder.")
@click.option("--check", "check", type=click.Path(path_type=Path, file_okay=False), help="Compare with this folder.")
@general_options()
@click.pass_obj
def command(invocation: Invocation, name: str | None, write: Path | None, check: Path | None) -> int:
    """Print or write the JSON Schemas of manifests, project, faults file, lockfile, plan, saved plan, report, events
    and failed requests."""
    from syncspec.diagnostics import did_you_mean
    from syncspec.render.schemas import all_schemas, schema_text

    if sum(chosen is not None for chosen in (name, write, check)) > 1:
        raise click.UsageError("Give a NAME, --write or --check, not several of them.")
    invocation.enter_folder()
    texts = {file: schema_text(schema) for file, schema in all_schemas().items()}
    if write is not None:
        return _write(invocation, write, texts)
    if check is not None:
        return _check(invocation, check, texts)
    if name is None:
        invocation.write("".join(f"{_short(file)}\n" for file in texts))
        return 0
    found = {_short(file): text for file, text in texts.items()} | texts
    if name not in found:
        near = did_you_mean(name, list(found))
        raise click.UsageError(f'There is no schema "{name}"' + (f"; {near}" if near else "."))
    invocation.write(found[name])
    return 0


def _short(file: str) -> str:
    return file.removesuffix(".schema.json")


def _write(invocation: Invocation, folder: Path, texts: dict[str, str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8", newline="\n")
    invocation.write("".join(f"{folder / file}\n" for file in texts))
    return 0


def _check(invocation: Invocation, folder: Path, texts: dict[str, str]) -> int:
    stale = [
        file
        for file, text in texts.items()
        if not (folder / file).is_file() or (folder / file).read_text(encoding="utf-8") != text
    ]
    for file in stale:
        invocation.screen.tell(f"stale: {folder / file}\n")
    if stale:
        invocation.screen.tell(f"hint: syncspec schema --write {folder}\n")
        return 1
    invocation.screen.note(f"{len(texts)} schemas are up to date.")
    return 0
