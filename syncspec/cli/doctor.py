"""`syncspec doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

if TYPE_CHECKING:
    from syncspec.project.checkup import Check

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec doctor
  syncspec doctor -e sandbox --json
"""


@click.command("doctor", epilog=_EXAMPLES)
@format_options("text", "json")
@project_options()
@click.pass_obj
def command(invocation: Invocation) -> int:
    """Check project, lockfile, state folder, and each upstream's URL, token, sync and freshness. Changes nothing.

    Exit code 1 where something would make a run fail.
    """
    import anyio

    from syncspec.project.checkup import Health, check_up
    from syncspec.render.json_bytes import json_bytes

    opening = invocation.opening()

    async def gather() -> list[Check]:
        checks = []
        async for check in check_up(opening):
            checks.append(check)
            if not invocation.is_json:
                invocation.write(_line(check))
        return checks

    checks = anyio.run(gather)
    if invocation.is_json:
        invocation.write(json_bytes({"format_version": "1.0", "checks": [asdict(check) for check in checks]}))
    return 1 if any(check.health is Health.BAD for check in checks) else 0


def _line(check: Check) -> str:
    from syncspec.render.terminal import visible

    hint = f"\n{'':>9}hint: {visible(check.hint)}" if check.hint else ""
    return f"{check.health:<8} {visible(check.name)}: {visible(check.detail)}{hint}\n"
