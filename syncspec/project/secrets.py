"""What no message may show of a project: its tokens, and the values of its sensitive fields."""

from __future__ import annotations

from syncspec.records import Json
from syncspec.settings import LoadedProject
from syncspec.values.masking import Mask

__all__ = ["mask_of"]


def mask_of(loaded: LoadedProject) -> Mask:
    """A mask for texts of which nobody knows what they quote."""
    tokens = [settings.token.reveal() for settings in loaded.upstreams.values() if settings.token is not None]
    if loaded.digest_key is not None:
        tokens.append(loaded.digest_key.decode("utf-8", "replace"))
    values: list[Json] = [
        value
        for record_set in loaded.sets
        for record in record_set.records
        for name, value in record.data.items()
        if record_set.rules.rule(name).sensitive
    ]
    return Mask(values=values, tokens=tokens)
