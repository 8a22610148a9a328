"""What the tests of a training set are held against: figures of models without a planted backdoor, and the rules that were
chosen with them. Measured on development and reference models alone; see docs/benchmarks.md. No torch here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from compliance.types.drafts import JSON
from scanning.detectors.calibration import RULE, Power


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """What classes of models without a planted backdoor gave.

    models, classes: how many; largest: statistic among them; flips: largest share of other images that a stamp read off
    one side of such a class turned; architecture_digest: of the family that `power` was measured on, "" for none;
    power: how often a planted backdoor was found there; command: what measured it.
    """

    models: int
    classes: int
    largest: float
    flips: float
    command: str
    architecture_digest: str = ""
    power: tuple[Power, ...] = ()

    def power_for(self, architecture_digest: str) -> tuple[Power, ...]:
        """The attacks that are found often enough to be named in a negative, where the model is of that family."""
        alike = self.architecture_digest == architecture_digest
        return tuple(row for row in self.power if alike and row.rate >= RULE.power)

    def to_json(self) -> JSON:
        """JSON-shaped, power with intervals."""
        return {**asdict(self), "power": [row.to_json() for row in self.power]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """threshold: smallest statistic that is a flag, in a class with at least per_dimension images for each feature;
    strict: largest p-value among the model's own classes that is a flag; images: fewest on either side of the split;
    followed: share of the suspicious images that the model gives their label; flip_rate: share of other images that the
    estimated stamp must turn; skill: how far the model's accuracy on the set must lie on the way from chance to 1."""

    threshold: float
    per_dimension: int = 4
    strict: float = 0.01
    images: int = 10
    followed: float = 0.8
    flip_rate: float = 0.5
    skill: float = 0.2


# The classes that were not planted in, of the four development models that were trained first.
_TRIED = "python -m tests.bench.training_set --roles development"
SEPARATION = Null(models=4, classes=36, largest=12.9, flips=0.07, command=_TRIED)
SEPARATION_RULE = Rule(threshold=20.0)
VARIANCE = Null(models=4, classes=36, largest=15.2, flips=0.07, command=_TRIED)
VARIANCE_RULE = Rule(threshold=40.0)
