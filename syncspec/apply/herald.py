"""What a run tells the other runners that share its state, before it sends and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncspec.apply.delivery import Delivery

__all__ = ["Herald", "Silence"]


class Herald(Protocol):
    """Makes known what may be sent, so that a runner that vanishes leaves a trace of it elsewhere."""

    async def announce(self, wave: Sequence[Delivery]) -> None:
        """Make a wave known before anything of it is sent. Raises StateError: nothing more may be sent."""

    async def permit(self, delivery: Delivery) -> None:
        """Return when the delivery is made known and its request may leave. Raises StateError: it may not."""

    def concluded(self, delivery: Delivery, following: Sequence[Delivery]) -> None:
        """Note that the outcome of a delivery is recorded; `following` is what is sent next in its place."""


class Silence:
    """The herald of a state that no other runner shares."""

    async def announce(self, wave: Sequence[Delivery]) -> None:
        """Nobody listens."""

    async def permit(self, delivery: Delivery) -> None:
        """The journal alone decides."""

    def concluded(self, delivery: Delivery, following: Sequence[Delivery]) -> None:
        """Nobody listens."""
