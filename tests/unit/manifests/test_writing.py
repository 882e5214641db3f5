"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from syncspec.manifests import writing
from syncspec.manifests.writing import ChangedMeanwhileError, FileChange, replace_file, write_files


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


def test_several_files_are_written_together(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "deep" / "new.yaml"
    old.write_bytes(b"1")
    write_files([FileChange(path=old, before=b"1", after=b"2"), FileChange(path=new, before=None, after=b"3")])
    assert (old.read_bytes(), new.read_bytes()) == (b"2", b"3")
    assert stat.S_IMODE(new.stat().st_mode) == 0o666 & ~current_mask()


def test_where_one_file_cannot_be_written_none_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for path in paths[:2]:
        path.write_bytes(b"old")
    changes = [FileChange(path=path, before=b"old" if path.exists() else None, after=b"new") for path in paths]
    write = writing.replace_file

    def full(path: Path, content: bytes) -> None:
        if path.name == "c.yaml":
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(writing, "replace_file", full)
    with pytest.raises(OSError, match="No space left"):
        write_files(changes)
    assert [path.read_bytes() for path in paths[:2]] == [b"old", b"old"]
    assert sorted(names_in(tmp_path)) == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("now", [b"other", None])
def test_a_file_that_somebody_changed_keeps_all_from_being_written(tmp_path: Path, now: bytes | None) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_bytes(b"old")
    if now is not None:
        other.write_bytes(now)
    changes = [
        FileChange(path=one, before=b"old", after=b"new"),
        FileChange(path=other, before=b"old" if now is None else None, after=b"new"),
    ]
    with pytest.raises(ChangedMeanwhileError):
        write_files(changes)
    assert one.read_bytes() == b"old"


def current_mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
