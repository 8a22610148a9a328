"""What may be wrong with something a person handed in. Messages are one sentence: what is wrong, where, what to do."""

from __future__ import annotations


class BadInputError(ValueError):
    """The input cannot be used; the message names the file and the place."""


class UnknownFormatError(BadInputError):
    """The input is of no kind that is read here; the message lists what is."""


class MappingNeededError(BadInputError):
    """The input can be read once a person has said what its columns mean; the message says so."""
