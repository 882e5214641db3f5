"""A token and sensitive values that are looked for in all that a project's whole life leaves behind.

The upstream quotes what it is sent, and the token, in every answer, in the forms in which programs quote: nothing of
that may be found in a file, a stream or an exception, but in the manifests and in the requests themselves.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.canary import found_in, found_in_files
from support.command import COMMAND, PATIENCE, environ
from support.http_stub import Raw, Stub, project_file, serving

SECRETS = {
    "token": "qz7vk-TOKEN-xj3wq-8841",
    "key": "wq9zx-Key-vj4kq-2207",
    "nested": "xk5qj-Nested-zv8wq-6613",
    "listed": "jv2xz-Listed-qk7wv-9958",
    "unicode": "zq4wj-Ünïcødé-名前-kx6vq",
    "number": "7318264905173",
    "digest key": "vx8kz-Digest-wj5qv-4410",
}
FORMATS = ("text", "json", "markdown", "html", "github")

Body = dict[str, Any]
Failure = Callable[[str], tuple[int, Any]]
"""Gives an answer that quotes a text."""


def _as_base64(text: str) -> tuple[int, Any]:
    return 500, {"error": base64.b64encode(text.encode()).decode()}


FAILURES: dict[str, Failure] = {
    "echo": lambda text: (400, {"error": f"cannot be stored: {text}"}),
    "validation": lambda text: (422, {"summary": "Invalid", "validation_errors": {"records[0].data.Id__c": [text]}}),
    "duplicate": lambda text: (409, {"error": f"duplicate value {text.upper()}"}),
    "base64": _as_base64,
    "gateway": lambda text: (502, Raw(f"<h1>{quote(text)}</h1>".encode())),
    "escaped": lambda text: (504, {"error": "".join(f"\\u{ord(char):04x}" for char in text)}),
    "truncated": lambda text: (200, Raw(json.dumps({"records": [{"data": text}]}).encode(), cut=True)),
    "half of the JSON": lambda text: (200, Raw(json.dumps({"records": [{"data": text}]}).encode()[:-4])),
    "reset": lambda text: (200, Raw(reset=True)),
    "headers": lambda text: (500, Raw(b"{}", headers={"retry-after": quote(text), "x-request-id": quote(text)})),
    "redirect": lambda text: (302, Raw(b"", headers={"location": f"https://{quote(text)}.example/?q={quote(text)}"})),
    "two of one": lambda text: (200, {"records": [{"upstream_id": name, "data": {"Other": text}} for name in "XY"]}),
    "z status 401": lambda text: (401, {"error": f"no access for {text}"}),
}
"""By the name of the record whose request gets it."""


class World:
    """A project whose every set has sensitive fields, and an upstream that quotes all that it is told."""

    def __init__(self, root: Path, stub: Stub) -> None:
        self.root, self.stub = root, stub
        self.folder = root / "crm"
        self.manifest = self.folder / "manifests" / "people.yaml"
        (self.folder / "manifests").mkdir(parents=True)
        for name in ("home", "tmp"):
            (root / name).mkdir()
        self.env = environ(
            CRM_TOKEN=SECRETS["token"],
            SYNCSPEC_DIGEST_KEY=SECRETS["digest key"],
            HOME=str(root / "home"),
            TMPDIR=str(root / "tmp"),
            XDG_CACHE_HOME=str(root / "home" / "cache"),
        )
        self.streams: list[bytes] = []

    def write(
        self, names: list[str], *, key: str = SECRETS["key"], lifecycle: Body | None = None, **settings: Any
    ) -> None:
        settings = {"concurrency": 1, "request_timeout_seconds": 5, **settings}
        (self.folder / "syncspec.yaml").write_text(project_file(self.stub, **settings), encoding="utf-8")
        fields = {name: {"sensitive": True} for name in ("Id__c", "Nested__c", "Codes__c", "Name__c", "Number__c")}
        records = {name: {"data": _data(f"{key}-{name}")} for name in names}
        spec = {
            "collection_id": "salesforce:contact",
            "match_on": ["Id__c"],
            "batch": {"max_records": 1},
            "fields": fields,
            "lifecycle": lifecycle or {},
            "records": records,
        }
        document = {"apiVersion": "syncspec/v1", "kind": "RecordSet", "metadata": {"name": "people"}, "spec": spec}
        self.manifest.write_text(json.dumps(document, indent=1), encoding="utf-8")

    def run(self, *arguments: str, allowed: tuple[int, ...] = (0, 1, 3, 4)) -> str:
        """Run a command to its end; gives its stdout."""
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder, env=self.env, capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode in allowed, done.stderr.decode()
        self.streams += [done.stdout, done.stderr]
        return done.stdout.decode()

    def check(self) -> None:
        """Nothing is found anywhere, though all of it was sent."""
        sent = json.dumps(self.stub.requests, ensure_ascii=False)
        assert all(SECRETS[name] in sent for name in ("key", "nested", "listed", "unicode", "number"))
        for stream in self.streams:
            assert found_in(stream, SECRETS) == set(), stream.decode("utf-8", "replace")[-2000:]
        assert found_in_files(self.root, SECRETS, besides=[self.manifest]) == {}


def _data(key: str) -> Body:
    return {
        "Id__c": key,
        "Nested__c": {"a": {"b": [SECRETS["nested"]]}},
        "Codes__c": ["x", SECRETS["listed"]],
        "Name__c": SECRETS["unicode"],
        "Number__c": int(SECRETS["number"]),
        "Title": "Dr.",
    }


def quoting(body: Body) -> str:
    """All that one request holds, in one text."""
    data = body["records"][0]["data"]
    values = [data.get("Id__c"), data.get("Nested__c"), data.get("Codes__c"), data.get("Name__c")]
    return json.dumps([*values, data.get("Number__c"), SECRETS["token"]], ensure_ascii=False)


def failing(body: Body) -> tuple[int, Any]:
    """What the name in the record's key asks for."""
    name = body["records"][0]["data"]["Id__c"].removeprefix(f"{SECRETS['key']}-")
    return FAILURES[name.replace("_", " ")](quoting(body))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(Stub()) as stub:
        yield World(tmp_path, stub)


