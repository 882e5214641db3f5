"""A saved plan, read back: to be shown, and to be applied."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from syncspec.errors import PlanFileError
from syncspec.manifests.collector import paused_collector
from syncspec.planning.selection import Selection
from syncspec.planning.staleness import Approved
from syncspec.project.results import ShownPlan
from syncspec.project.saving import MOST_BYTES
from syncspec.project.unpacking import unpacked
from syncspec.render.saved_documents import SavedBody, SavedHeader

__all__ = ["SavedPlan", "load_plan"]

_MAJOR = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan(ShownPlan):
    """A plan as it was saved. `Project.apply` carries it out, where what it rests on has not changed.

    The records' own data are not in its `plan`. `approved` is that plan with what its steps rest on. `made_by` is the
    version of syncspec that made it, `key_id` names the key of sensitive fields' digests.
    """

    approved: Approved = field(repr=False)
    selection: Selection
    made_by: str
    key_id: str | None = None


def load_plan(path: str | os.PathLike[str]) -> SavedPlan:
    """Read a saved plan.

    Raises PlanFileError where it cannot be read, is of a format that this syncspec does not know, was cut off, or is
    not what was saved.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PlanFileError(
            "The saved plan cannot be read",
            detail=f"{name}: {error.strerror or error}. Nothing was sent.",
            hint="name a file that plan -o wrote",
        ) from error
    if len(content) > MOST_BYTES:
        raise _not_whole(name, f"it has more than {MOST_BYTES:,} bytes")
    first, _, rest = content.partition(b"\n")
    header = _header(name, first)
    if header.format_version.partition(".")[0] != _MAJOR:
        raise PlanFileError(
            "The saved plan is of another format",
            detail=f"{name} is of format {header.format_version}, made by syncspec {header.syncspec_version}; this "
            f"syncspec reads {_MAJOR}.x. Nothing was sent.",
            hint="use the syncspec that made it, or plan again",
        )
    if not rest.endswith(b"\n") or sha256(rest[:-1]).hexdigest() != header.sha256:
        raise _not_whole(name, "it was cut off, or changed after it was saved")
    return _saved(name, header, rest)


def _header(name: str, line: bytes) -> SavedHeader:
    try:
        return SavedHeader.model_validate_json(line)
    except ValidationError:
        raise _not_whole(name, "its first line is not that of a saved plan") from None


def _saved(name: str, header: SavedHeader, line: bytes) -> SavedPlan:
    try:
        # Whole numbers of any size stay what they are.
        with paused_collector():
            body = SavedBody.model_validate(json.loads(line))
            approved, selection = unpacked(header, body)
    except (ValidationError, ValueError, LookupError, RecursionError) as error:
        raise _not_whole(name, "its parts do not fit each other") from error
    return SavedPlan(
        plan=approved.plan,
        approved=approved,
        selection=selection,
        made_by=header.syncspec_version,
        key_id=body.key_id,
    )


def _not_whole(name: str, why: str) -> PlanFileError:
    return PlanFileError(
        "The saved plan is not what was saved",
        detail=f"{name}: {why}. Nothing was sent.",
        hint="plan again: syncspec plan -o FILE",
    )
