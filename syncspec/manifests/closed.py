"""What all models of files that people write have in common."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["YEAR", "Closed", "EnvironmentName", "Names", "Word"]

YEAR: Final = 31_536_000
"""The longest time that a setting may ask for, in seconds."""

Word = Annotated[str, Field(min_length=1, max_length=1000)]
EnvironmentName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
Names = Annotated[tuple[Word, ...], Field(strict=False)]


class Closed(BaseModel):
    """A frozen model that refuses unknown keys and converts nothing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=True, serialize_by_alias=True
    )
