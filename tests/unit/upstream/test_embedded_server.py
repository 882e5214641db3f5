"""The server: where it listens, when it is ready, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import anyio
import pytest

from syncspec.errors import UpstreamError
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.server import serve
from syncspec.upstream.embedded.store import Store

SERVER = """
import anyio
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.server import serve
from syncspec.upstream.embedded.store import Store
store = Store.open(None)
anyio.run(lambda: serve(create_app(store), on_ready=lambda port: print(port, flush=True)))
store.close()
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_quietly(number):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/syncs") as answer:
        assert answer.read() == b'{"data":[]}'
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "ended\n", "")


@pytest.mark.anyio
async def test_a_port_in_use_is_told():
    store = Store.open(None)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UpstreamError, match="cannot listen") as caught:
        await serve(create_app(store), port=taken.getsockname()[1])
    store.close()
    assert caught.value.diagnostics[0].hint is not None


@pytest.mark.anyio
@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("host.invalid", 0)])
async def test_an_address_that_cannot_be_used_is_told(host, port):
    store = Store.open(None)
    with pytest.raises(UpstreamError, match="cannot listen"):
        await serve(create_app(store), host=host, port=port)
    store.close()


@pytest.mark.anyio
async def test_only_this_machine_is_served_unless_asked_otherwise(monkeypatch):
    bound = []
    original = socket.create_server

    def noted(address, **options):
        bound.append(address)
        return original(address, **options)

    monkeypatch.setattr(socket, "create_server", noted)
    store, stop = Store.open(None), anyio.Event()
    await serve(create_app(store), on_ready=lambda port: stop.set(), stop=stop)
    store.close()
    assert bound == [("127.0.0.1", 0)]
