"""`syncspec completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import general_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  eval "$(syncspec completion bash)"                             in ~/.bashrc
  eval "$(syncspec completion zsh)"                              in ~/.zshrc
  syncspec completion fish > ~/.config/fish/completions/syncspec.fish
"""


@click.command("completion", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@general_options()
@click.pass_obj
def command(invocation: Invocation, shell: str) -> int:
    """Print a script that lets a shell complete commands and options."""
    from syncspec.cli.app import app

    kind = get_completion_class(shell)
    assert kind is not None
    invocation.write(kind(app, {}, "syncspec", "_SYNCSPEC_COMPLETE").source() + "\n")
    return 0