def test_no_failure_brings_a_secret_to_light(world: World) -> None:
    world.write([name.replace(" ", "_") for name in FAILURES])
    world.stub.answer = failing
    for format in FORMATS:
        world.run("plan", "--format", format)
    world.run("validate")
    told = ("--report", "report.json", "--events", "events.jsonl")
    report = json.loads(world.run("apply", "-y", "-vv", "--json", *told))
    # They are sent in the order of their names, and after the 401 nothing is.
    assert {record["outcome"] for record in report["records"]} == {"rejected", "unknown", "not_attempted"}
    run = report["run"]
    assert len(json.loads(world.run("runs", run, "--requests", "--json"))["failed_batches"]) == len(FAILURES)
    for format in FORMATS:
        world.run("runs", run, "--format", format)
    world.run("runs", run, "--requests")
    world.run("plan")
    for name in ("echo", "two_of_one", "truncated"):
        world.run("explain", f"people.{name}")
    world.run("apply", "-y", "-v", "--log-format", "json", *told)
    for command in (("lock", "list"), ("lock", "check"), ("doctor", "-vv"), ("runs",)):
        world.run(*command)
    world.check()


def test_no_reading_brings_a_secret_to_light(world: World) -> None:
    world.write(["one", "two"])
    world.run("plan", "-o", "crm.plan", allowed=(0,))
    for format in FORMATS:
        world.run("show", "crm.plan", "--format", format, allowed=(0,))
    world.run("apply", "crm.plan", "-vv", allowed=(0,))
    for row in world.stub.rows:
        other = {"Number__c": 1, "Name__c": SECRETS["unicode"].upper(), "Nested__c": [SECRETS["nested"]]}
        row["data"] = {**row["data"], **other}
    lookalike = {"Id__c": f" {SECRETS['key'].upper()}-THREE "}
    world.stub.rows.append({**world.stub.rows[0], "upstream_id": "L1", "data": lookalike})
    world.write(["one", "two", "three"])
    for format in FORMATS:
        world.run("plan", "--format", format)
    for name in ("one", "three"):
        world.run("explain", f"people.{name}")
    world.run("apply", "-y", "-vv")
    broken: list[tuple[int, Any]] = [
        (403, {"error": f"token {SECRETS['token']} may not: {base64.b64encode(SECRETS['token'].encode()).decode()}"}),
        (500, Raw(f"<pre>{SECRETS['token']}</pre>".encode())),
        (200, Raw(f'{{"records": "{SECRETS["token"]}"'.encode())),
        (302, Raw(b"", headers={"location": f"https://{SECRETS['token']}.example/"})),
    ]
    whole = world.stub.get
    for answer in broken:
        world.stub.get = lambda path, answer=answer: whole(path) if path.startswith("/v1/syncs") else answer  # type: ignore[method-assign,misc]
        for command in (("plan", "-vv"), ("doctor",)):
            world.run(*command)
    world.check()


