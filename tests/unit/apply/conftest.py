from __future__ import annotations

from pathlib import Path

import pytest
from support.git_world import World, make_template


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repositories")
    make_template(folder)
    return folder


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repositories: Path) -> World:
    made = World(root=tmp_path.resolve(), monkeypatch=monkeypatch)
    made.make(repositories)
    return made
