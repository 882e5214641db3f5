"""`syncspec init`."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import general_options
from syncspec.errors import UsageError

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec init crm
  syncspec init .
"""

_FILES = {
    "syncspec.yaml": "project.yaml",
    "manifests/contacts.yaml": "contacts.yaml",
}
_MERGE = "*.lock merge=union\n"


@click.command("init", epilog=_EXAMPLES)
@click.argument("directory", required=False, default=Path(), metavar="[DIR]", type=click.Path(path_type=Path))
@general_options()
@click.pass_obj
def command(invocation: Invocation, directory: Path) -> int:
    """Make a project to start from: a project file and a manifest, with comments that teach the format.

    Its upstream is embedded, so it works at once and reaches nothing real. The JSON Schemas in schemas/ are for
    editors, which need no network then; `syncspec schema --write schemas` renews them. Files that exist are not
    touched.
    """
    from syncspec.apply.journal import Journal
    from syncspec.manifests.schema import write_schemas

    invocation.enter_folder()
    for name in _FILES:
        if (directory / name).exists():
            raise UsageError(
                "There is a project already",
                detail=f"{directory / name} exists. Nothing was written.",
                hint="choose another folder",
            )
    project = _project_name(directory)
    written = []
    for name, template in _FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = resources.files("syncspec.cli").joinpath("templates", template).read_text(encoding="utf-8")
        path.write_text(text.replace("PROJECT", project), encoding="utf-8", newline="\n")
        written.append(path)
    written += write_schemas(directory / "schemas", replace=False)
    written += _set_up_merging(directory / ".gitattributes")
    # The journal says from now on that no run came before.
    with Journal.open((directory / ".syncspec").absolute(), f"{project}/syncspec.lock") as journal:
        journal.trust()
    invocation.write("".join(f"{path}\n" for path in written))
    enter = "" if directory == Path() else f"  cd {directory}\n"
    invocation.screen.note(f"Next:\n{enter}  syncspec plan\n  syncspec apply")
    return 0


def _project_name(folder: Path) -> str:
    """A valid name that is like the folder's."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name if re.fullmatch(r"[a-z][a-z0-9-]*", name) else "project"


def _set_up_merging(path: Path) -> list[Path]:
    """Let git merge lockfiles line by line; what the file holds already stays."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if _MERGE.strip() in before.splitlines():
        return []
    gap = "" if not before or before.endswith("\n") else "\n"
    path.write_text(before + gap + _MERGE, encoding="utf-8", newline="\n")
    return [path]
