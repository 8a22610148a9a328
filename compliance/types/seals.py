"""How far a seal reaches (ETSI EN 319 142-1), and what happens where a level cannot be had."""

from __future__ import annotations

from enum import StrEnum


class SealLevel(StrEnum):
    """B-T: signed and time-stamped. B-LT: with the certificates' revocation data. B-LTA: with a time stamp over all that."""

    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"

    @property
    def rank(self) -> int:
        """Higher reaches further."""
        return list(SealLevel).index(self)

    @property
    def below(self) -> SealLevel | None:
        """The next lower level."""
        return list(SealLevel)[self.rank - 1] if self.rank else None


class LevelFallback(StrEnum):
    """WAIT: the pack is not issued until the level can be had. LOWER: it is rendered and sealed anew, one level lower."""

    WAIT = "wait"
    LOWER = "lower"


class RevocationReason(StrEnum):
    """Why a seal's certificate is no longer to be relied on (RFC 5280 §5.3.1, as far as it concerns seals)."""

    KEY_COMPROMISE = "key_compromise"
    SUPERSEDED = "superseded"
    CESSATION = "cessation_of_operation"
    UNSPECIFIED = "unspecified"
