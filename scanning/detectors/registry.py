"""The detection stages there are, as a table. Listing them never imports torch."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from compliance.types.errors import BadInputError
from scanning.detectors.base import Detector

_WEIGHTS = "AML.T0018.000"
_ARCHITECTURE = "AML.T0018.001"


@dataclass(frozen=True, slots=True)
class DetectorEntry:
    """label: for people; path: dotted path of the dataclass, "" for what is computed from other stages; speaks_to: ATLAS
    sub-techniques a verdict may concern; needs: inputs that it cannot do without, keys of INPUTS."""

    label: str
    path: str
    speaks_to: tuple[str, ...]
    needs: tuple[str, ...] = ()


INPUTS: dict[str, str] = {
    "images": "labelled images that the model was not trained on",
    "suspects": "images suspected of carrying a trigger",
    "training": "the training images",
    "base": "the model that this one is said to be made from",
}


DETECTORS: dict[str, DetectorEntry] = {
    "identity": DetectorEntry(
        label="Identity and difference from the base",
        path="scanning.detectors.identity.Identity",
        speaks_to=(_WEIGHTS, _ARCHITECTURE),
        needs=("base",),
    ),
    "head_statistics": DetectorEntry(
        label="Final-layer statistics",
        path="scanning.detectors.head_statistics.HeadStatistics",
        speaks_to=(_WEIGHTS,),
    ),
    "activation_clustering": DetectorEntry(
        label="Activation clustering of the training set",
        path="scanning.detectors.activation_clustering.ActivationClustering",
        speaks_to=(_WEIGHTS,),
        needs=("training",),
    ),
    "spectral_signatures": DetectorEntry(
        label="Spectral signatures of the training set",
        path="scanning.detectors.spectral_signatures.SpectralSignatures",
        speaks_to=(_WEIGHTS,),
        needs=("training",),
    ),
    "max_margin": DetectorEntry(
        label="Max-margin (MM-BD)",
        path="scanning.detectors.max_margin.MaxMargin",
        speaks_to=(_WEIGHTS,),
    ),
    "strip": DetectorEntry(
        label="Blended inputs (STRIP)",
        path="scanning.detectors.strip.Strip",
        speaks_to=(_WEIGHTS,),
        needs=("images", "suspects"),
    ),
    "parameter_scaling": DetectorEntry(
        label="Parameter scaling (IBD-PSC)",
        path="scanning.detectors.parameter_scaling.ParameterScaling",
        speaks_to=(_WEIGHTS,),
        needs=("images", "suspects"),
    ),
    "neural_cleanse": DetectorEntry(
        label="Trigger inversion (Neural Cleanse)",
        path="scanning.detectors.neural_cleanse.NeuralCleanse",
        speaks_to=(_WEIGHTS,),
        needs=("images",),
    ),
}
COMBINATION = "combination"
COMPARING = ("head_statistics", "max_margin", "neural_cleanse")
_COMBINED = DetectorEntry(label="All comparing stages together", path="", speaks_to=(_WEIGHTS,))


def entry_of(name: str) -> DetectorEntry:
    """The table row of a detector or of the combination. Raises BadInputError for an unknown name."""
    if name == COMBINATION:
        return _COMBINED
    try:
        return DETECTORS[name]
    except KeyError:
        known = ", ".join(sorted(DETECTORS))
        raise BadInputError(f"there is no detector named {name!r}; known are: {known}") from None


def label_of(name: str) -> str:
    """The label for people, or the name itself for a stage that is no longer shipped."""
    return entry_of(name).label if name in DETECTORS or name == COMBINATION else name


def missing(name: str, given: Collection[str]) -> str:
    """Why a stage cannot run with the inputs given (keys of INPUTS), as one sentence; "" when it can."""
    lacking = [INPUTS[need] for need in entry_of(name).needs if need not in given]
    return f"Not handed in, and needed by this stage: {' and '.join(lacking)}." if lacking else ""


def build(name: str) -> Detector:
    """The detector with its standard parameters; imports its module, and torch with it."""
    path = entry_of(name).path
    if not path:
        raise BadInputError(f"{name} is computed from other stages and cannot be run alone")
    module, _, attribute = path.rpartition(".")
    return cast(Detector, getattr(importlib.import_module(module), attribute)())
