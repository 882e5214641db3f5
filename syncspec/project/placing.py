"""Where imported records go: a set that is there already, or one that is made for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from syncspec.address import SET_NAME
from syncspec.diagnostics import did_you_mean
from syncspec.errors import ManifestError, UsageError
from syncspec.manifests.discovery import OutsideError, inside, shown
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.editing import Addition, Edit, EditError, appended, edited
from syncspec.manifests.models import API_VERSION
from syncspec.manifests.project_files import find_files
from syncspec.manifests.reader import read_file
from syncspec.manifests.writing import FileChange
from syncspec.manifests.yaml_text import entry_lines
from syncspec.project.opening import Opening
from syncspec.records import DesiredSet
from syncspec.settings import LoadedProject

__all__ = ["Bodies", "Destination", "Home", "document_of", "find_home", "has_set", "new_set_name"]

Bodies = Mapping[str, Mapping[str, Value]]
"""Records by name, as they are written: `data`, and what else belongs to them."""

_RECORDS = ("spec", "records")
_MANIFESTS = (".yaml", ".yml")
_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]*:[^\s:]\S*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What a caller says of where records go; None: it follows from the project, or is left out.

    `output` is relative to the working folder: a manifest, or a folder of them. `new_match_on` is the match key of a
    set that is made, where `match_on`, which holds for one that is there as well, is None.
    """

    collection_id: str
    set_name: str | None = None
    upstream: str | None = None
    sync_id: str | None = None
    match_on: tuple[str, ...] | None = None
    new_match_on: tuple[str, ...] | None = None
    output: Path | None = None

    def takes(self, path: Path) -> bool:
        """Whether records may go to that file, whose path is resolved."""
        if self.output is None:
            return True
        output = self.output.absolute().resolve()
        return path.is_relative_to(output) if self.is_folder else path == output

    @property
    def is_folder(self) -> bool:
        """Whether `output` is a folder, be it there or not."""
        output = self.output
        return output is not None and (output.is_dir() or (not output.suffix and not output.exists()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The file and document of a set. `document` None: the document is made, with `head` as its spec.

    `before` is what the file holds, None where there is none yet; `has_records`: the set has a mapping of them.
    """

    set_name: str
    path: Path
    name: str
    before: bytes | None
    document: int | None = None
    has_records: bool = False
    head: Mapping[str, Value] | None = None

    def with_records(self, bodies: Bodies) -> FileChange:
        """The file with these records behind those that it holds. Raises UsageError where it cannot be edited."""
        try:
            return FileChange(path=self.path, before=self.before, after=self._content(bodies))
        except EditError as error:
            place = ".".join(map(str, error.path))
            raise UsageError(
                "The manifest cannot be edited",
                detail=f"{self.name}{f', {place}' if place else ''}: {error} Nothing was written.",
                hint="import into a set and file of their own, with --set and -o",
            ) from error

    def _content(self, bodies: Bodies) -> bytes:
        records: dict[str, Value] = {name: dict(body) for name, body in bodies.items()}
        if self.document is None:
            document: dict[str, Value] = {
                "apiVersion": API_VERSION,
                "kind": "RecordSet",
                "metadata": {"name": self.set_name},
                "spec": {**(self.head or {}), "records": records},
            }
            lines = [line for key, value in document.items() for line in entry_lines(key, value, 0)]
            return appended(self.before or b"", lines, document, file=self.name)
        assert self.before is not None, "a document stands in a file"
        if not records:
            return self.before
        edit: Edit = Addition(path=_RECORDS, entries=records)
        if not self.has_records:
            edit = Addition(path=_RECORDS[:1], entries={"records": records})
        return edited(self.before, [edit], document=self.document, file=self.name)


def find_home(opening: Opening, loaded: LoadedProject, wish: Destination) -> Home:
    """The set that records of a collection go to. Raises UsageError where it is not clear, or not possible."""
    if opening.sets is not None or not loaded.has_file:
        raise UsageError(
            "The project has no files to write to",
            detail="Records are imported into the manifests of a project with a project file. Nothing was read.",
            hint="run syncspec init to make a project",
        )
    if _COLLECTION.fullmatch(wish.collection_id) is None:
        raise UsageError(
            "Not a collection",
            detail=f"{wish.collection_id!a} does not name a provider and one of its collections. Nothing was read.",
            hint="write it like salesforce:contact",
        )
    known = _existing_set(loaded, wish)
    if known is not None:
        return _home_of(loaded, known, wish)
    return _new_home(opening, loaded, wish)


def has_set(loaded: LoadedProject, wish: Destination) -> bool:
    """Whether the records go to a set that is there. Raises UsageError where that is not clear."""
    return _existing_set(loaded, wish) is not None


def _existing_set(loaded: LoadedProject, wish: Destination) -> DesiredSet | None:
    """The set that is meant, None where a new one is."""
    if wish.set_name is not None:
        named = next((each for each in loaded.sets if each.name == wish.set_name), None)
        if named is not None and not _fits(named, wish):
            raise UsageError(
                "The set holds other records",
                detail=f"{named.name} is a set of {named.target.collection_id} in {named.target.upstream}, and not of "
                f"{wish.collection_id}. Nothing was read.",
                hint="name another set with --set",
            )
        return named
    fitting = [each for each in loaded.sets if _fits(each, wish)]
    fitting = [each for each in fitting if wish.takes((loaded.root / each.source.file).resolve())]
    if len(fitting) > 1:
        names = ", ".join(each.name for each in fitting)
        raise UsageError(
            "Several sets hold records of the collection",
            detail=f"{wish.collection_id} is the collection of {names}. Nothing was read.",
            hint=f"say which one with --set, such as --set {fitting[0].name}",
        )
    return fitting[0] if fitting else None


def _fits(known: DesiredSet, wish: Destination) -> bool:
    target = known.target
    return (
        target.collection_id == wish.collection_id
        and wish.upstream in (None, target.upstream)
        and wish.sync_id in (None, target.sync_id)
    )


def _home_of(loaded: LoadedProject, known: DesiredSet, wish: Destination) -> Home:
    path = (loaded.root / known.source.file).resolve()
    if not wish.takes(path):
        raise UsageError(
            "The set stands in another file",
            detail=f"{known.name} is declared in {known.source.file}, and a set stands in one file. Nothing was read.",
            hint="leave -o away, or name a new set with --set",
        )
    if wish.match_on is not None and wish.match_on != known.match_on:
        raise UsageError(
            "The set has another match key",
            detail=f"match_on of {known.name} is {', '.join(known.match_on) or 'not there'}. Nothing was read.",
            hint="leave --match-on away, or change match_on in the manifest first",
        )
    path, document = document_of(loaded, known)
    spec = document.value.get("spec") if isinstance(document.value, dict) else None
    return Home(
        set_name=known.name,
        path=path,
        name=known.source.file,
        before=path.read_bytes(),
        document=document.index,
        has_records=isinstance(spec, dict) and "records" in spec,
    )


def document_of(loaded: LoadedProject, known: DesiredSet) -> tuple[Path, Document]:
    """The file and document that declare a set. Raises ManifestError where they do not any more."""
    path = (loaded.root / known.source.file).resolve()
    documents, _ = read_file(path, file=known.source.file)
    for document in documents:
        metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
        if isinstance(metadata, dict) and metadata.get("name") == known.name:
            return path, document
    raise ManifestError(
        "A manifest changed while it was read",
        detail=f"{known.source.file} does not hold the set {known.name} any more. Nothing was written.",
        hint="run the command again",
    )


def _new_home(opening: Opening, loaded: LoadedProject, wish: Destination) -> Home:
    upstream = _upstream(loaded, wish)
    settings = loaded.upstreams[upstream]
    provider = wish.collection_id.partition(":")[0]
    if wish.sync_id is None and provider not in settings.syncs and settings.type != "embedded":
        raise UsageError(
            "No sync is named",
            detail=f'The upstream "{upstream}" names no sync for {provider}. Nothing was read.',
            hint=f"give --sync-id, or add {provider}: … under spec.upstreams.{upstream}.syncs of the project file",
        )
    set_name = wish.set_name or new_set_name(wish.collection_id)
    if SET_NAME.fullmatch(set_name) is None:
        raise UsageError(
            "Not a set's name",
            detail=f'"{set_name}" cannot be one. Nothing was read.',
            hint="begin with a small letter, and go on with small letters, digits and -",
        )
    taken = next((each for each in loaded.sets if each.name == set_name), None)
    if taken is not None:
        other = f"in {taken.source.file}" if _fits(taken, wish) else "for another collection or upstream"
        raise UsageError(
            "The set's name is taken",
            detail=f"{set_name} is there already, {other}. Nothing was read.",
            hint="name the new set with --set",
        )
    path = _path_of(opening, loaded, wish, set_name)
    head: dict[str, Value] = {}
    if len(loaded.upstreams) > 1:
        head["upstream"] = upstream
    if wish.sync_id is not None and wish.sync_id != settings.syncs.get(provider):
        head["sync_id"] = wish.sync_id
    head["collection_id"] = wish.collection_id
    match_on = wish.match_on or wish.new_match_on
    if match_on:
        head["match_on"] = list(match_on)
    return Home(
        set_name=set_name,
        path=path,
        name=shown(path, loaded.root),
        before=path.read_bytes() if path.exists() else None,
        head=head,
    )


def _upstream(loaded: LoadedProject, wish: Destination) -> str:
    known = sorted(loaded.upstreams)
    if wish.upstream is not None and wish.upstream not in known:
        raise UsageError(
            "Unknown upstream",
            detail=f'The project has no upstream "{wish.upstream}"; known: {", ".join(known) or "none"}.',
            hint=did_you_mean(wish.upstream, known),
        )
    if wish.upstream is None and len(known) != 1:
        raise UsageError(
            "No upstream is named",
            detail=f"The project has several upstreams: {', '.join(known)}. Nothing was read."
            if known
            else "The project declares no upstream.",
            hint=f"say which one with --upstream, such as --upstream {known[0]}"
            if known
            else "declare one under spec.upstreams of the project file",
        )
    return wish.upstream or known[0]


def new_set_name(collection_id: str, *, whole: bool = False) -> str:
    """A set's name made of the collection's: `salesforce:Product_Family__c` gives `product-family`.

    `whole` keeps the ending of custom objects.
    """
    words = re.sub(r"__c$", "-c" if whole else "", collection_id.partition(":")[2].lower())
    made = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
    return made if made[:1].isalpha() else f"set-{made}".rstrip("-")


def _path_of(opening: Opening, loaded: LoadedProject, wish: Destination, set_name: str) -> Path:
    """The file that a new set is written to, which lies where manifests are searched."""
    found = find_files(opening.path, **opening.inputs())
    if wish.output is None:
        if not found.folders:
            raise UsageError(
                "No folder is searched for manifests",
                detail="The project file lists single files only. Nothing was read.",
                hint="name the file to write to with -o",
            )
        path = found.folders[0] / f"{set_name}.yaml"
        if not path.exists():
            return path
        raise UsageError(
            "The file is there already",
            detail=f"{shown(path, loaded.root)} would be written, and holds something else. Nothing was read.",
            hint=f"name another set with --set, or -o {shown(path, loaded.root)} to write into that file",
        )
    output = wish.output.absolute()
    if wish.is_folder:
        output /= f"{set_name}.yaml"
    try:
        path = inside(loaded.root, str(output.resolve().relative_to(loaded.root)))
    except (ValueError, OutsideError) as error:
        raise UsageError(
            "The file lies outside the project",
            detail=f"{wish.output} is not in {loaded.root}. Nothing was read.",
            hint="name a file in a folder of manifests",
        ) from error
    searched = path in found.files or any(path.is_relative_to(folder.resolve()) for folder in found.folders)
    if not searched or path.suffix.lower() not in _MANIFESTS:
        raise UsageError(
            "The file would not be read",
            detail=f"{shown(path, loaded.root)} is no .yaml file in a folder that is searched for manifests. "
            "Nothing was read.",
            hint="name one in such a folder, or list its folder under spec.manifests of the project file",
        )
    return path
