"""`syncspec schema`."""

from __future__ import annotations

from collections.abc import Mapping
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
  syncspec schema recordset.v1 project.v1 --write schemas
"""


@click.command("schema", epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--write", "write", type=click.Path(path_type=Path, file_okay=False), help="Write them into this folder.")
@click.option("--check", "check", type=click.Path(path_type=Path, file_okay=False), help="Compare with this folder.")
@general_options()
@click.pass_obj
def command(invocation: Invocation, names: tuple[str, ...], write: Path | None, check: Path | None) -> int:
    """Print or write the JSON Schemas of manifests, project, faults file, lockfile, plans, changes, report, events and
    failed requests.

    NAMEs choose some of them for --write and --check. A manifest tells an editor where its schema is by its first
    line, with a path from the manifest's own folder:

    \b
      # yaml-language-server: $schema=../schemas/recordset.v1.schema.json
    """
    from syncspec.render.schemas import all_schemas, schema_text

    if write is not None and check is not None:
        raise click.UsageError("Give --write or --check, not both.")
    invocation.enter_folder()
    texts = {file: schema_text(schema) for file, schema in all_schemas().items()}
    chosen = {file: texts[file] for file in (_file(name, texts) for name in names)} if names else texts
    if write is not None:
        return _write(invocation, write, chosen)
    if check is not None:
        return _check(invocation, check, chosen)
    if len(names) > 1:
        raise click.UsageError("Only one schema can be printed at a time; --write takes several.")
    invocation.write("".join(chosen.values() if names else (f"{_short(file)}\n" for file in texts)))
    return 0


def _file(name: str, texts: Mapping[str, str]) -> str:
    """The schema's file name, of what was given for it. Raises UsageError."""
    found = {_short(file): file for file in texts} | {file: file for file in texts}
    if name not in found:
        from syncspec.diagnostics import did_you_mean

        near = did_you_mean(name, list(found))
        raise click.UsageError(f'There is no schema "{name}"' + (f"; {near}" if near else "."))
    return found[name]


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
