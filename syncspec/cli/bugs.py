"""What is told of an exception that nobody expected. It may quote anything, a record's values among it."""

from __future__ import annotations

import traceback

from syncspec.cli.invocation import Invocation
from syncspec.values.masking import HIDDEN, Mask

__all__ = ["safe_traceback", "safe_words"]


def safe_words(error: BaseException, invocation: Invocation) -> str:
    """The kind of error and its words, unless these quote a secret or nobody can tell whether they do."""
    error, mask = _innermost(error), _mask(invocation)
    words = str(error)
    return f"{type(error).__name__}: {words if not words or (mask and not mask.gives_away(words)) else HIDDEN}"


def safe_traceback(error: BaseException, invocation: Invocation) -> str:
    """The traceback without lines that quote a secret; where the secrets are not known, with places alone."""
    mask = _mask(invocation)
    if mask is None:
        error = _innermost(error)
        return "".join([*traceback.format_tb(error.__traceback__), f"{type(error).__name__}: {HIDDEN}\n"])
    lines = [mask.text(line) for line in "".join(traceback.format_exception(error)).splitlines()]
    return "".join(f"{line}\n" for line in lines)


def _innermost(error: BaseException) -> BaseException:
    """The one exception that groups of a single member were made for."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _mask(invocation: Invocation) -> Mask | None:
    """Of the project that the command opened: it is read once more, for what failed may have been its reading."""
    from syncspec.project.secrets import mask_of

    if invocation.opened is None:
        return Mask()
    try:
        return mask_of(invocation.opened.load(resolve_env=True))
    except Exception:  # noqa: BLE001 - what failed may fail again, in any way: then nothing of it is quoted
        return None
