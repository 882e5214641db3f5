"""The embedded upstream behind a socket."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from starlette.types import ASGIApp

from syncspec.errors import UpstreamError

__all__ = ["serve"]

GRACE_SECONDS = 5
KEEPALIVE_SECONDS = 30


class _Server(uvicorn.Server):
    """Tells when it is ready, and ends quietly on a signal instead of raising it once more."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    on_ready: Callable[[int], None] = lambda port: None,
    stop: anyio.Event | None = None,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve the application until SIGINT, SIGTERM or `stop`; requests in flight get five seconds to finish.

    Port 0 takes a free one; `on_ready` is called with the real port once connections are accepted. Prints nothing.
    `beside` runs as long as the server does, and is cancelled then.
    Signals are taken in the main thread only. Raises UpstreamError where the address cannot be used.
    """
    listener = _listen(host, port)
    bound = int(listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEPALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, lambda: on_ready(bound))
    try:
        async with anyio.create_task_group() as tasks:
            if stop is not None:
                tasks.start_soon(_stop_on, stop, server)
            if beside is not None:
                tasks.start_soon(beside)
            await server.serve(sockets=[listener])
            tasks.cancel_scope.cancel()
    finally:
        listener.close()


async def _stop_on(stop: anyio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not 0 <= port <= 65535:
            raise OSError("a port is a number from 0 to 65535")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UpstreamError(
            "The server cannot listen",
            detail=f"{host}:{port}: {error}. Nothing is served.",
            hint="choose another port, or port 0 for a free one",
        ) from error
