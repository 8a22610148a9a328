"""What events of fine-tune jobs are bound to: the places that name a model or data set, and how a name was bound."""

from __future__ import annotations

from enum import StrEnum


class Named(StrEnum):
    """What the place of an event that names something stands for."""

    BASE = "base_model"
    DATASET = "dataset"
    OUTPUT = "output_model"


class BoundBy(StrEnum):
    """How a name was bound."""

    DIGEST = "digest"
    """The log gives the digest of a registered version."""
    PROVENANCE = "provenance"
    """The provenance of exactly one registered version names the address or the job."""
    RULE = "rule"
    """A rule that a person saved."""
    PERSON = "person"
    NOT_OURS = "not_ours"
    """A person says, with a reason, that it is none of the system's models or data."""
    NOTHING = "nothing"
    """Bound to nothing: waits for a person."""
