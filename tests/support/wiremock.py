"""WireMock, somebody else's HTTP server, as a proxy that misbehaves in front of an upstream."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

REQUIRE = "SYNCSPEC_REQUIRE_WIREMOCK"
INSTALLED = Path(__file__).parents[2] / ".cache" / "wiremock" / "node_modules" / "wiremock" / "build"
HOW = "npm install --no-save --prefix .cache/wiremock wiremock@3.13.2"
PATIENCE = 120.0

Stub = dict[str, Any]


def find_wiremock() -> list[str]:
    """The command that starts it; skips the test where it is not installed, or fails it where that was promised."""
    lacking = [] if shutil.which("java") else ["Java (Debian: openjdk-17-jre-headless)"]
    jars = sorted(INSTALLED.glob("wiremock-standalone-*.jar"))
    lacking += [] if jars else [f"WireMock ({HOW})"]
    if not lacking:
        return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-jar", str(jars[-1])]
    words = f"WireMock is not tested against, for this machine lacks {' and '.join(lacking)}"
    if os.environ.get(REQUIRE):
        pytest.fail(f"{words}; {REQUIRE} asks for it")
    pytest.skip(words)


@dataclass
class WireMock:
    """A running one. `upstream` is where it passes requests on to."""

    url: str
    upstream: str

    def reset(self, stubs: Sequence[Stub]) -> None:
        """Answer as these stubs say, the first one that fits; everything else is passed on."""
        rest = self.passing(priority=9)
        mappings = [{"priority": 1, **stub} for stub in stubs]
        httpx.post(f"{self.url}/__admin/reset", trust_env=False).raise_for_status()
        for mapping in [rest, *mappings]:
            httpx.post(f"{self.url}/__admin/mappings", json=mapping, trust_env=False).raise_for_status()

    def requests(self, method: str) -> list[dict[str, Any]]:
        """What came in, in order."""
        answer = httpx.get(f"{self.url}/__admin/requests", trust_env=False).json()
        return [item["request"] for item in reversed(answer["requests"]) if item["request"]["method"] == method]

    def passing(self, *, method: str = "ANY", late_milliseconds: int = 0, **more: Any) -> Stub:
        """Pass requests on, and their answers back after so many milliseconds."""
        response = {"proxyBaseUrl": self.upstream, "fixedDelayMilliseconds": late_milliseconds}
        return {"request": {"method": method, "urlPattern": "/.*"}, "response": response, **more}

    def breaking(self, method: str, fault: str, *, executed_after: int | None = None) -> Stub:
        """Break off the answer; the request is never passed on, or only so many milliseconds later."""
        stub: Stub = {"request": {"method": method, "urlPattern": "/.*"}, "response": {"fault": fault}}
        if executed_after is not None:
            copy = {
                "method": "POST",
                "url": f"{self.upstream}/v1/mutations/run",
                "headers": {
                    "Content-Type": "application/json",
                    "Authorization": "{{originalRequest.headers.Authorization}}",
                },
                "body": "{{{originalRequest.body}}}",
                "delay": {"type": "fixed", "milliseconds": executed_after},
            }
            stub["serveEventListeners"] = [{"name": "webhook", "parameters": copy}]
        return stub


def in_turn(stubs: Sequence[Stub], *, name: str) -> list[Stub]:
    """The first stub for the first request, the second for the next, and so on; later requests meet none of them."""
    states = ["Started", *(f"after {number}" for number in range(1, len(stubs) + 1))]
    return [
        {**stub, "scenarioName": name, "requiredScenarioState": before, "newScenarioState": after}
        for stub, before, after in zip(stubs, states, states[1:], strict=False)
    ]


@contextmanager
def wiremock(upstream: str, folder: Path) -> Iterator[WireMock]:
    """Run it on a free port of this machine until the block ends."""
    command = [*find_wiremock(), "--port", "0", "--bind-address", "127.0.0.1", "--root-dir", str(folder)]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if found := re.match(r"port:\s+(\d+)", line):
                break
        else:
            raise AssertionError(f"WireMock did not start: {told}")
        yield WireMock(url=f"http://127.0.0.1:{found.group(1)}", upstream=upstream)
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
