"""Records of other tools' files become declared; nothing is read from an upstream, and nothing is locked."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from syncspec.diagnostics import Diagnostic, Severity, did_you_mean
from syncspec.errors import ManifestError, StateError, UsageError
from syncspec.manifests.discovery import find_project_file
from syncspec.manifests.foreign.model import ForeignCollection, Options
from syncspec.manifests.foreign.recognition import FORMATS, read_foreign
from syncspec.manifests.imported import EditedFile, Imported, ImportedRecord, Notes
from syncspec.manifests.problems import Problems
from syncspec.manifests.reader import read_file
from syncspec.manifests.sensitive import sensitive_fields
from syncspec.manifests.writing import ChangedMeanwhileError, FileChange, write_files
from syncspec.project.declaring import NewRecords, Target, declare
from syncspec.project.opening import Opening
from syncspec.project.picking import Choice
from syncspec.project.placing import Bodies, Destination, Home, find_home, has_set, new_set_name
from syncspec.settings import LoadedProject

__all__ = ["FileWish", "import_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWish:
    """What a caller wants of a file. `collection_id` None: all collections that the file names.

    `output` is a manifest for one collection, or a folder for a manifest of each.
    """

    path: Path
    options: Options
    collection_id: str | None = None
    set_name: str | None = None
    upstream: str | None = None
    sync_id: str | None = None
    match_on: tuple[str, ...] | None = None
    output: Path | None = None


def import_files(opening: Opening, wish: FileWish, choice: Choice, *, dry_run: bool = False) -> Imported:
    """Declare the records of a file and of those that it names; what is declared already is skipped.

    Raises UsageError, ManifestError with everything that is wrong with the files, StateError; nothing was then written.
    """
    if not wish.path.exists():
        raise UsageError("No such file", detail=f"{wish.path} does not exist.", hint="name a file that is there")
    _check_options(wish.options)
    loaded = opening.load(resolve_env=False)
    problems = _Findings(opening, loaded)
    collections = read_foreign(wish.path, wish.collection_id, wish.options, problems)
    problems.check()
    homes = _homes(opening, loaded, wish, collections)
    base = _load(opening, _changes(homes, {}))
    sets = {record_set.name: record_set for record_set in base.sets}
    targets = [
        Target(collection=each, record_set=sets[homes[each.object].set_name] if each.object in homes else None)
        for each in collections
    ]
    notes = Notes()
    declared = declare(targets, base.sets, base.lookups, choice, notes=notes, problems=problems)
    problems.check()
    bodies = {name: dict(each.bodies) for name, each in declared.items() if each.bodies}
    homes = {key: home for key, home in homes.items() if home.set_name in bodies}
    changes = _changes(homes, bodies)
    project = _load(opening, changes) if changes else base
    if changes and not dry_run:
        _write([change for change, _ in changes.values()])
    sensitive = frozenset(name for each in project.sets for name, rule in each.rules.fields.items() if rule.sensitive)
    return Imported(
        written=bool(changes) and not dry_run,
        files=tuple(EditedFile(name=name, change=change, sensitive=sensitive) for change, name in changes.values()),
        records=tuple(ImportedRecord(address=f"{name}.{record}") for name, each in bodies.items() for record in each),
        skipped=tuple(notes.skipped),
        left_out=notes.left_out,
        diagnostics=tuple(_without_key(declared.values())),
    )


def _check_options(options: Options) -> None:
    """Raise UsageError for what no table can be written in."""
    if options.format not in (None, *FORMATS):
        raise UsageError(
            "Unknown format",
            detail=f'"{options.format}" is none of {", ".join(FORMATS)}.',
            hint=did_you_mean(options.format or "", FORMATS),
        )
    if options.delimiter is not None and (len(options.delimiter) != 1 or options.delimiter in '"\r\n'):
        raise UsageError(
            "Not a delimiter",
            detail=f"{options.delimiter!a} cannot stand between cells.",
            hint="give one character, such as ';'",
        )
    try:
        known = "x".encode(codecs.lookup(options.encoding).name)
    except (LookupError, UnicodeError):
        known = b""
    if not known:
        raise UsageError(
            "Unknown encoding", detail=f"{options.encoding!a} is not known here.", hint="windows-1252 is a common one"
        )


class _Findings(Problems):
    """Findings of files that hold what the project calls sensitive: their lines are not shown then."""

    __slots__ = ("_is_secret",)

    def __init__(self, opening: Opening, loaded: LoadedProject) -> None:
        super().__init__()
        project = find_project_file(opening.path)
        names = sensitive_fields(read_file(project, file=project.name)[0]) if project is not None else frozenset()
        rules = (rule for each in loaded.sets for rule in each.rules.fields.values())
        self._is_secret = bool(names) or any(rule.sensitive for rule in rules)

    def check(self) -> None:
        """Raise ManifestError where anything is wrong."""
        if not self.has_errors:
            return
        found = [replace(each, snippet=None) if self._is_secret else each for each in self.diagnostics()]
        raise ManifestError("The files cannot be imported", diagnostics=[*found, _nothing_written()])


def _homes(
    opening: Opening, loaded: LoadedProject, wish: FileWish, collections: Sequence[ForeignCollection]
) -> dict[str, Home]:
    """Where the records of each object go. Raises UsageError."""
    meant = [each for each in collections if not each.only_read and each.records]
    if wish.set_name is not None and len(meant) > 1:
        raise UsageError(
            "One set cannot hold several collections",
            detail=f"The file holds {', '.join(each.collection_id for each in meant)}. Nothing was written.",
            hint="leave --set away, or name one of the collections before --from",
        )
    homes: dict[str, Home] = {}
    taken = {each.name for each in loaded.sets}
    for each in meant:
        wanted = Destination(
            collection_id=each.collection_id,
            set_name=wish.set_name,
            upstream=wish.upstream,
            sync_id=wish.sync_id,
            match_on=wish.match_on or (each.match_on if wish.set_name is not None else None),
            new_match_on=each.match_on,
            output=wish.output,
        )
        if len(meant) > 1 and wish.output is not None and not wanted.is_folder:
            raise UsageError(
                "Several sets go to a folder",
                detail=f"{wish.output} is one manifest, and the file holds {len(meant)} collections. "
                "Nothing was written.",
                hint="name a folder with -o",
            )
        if wish.set_name is None and not has_set(loaded, wanted):
            name = new_set_name(each.collection_id)
            name = new_set_name(each.collection_id, whole=True) if name in taken else name
            taken.add(name)
            wanted = replace(wanted, set_name=name)
        homes[each.object] = find_home(opening, loaded, wanted)
    return homes


def _changes(homes: Mapping[str, Home], bodies: Mapping[str, Bodies]) -> dict[Path, tuple[FileChange, str]]:
    """What becomes of each file, by its path; sets in one file are added to one after the other."""
    changes: dict[Path, tuple[FileChange, str]] = {}
    for home in homes.values():
        before = home.before
        if home.path in changes:
            home = replace(home, before=changes[home.path][0].after)
            before = changes[home.path][0].before
        change = home.with_records(bodies.get(home.set_name, {}))
        changes[home.path] = (replace(change, before=before), home.name)
    return changes


def _load(opening: Opening, changes: Mapping[Path, tuple[FileChange, str]]) -> LoadedProject:
    try:
        return opening.load(resolve_env=False, contents={path: change.after for path, (change, _) in changes.items()})
    except ManifestError as error:
        raise ManifestError(
            "The manifests would not be valid", diagnostics=[*error.diagnostics, _nothing_written()]
        ) from error


def _write(changes: Sequence[FileChange]) -> None:
    try:
        write_files(changes)
    except ChangedMeanwhileError as error:
        raise StateError(
            "The project changed meanwhile", detail=f"{error}. Nothing was written.", hint="run the command again"
        ) from error


def _nothing_written() -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code="not-imported",
        summary="Nothing was imported",
        detail="Everything that is wrong is told above; places in manifests are those that would be written.",
        hint="correct the files, or leave fields out with --fields",
    )


def _without_key(declared: Iterable[NewRecords]) -> Iterable[Diagnostic]:
    for each in declared:
        if each.bodies and not each.record_set.match_on and each.record_set.marker_field is None:
            yield Diagnostic(
                severity=Severity.WARNING,
                code="no-match-key",
                summary="Records of a set cannot be recognised upstream",
                detail=f"{each.record_set.name} has neither match_on nor marker_field: apply creates its records, also "
                "where the upstream holds them already, one to a request.",
                hint="with --match-on FIELD they are recognised by a field's value",
            )
