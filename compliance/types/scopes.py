"""What a token carries of its owner's rights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """Limits of one token. None: as the owner; a set limits, however the owner's own rights change.

    verbs: names of `Verb`. systems: keys of AI systems. until: when the token ends. token: its first signs, for the trail.
    """

    verbs: frozenset[str] | None = None
    systems: frozenset[int] | None = None
    until: datetime | None = None
    token: str = ""

    @property
    def is_limited(self) -> bool:
        """Whether anything of the owner's rights is left out."""
        return self.verbs is not None or self.systems is not None

    def carries(self, verb: str) -> bool:
        """Whether the verb is among those carried."""
        return self.verbs is None or verb in self.verbs
