"""Files are formatted one by one; what cannot be written is told, and stands as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import CONTACTS, write_project

from syncspec.errors import ManifestError
from syncspec.project import formatting
from syncspec.project.formatting import FormattedFile, format_files, select_files, write_formatted
from syncspec.project.opening import Opening

MESSY = CONTACTS + "\n\n"


def the_manifest(project: Path) -> FormattedFile:
    selected = select_files(Opening(path=project, environ={}), [])
    (file,) = [file for file in format_files(selected) if file.name.endswith("contacts.yaml")]
    return file


def test_a_file_that_was_changed_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    file = the_manifest(write_project(tmp_path / "crm", contacts=MESSY))
    file.path.write_text("theirs: 1\n")
    problem = write_formatted(file)
    assert problem is not None
    assert problem.code == "not-written"
    assert "Someone else changed it" in problem.detail
    assert file.path.read_text() == "theirs: 1\n"


def test_a_file_that_cannot_be_replaced_is_told_with_the_systems_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(formatting, "replace_file", refuse)
    file = the_manifest(write_project(tmp_path / "crm", contacts=MESSY))
    problem = write_formatted(file)
    assert problem is not None
    assert "Permission denied" in problem.detail
    assert "left as it is" in problem.detail
    assert file.path.read_text() == MESSY


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    file = the_manifest(write_project(tmp_path / "crm", contacts=MESSY))
    file.path.unlink()
    assert write_formatted(file) is not None
    assert not file.path.exists()


def test_a_folder_without_a_project_is_refused_unless_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MESSY)
    opening = Opening(path=tmp_path, environ={})
    with pytest.raises(ManifestError, match="No project file"):
        select_files(opening, [])
    selected = select_files(opening, [tmp_path / "m.yaml", tmp_path])
    assert [path.name for path, _ in selected.files] == ["m.yaml"]


def test_the_state_folder_holds_no_manifests(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=MESSY)
    (project / "manifests" / "state").mkdir()
    (project / "manifests" / "state" / "x.yaml").write_text(MESSY)
    opening = Opening(path=project, environ={"SYNCSPEC_STATE_DIR": str(project / "manifests" / "state")})
    assert [path.name for path, _ in select_files(opening, []).files] == ["syncspec.yaml", "contacts.yaml"]
