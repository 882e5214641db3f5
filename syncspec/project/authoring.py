"""What of a project writes manifests: importing, and accepting drift; heavy parts are loaded when they are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from syncspec.apply.clock import Clock
from syncspec.manifests.accepted import Accepted
from syncspec.manifests.imported import Imported
from syncspec.project.opening import Opening
from syncspec.project.reading import OnRows

if TYPE_CHECKING:
    from syncspec.project.picking import Empty

__all__ = ["Authoring"]


class Authoring:
    """The calls of a project that write its manifests."""

    def __init__(self, opening: Opening, clock: Clock) -> None:
        self._opening = opening
        self.clock = clock

    async def import_records(
        self,
        collection: str,
        *,
        set_name: str | None = None,
        upstream: str | None = None,
        sync_id: str | None = None,
        where: Sequence[tuple[str, str]] = (),
        fields: Sequence[str] | None = None,
        empty: Empty = "omit",
        name_from: str | None = None,
        match_on: Sequence[str] | None = None,
        output: str | Path | None = None,
        references: bool = False,
        dry_run: bool = False,
        lock_timeout: float = 0.0,
        on_rows: OnRows | None = None,
        command: str = "syncspec.import_records",
    ) -> Imported:
        """Write a manifest of a collection's live records, and lock them; nothing upstream is changed.

        They go to the set of that collection, else to a new one, for which `match_on` counts. `where` holds fields
        and values that must all be equal. Records that belong to an address already are skipped. With `references`,
        IDs of records that are locked or looked up in the same upstream become references to them.
        Raises UsageError, RunLockedError and what `plan` raises; nothing was then written.
        """
        from syncspec.project.importing import import_records
        from syncspec.project.picking import Choice
        from syncspec.project.placing import Destination

        return await import_records(
            self._opening,
            Destination(
                collection_id=collection,
                set_name=set_name,
                upstream=upstream,
                sync_id=sync_id,
                match_on=tuple(match_on) if match_on else None,
                output=Path(output) if output is not None else None,
            ),
            Choice(
                where=tuple(where),
                fields=tuple(fields) if fields is not None else None,
                name_from=name_from,
                empty=empty,
                references=references,
            ),
            clock=self.clock,
            dry_run=dry_run,
            lock_timeout=lock_timeout,
            on_rows=on_rows,
            command=command,
        )

    def import_files(
        self,
        path: str | Path,
        collection: str | None = None,
        *,
        format: str | None = None,
        delimiter: str | None = None,
        encoding: str = "utf-8",
        set_name: str | None = None,
        upstream: str | None = None,
        sync_id: str | None = None,
        where: Sequence[tuple[str, str]] = (),
        fields: Sequence[str] | None = None,
        empty: Empty = "omit",
        name_from: str | None = None,
        match_on: Sequence[str] | None = None,
        output: str | Path | None = None,
        dry_run: bool = False,
    ) -> Imported:
        """Write manifests of the records in a file of another tool, and in those that it names; offline.

        `format` is csv, jsonl, sfdmu or sobject-tree, and is otherwise told by name and content. `output` is a
        manifest, or a folder for a manifest of each collection. What is declared already is skipped.
        Raises UsageError, StateError, ManifestError with all that is wrong; nothing was then written.
        """
        from syncspec.manifests.foreign.model import Options
        from syncspec.project.importing_files import FileWish, import_files
        from syncspec.project.picking import Choice

        wish = FileWish(
            path=Path(path),
            options=Options(format=format, delimiter=delimiter, encoding=encoding),
            collection_id=collection,
            set_name=set_name,
            upstream=upstream,
            sync_id=sync_id,
            match_on=tuple(match_on) if match_on else None,
            output=Path(output) if output is not None else None,
        )
        choice = Choice(
            where=tuple(where), fields=tuple(fields) if fields is not None else None, name_from=name_from, empty=empty
        )
        return import_files(self._opening, wish, choice, dry_run=dry_run)

    async def accept(
        self,
        addresses: Sequence[str],
        *,
        fields: Sequence[str] = (),
        dry_run: bool = False,
        on_rows: OnRows | None = None,
    ) -> Accepted:
        """Write the upstream's values of drifted and conflicting fields into the manifests.

        `addresses` may be sets and patterns; `fields` that are named may differ for any reason. Raises UsageError,
        StateError, what `plan` raises, and ManifestError with everything that cannot be accepted; nothing was then
        written.
        """
        from syncspec.project.accepting import accept

        return await accept(self._opening, addresses, clock=self.clock, fields=fields, dry_run=dry_run, on_rows=on_rows)