def removing(world: World) -> Callable[[Body], tuple[int, Any]]:
    """Refuses removals as the name of the record asks for, and quotes what the record holds."""

    def answer(body: Body) -> tuple[int, Any]:
        if body["kind"] == "create":
            return world.stub.create(body)
        (asked,) = body["upstream_ids"]
        row = next(each for each in world.stub.rows if each["upstream_id"] == asked)
        said = quoting({"records": [row]})
        name = row["data"]["Id__c"].removeprefix(f"{SECRETS['key']}-").replace("_", " ")
        return FAILURES[name](said)

    return answer


def test_no_refused_removal_brings_a_secret_to_light(world: World) -> None:
    names = [name.replace(" ", "_") for name in FAILURES]
    deleting = {"on_remove": "delete"}
    world.stub.answer = removing(world)
    world.write(names, lifecycle=deleting)
    told = ("--report", "report.json", "--events", "events.jsonl")
    created = json.loads(world.run("apply", "-y", "--json", allowed=(0,)))["run"]
    for format in FORMATS:
        world.run("undo", created, "--plan", "--format", format, allowed=(0,))
    every = ("--allow", "max_deletes_percent=100")
    undone = json.loads(world.run("undo", created, "-y", "-vv", "--json", *every, allowed=(3, 4)))
    assert {each["outcome"] for each in undone["records"]} >= {"rejected", "unknown"}
    world.write(["one"], lifecycle=deleting)
    world.run("apply", "-y", "--target", "people.one", allowed=(0,))
    for format in FORMATS:
        world.run("plan", "--format", format)
    world.run("apply", "-y", "-vv", "--log-format", "json", *every, *told, allowed=(3, 4))
    kinds = [body["kind"] for body in world.stub.requests]
    assert kinds.count("delete") > len(FAILURES)
    for run in (undone["run"], created):
        for more in ((), ("--json",), ("--requests",), ("--requests", "--json")):
            world.run("runs", run, *more)
    world.run("explain", "people.echo")
    world.run("destroy", "-y", "-vv", *every, allowed=(3, 4))
    world.check()


def test_no_refused_undo_of_a_change_brings_a_secret_to_light(world: World) -> None:
    world.write(["one", "two"])
    world.run("apply", "-y", allowed=(0,))
    world.write(["one", "two"])
    document = json.loads(world.manifest.read_text(encoding="utf-8"))
    for record in document["spec"]["records"].values():
        record["data"] |= {"Title": "Count", "Nested__c": [SECRETS["nested"]]}
    world.manifest.write_text(json.dumps(document, indent=1), encoding="utf-8")

    def update(body: Body) -> tuple[int, Any]:
        for asked in body["records"]:
            row = next(each for each in world.stub.rows if each["upstream_id"] == asked["upstream_id"])
            row["data"] = {**row["data"], **asked["data"]}
        return 200, {"records": [row]}

    world.stub.answer = update
    changed = json.loads(world.run("apply", "-y", "--json", allowed=(0,)))["run"]
    world.stub.answer = lambda body: (422, {"error": quoting({"records": world.stub.rows})})
    for format in FORMATS:
        world.run("undo", changed, "--plan", "--format", format, allowed=(0,))
    refused = json.loads(world.run("undo", changed, "-y", "-vv", "--json", allowed=(3, 4)))
    assert {each["outcome"] for each in refused["records"]} <= {"rejected", "unknown", "not_attempted"}
    world.run("runs", refused["run"], "--requests")
    world.check()


