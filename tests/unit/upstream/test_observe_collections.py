"""Reading a collection: what is kept, what a broken list is worth, and how fresh it is."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest

from syncspec.errors import UpstreamError
from syncspec.keys import match_key
from syncspec.records import Absence, Compare, FieldRule, FieldRules, Observation, ObservedRecord, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.observe import Lens, Wanted, freshness, observe
from syncspec.upstream.protocol import Page, SyncInfo
from syncspec.values.instants import seconds_of

TARGET = Target(upstream="crm", endpoint="e0", sync_id="s1", collection_id="salesforce:contact")
RULES = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})
WHOLE = SyncInfo(sync_id="s1", backfilled=True, healthy=True)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = UpstreamSettings(name="crm")


class ScriptedReader:
    """Gives the pages it was made with; an exception among them is raised in its turn."""

    def __init__(
        self, pages: Iterable[Sequence[ObservedRecord] | UpstreamError], info: SyncInfo | UpstreamError | None = WHOLE
    ) -> None:
        self._pages = pages
        self._info = info
        self.listed = 0

    async def describe(self, sync_id: str) -> SyncInfo | None:
        if isinstance(self._info, UpstreamError):
            raise self._info
        return self._info

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> AsyncIterator[Page]:
        assert (sync_id, collection_id, after) == ("s1", "salesforce:contact", None)
        self.listed += 1
        for number, page in enumerate(self._pages):
            if isinstance(page, UpstreamError):
                raise page
            yield Page(records=tuple(page), cursor=f"c{number}")


def row(upstream_id: str, email: str | None = None, *, deleted: bool = False, **data: str) -> ObservedRecord:
    return ObservedRecord(
        upstream_id=upstream_id, data={**({"Email": email} if email else {}), **data}, deleted=deleted
    )


def loose(email: str) -> str:
    key = match_key({"Email": email}, ["Email"], RULES)
    assert key is not None
    return key.loose


EMAIL = Lens(match_on=("Email",), rules=RULES)
PAUL = Wanted(lenses=(EMAIL,), loose=frozenset({loose("paul@x.org")}))


def read(
    *pages: Sequence[ObservedRecord] | UpstreamError,
    wanted: Wanted = PAUL,
    info: SyncInfo | UpstreamError | None = WHOLE,
    settings: UpstreamSettings = SETTINGS,
) -> Observation:
    async def main() -> Observation:
        return await observe(ScriptedReader(pages, info), TARGET, wanted, settings=settings, now=lambda: NOW)

    return anyio.run(main)


def ids(observation: Observation) -> list[str]:
    return [each.upstream_id for each in observation.rows]


def test_only_rows_that_can_matter_are_kept() -> None:
    wanted = replace(
        PAUL,
        lenses=(EMAIL, Lens(marker_field="M")),
        upstream_ids=frozenset({"003L"}),
        markers=frozenset({"m-1"}),
    )
    observation = read(
        [row("003Z", "someone@else.org"), row("003A", " PAUL@x.org"), row("003L", "moved@x.org")],
        [row("003M", M="m-1"), row("003N", M="m-2"), row("003O")],
        wanted=wanted,
    )
    assert ids(observation) == ["003A", "003L", "003M"]
    assert (observation.live_rows, observation.keyed_rows) == (6, 3)
    assert observation.fields == {"Email", "M"}
    assert (observation.readable, observation.absence, observation.cursor) == (True, Absence.PROVED, "c1")
    assert observation.observed_at == NOW


def test_a_later_version_of_a_row_wins() -> None:
    later = row("003A", "paul@x.org", FirstName="later")
    assert read([row("003A", "paul@x.org")], [later]).rows == (later,)


def test_a_later_version_that_is_no_longer_relevant_drops_the_earlier_one() -> None:
    assert ids(read([row("003A", "paul@x.org")], [row("003A", "other@x.org")])) == []


def test_a_later_tombstone_replaces_the_live_row() -> None:
    observation = read([row("003A", "paul@x.org")], [row("003A", deleted=True)])
    assert not [each for each in observation.rows if not each.deleted]
    locked = replace(PAUL, upstream_ids=frozenset({"003A"}))
    [tombstone] = read([row("003A", "paul@x.org")], [row("003A", deleted=True)], wanted=locked).rows
    assert tombstone.deleted


def test_tombstones_do_not_count_as_live_rows() -> None:
    observation = read([row("003A", "a@x.org", deleted=True), row("003B", "b@x.org")])
    assert (observation.live_rows, observation.keyed_rows) == (1, 1)


def test_a_null_key_field_is_present_and_a_missing_one_is_not() -> None:
    rows = [ObservedRecord(upstream_id="1", data={"Email": None}), ObservedRecord(upstream_id="2", data={})]
    assert read(rows).keyed == {("Email",): 1}


def test_lenses_are_counted_apart_from_one_reading() -> None:
    wanted = replace(PAUL, lenses=(EMAIL, Lens(match_on=("Name", "Email"), rules=RULES)))
    observation = read([row("1", "a@x.org"), row("2", "b@x.org", Name="B")], wanted=wanted)
    assert observation.keyed == {("Email",): 2, ("Name", "Email"): 1}
    assert observation.keyed_rows == 1


def test_both_forms_of_a_salesforce_id_are_found() -> None:
    wanted = replace(PAUL, upstream_ids=frozenset({"0018b000021BldZ"}))
    assert ids(read([row("0018b000021BldZAAS")], wanted=wanted)) == ["0018b000021BldZAAS"]
    assert ids(read([row("0018b000021BldZ")], wanted=wanted)) == ["0018b000021BldZ"]


def test_a_page_that_fails_makes_the_collection_unreadable_and_never_absent() -> None:
    observation = read([row("003A", "paul@x.org")], UpstreamError("HTTP 500"))
    assert (observation.readable, observation.absence, observation.rows) == (False, Absence.UNKNOWN, ())
    assert "HTTP 500" in observation.reason


def test_a_first_page_that_fails_is_unreadable_where_the_sync_is_known() -> None:
    assert read(UpstreamError("HTTP 500")).readable is False


def test_an_upstream_that_refuses_everything_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="refused"):
        read([], info=UpstreamError("the token was refused"))
    with pytest.raises(UpstreamError, match="refused"):
        read(UpstreamError("the token was refused"), info=None)


def test_progress_is_told_after_each_page() -> None:
    told: list[int] = []

    async def main() -> None:
        reader = ScriptedReader([[row("1"), row("2")], [], [row("3")]])
        await observe(reader, TARGET, PAUL, settings=SETTINGS, now=lambda: NOW, on_progress=told.append)
        assert reader.listed == 1

    anyio.run(main)
    assert told == [2, 2, 3]


def test_memory_follows_what_is_wanted_not_what_exists() -> None:
    def pages() -> Iterable[Sequence[ObservedRecord]]:
        for page in range(100):
            yield [row(f"id-{page}-{n}", f"{page}.{n}@x.org", **{f"F{page}": "x" * 1000}) for n in range(100)]

    async def main() -> Observation:
        return await observe(ScriptedReader(pages()), TARGET, PAUL, settings=SETTINGS, now=lambda: NOW)

    tracemalloc.start()
    try:
        observation = anyio.run(main)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (observation.live_rows, observation.rows) == (10_000, ())
    assert peak < 2_000_000


def test_a_flood_of_field_names_is_bounded_and_declared_ones_are_still_seen() -> None:
    flood = [ObservedRecord(upstream_id=str(n), data={f"F{n}-{m}": 1 for m in range(100)}) for n in range(400)]
    observation = read(flood, [row("last", "z@x.org")], wanted=replace(PAUL, fields=frozenset({"Email", "Phone"})))
    assert len(observation.fields) < 20_200
    assert "Email" in observation.fields
    assert "Phone" not in observation.fields


@pytest.mark.parametrize(
    ("info", "assume_complete", "absence", "words"),
    [
        (WHOLE, False, Absence.PROVED, ""),
        (None, False, Absence.ASSUMED, "does not tell"),
        (None, True, Absence.PROVED, "declares"),
        (SyncInfo(sync_id="s1"), False, Absence.ASSUMED, "does not tell"),
        (SyncInfo(sync_id="s1"), True, Absence.PROVED, ""),
        (replace(WHOLE, backfilled=False), True, Absence.UNKNOWN, "backfill"),
        (replace(WHOLE, healthy=False, health="erroring"), True, Absence.UNKNOWN, "erroring"),
        (replace(WHOLE, max_age_days=90), False, Absence.UNKNOWN, "90 days"),
        (replace(WHOLE, max_age_days=90), True, Absence.ASSUMED, "90 days"),
        (replace(WHOLE, collection_ids=("salesforce:lead",)), False, Absence.ASSUMED, "salesforce:contact"),
        (replace(WHOLE, collection_ids=("salesforce:lead",)), True, Absence.ASSUMED, "salesforce:contact"),
        (replace(WHOLE, collection_ids=("salesforce:contact",)), False, Absence.PROVED, ""),
    ],
)
def test_what_a_sync_tells_decides_what_absence_is_worth(
    info: SyncInfo | None, assume_complete: bool, absence: Absence, words: str
) -> None:
    found, reason = freshness(info, TARGET, replace(SETTINGS, assume_complete=assume_complete))
    assert found is absence
    assert words in reason


def test_the_sync_s_polling_period_is_kept() -> None:
    assert read([], info=replace(WHOLE, polling_seconds=14_400.0)).polling_seconds == 14_400.0


def test_rows_that_came_into_being_since_a_time_are_kept_whatever_their_key() -> None:
    def at(
        upstream_id: str, created: str | None, updated: str | None = None, *, deleted: bool = False
    ) -> ObservedRecord:
        return replace(row(upstream_id, "x@x.org", deleted=deleted), created_at=created, updated_at=updated)

    early, late = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"
    rows = [
        at("003A", early, late),
        at("003B", late),
        at("003C", None, early),
        at("003D", None, late),
        at("003E", None),
        at("003F", late, deleted=True),
    ]
    since = seconds_of(late)
    assert ids(read(rows, wanted=replace(PAUL, since=since))) == ["003B", "003D"]
    assert ids(read(rows, [at("003B", late, deleted=True)], wanted=replace(PAUL, since=since))) == ["003D"]
    assert ids(read(rows)) == []
