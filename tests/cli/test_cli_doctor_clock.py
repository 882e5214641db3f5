"""`doctor` compares this machine's clock with what an upstream's answer says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import environ, run, write_project
from support.http_stub import Stub, project_file, serving

ENV = environ(CRM_TOKEN="t-0123456789")


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


@pytest.mark.parametrize(
    ("date", "said"),
    [
        (None, None),
        ("yesterday", None),
        ("Thu, 01 Jan 2015 00:00:00 GMT", " seconds ahead of the upstream's"),
        ("Fri, 01 Jan 2100 00:00:00 GMT", " seconds behind the upstream's"),
    ],
)
def test_a_clock_that_is_wrong_is_a_warning(tmp_path: Path, stub: Stub, date: str | None, said: str | None) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    stub.date = date
    done = run("doctor", folder=folder, env=ENV)
    assert done.code == 0
    found = [line for line in done.out.splitlines() if " clock: " in line]
    assert len(found) == (said is not None)
    assert said is None or (found[0].startswith("warning  crm clock: ") and said in found[0])
