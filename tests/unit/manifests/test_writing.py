"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from syncspec.manifests.writing import replace_file


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"old")
    path.chmod(mode)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert names_in(tmp_path) == ["m.yaml"]


def test_file_and_folder_are_synced_in_that_order(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"old")
    seen: list[tuple[bool, bytes]] = []
    replace_file(path, b"new", fsync=lambda handle: seen.append((is_folder(handle), path.read_bytes())))
    assert seen == [(False, b"old"), (True, b"new")]


def test_a_failure_before_the_rename_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new", fsync=full)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["m.yaml"]


def test_a_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "m.yaml", b"new")
    assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def is_folder(handle: int) -> bool:
    return stat.S_ISDIR(os.fstat(handle).st_mode)
