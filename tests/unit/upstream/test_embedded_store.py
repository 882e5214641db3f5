"""The store: whole transactions, stream order, unique fields, several processes on one file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from syncspec.errors import UpstreamError
from syncspec.settings import UpstreamSettings
from syncspec.upstream import connect
from syncspec.upstream.embedded import store_path
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.store import Filter, Store
from syncspec.upstream.protocol import ConnectContext, MutationKind, MutationRequest

WHERE = {"sync_id": "s", "collection_id": "hubspot:contact"}
EVERYTHING = Filter()


def mutation(kind, **body):
    return parse_mutation(json.dumps({"kind": kind} | WHERE | body).encode())


def creating(*records):
    return mutation("create", records=[{"data": data} for data in records])


def keep(existing, sent):
    return {**existing, **sent}


def rows(store):
    return [json.loads(body) for body in store.page(EVERYTHING, after=0, limit=1000).bodies]


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path / "store.sqlite3", seed=7)
    yield opened
    opened.close()


def test_the_same_seed_gives_the_same_ids(tmp_path):
    given = []
    for name in ("one", "two"):
        opened = Store.open(tmp_path / name, seed=7)
        given.append([json.loads(body)["upstream_id"] for body in opened.apply(creating({}, {}), keep)])
        opened.close()
    assert given[0] == given[1]


def test_a_batch_whose_last_record_is_refused_stores_nothing(store):
    def write(existing, sent):
        if sent.get("bad"):
            raise RefusedError(400, "no")
        return sent

    with pytest.raises(RefusedError):
        store.apply(creating({"n": 1}, {"n": 2}, {"bad": True}), write)
    assert rows(store) == []
    store.apply(creating({"n": 3}), write)
    assert [row["data"] for row in rows(store)] == [{"n": 3}]


def test_a_unique_value_is_refused_with_the_id_that_has_it(store):
    (body,) = store.apply(creating({"email": "a@x"}), keep, ("email",))
    first = json.loads(body)["upstream_id"]
    with pytest.raises(RefusedError) as caught:
        store.apply(creating({"email": "b@x"}, {"email": "a@x"}), keep, ("email",))
    assert (caught.value.status, len(rows(store))) == (409, 1)
    assert f"Contact already exists. Existing ID: {first}" in caught.value.message


def test_a_unique_value_may_not_come_twice_in_one_batch(store):
    with pytest.raises(RefusedError):
        store.apply(creating({"email": "a@x"}, {"email": "a@x"}), keep, ("email",))
    assert rows(store) == []


def test_empty_values_are_not_unique(store):
    store.apply(creating({"email": ""}, {"email": ""}, {"email": None}, {}), keep, ("email",))
    assert len(rows(store)) == 4


def test_a_unique_value_is_free_again_after_a_change_or_a_delete(store):
    bodies = store.apply(creating({"email": "a@x"}, {"email": "b@x"}), keep, ("email",))
    first, second = (json.loads(body)["upstream_id"] for body in bodies)
    with pytest.raises(RefusedError):
        store.apply(mutation("update", records=[{"upstream_id": first, "data": {"email": "b@x"}}]), keep, ("email",))
    store.apply(mutation("update", records=[{"upstream_id": first, "data": {"email": "c@x"}}]), keep, ("email",))
    store.apply(mutation("delete", upstream_ids=[second]), keep, ("email",))
    store.apply(creating({"email": "a@x"}, {"email": "b@x"}), keep, ("email",))


def test_a_page_of_large_records_ends_early_and_goes_on(store):
    store.apply(creating(*({"n": n, "text": "x" * 1_000_000} for n in range(20))), keep)
    first = store.page(EVERYTHING, after=0, limit=1000)
    rest = store.page(EVERYTHING, after=first.last, limit=1000)
    numbers = [json.loads(body)["data"]["n"] for body in first.bodies + rest.bodies]
    assert 0 < len(first.bodies) < 20
    assert numbers[: len(first.bodies) + len(rest.bodies)] == list(range(len(numbers)))


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(UpstreamError, match="cannot be opened"):
        Store.open(path)
    assert path.read_text() == "not a database " * 100
    with pytest.raises(UpstreamError, match="cannot be opened"):
        Store.open(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path):
    path = tmp_path / "store.sqlite3"
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'version'")
    connection.commit()
    connection.close()
    with pytest.raises(UpstreamError, match="another version"):
        Store.open(path)


WRITER = """
import sys, json
from pathlib import Path
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Store
store = Store.open(Path(sys.argv[1]))
body = {"kind": "create", "sync_id": "s", "collection_id": "hubspot:contact", "records": [{"data": {}}] * 5}
for _ in range(20):
    store.apply(parse_mutation(json.dumps(body).encode()), lambda existing, sent: sent)
