"""Secrets that are looked for wherever they must not be: in the forms in which programs write and quote them."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

__all__ = ["forms_of", "found_in", "found_in_files"]

_WINDOW = 7
"""So many characters of a canary in a row count as a find; canaries are made so that no chance brings them about."""


def forms_of(secret: str) -> set[bytes]:
    """All parts of a secret of a certain length, and the secret whole in its encodings; in lower case."""
    parts = {secret[place : place + _WINDOW] for place in range(len(secret) - _WINDOW + 1)} or {secret}
    forms: set[bytes] = set()
    for part in parts:
        forms |= {part.encode(), json.dumps(part)[1:-1].encode(), quote(part).encode(), part.encode("utf-16-le")}
    whole = secret.encode()
    # The middle of what base64 makes of it, for each place at which it may begin within what is encoded.
    forms |= {base64.b64encode(b" " * shift + whole)[4:-4] for shift in range(3)}
    forms |= {whole.hex().encode(), "".join(f"\\u{ord(char):04x}" for char in secret).encode()}
    return {form.lower() for form in forms if len(form) >= 4}


def found_in(content: bytes, secrets: Mapping[str, str]) -> set[str]:
    """The names of the secrets that can be read in the content."""
    lowered = content.lower()
    return {name for name, secret in secrets.items() if any(form in lowered for form in forms_of(secret))}


def found_in_files(folder: Path, secrets: Mapping[str, str], *, besides: Iterable[Path]) -> dict[str, set[str]]:
    """Files of a folder, those of git packed ones included, in which secrets can be read; `besides` may hold them."""
    allowed = set(besides)
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in allowed:
            names = set().union(*(found_in(content, secrets) for content in _contents(path)))
            if names:
                found[str(path.relative_to(folder))] = names
        for name in found_in(path.name.encode(), secrets):
            found.setdefault(str(path.relative_to(folder)), set()).add(name)
    return found


def _contents(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    if "objects" in path.parts:
        yield from _unpacked(content)


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What git compressed: a loose object, or whatever can be unpacked from anywhere in a pack."""
    for start in range(len(content)):
        if content[start] & 0x0F == 8:
            unpacker = zlib.decompressobj()
            try:
                yield unpacker.decompress(content[start:])
            except zlib.error:
                continue
