"""Refusals: what the embedded upstream answers instead of doing what it was asked."""

from __future__ import annotations

__all__ = ["RefusedError"]


class RefusedError(Exception):
    """The request is refused as a whole and nothing is changed; `message` goes into the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @classmethod
    def by_provider(cls, collection_id: str, message: str, *, status: int = 400) -> RefusedError:
        """A refusal in the form in which a provider's own is passed on: one text, without saying which record."""
        name = collection_id.partition(":")[0].capitalize()
        return cls(status, f"{name} validation error: `{message}`")