store.close()
"""


def test_several_processes_write_to_one_file_at_once(tmp_path):
    path = tmp_path / "store.sqlite3"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    opened = Store.open(path)
    found = rows(opened)
    opened.close()
    assert len({row["upstream_id"] for row in found}) == len(found) == 300
    assert [row["updated_idx"] for row in found] == list(range(1, 301))


@pytest.mark.anyio
async def test_connecting_makes_a_state_folder_that_git_ignores(tmp_path):
    context = ConnectContext(state_dir=tmp_path / "a" / ".syncspec")
    request = MutationRequest(
        kind=MutationKind.CREATE, sync_id="s", collection_id="hubspot:contact", records=({"email": "A@x"},)
    )
    settings = UpstreamSettings(name="crm/1", type="embedded")
    for _ in range(2):
        async with connect(settings, context) as connection:
            answer = await connection.run(request)
    assert (context.state_dir / ".gitignore").read_text() == "*\n"
    assert store_path(context.state_dir, "crm/1").parent == context.state_dir
    assert store_path(context.state_dir, "crm/1").exists()
    # The second connection found the first one's record: the address is taken.
    assert answer.status == 409


@pytest.mark.anyio
async def test_a_state_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UpstreamError, match="state folder"):
        async with connect(UpstreamSettings(name="crm", type="embedded"), ConnectContext(state_dir=tmp_path / "file")):
            pass


SCHEMA = {"type": "object", "properties": {"LastName": {"type": "string"}}, "required": ["LastName"]}


@pytest.mark.anyio
async def test_enforced_schemas_refuse_the_whole_batch_in_the_providers_name(tmp_path):
    context = ConnectContext(state_dir=tmp_path, data_schemas={"salesforce:contact": (SCHEMA,)})
    request = MutationRequest(
        kind=MutationKind.CREATE,
        sync_id="s",
        collection_id="salesforce:contact",
        records=({"LastName": "A"}, {"LastName": 5}),
    )
    for enforced, status, count in ((True, 400, 0), (False, 200, 2)):
        settings = UpstreamSettings(name="crm", type="embedded", enforce_schemas=enforced)
        async with connect(settings, context) as connection:
            answer = await connection.run(request)
            found = [row async for page in connection.pages("s", "salesforce:contact") for row in page.records]
        assert (answer.status, len(found)) == (status, count)
        if enforced:
            assert answer.text.startswith("Error: Salesforce validation error: `LastName: ")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:1/x.json"}, {"$ref": "other.json"}]
)
async def test_a_schema_that_cannot_be_used_is_an_error(tmp_path, schema):
    context = ConnectContext(state_dir=tmp_path, data_schemas={"salesforce:contact": (schema,)})
    with pytest.raises(UpstreamError, match="data schema"):
        async with connect(UpstreamSettings(name="crm", type="embedded", enforce_schemas=True), context):
            pass


@pytest.mark.anyio
async def test_an_unknown_profile_stops_the_connection(tmp_path):
    settings = UpstreamSettings(name="crm", type="embedded", profiles={"salesforce": "salesfroce"})
    with pytest.raises(UpstreamError, match="Unknown profile"):
        async with connect(settings, ConnectContext(state_dir=tmp_path)):
            pass
