"""A provider stores a key in a form that no rule foresees, and the answer is lost: nothing is created a second time."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.pipeline import Wrapped, manifest
from support.world import World, outcomes

from syncspec.errors import StateError
from syncspec.project.resolving import resolve

LOST = {"fault": "timeout", "commit": "all", "requests": [1]}
NEVER_MADE = {"fault": "timeout", "commit": "none", "requests": [1]}
FIRM = "Arrakis & Co. Spice Harvesting, Storage and Interplanetary Transport"


class _Respelled(Wrapped):
    """The Name is stored as `respell` gives it."""

    def __init__(self, inner: Any, respell: Callable[[str], str]) -> None:
        super().__init__(inner)
        self._respell = respell

    async def run(self, request: Any) -> Any:
        stored = tuple({**data, "Name": self._respell(str(data["Name"]))} for data in request.records)
        return await self.inner.run(replace(request, records=stored))


@pytest.mark.parametrize("more", [{}, {"City": "Arrakeen"}], ids=["only a key", "with another field"])
@pytest.mark.parametrize(
    "respell",
    [html.escape, lambda name: name[:40], lambda name: name.replace(", ", "; ")],
    ids=["html", "cut", "signs"],
)
def test_a_record_whose_key_was_stored_otherwise_is_not_created_again(
    tmp_path: Path, respell: Callable[[str], str], more: dict[str, str]
) -> None:
    world = World(tmp_path, mutations=[LOST])
    folder = world.folder()
    folder.write(firms=manifest("firms", {"acme": {"Name": FIRM, **more}}, match_on=("Name",)))

    def wrap(inner: Any) -> _Respelled:
        return _Respelled(inner, respell)

    report = world.apply(folder, wrap=wrap, wait_settled=True)
    [row] = world.rows()
    assert (outcomes(report), report.exit_code) == ({"unknown": 1}, 4)
    assert f"{row['upstream_id']} may be it" in str(report.records[0].error)
    world.wait(86400)
    assert outcomes(world.apply(folder, wrap=wrap)) == {"unknown": 1}
    assert len(world.sent) == 1

    with world.reached(wrap):
        project = folder.open().asynchronous
        with pytest.raises(StateError, match=r"upstream may be it"):
            anyio.run(lambda: resolve(project, "firms.acme", created=None))
        anyio.run(lambda: resolve(project, "firms.acme", created=row["upstream_id"]))
    world.apply(folder, wrap=wrap)
    assert folder.locked_ids() == {"firms.acme": row["upstream_id"]}
    assert (len(world.sent), world.rows()) == (1, [row])


def test_somebody_elses_record_of_that_time_keeps_it_unknown_until_it_is_told_whose_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, mutations=[NEVER_MADE])
    folder = world.folder()
    acme = {"Name": FIRM, "City": "Arrakeen"}
    folder.write(firms=manifest("firms", {"acme": acme}, match_on=("Name",)))
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    world.write(data={"Name": "Ornithopters", "City": "Arrakeen"})
    world.wait(3600)
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    both = {"acme": acme, "ornithopters": {"Name": "Ornithopters", "City": "Arrakeen"}}
    folder.write(firms=manifest("firms", both, match_on=("Name",)))
    world.apply(folder)
    assert world.apply(folder).exit_code == 0
    assert sorted(row["data"]["Name"] for row in world.rows()) == [FIRM, "Ornithopters"]


def test_somebody_elses_record_that_is_unlike_what_was_sent_does_not_stop_it(tmp_path: Path) -> None:
    world = World(tmp_path, mutations=[NEVER_MADE])
    folder = world.folder()
    folder.write(firms=manifest("firms", {"acme": {"Name": FIRM, "City": "Arrakeen"}}, match_on=("Name",)))
    assert outcomes(world.apply(folder)) == {"unknown": 1}
    world.write(data={"Name": "Ornithopters", "City": "Carthag"})
    world.wait(3600)
    report = world.apply(folder)
    assert (outcomes(report), len(world.sent), len(world.rows())) == ({"created": 1}, 2, 2)
