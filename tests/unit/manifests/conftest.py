"""A project in a temporary folder, written file by file."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncspec.diagnostics import Diagnostic
from syncspec.errors import ManifestError
from syncspec.manifests.loader import load
from syncspec.settings import LoadedProject

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata: {name: arrakis}
spec:
  manifests: [manifests]
  upstreams:
    crm:
      type: sequin
      token: ${env.TOKEN}
      syncs: {salesforce: sf-sync, hubspot: hs-sync}
"""

CONTACTS = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata: {name: contacts}
spec:
  collection_id: salesforce:contact
  match_on: [Email]
  records:
    paul:
      data: {Email: paul@arrakis.org}
"""


@dataclass
class Workspace:
    """A folder with a project file and one set; both can be replaced."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def project(self, more: str = "", *, base: str = PROJECT) -> None:
        """The usual project file, with more lines under `spec`."""
        self.write("syncspec.yaml", base + textwrap.indent(textwrap.dedent(more), "  "))

    def contacts(self, spec: str, name: str = "contacts", collection: str = "salesforce:contact") -> None:
        """A set of salesforce contacts; `spec` is what stands under spec beside the collection."""
        head = f"apiVersion: syncspec/v1\nkind: RecordSet\nmetadata: {{name: {name}}}\nspec:\n"
        body = textwrap.indent(f"collection_id: {collection}\n" + textwrap.dedent(spec), "  ")
        self.write(f"manifests/{name}.yaml", head + body)

    def load(self, path: str = ".", **options: Any) -> LoadedProject:
        options.setdefault("environ", {"TOKEN": "t0ken"})
        return load(self.root / path, **options)

    def errors(self, path: str = ".", **options: Any) -> list[Diagnostic]:
        with pytest.raises(ManifestError) as caught:
            self.load(path, **options)
        assert all(item.is_error for item in caught.value.diagnostics)
        return list(caught.value.diagnostics)

    def error(self, path: str = ".", **options: Any) -> Diagnostic:
        """The only error there is."""
        errors = self.errors(path, **options)
        assert len(errors) == 1, errors
        return errors[0]

    def data(self, address: str = "contacts.paul", **options: Any) -> dict[str, Any]:
        found = {record.address: record.data for each in self.load(**options).sets for record in each.records}
        return dict(found[address])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path.resolve() / "work")
    made.root.mkdir()
    made.project()
    made.write("manifests/contacts.yaml", CONTACTS)
    return made
