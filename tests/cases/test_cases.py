"""Every file under this folder is a case, collected by itself.

A line of a bad case ends in `# error: <code or text>`, several separated by ` ; `. Exactly these errors must be
reported, each at its line. A line `# error at <file>:<line>:<column>: <code or text>` expects one elsewhere, where no
comment can stand. A case without such comments must give no error. The folder's first part of the path chooses who
reads it: one entry of `READERS` per folder.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from syncspec.diagnostics import Diagnostic
from syncspec.errors import ManifestError
from syncspec.manifests.loader import load
from syncspec.manifests.reader import read_file
from syncspec.upstream.embedded.faults.file import read_faults

HERE = Path(__file__).parent
EXPECTED = re.compile(r"# error: (.+?)\s*$")
ELSEWHERE = re.compile(r"# error at (\S+:\d+:\d+:) (.+?)\s*$")
LINE_BREAK = re.compile(r"\r\n|\n|\r")


def read_yaml(path: Path) -> list[Diagnostic]:
    """The reader alone: what any YAML file must be."""
    return read_file(path, file=path.name)[1]


def load_rows(path: Path) -> list[Diagnostic]:
    """The whole loader: a manifest beside a plain project file and the folder of data that all these cases share."""
    return load_project(path, data=HERE / "rows" / "data")


def load_project(path: Path, data: Path | None = None) -> list[Diagnostic]:
    """The whole loader: a manifest beside a plain project file, or, by its name, a project file alone."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if data is not None:
            shutil.copytree(data, root / "data")
        is_project = path.name.endswith(PROJECT_SUFFIX)
        shutil.copy(path, root / ("syncspec.yaml" if is_project else path.name))
        if not is_project:
            (root / "syncspec.yaml").write_text(PROJECT, encoding="utf-8")
        try:
            return list(load(root, environ={"SEQUIN_API_KEY": "key"}).diagnostics)
        except ManifestError as error:
            return list(error.diagnostics)


def load_faults(path: Path) -> list[Diagnostic]:
    """The reader of faults files."""
    try:
        read_faults(path)
    except ManifestError as error:
        return list(error.diagnostics)
    return []


PROJECT_SUFFIX = ".syncspec.yaml"
PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata: {name: arrakis}
spec:
  upstreams: {crm: {type: embedded}}
  variables: {domain: arrakis.org}
"""

READERS: dict[str, Callable[[Path], list[Diagnostic]]] = {
    "faults": load_faults,
    "manifests": load_project,
    "rows": load_rows,
    "yaml": read_yaml,
}
CASES = sorted(path for path in HERE.rglob("*.yaml") if path.relative_to(HERE).parts[0] in READERS)


def expected_errors(path: Path) -> list[tuple[str, str]]:
    """Where each error must be, up to the column where the case leaves that open, and what it must say."""
    lines = LINE_BREAK.split(path.read_bytes().decode("utf-8", errors="replace"))
    name = "syncspec.yaml" if path.name.endswith(PROJECT_SUFFIX) else path.name
    here = [
        (f"{name}:{number}:", text.strip())
        for number, line in enumerate(lines, start=1)
        for found in EXPECTED.finditer(line)
        for text in found[1].split(" ; ")
    ]
    return here + [(found[1], found[2]) for line in lines for found in ELSEWHERE.finditer(line)]


def says(diagnostic: Diagnostic, text: str) -> bool:
    return text == diagnostic.code or any(
        text in (part or "") for part in (diagnostic.summary, diagnostic.detail, diagnostic.hint)
    )


def test_every_folder_of_cases_has_a_reader_and_every_reader_has_cases() -> None:
    assert {path.relative_to(HERE).parts[0] for path in HERE.rglob("*.yaml")} == set(READERS)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_case_reports_exactly_the_errors_it_names(path: Path) -> None:
    errors = [item for item in READERS[path.relative_to(HERE).parts[0]](path) if item.is_error]
    for place, text in expected_errors(path):
        matching = [item for item in errors if f"/{place}" in f"/{item.source}:" and says(item, text)]
        assert matching, f"{place} gave no error like {text!r}; there were {errors}"
        errors.remove(matching[0])
    assert errors == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_case_gives_every_error_a_place_a_detail_and_a_way_out(path: Path) -> None:
    for item in READERS[path.relative_to(HERE).parts[0]](path):
        assert item.source is not None
        assert item.summary
        assert item.detail
        assert item.hint
