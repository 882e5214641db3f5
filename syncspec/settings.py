"""A project's settings after the project file, its variables and the defaults were merged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from syncspec.diagnostics import Diagnostic, Source
from syncspec.lookups import Lookups
from syncspec.records import AwaitConsumers, DesiredSet, Json

__all__ = [
    "DeclaredSetting",
    "Guards",
    "LoadedProject",
    "RateLimit",
    "Secret",
    "SetElsewhere",
    "StateBackend",
    "StateSettings",
    "UpstreamSettings",
]


class Secret:
    """A value that prints as `***`; `reveal()` is called where a request is built and nowhere else."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not written anywhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `requests` in any window of `per_seconds`."""

    requests: int
    per_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One upstream of the project file. Times are in seconds unless the name says otherwise.

    `settle`: how long after it was given up a request may still take effect and show. `wait`: how long one run waits
    for what it does not know. `unique`: the upstream itself refuses a second record with the same match key.
    """

    name: str
    type: str = "sequin"
    base_url: str = ""
    token: Secret | None = None
    syncs: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 4
    rate_limit: RateLimit | None = None
    request_timeout: float = 60.0
    settle: float = 300.0
    wait: float = 60.0
    atomic_batches: bool = False
    unique: bool = False
    assume_complete: bool = False
    await_consumers: AwaitConsumers | None = None
    profiles: Mapping[str, str] = field(default_factory=dict)
    enforce_schemas: bool = False

    @property
    def endpoint(self) -> str:
        """A fingerprint of where requests go: 16 hex digits, the same for equivalent spellings of a URL."""
        if self.type == "embedded":
            identity = f"embedded:{self.name}"
        else:
            parts = urlsplit(self.base_url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
            identity = f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}{parts.path.rstrip('/')}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Limits on what one plan may do; None: no limit.

    `max_emptied_collections`: in how many collections in which nothing is declared any more a plan may delete records.
    It is no setting of the project file: a manifest that went missing must not be able to pass.
    """

    max_creates: int | None = None
    max_adopts: int | None = None
    max_updates: int | None = None
    max_deletes: int | None = None
    max_deletes_percent: float | None = None
    max_emptied_collections: int = 0


class StateBackend(StrEnum):
    """Where the record of attempts is kept: in the project's state folder, or in a git ref that runs share."""

    LOCAL = "local"
    GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings:
    """Where the record of attempts is kept. `remote` is the name of a git remote, and counts for backend git only."""

    backend: StateBackend = StateBackend.LOCAL
    remote: str = "origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetElsewhere:
    """A set that is not declared in the environment of this run: the environments that it is for, and its place."""

    environments: tuple[str, ...]
    source: Source

    def told(self, name: str) -> str:
        """Why nothing of the set of this name is declared here, as a sentence part."""
        return f'the set "{name}" is declared for {", ".join(self.environments)} only ({self.source})'


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSetting:
    """One setting as the project file declares it, and its place. `secret`: its value is shown nowhere."""

    value: Json = field(repr=False)
    source: Source
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProject:
    """A whole project, read and checked: what planning and applying work on.

    `sets` and `lookups` are sorted by name. `data_schemas` maps a collection ID to the JSON Schemas that its sets
    declare. `elsewhere` holds the sets that are declared for other environments only, by name. `declared` are the
    project file's own settings by path, where the project was loaded for a review.
    `has_file` is False where an upstream was given on the command line instead of a project file.
    `digest_key` is SYNCSPEC_DIGEST_KEY, which keys the lockfile's digests of sensitive fields.
    """

    root: Path
    name: str
    environment: str | None
    upstreams: Mapping[str, UpstreamSettings]
    sets: tuple[DesiredSet, ...]
    guards: Guards
    lockfile: Path
    state_dir: Path
    has_file: bool = True
    elsewhere: Mapping[str, SetElsewhere] = field(default_factory=dict)
    declared: Mapping[str, DeclaredSetting] = field(default_factory=dict)
    state: StateSettings = field(default_factory=StateSettings)
    digest_key: bytes | None = field(default=None, repr=False)
    data_schemas: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    lookups: tuple[Lookups, ...] = ()
