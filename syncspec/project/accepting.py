"""Takes what somebody changed upstream into the manifests, field by field; nothing upstream is changed.

Only the values' own characters are edited. The project is then loaded as it would be: the accepted fields have their
new values, no other value of any record is another one, and planning finds no drift in them; else nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from syncspec.apply.clock import Clock
from syncspec.apply.state import look_up_state
from syncspec.diagnostics import Diagnostic, did_you_mean
from syncspec.errors import ManifestError, StateError, UpstreamError, UsageError
from syncspec.manifests.accepted import Accepted, AcceptedField
from syncspec.manifests.documents import Document
from syncspec.manifests.editing import Edit, EditError, edited
from syncspec.manifests.imported import EditedFile
from syncspec.manifests.problems import Problems
from syncspec.manifests.writing import ChangedMeanwhileError, FileChange, write_files
from syncspec.planning.case import Case, is_recently_written
from syncspec.planning.fields import Verdicts, differing, judge
from syncspec.planning.plan import Action, Change
from syncspec.planning.selection import Selection
from syncspec.planning.state import PlanningState
from syncspec.project.choice import choose
from syncspec.project.opening import Opening
from syncspec.project.origins import Origins
from syncspec.project.outlook import Outlook, inputs_of, outlook
from syncspec.project.placing import document_of
from syncspec.project.reading import OnRows, connections_of
from syncspec.records import Data, DesiredRecord, DesiredSet, ObservedRecord
from syncspec.settings import LoadedProject

__all__ = ["accept"]


async def accept(
    opening: Opening,
    addresses: Sequence[str],
    *,
    clock: Clock,
    fields: Collection[str] = (),
    dry_run: bool = False,
    on_rows: OnRows | None = None,
) -> Accepted:
    """Write the upstream's values of drifted and conflicting fields into the manifests.

    `addresses` may be sets and patterns. Without `fields` all fields that drifted or conflict; those that are named may
    differ for any reason. Raises UsageError, UpstreamError, and ManifestError with everything that keeps a field from
    being accepted; nothing was then written.
    """
    if not addresses:
        raise UsageError("No address is given", detail="Nothing was read.", hint="name a record, such as contacts.paul")
    if opening.sets is not None:
        raise UsageError("The project has no files to write to", detail="Its sets were built in Python.")
    loaded = opening.load(resolve_env=True)
    selection = choose(loaded, include=addresses, exclude=(), labels={}, paths=())
    state = await look_up_state(loaded, clock=clock)
    async with connections_of(loaded, state) as connections:
        ahead = await outlook(loaded, state, selection.narrowed, connections, clock=clock, on_rows=on_rows)
    accepting = _Accepting(loaded, ahead, selection, fields)
    found = accepting.found()
    changes = accepting.changes(found)
    if changes:
        _check(opening, loaded, found, [change for change, _ in changes])
    if changes and not dry_run:
        _write([change for change, _ in changes])
    return Accepted(
        written=bool(changes) and not dry_run,
        files=tuple(EditedFile(name=name, change=change, sensitive=accepting.sensitive) for change, name in changes),
        fields=tuple(each.told for each in found),
        settled=tuple(sorted(accepting.addresses - {each.record.address for each in found})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A field to accept, and the edit that does it."""

    record_set: DesiredSet
    record: DesiredRecord
    row: ObservedRecord
    told: AcceptedField
    edit: Edit
    path: Path
    document: Document


