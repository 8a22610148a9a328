"""The detection stages there are, as a table. Listing them never imports torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import cast

from compliance.types.errors import BadInputError
from scanning.detectors.base import Detector


@dataclass(frozen=True, slots=True)
class DetectorEntry:
    """label: for people; path: dotted path of the dataclass; speaks_to: ATLAS sub-techniques a verdict may concern."""

    label: str
    path: str
    speaks_to: tuple[str, ...]


DETECTORS: dict[str, DetectorEntry] = {
    "neural_cleanse": DetectorEntry(
        label="Trigger inversion (Neural Cleanse)",
        path="scanning.detectors.neural_cleanse.NeuralCleanse",
        speaks_to=("AML.T0018.000",),
    ),
}


def entry_of(name: str) -> DetectorEntry:
    """The table row of a detector. Raises BadInputError for an unknown name."""
    try:
        return DETECTORS[name]
    except KeyError:
        known = ", ".join(sorted(DETECTORS))
        raise BadInputError(f"there is no detector named {name!r}; known are: {known}") from None


def build(name: str) -> Detector:
    """The detector with its standard parameters; imports its module, and torch with it."""
    module, _, attribute = entry_of(name).path.rpartition(".")
    return cast(Detector, getattr(importlib.import_module(module), attribute)())
