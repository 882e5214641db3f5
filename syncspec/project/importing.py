"""Records that exist upstream become declared and locked, so that planning afterwards finds nothing to do.

The manifest is written first and the lock entries after it. A process that dies in between leaves records that are
declared and not locked: the next apply adopts each by its key, or by the `upstream_id` that is written into records
that have no key. The other way round would leave entries that nobody declares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from syncspec.apply.clock import Clock, Moment, moment_of
from syncspec.apply.entries import EntryMaker
from syncspec.apply.opening import open_run
from syncspec.apply.run import Run
from syncspec.apply.state import State, look_up_state
from syncspec.deferred import IdOf
from syncspec.diagnostics import Diagnostic
from syncspec.errors import ManifestError, StateError, SyncspecError, UpstreamError
from syncspec.lockfile import LockEntry, Origin
from syncspec.manifests.documents import Value
from syncspec.manifests.imported import EditedFile, Imported, ImportedRecord, Notes
from syncspec.manifests.scalars import UNSET
from syncspec.manifests.writing import ChangedMeanwhileError, FileChange, write_files
from syncspec.planning.plan import Action, Change
from syncspec.project.import_findings import changed_meanwhile, findings_of, not_imported, not_locked
from syncspec.project.known import in_doubt, known_ids
from syncspec.project.opening import Opening
from syncspec.project.outlook import observe as look
from syncspec.project.outlook import plan_from
from syncspec.project.picking import NOTHING_TO_WRITE, Choice, Picked, pick
from syncspec.project.placing import Destination, Home, find_home
from syncspec.project.reading import OnRows, connection_to
from syncspec.records import DesiredSet, Observation, OnAdopt
from syncspec.settings import LoadedProject
from syncspec.upstream.observe import Wanted, observe
from syncspec.upstream.protocol import Connection
from syncspec.values import equal, is_blank

__all__ = ["import_records"]

_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A project as it would be, with the changes that lock what was picked."""

    project: LoadedProject
    change: FileChange
    adoptions: tuple[Change, ...]


async def import_records(
    opening: Opening,
    wish: Destination,
    choice: Choice,
    *,
    clock: Clock,
    dry_run: bool = False,
    lock_timeout: float = 0.0,
    on_rows: OnRows | None = None,
    command: str = "syncspec.import",
) -> Imported:
    """Declare and lock live records of a collection; those that belong to an address already are skipped.

    Raises UsageError, ManifestError, UpstreamError, RunLockedError, StateError; nothing was then written, unless the
    error says so.
    """
    loaded = opening.load(resolve_env=True)
    home = find_home(opening, loaded, wish)
    importer = _Importer(opening, home, choice, clock)
    importer.begin(loaded)
    async with importer.connection() as connection:
        await importer.read(connection, on_rows)
        draft = await importer.draft(connection)
    diagnostics = importer.diagnostics
    if draft is None:
        return importer.result((), written=False, diagnostics=diagnostics)
    if dry_run:
        return importer.result(draft.adoptions, written=False, change=draft.change, diagnostics=diagnostics)
    opened = open_run(draft.project, command=command, lock_timeout=lock_timeout, clock=clock)
    async with opened as run:
        entries = importer.entries(draft, run)
        _write(draft.change, home)
        _lock(run, entries, home)
    return importer.result(draft.adoptions, written=True, change=draft.change, diagnostics=diagnostics)


def _write(change: FileChange, home: Home) -> None:
    try:
        write_files([change])
    except ChangedMeanwhileError as error:
        raise changed_meanwhile(f"{home.name} was written by someone else") from error


def _lock(run: Run, entries: Sequence[LockEntry], home: Home) -> None:
    """Lock what is declared by now. Raises SyncspecError that says what was written."""
    try:
        run.put(entries)
    except SyncspecError as error:
        raise StateError(
            "Not all records could be locked", diagnostics=[*error.diagnostics, not_locked(home.name)]
        ) from error


