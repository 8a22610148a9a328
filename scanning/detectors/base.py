"""What a detection stage is: a frozen dataclass of its parameters with one verb, and what it is handed. No torch here.

Two kinds. A stage that *compares* measures a number per class and is ranked among reference models: it has `measure`,
and `judging.examined` makes its report. Any other stage has `examine` alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from compliance.types.drafts import JSON, Progress, StageReport
from compliance.types.errors import BadInputError

if TYPE_CHECKING:
    from scanning.detectors.heldout import LabelledImages
    from scanning.detectors.loading import LoadedModel
    from scanning.detectors.references import ReferenceBank
    from scanning.detectors.training_images import TrainingImages

_BYTES_AT_ONCE = 16 * 1024**2

OnProgress = Callable[[Progress], None]


class ModelLoadError(BadInputError):
    """A model file that is broken, hostile, too large, or not what it claims to be."""


TOO_MUCH_MEMORY = "the model needs more memory than a scan is given"


def out_of_memory(error: BaseException) -> bool:
    """Whether torch could not have the memory it asked for; on a CPU it says so as an ordinary RuntimeError."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in ("allocate memory", "out of memory"))


class NotApplicableError(Exception):
    """The stage cannot say anything of this model or these images; the message is the reason, one sentence."""


class UnreliableError(Exception):
    """What was measured means nothing, for the reason in the message (one sentence): the stage is inconclusive."""


def at_once(image_shape: tuple[int, ...]) -> int:
    """How many float32 images [C, H, W] to send through a model together: activations take many times the input."""
    return max(1, _BYTES_AT_ONCE // (4 * math.prod(image_shape)))


def ignore_progress(_: Progress) -> None:
    """The callback of a caller who does not watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanContext:
    """What every stage may use.

    model: the model under test, weights frozen, on `device`; images: labelled images that the customer holds, or None;
    suspects: images under suspicion of carrying a trigger, or None; training: the model's training set, read in parts, or None;
    base: the model that it is said to be made from, or None; bank: reference models of the same family, or None, and
    bank_facts what is to be recorded of it ("name", "sha256", "not_used" with a reason); seeds: each stage that draws
    is run once with each; threads: CPU threads in use; device: "cpu" or "cuda".
    """

    model: LoadedModel
    images: LabelledImages | None = None
    suspects: LabelledImages | None = None
    training: TrainingImages | None = None
    base: LoadedModel | None = None
    bank: ReferenceBank | None = None
    bank_facts: JSON = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    threads: int = 1
    device: str = "cpu"
    on_progress: OnProgress = ignore_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedScores:
    """One run: scores per class, larger = more suspicious, None where this run could not give one."""

    seed: int
    scores: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Images that the search never saw, of other classes: how many took the class under the recovered trigger, and how
    many under a trigger of the same size that was drawn at random or cut from an ordinary image (the most of those)."""

    flipped: int
    tried: int
    by_chance: int = 0

    @property
    def rate(self) -> float:
        """Share flipped; 0 without trials."""
        return self.flipped / self.tried if self.tried else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What a comparing stage measured of one model, before it is compared with anything.

    runs: one for each seed, or one alone where nothing is drawn; words: what the score is in
    units of people ("mask norm 13.3 pixels"); facts: raw figures, JSON-shaped; images: name -> PNG as base64.
    """

    runs: tuple[SeedScores, ...]
    words: str
    confirmation: Confirmation | None = None
    facts: JSON = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[float | None, ...]:
        """Per class, the median over the runs that gave one; None where fewer than half did."""
        return medians(self.runs)

    @property
    def top(self) -> int | None:
        """The most suspicious class; None where no class has a score."""
        return top_of(self.scores)

    @property
    def score(self) -> float | None:
        """The score of the most suspicious class."""
        return None if self.top is None else self.scores[self.top]


def medians(runs: tuple[SeedScores, ...]) -> tuple[float | None, ...]:
    """Per class, the median over the runs that gave a score; None where fewer than half did."""
    columns = zip(*(run.scores for run in runs), strict=True)
    return tuple(_median([score for score in column if score is not None], len(runs)) for column in columns)


def top_of(scores: tuple[float | None, ...]) -> int | None:
    """Place of the largest score; the first of equals; None where there is none."""
    known = [(score, -place) for place, score in enumerate(scores) if score is not None]
    return -max(known)[1] if known else None


def _median(values: list[float], runs: int) -> float | None:
    return median(values) if 2 * len(values) >= runs and values else None


class Detector(Protocol):
    """One method, named after its paper. `repr()` of the dataclass is its provenance."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def version(self) -> str:
        """Raised whenever the statistic may change."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see, in sentences."""

    def examine(self, context: ScanContext) -> StageReport:
        """Run the stage. Raises BadInputError for unusable input; never raises for an unfavourable result."""


@runtime_checkable
class ComparingDetector(Detector, Protocol):
    """A stage whose number means something beside those of reference models."""

    @property
    def settings_digest(self) -> str:
        """Names what must be equal for scores to be compared."""

    @property
    def needs_images(self) -> bool:
        """Whether scores depend on the images handed in, so that references must have been measured on the same."""

    def measure(self, context: ScanContext) -> Measurement:
        """Measure the model, without a bank. Raises NotApplicableError or UnreliableError."""
