from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from syncspec.diagnostics import Diagnostic
from syncspec.manifests.reader import Limits, read_file


def refusal_of(path: Path, limits: Limits | None = None) -> Diagnostic:
    documents, found = read_file(path, file="m.yaml", limits=limits or Limits())
    assert documents == []
    assert len(found) == 1
    assert str(found[0].source) == "m.yaml:1:1"
    return found[0]


def test_file_is_read_under_the_name_that_messages_show(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: 02\n")
    documents, found = read_file(path, file="manifests/a.yaml")
    assert documents[0].value == {"a": 1, "b": "02"}
    assert str(found[0].source) == "manifests/a.yaml:2:4"


def test_missing_file_is_a_finding(tmp_path: Path) -> None:
    found = refusal_of(tmp_path / "none.yaml")
    assert (found.code, found.detail) == ("unreadable-file", "The system says: No such file or directory.")


def test_file_below_a_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert refusal_of(tmp_path / "a" / "b.yaml").code == "unreadable-file"


def test_name_with_a_zero_byte_is_a_finding() -> None:
    assert refusal_of(Path("a\0b")).code == "unreadable-file"


def test_link_to_itself_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    assert refusal_of(path).code == "unreadable-file"


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    found = refusal_of(tmp_path)
    assert (found.code, found.detail) == ("not-a-file", "This is a folder. It was not read.")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_named_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    assert refusal_of(path).detail == "This is a pipe, a device or a socket. It was not read."


@pytest.mark.skipif(sys.platform == "win32", reason="sockets in the file system")
def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.yaml")
        assert refusal_of(tmp_path / "s.yaml").code == "not-a-file"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices")
def test_endless_device_is_refused() -> None:
    assert refusal_of(Path("/dev/zero")).code == "not-a-file"


def test_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as stream:
        stream.truncate(2**30)
    found = refusal_of(path)
    assert found.code == "file-too-large"
    assert found.detail == "It holds 1,073,741,824 bytes or more; at most 67,108,864 are read. It was not read."


def test_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1")
    assert read_file(path, file="m.yaml", limits=Limits(max_bytes=4))[1] == []
    assert refusal_of(path, Limits(max_bytes=3)).code == "file-too-large"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_file_that_hides_its_size_is_bounded_as_well() -> None:
    assert Path("/proc/self/status").stat().st_size == 0
    assert refusal_of(Path("/proc/self/status"), Limits(max_bytes=10)).code == "file-too-large"
