"""Whether the data of a training job was verified before it started."""

from __future__ import annotations

from enum import StrEnum


class DataState(StrEnum):
    """Of one job, the worst of all data sets that it names; in the order in which figures are shown."""

    COMPARED = "compared"
    """The last comparison with the manifest before the start found every byte as it says."""
    BY_DIGEST = "by_digest"
    """Not compared, and the log itself gives the digest of the manifest."""
    NOT_VERIFIED = "not_verified"
    """Bound to a registered version that nobody had compared before the start."""
    DIFFERED = "differed"
    """The last comparison before the start found other bytes than the manifest's, or the log gives another digest."""
    NOT_TOLD = "not_told"
    """No source says which data the job read, or it is bound to no registered version."""


VERIFIED = (DataState.COMPARED, DataState.BY_DIGEST)
