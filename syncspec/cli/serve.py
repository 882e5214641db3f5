"""`syncspec serve`."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import general_options
from syncspec.errors import UsageError
from syncspec.settings import Secret

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from syncspec.upstream.embedded.faults.injection import Faults

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec serve
  syncspec serve --port 0 --db upstream.sqlite3 --token-env CRM_TOKEN
  syncspec serve --profile salesforce=plain --sync sync-1=salesforce
  syncspec serve --data-schema salesforce:contact=contact.schema.json
  syncspec serve --faults faults.yaml --seed 7
\b
A faults file that answers every third create with a time-out, though all is stored:
  apiVersion: syncspec/v1
  kind: Faults
  spec:
    replica_lag_seconds: 5
    mutations:
      - fault: timeout
        commit: all
        kind: create
        every: 3
`syncspec schema faults.v1` tells all that such a file may hold.
"""


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise click.BadParameter(f'"{text}" is not of the form {parameter.metavar}.', context, parameter)
        pairs[name] = value
    return pairs


@click.command("serve", epilog=_EXAMPLES)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free port.")
@click.option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that keeps the records; without it they are gone at the end.",
)
@click.option(
    "--token-env",
    metavar="NAME",
    help="The environment variable with the token that clients must send; else one is made up and printed.",
)
@click.option("--sync", "syncs", multiple=True, callback=_pairs, metavar="ID=PROVIDER", help="Know these syncs only.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    callback=_pairs,
    metavar="PROVIDER=PROFILE",
    help="How a provider stores what it is sent; else as that provider is known to.",
)
@click.option(
    "--data-schema",
    "schemas",
    multiple=True,
    callback=_pairs,
    metavar="COLLECTION=FILE",
    help="Refuse records that do not fit this JSON Schema.",
)
@click.option(
    "--faults",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Let go wrong what this file says, and print a line for each time.",
)
@click.option(
    "--seed",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    help="Draw from this seed, not from that of the file: the same requests meet the same faults again.",
)
@general_options()
@click.pass_obj
def command(
    invocation: Invocation,
    host: str,
    port: int,
    db: Path | None,
    token_env: str | None,
    syncs: dict[str, str],
    profiles: dict[str, str],
    schemas: dict[str, str],
    faults: Path | None,
    seed: int | None,
) -> int:
    """Serve the embedded upstream over HTTP until it is interrupted.

    Prints one line, `serving http://HOST:PORT`, on stdout as soon as it accepts connections.
    """
    import anyio

    from syncspec.upstream.embedded.app import create_app
    from syncspec.upstream.embedded.server import serve
    from syncspec.upstream.embedded.store import Store

    if seed is not None and faults is None:
        raise click.UsageError("--seed goes with --faults.")
    invocation.enter_folder()
    token = _token(invocation, token_env)
    injected = None if faults is None else _faults(invocation, faults, seed)
    loaded = {collection: (_schema(Path(file)),) for collection, file in schemas.items()}
    store = Store.open(db)

    def ready(bound: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        invocation.write(f"serving http://{shown}:{bound}\n")

    async def main(app: ASGIApp) -> None:
        await serve(app, host=host, port=port, on_ready=ready, beside=injected.watch if injected else None)

    try:
        app = create_app(
            store,
            tokens=[token],
            profiles=profiles or None,
            data_schemas=loaded,
            enforce_schemas=bool(loaded),
            syncs=syncs or None,
            faults=injected,
        )
        anyio.run(main, app)
    finally:
        store.close()
    if injected is not None:
        _sum_up(invocation, injected)
    return 0


def _faults(invocation: Invocation, file: Path, seed: int | None) -> Faults:
    from syncspec.upstream.embedded.faults.file import read_faults
    from syncspec.upstream.embedded.faults.injection import Faults

    faults = Faults(read_faults(file), seed=seed, on_fault=lambda fault: invocation.screen.note(f"fault: {fault}"))
    invocation.screen.note(f"Faults as in {file}, with seed {faults.seed}.")
    return faults


def _sum_up(invocation: Invocation, faults: Faults) -> None:
    if faults.waiting:
        invocation.screen.note(f"Committed late, but not before the end, and so never: {faults.waiting}.")
    invocation.screen.note(f"Faults with seed {faults.seed}: {sum(faults.counts.values())}")
    for kind, count in sorted(faults.counts.items()):
        invocation.screen.note(f"{count:6} {kind}")


def _token(invocation: Invocation, name: str | None) -> Secret:
    if name is None:
        made = secrets.token_urlsafe(24)
        invocation.screen.tell(f"Clients must send this token: {made}\n")
        return Secret(made)
    value = os.environ.get(name, "").strip()
    if not value:
        raise UsageError(
            "The token is missing",
            detail=f"--token-env names {name}, which is not set or empty.",
            hint=f"export {name}=… or leave --token-env away to have a token made up",
        )
    return Secret(value)


def _schema(path: Path) -> Mapping[str, object]:
    try:
        schema = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError("A data schema cannot be read", detail=f"{path}: {error}.") from error
    if not isinstance(schema, dict):
        raise UsageError("A data schema cannot be used", detail=f"{path} holds no JSON object.")
    return schema
