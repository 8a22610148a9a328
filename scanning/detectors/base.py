"""What a detection stage is: a frozen dataclass of its parameters with one verb, and what it is handed. No torch here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from compliance.types.drafts import Progress, StageReport
from compliance.types.errors import BadInputError

if TYPE_CHECKING:
    from scanning.detectors.heldout import LabelledImages
    from scanning.detectors.loading import LoadedModel

_BYTES_AT_ONCE = 16 * 1024**2

OnProgress = Callable[[Progress], None]


class ModelLoadError(BadInputError):
    """A model file that is broken, hostile, too large, or not what it claims to be."""


def at_once(image_shape: tuple[int, ...]) -> int:
    """How many float32 images [C, H, W] to send through a model together: activations take many times the input."""
    return max(1, _BYTES_AT_ONCE // (4 * math.prod(image_shape)))


def ignore_progress(_: Progress) -> None:
    """The callback of a caller who does not watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanContext:
    """What every stage may use.

    model: the model under test, weights frozen; images: labelled images that the customer holds, or None; references:
    paths of known models of the same family, or of one reference-bank JSON; seed: start of every random draw;
    threads: CPU threads in use.
    """

    model: LoadedModel
    images: LabelledImages | None
    references: tuple[Path, ...] = ()
    seed: int = 0
    threads: int = 1
    on_progress: OnProgress = ignore_progress


class Detector(Protocol):
    """One method, named after its paper. `repr()` of the dataclass is its provenance."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def version(self) -> str:
        """Raised whenever the statistic may change."""

    def examine(self, context: ScanContext) -> StageReport:
        """Run the stage. Raises BadInputError for unusable input; never raises for an unfavourable result."""
