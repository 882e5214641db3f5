"""From what a caller names to what is planned: addresses, labels, and paths as the file system knows them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath

from syncspec.errors import UsageError
from syncspec.planning.selection import Selection
from syncspec.settings import LoadedProject

__all__ = ["choose"]

_EVERYTHING = "."


def choose(
    loaded: LoadedProject,
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    labels: Mapping[str, str],
    paths: Sequence[str | Path],
    locked: Collection[str] = (),
) -> Selection:
    """The selection; `paths` are relative to the working folder. Raises UsageError where a part of it names nothing.

    `locked` are the addresses of the lockfile: those that are no longer declared can be selected, too.
    """
    for option, value in (("include", include), ("exclude", exclude), ("paths", paths)):
        if isinstance(value, str):
            raise UsageError(
                f"{option} is one text",
                detail=f'{option} takes a list of texts, and got "{value}".',
                hint=f'write {option}=["{value}"]',
            )
    selection = Selection(
        include=tuple(include),
        exclude=tuple(exclude),
        labels=dict(labels),
        paths=tuple(name for path in paths if (name := _name_in_project(loaded, Path(path))) != _EVERYTHING),
    )
    if any(_name_in_project(loaded, Path(path)) == _EVERYTHING for path in paths):
        selection = Selection(include=selection.include, exclude=selection.exclude, labels=selection.labels)
    selection.check(loaded.sets, locked, loaded.elsewhere)
    if not selection.is_everything and not _selects_any(loaded, selection, locked):
        raise UsageError(
            "The selection matches nothing",
            detail="Each of its parts names something, but no record fits all of them. Nothing was planned.",
            hint="take one of PATH, --target, --exclude and -l away",
        )
    return selection


def _selects_any(loaded: LoadedProject, selection: Selection, locked: Collection[str]) -> bool:
    declared = {record.address for each in loaded.sets for record in each.records}
    return any(selection(each, record.address) for each in loaded.sets for record in each.records) or any(
        selection(None, address) for address in locked if address not in declared
    )


def _name_in_project(loaded: LoadedProject, path: Path) -> str:
    """The path as record sets name their files; "." for what stands for the whole project."""
    if not path.exists():
        raise UsageError("No such path", detail=f"{path} does not exist.", hint="name a manifest or a folder of them")
    # A link is named as it is written, where that names a manifest; `resolve` would follow it.
    names = [_relative(Path(os.path.abspath(path)), loaded.root), _relative(path.resolve(), loaded.root)]  # noqa: PTH100
    sources = [*(each.source for each in loaded.sets), *(each.source for each in loaded.elsewhere.values())]
    files = [PurePosixPath(source.file) for source in sources]
    known = [name for name in names if name is not None]
    if not known:
        raise UsageError(
            "A path lies outside the project",
            detail=f"{path} is not in {loaded.root}.",
            hint="name paths of one project",
        )
    if "syncspec.yaml" in known:
        return _EVERYTHING
    return next((name for name in known if any(file.is_relative_to(name) for file in files)), known[0])


def _relative(path: Path, root: Path) -> str | None:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None
