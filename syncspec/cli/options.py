"""Options that several commands share; each stores what it was given in the invocation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from syncspec.cli.invocation import Invocation

__all__ = [
    "AnyCommand",
    "format_options",
    "general_options",
    "project_options",
    "review_options",
    "selection_options",
    "stacked",
]

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])
Store = Callable[[Invocation, Any], None]


def _stored(*names: str, store: Store, **attributes: Any) -> Callable[[AnyCommand], AnyCommand]:
    """An option that is given to `store` where it occurs and otherwise changes nothing."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        nothing = value is None or value == () or (isinstance(value, int) and not value)
        if not nothing:
            store(context.ensure_object(Invocation), value)

    return click.option(*names, expose_value=False, callback=callback, **attributes)


def stacked(options: Sequence[Callable[[AnyCommand], AnyCommand]]) -> Callable[[AnyCommand], AnyCommand]:
    """One decorator for several options, which --help lists in this order."""

    def decorate(command: AnyCommand) -> AnyCommand:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _set(name: str) -> Store:
    return lambda invocation, value: setattr(invocation, name, value)


def _add(name: str) -> Store:
    return lambda invocation, value: setattr(invocation, name, getattr(invocation, name) + value)


def _extend(name: str) -> Store:
    return lambda invocation, value: getattr(invocation, name).extend(map(Path, value))


def _enter(invocation: Invocation, value: str) -> None:
    invocation.folder = (invocation.folder or Path()) / value


def _keep_variables(invocation: Invocation, values: Sequence[str]) -> None:
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f'"{text}" is not NAME=VALUE.', param_hint="--var")
        invocation.variables[name] = value


def _be_json(invocation: Invocation, value: bool) -> None:
    invocation.format = "json"


def general_options() -> Callable[[AnyCommand], AnyCommand]:
    """Options that every command takes."""
    return stacked(
        [
            _stored("-C", "folder", store=_enter, metavar="DIR", help="Work in this folder."),
            _stored(
                "--color",
                "color",
                store=_set("color"),
                type=click.Choice(["auto", "always", "never"]),
                help="Colour the output; auto, the default, also heeds NO_COLOR.",
            ),
            _stored("-q", "--quiet", "quiet", store=_add("quiet"), count=True, help="Show no progress and no notes."),
            _stored(
                "-v",
                "--verbose",
                "verbose",
                store=_add("verbose"),
                count=True,
                help="Show the outline of each request; -vv tracebacks too.",
            ),
            _stored(
                "--log-format",
                "log_format",
                store=lambda invocation, value: invocation.log_as(value),
                type=click.Choice(["text", "json"]),
                metavar="FORMAT",
                help="Write stderr as text, or as one JSON object a line (json); else SYNCSPEC_LOG_FORMAT.",
            ),
        ]
    )


def project_options(*, trial: bool = True) -> Callable[[AnyCommand], AnyCommand]:
    """Options of every command that opens a project; `trial` False: it makes no sense to try the command out."""
    embedded = _stored(
        "--upstream",
        "upstream",
        store=_set("upstream"),
        type=click.Choice(["embedded"]),
        help="Try out against an upstream inside syncspec; nothing real is read or written.",
    )
    return stacked(
        [
            _stored(
                "-e", "--env", "env", store=_set("env"), metavar="NAME", help="The environment; else SYNCSPEC_ENV."
            ),
            _stored(
                "--var",
                "variables",
                store=_keep_variables,
                multiple=True,
                metavar="NAME=VALUE",
                help="Set a variable, as text; may be given several times.",
            ),
            _stored(
                "--var-file",
                "var_files",
                store=_extend("var_files"),
                multiple=True,
                metavar="FILE",
                help="Set variables from a YAML file; --var wins.",
            ),
            _stored(
                "--env-file",
                "env_files",
                store=_extend("env_files"),
                multiple=True,
                metavar="FILE",
                help="Read NAME=VALUE lines for ${env.NAME}; the environment itself wins.",
            ),
            *([embedded] if trial else []),
            _stored(
                "--lock-timeout",
                "lock_timeout",
                store=_set("lock_timeout"),
                type=click.FloatRange(min=0, max=86_400),
                metavar="SECONDS",
                help="How long to wait for another run that holds the lock; else not at all.",
            ),
            general_options(),
        ]
    )


def format_options(*formats: str) -> Callable[[AnyCommand], AnyCommand]:
    """--format with the formats that a command knows, the first being the default, and --json."""
    return stacked(
        [
            _stored(
                "--format", "format", store=_set("format"), type=click.Choice(formats), help="How to print the result."
            ),
            json_option(),
        ]
    )


def review_options() -> Callable[[AnyCommand], AnyCommand]:
    """The formats in which people and pipelines review plans and reports, and what these may show."""
    formats = ("text", "json", "markdown", "html", "github")
    return stacked(
        [
            _stored(
                "--format",
                "format",
                store=_set("format"),
                type=click.Choice(formats),
                metavar="FORMAT",
                help=f"How to print the result: {', '.join(formats[:-1])} or {formats[-1]}.",
            ),
            json_option(),
            _stored(
                "--redact",
                "redact",
                store=lambda invocation, value: setattr(invocation, "redact", True),
                type=click.Choice(["values"]),
                metavar="values",
                help="Hide all values in the output; names, counts and actions stay.",
            ),
        ]
    )


def json_option() -> Callable[[AnyCommand], AnyCommand]:
    """--json alone."""
    return _stored("--json", "as_json", store=_be_json, is_flag=True, help="Short for --format json.")


def selection_options() -> Callable[[AnyCommand], AnyCommand]:
    """What to plan; what is not selected is left alone."""
    return stacked(
        [
            click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path)),
            click.option(
                "--target",
                "include",
                multiple=True,
                metavar="ADDRESS",
                help="Only this record, set or pattern, such as contacts.paul, contacts or 'contacts.a*'.",
            ),
            click.option("--exclude", multiple=True, metavar="ADDRESS", help="Not this record, set or pattern."),
            click.option(
                "-l",
                "--label",
                "labels",
                multiple=True,
                metavar="NAME=VALUE",
                callback=_labels,
                help="Only sets with this label; several must all be there.",
            ),
        ]
    )


def _labels(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter(f'"{text}" is not NAME=VALUE.', context, parameter)
        if labels.setdefault(name, value) != value:
            raise click.BadParameter(f'"{name}" is given two values, and no set can have both.', context, parameter)
    return labels