class _Accepting:
    def __init__(self, loaded: LoadedProject, ahead: Outlook, selection: Selection, fields: Collection[str]) -> None:
        self._loaded, self._selection, self._fields = loaded, selection, fields
        self._state, self._plan, seen = ahead.state, ahead.plan, ahead.observations
        self._planning = PlanningState(inputs_of(loaded, ahead.state, None, seen))
        self._rows = {each.target.place: self._planning.places[each.target.place] for each in seen if each.readable}
        self._reasons = {each.target.place: each.reason for each in seen}
        self._sets = {each.name: each for each in loaded.sets}
        self._problems = Problems()
        self._declared: set[str] = set()

    @property
    def sensitive(self) -> frozenset[str]:
        """Fields whose values no output may show."""
        return frozenset(
            name for each in self._loaded.sets for name, rule in each.rules.fields.items() if rule.sensitive
        )

    @property
    def addresses(self) -> set[str]:
        """What was asked for; records that these refer to may be in the plan, too."""
        return {
            change.address
            for change in self._plan.changes
            if change.set_name in self._sets and self._selection(self._sets[change.set_name], change.address)
        }

    def found(self) -> list[_Found]:
        """Every field to accept. Raises ManifestError with all that cannot be, UsageError, UpstreamError."""
        origins: dict[str, Origins] = {}
        found: list[_Found] = []
        for change in self._plan.changes:
            record, record_set = change.desired, self._sets.get(change.set_name)
            if record is None or record_set is None or not self._selection(record_set, change.address):
                continue
            self._declared.update(record.data)
            names = self._names(change, record_set, record)
            if not names:
                continue
            row = self._row(record_set, record)
            assert row is not None, "only a record that is shown has fields to accept"
            if record_set.name not in origins:
                path, document = document_of(self._loaded, record_set)
                origins[record_set.name] = Origins(path, document, record_set, self._problems)
            for name in names:
                taken = origins[record_set.name].take(record, row, name)
                if taken is not None:
                    told = AcceptedField(address=record.address, field=name, before=record.data[name], after=taken[0])
                    where = origins[record_set.name]
                    found.append(
                        _Found(
                            record_set=record_set,
                            record=record,
                            row=row,
                            told=told,
                            edit=taken[1],
                            path=where.path,
                            document=where.document,
                        )
                    )
        self._check_fields()
        if self._problems.has_errors:
            raise ManifestError("Not all fields can be accepted", diagnostics=self._problems.diagnostics())
        return found

    def _check_fields(self) -> None:
        for name in self._fields:
            if name not in self._declared:
                raise UsageError(
                    "Unknown field",
                    detail=f'None of the records declares "{name}". Nothing was written.',
                    hint=did_you_mean(name, sorted(self._declared)),
                )

    def _names(self, change: Change, record_set: DesiredSet, record: DesiredRecord) -> list[str]:
        """The fields of a record that are to be accepted."""
        row = self._row(record_set, record)
        if change.action is Action.UNKNOWN or row is None or row.deleted:
            raise StateError(
                "The upstream's values are not known",
                detail=f"{change.address}: {change.reason}. Nothing was written.",
                hint="syncspec explain tells what is known of it",
            )
        unequal = differing(record_set, record, row)
        verdicts = self._verdicts(record_set, record, row)
        chosen = self._fields or {*verdicts.upstream, *verdicts.conflict}
        names = [name for name in unequal if name in chosen]
        if names and verdicts.may_lag:
            raise StateError(
                "The upstream may not show our last write yet",
                detail=f"{change.address}: what its list shows of {', '.join(names)} may be from before that. "
                "Nothing was written.",
                hint="plan again later, and accept what differs then",
            )
        return names

    def _verdicts(self, record_set: DesiredSet, record: DesiredRecord, row: ObservedRecord) -> Verdicts:
        """Who changed which field of a record, as planning sees it."""
        entry = self._state.lockfile.entries[record.address]
        case = Case(self._planning, record_set, record, self._rows[record_set.target.place])
        return judge(
            record_set,
            record,
            entry,
            row,
            case.rows,
            self._state.digest_keys,
            recently_written=is_recently_written(case, entry),
        )

    def _row(self, record_set: DesiredSet, record: DesiredRecord) -> ObservedRecord | None:
        """What the upstream shows of a locked record. Raises UpstreamError, StateError."""
        place = record_set.target.place
        rows = self._rows.get(place)
        if rows is None:
            raise UpstreamError(
                "The upstream cannot be read",
                detail=f"{record_set.target.collection_id} of {record_set.target.upstream}: "
                f"{self._reasons.get(place, 'it was not read')}. Nothing was written.",
                hint="run the command again; syncspec doctor checks URL, token and sync",
            )
        entry = self._state.lockfile.entries.get(record.address)
        if entry is None or entry.target.place != place:
            raise StateError(
                "The record is not locked",
                detail=f"{record.address}: it is not known which upstream record it is. Nothing was written.",
                hint="apply locks it; what differs can then be accepted with --field",
            )
        return rows.by_id(entry.upstream_id)

    def changes(self, found: Sequence[_Found]) -> list[tuple[FileChange, str]]:
        """What becomes of each file. Raises ManifestError where one cannot be edited like that."""
        by_file: dict[Path, list[_Found]] = defaultdict(list)
        for each in found:
            by_file[each.path].append(each)
        changes = []
        for path, fields in sorted(by_file.items()):
            before = content = path.read_bytes()
            edits: dict[int, list[Edit]] = defaultdict(list)
            for each in fields:
                edits[each.document.index].append(each.edit)
            for index, some in edits.items():
                document = next(each.document for each in fields if each.document.index == index)
                try:
                    content = edited(content, some, document=index, file=document.file)
                except EditError as error:
                    raise ManifestError(
                        "The manifest cannot be edited", diagnostics=[_not_edited(document, error)]
                    ) from error
            changes.append((FileChange(path=path, before=before, after=content), fields[0].document.file))
        return changes


def _not_edited(document: Document, error: EditError) -> Diagnostic:
    return document.diagnostic(
        code="not-edited",
        summary="The manifest cannot be edited",
        path=error.path,
        detail=f"{error} Nothing was written.",
        hint="edit it by hand here",
    )


def _check(
    opening: Opening,
    loaded: LoadedProject,
    found: Sequence[_Found],
    changes: Sequence[FileChange],
) -> None:
    """Raise ManifestError unless exactly what was accepted would be declared otherwise, and no drift is left in it."""
    try:
        after = opening.load(resolve_env=True, contents={change.path: change.after for change in changes})
    except ManifestError as error:
        raise ManifestError("The manifests would not be valid", diagnostics=error.diagnostics) from error
    wanted: dict[str, Data] = {record.address: dict(record.data) for each in loaded.sets for record in each.records}
    for item in found:
        wanted[item.record.address][item.told.field] = item.told.after
    made = {record.address: record for each in after.sets for record in each.records}
    wrong = [address for address, data in wanted.items() if address not in made or made[address].data != data]
    for item in found:
        record = made.get(item.record.address)
        left = record is None or item.told.field in differing(item.record_set, record, item.row)
        wrong += [item.record.address] if left else []
    if wrong or made.keys() != wanted.keys():
        raise ManifestError(
            "The manifests would say something else",
            detail=f"{', '.join(sorted(set(wrong))[:3]) or 'Other records'} would not come out as accepted. "
            "Nothing was written.",
            hint="edit the manifest by hand; this is a fault of syncspec",
        )


def _write(changes: Sequence[FileChange]) -> None:
    try:
        write_files(changes)
    except ChangedMeanwhileError as error:
        raise StateError(
            "The project changed meanwhile", detail=f"{error}. Nothing was written.", hint="run the command again"
        ) from error