def test_state_that_is_shared_over_git_holds_no_secret(world: World) -> None:
    world.write(["echo", "gateway", "reset"])
    with (world.folder / "syncspec.yaml").open("a", encoding="utf-8") as file:
        file.write("  state:\n    backend: git\n")
    for command in (
        ("init", "--bare", "-q", str(world.root / "remote.git")),
        ("init", "-q", str(world.folder)),
        ("-C", str(world.folder), "remote", "add", "origin", str(world.root / "remote.git")),
    ):
        subprocess.run(["git", *command], check=True, env=world.env, capture_output=True, timeout=PATIENCE)
    world.stub.answer = failing
    world.run("apply", "-y", "-vv", "--no-prior-run", "--report", "report.json")
    world.run("plan")
    found = list((world.root / "remote.git" / "objects").rglob("*"))
    assert any(path.is_file() for path in found)
    assert not [path for path in (world.root / "remote.git").rglob("*") if "failed" in path.name]
    world.check()


def test_no_interruption_brings_a_secret_to_light(world: World) -> None:
    world.write(["one", "two", "three"])
    process: list[subprocess.Popen[bytes]] = []

    def hang(body: Body) -> tuple[int, Any]:
        for _ in range(2):
            process[0].send_signal(signal.SIGINT)
            time.sleep(0.2)
        process[0].wait(PATIENCE)
        return 500, {"error": quoting(body)}

    world.stub.answer = hang
    command = [*COMMAND, "apply", "-y", "-vv", "--report", "report.json"]
    pipe = subprocess.PIPE
    process.append(subprocess.Popen(command, cwd=world.folder, env=world.env, stdout=pipe, stderr=pipe))
    world.streams += process[0].communicate(timeout=PATIENCE)
    assert process[0].returncode == 130
    world.run("runs", "--json")
    name = json.loads(world.streams[-2])["runs"][0]["run"]
    assert "no answer within" in world.run("runs", name, "--requests")
    world.check()


def test_no_manifest_error_brings_a_secret_to_light(world: World) -> None:
    world.write(["one"])
    text = world.manifest.read_text(encoding="utf-8")
    document = json.loads(text)
    two = json.loads(json.dumps(document))
    two["spec"]["records"]["two"] = two["spec"]["records"]["one"]
    two["spec"]["records"]["three"] = {"data": {"Id__c": {"a": SECRETS["key"]}, "Name__c": [SECRETS["unicode"]]}}
    world.manifest.write_text(json.dumps(two, indent=1), encoding="utf-8")
    for format in ("text", "json", "github"):
        world.run("validate", "--format", format, allowed=(1,))
    world.manifest.write_text(text.replace('"Dr."', "Dr., }"), encoding="utf-8")
    world.run("plan", "-vv", allowed=(1,))
    for command in (("fmt", "--diff"), ("fmt", "--check")):
        world.run(*command)
    for stream in world.streams:
        assert found_in(stream, SECRETS) == set(), stream.decode()


def test_the_search_finds_a_secret_in_every_form() -> None:
    for name, secret in SECRETS.items():
        for text in (secret, secret.upper(), secret[3:12], quote(secret), json.dumps({"a": secret}), f"x{secret}y"):
            assert found_in(text.encode(), SECRETS) == {name}
        for shift in range(3):
            assert name in found_in(base64.b64encode(b"-" * shift + secret.encode() + b"--"), SECRETS)
    assert found_in(b'{"version": 1, "digest": "0f1e2d3c4b5a6978"}', SECRETS) == set()