class _Importer:
    """One import: what was read, and what becomes of it."""

    def __init__(self, opening: Opening, home: Home, choice: Choice, clock: Clock) -> None:
        self._opening, self._home, self._choice, self._clock = opening, home, choice, clock
        self._notes = Notes()
        self._known_ids: Mapping[str, IdOf] = {}
        self._others: list[Observation] = []

    def begin(self, loaded: LoadedProject) -> None:
        """Find out where the set leads. Raises ManifestError."""
        # A new set is loaded empty, to know where it leads and what it inherits.
        self._base = loaded if self._home.document is not None else self._load(self._home.with_records({}))
        self._set = self._set_in(self._base)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        return connection_to(self._base, self._set.target.upstream)

    async def read(self, connection: Connection, on_rows: OnRows | None) -> None:
        """Read the state, then the whole collection. Raises UpstreamError where any of it cannot be read."""
        self._began: Moment = moment_of(self._clock)
        self._state = await look_up_state(self._base, clock=self._clock)
        target = self._set.target
        self._seen: Observation = await observe(
            connection,
            target,
            Wanted(everything=True),
            settings=self._base.upstreams[target.upstream],
            now=self._clock.now,
            on_progress=(lambda rows: on_rows(target, rows)) if on_rows is not None else None,
        )
        if not self._seen.readable:
            raise UpstreamError(
                "The upstream cannot be read",
                detail=f"{target.collection_id} of {target.upstream}: {self._seen.reason}. Nothing was written.",
                hint="run the command again; syncspec doctor checks URL, token and sync",
            )
        if self._choice.references:
            others = [each for each in self._base.lookups if each.target.endpoint == target.endpoint]
            self._known_ids = await known_ids(self._base, self._state, others, self._seen, connection, self._clock)

    async def draft(self, connection: Connection) -> _Draft | None:
        """The manifest with what can be imported; None where nothing can. Raises UsageError, ManifestError."""
        picked = pick(
            self._set,
            self._seen.rows,
            self._choice,
            state=self._state,
            sets=self._base.sets,
            in_doubt=in_doubt(self._base, self._state, self._seen, began=self._began, clock=self._clock),
            known_ids=self._known_ids,
            notes=self._notes,
        )
        for _ in range(_MOST_ROUNDS):
            if not picked:
                return None
            made = await self._drafted(picked, connection)
            settled = self._settle(picked, made)
            if settled == picked and made.adoptions:
                return made
            picked = settled
        raise ManifestError(
            "What would be written does not settle",
            detail=f"{self._home.name} would not declare the records as they are upstream. Nothing was written.",
            hint="leave fields out with --fields",
        )

    async def _drafted(self, picked: Sequence[Picked], connection: Connection) -> _Draft:
        change = self._home.with_records({each.name: _body(each) for each in picked})
        project = self._load(change)
        if self._choice.references and not self._others:
            addresses = {self._address(each) for each in picked}
            self._others = await look(
                project,
                self._state,
                lambda _, address: address in addresses,
                {self._set.target.upstream: connection},
                clock=self._clock,
                without={self._set.target.place},
            )
        changes = self._changes(project, picked, self._state)
        return _Draft(project=project, change=change, adoptions=tuple(changes))

    def _settle(self, picked: list[Picked], draft: _Draft) -> list[Picked]:
        """What is left to pick: without records that cannot be locked, and fields that would not compare equal."""
        changes = {change.address: change for change in draft.adoptions}
        rest: list[Picked] = []
        for each in picked:
            change = changes[self._address(each)]
            if change.action is not Action.ADOPT or change.desired is None:
                self._notes.skip(each.row.upstream_id, change.reason)
                continue
            data = dict(each.data)
            for name in [name for name in change.desired.data if name not in data]:
                self._resist_default(each, name, change.desired.data[name], data)
            for name in {item.path for item in change.fields} & each.data.keys():
                self._notes.leave_out(name, "it would not read back as the upstream shows it")
                del data[name]
            if not data.keys() & each.data.keys():
                self._notes.skip(each.row.upstream_id, NOTHING_TO_WRITE)
                continue
            rest.append(each if data == each.data else replace(each, data=data))
        return rest

    def _resist_default(self, each: Picked, name: str, default: object, data: dict[str, Value]) -> None:
        """Keep a default from declaring what the upstream does not show."""
        shown = each.row.data.get(name)
        if equal(default, shown, self._set.rules.rule(name), scalars_as_text=self._set.rules.scalars_as_text):  # type: ignore[arg-type]
            return
        chosen = self._choice.fields is None or name in self._choice.fields
        data[name] = None if is_blank(shown) and chosen and not self._set.rules.rule(name).sensitive else UNSET

    def _changes(self, project: LoadedProject, picked: Sequence[Picked], state: State) -> list[Change]:
        """What planning makes of the picked records, each taken for the very row that it was made of."""
        rows = {self._address(each): each.row for each in picked}
        meant = []
        for each in project.sets:
            if each.name == self._set.name:
                records = tuple(
                    replace(
                        record,
                        upstream_id=rows[record.address].upstream_id,
                        lifecycle=replace(record.lifecycle, on_adopt=OnAdopt.REPORT, ignore_changes=()),
                    )
                    if record.address in rows
                    else record
                    for record in each.records
                )
                each = replace(each, records=records)
            meant.append(each)
        made = plan_from(
            replace(project, sets=tuple(meant)),
            state,
            lambda _, address: address in rows,
            [self._seen, *self._others],
            began=self._began,
        )
        return [change for change in made.changes if change.address in rows]

    def entries(self, draft: _Draft, run: Run) -> list[LockEntry]:
        """The lock entries of what was drafted. Raises StateError where another run got there first."""
        rows = {change.address: change.observed for change in draft.adoptions}
        picked = [
            Picked(name=address.partition(".")[2], row=row, data={}, keyless=False)
            for address, row in rows.items()
            if row is not None
        ]
        now = self._changes(draft.project, picked, run.state)
        late = next((change for change in now if change.action is not Action.ADOPT), None)
        if late is not None:
            raise changed_meanwhile(f"{late.address}: {late.reason}")
        maker = EntryMaker(clock=self._clock, keys=run.state.digest_keys)
        record_set = self._set_in(draft.project)
        return [
            replace(maker.adopted(change.desired, record_set, change.observed), origin=Origin.IMPORTED)
            for change in now
            if change.desired is not None and change.observed is not None
        ]

    def result(
        self,
        adoptions: Sequence[Change],
        *,
        written: bool,
        diagnostics: tuple[Diagnostic, ...],
        change: FileChange | None = None,
    ) -> Imported:
        sensitive = frozenset(name for name, rule in self._set.rules.fields.items() if rule.sensitive)
        file = (EditedFile(name=self._home.name, change=change, sensitive=sensitive),) if change is not None else ()
        return Imported(
            written=written,
            files=file,
            records=tuple(ImportedRecord(address=each.address, upstream_id=each.upstream_id) for each in adoptions),
            skipped=tuple(self._notes.skipped),
            left_out=self._notes.left_out,
            diagnostics=diagnostics,
        )

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What a reader should know of the list and of the set."""
        return tuple(findings_of(self._set, self._seen))

    def _load(self, change: FileChange) -> LoadedProject:
        try:
            return self._opening.load(resolve_env=True, contents={change.path: change.after})
        except ManifestError as error:
            raise ManifestError(
                "The manifest would not be valid",
                diagnostics=[*error.diagnostics, not_imported(self._home.name)],
            ) from error

    def _set_in(self, project: LoadedProject) -> DesiredSet:
        return next(each for each in project.sets if each.name == self._home.set_name)

    def _address(self, each: Picked) -> str:
        return f"{self._home.set_name}.{each.name}"


def _body(each: Picked) -> Mapping[str, Value]:
    return {"upstream_id": each.row.upstream_id, "data": each.data} if each.keyless else {"data": each.data}
