"""What a service answers when it will not do a thing."""

from __future__ import annotations

from datetime import datetime

from compliance.types.drafts import JSON


class RefusedError(Exception):
    """The act is against a rule. The message is one sentence for the person: what is wrong and what to do."""


class LostError(RefusedError):
    """The storage no longer holds bytes that the record rests on: an alarm, not a rule."""


class ConflictError(RefusedError):
    """Somebody else changed the record meanwhile; nothing was kept of what was sent.

    version: the one to send next, once both were read; saved, sent: both texts by field, JSON-shaped, of which the
    fields in `differing` are not the same; by, at: who saved theirs, and when (None: not on record).
    """

    def __init__(
        self, message: str, *, version: int, saved: JSON, sent: JSON, by: str = "", at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.version, self.saved, self.sent, self.by, self.at = version, saved, sent, by, at

    @property
    def differing(self) -> list[str]:
        """The fields on which both do not agree, in the order of what was sent."""
        return [name for name in self.sent if self.sent[name] != self.saved.get(name)]
