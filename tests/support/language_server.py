"""The YAML language server, as an editor starts it: what it says of a file at a place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REQUIRE = "SYNCSPEC_REQUIRE_LANGUAGE_SERVER"
INSTALLED = (
    Path(__file__).parents[2] / ".cache" / "language-server" / "node_modules" / "yaml-language-server" / "bin"
) / "yaml-language-server"
HOW = "npm install --no-save --prefix .cache/language-server yaml-language-server@2.0.0"


def find_language_server() -> list[str]:
    """The command that starts it; skips the test where it is not installed, or fails it where that was promised."""
    lacking = [] if shutil.which("node") else ["Node.js (Debian: nodejs)"]
    lacking += [] if INSTALLED.exists() else [f"the YAML language server ({HOW})"]
    if not lacking:
        return ["node", str(INSTALLED), "--stdio"]
    words = f"completion and hover are not tested, for this machine lacks {' and '.join(lacking)}"
    if os.environ.get(REQUIRE):
        pytest.fail(f"{words}; {REQUIRE} asks for it")
    pytest.skip(words)


class Editor:
    """An editor with the server's own settings, but for the tag that manifests have and no network."""

    SETTINGS: Mapping[str, Any] = {
        "yaml": {"schemaStore": {"enable": False}, "customTags": ["!unset scalar"], "validate": True}
    }

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._next = 0
        self._findings: dict[str, list[str]] = {}
        self._ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder.as_uri(),
                "workspaceFolders": [{"uri": folder.as_uri(), "name": "project"}],
                "capabilities": {
                    "workspace": {"configuration": True},
                    "textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}},
                },
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self.SETTINGS})

    def open(self, file: Path, text: str) -> None:
        """Show a file, with a text that need not be what the disk holds; waits until the server has looked at it."""
        about = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._findings.pop(file.as_uri(), None)
        self._tell("textDocument/didOpen", {"textDocument": about})
        while file.as_uri() not in self._findings:
            self._heed(self._receive())

    def findings(self, file: Path) -> list[str]:
        """What is underlined."""
        return self._findings[file.as_uri()]

    def hover(self, file: Path, line: int, column: int) -> str:
        """What is shown where the pointer rests; lines and columns are counted from 0."""
        found = self._ask("textDocument/hover", self._at(file, line, column))
        return "" if found is None else str(found["contents"]["value"])

    def completions(self, file: Path, line: int, column: int) -> dict[str, str]:
        """The words that are offered where the cursor stands, each with what is told of it."""
        found = self._ask("textDocument/completion", self._at(file, line, column))
        items = found["items"] if isinstance(found, dict) else found
        return {item["label"]: _text(item.get("documentation", "")) for item in items}

    def _at(self, file: Path, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": column}}

    def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        self._next += 1
        self._send({"id": self._next, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._next and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._heed(message)

    def _heed(self, message: Mapping[str, Any]) -> None:
        """Answer what the server asks meanwhile, and keep what it finds."""
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self._findings[params["uri"]] = [finding["message"] for finding in params["diagnostics"]]
        elif message.get("method") == "workspace/configuration":
            asked = [item.get("section") for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": [self.SETTINGS.get(section) for section in asked]})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server has ended"
        message = json.loads(self._process.stdout.read(length))
        assert isinstance(message, dict)
        return message


def _text(documentation: Any) -> str:
    return str(documentation["value"]) if isinstance(documentation, dict) else str(documentation)


@contextmanager
def editing(folder: Path) -> Iterator[Editor]:
    """An editor on a folder, until the block ends."""
    process = subprocess.Popen(
        find_language_server(), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield Editor(process, folder)
    finally:
        process.kill()
        process.communicate(timeout=60)
