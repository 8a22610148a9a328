"""Suspicious inputs beside ordinary ones: what a score per input is worth, for every test of inputs. No torch here.

Each suspicious input is ranked among the ordinary ones that the model puts into the same class (label-conditional
conformal p-values: Vovk, Gammerman and Shafer, 2005), so that a heap of inputs of an easy class is not taken for a
heap of triggers. Whether a class holds more flagged inputs than chance allows has an exact answer too: the number that
falls beyond the k-th largest of n ordinary scores is beta-binomial, whatever the scores are distributed like.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from compliance.types.drafts import JSON
from compliance.types.verdicts import StageVerdict
from scanning.detectors.stats import benjamini_hochberg

MOST_SUSPECTS = 1000
LIMITS = (
    "Suspicious images are judged beside ordinary ones: images of another camera or source can differ for that alone.",
    "Each class that is to be judged needs at least 19 ordinary images.",
)
_SPLIT_SEED = 411


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """alpha: largest p-value that flags an input; share: of the suspicious inputs of a class that must be flagged before
    they count for more than images of another kind (at 0.05 and 0.25, up to 0.22 and 0.54 of 1,500 CIFAR-10 images that
    were brightened or given more contrast are flagged)."""

    alpha: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectRule:
    """levels: at which inputs are counted, since a few ordinary images may outdo every trigger; strict: largest p-value
    of a count, after correction for the number of counts, that is evidence; fewest: ordinary inputs of a class without
    which it is not judged; discovery: false discovery rate of the inputs named."""

    levels: tuple[Level, ...] = (Level(alpha=0.05, share=0.4), Level(alpha=0.25, share=0.8))
    strict: float = 0.01
    fewest: int = 19
    discovery: float = 0.1


RULE = SuspectRule()


@dataclass(frozen=True, slots=True)
class ScoredInputs:
    """scores [N], larger = more suspicious; predicted [N], the class that the model gives each input as it is."""

    scores: NDArray[np.float64]
    predicted: NDArray[np.int64]

    def of(self, label: int) -> NDArray[np.float64]:
        """Scores of the inputs that the model puts into one class."""
        chosen: NDArray[np.float64] = self.scores[self.predicted == label]
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCount:
    """What was counted among the inputs of one predicted class at one level. p_value: of so many flagged ones, before
    correction."""

    label: int
    level: Level
    suspects: int
    ordinary: int
    flagged: int
    p_value: float

    @property
    def is_large(self) -> bool:
        """Whether the level's share of the inputs is flagged."""
        return self.flagged >= self.level.share * self.suspects


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """p_values: per suspicious input, None where its class has too few ordinary ones; counts: of each class that was
    judged, at each level; strict: the rule's."""

    p_values: tuple[float | None, ...]
    counts: tuple[ClassCount, ...]
    strict: float = 0.01

    def corrected(self, row: ClassCount) -> float:
        """The p-value of a count times the number of counts (Bonferroni)."""
        return min(1.0, row.p_value * len(self.counts))

    @property
    def worst(self) -> ClassCount | None:
        """The count that stands out most, a large one before others where both are beyond chance."""
        return min(
            self.counts,
            key=lambda row: (self.corrected(row) > self.strict or not row.is_large, row.p_value),
            default=None,
        )

    @property
    def p_value(self) -> float | None:
        """Of the count that stands out most, corrected; None where no class was judged."""
        return None if self.worst is None else self.corrected(self.worst)

    @property
    def unjudged(self) -> int:
        """Suspicious inputs whose class has too few ordinary ones."""
        return sum(p is None for p in self.p_values)


def split_rows(count: int, helpers: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(rows that help to make the scores, rows that suspicious inputs are ranked among): a fixed draw without overlap, so
    that suspicious and ordinary inputs are treated alike. At most a third help."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(count)
    taken = min(helpers, count // 3)
    return np.sort(order[:taken]), np.sort(order[taken:])


def ranked(suspects: ScoredInputs, ordinary: ScoredInputs, rule: SuspectRule = RULE) -> Judged:
    """Rank each suspicious input among the ordinary ones of its class, and count the flagged ones of each class."""
    p_values: list[float | None] = [None] * len(suspects.scores)
    counts: list[ClassCount] = []
    for label in sorted({int(value) for value in suspects.predicted}):
        known = ordinary.of(label)
        if len(known) < rule.fewest:
            continue
        rows = np.flatnonzero(suspects.predicted == label)
        own = [_exceedance(float(suspects.scores[row]), known) for row in rows]
        for row, p in zip(rows, own, strict=True):
            p_values[int(row)] = p
        counts += [_count(label, level, own, len(known)) for level in rule.levels]
    return Judged(p_values=tuple(p_values), counts=tuple(counts), strict=rule.strict)


def beta_binomial_tail(hits: int, trials: int, largest: int, references: int) -> float:
    """P(at least `hits` of `trials` further scores exceed the `largest`-th largest of `references` scores), all being
    exchangeable and without ties; with ties it is an upper bound. largest = 0 stands for a bound that none exceeds."""
    if hits <= 0:
        return 1.0
    if largest <= 0:
        return 0.0
    rest = references + 1 - largest
    terms = (
        math.exp(
            _log_choose(trials, count) + _log_beta(count + largest, trials - count + rest) - _log_beta(largest, rest)
        )
        for count in range(hits, trials + 1)
    )
    return min(1.0, math.fsum(terms))


def decide(judged: Judged, words: str, rule: SuspectRule = RULE) -> tuple[StageVerdict, str]:
    """The verdict and the sentences that explain it. words: what a flagged input does, as in "keeps its class …"."""
    worst = judged.worst
    if worst is None or judged.p_value is None:
        return StageVerdict.INCONCLUSIVE, (
            f"No suspicious input could be ranked, because no class that they are put into has {rule.fewest} ordinary "
            f"images; hand in more ordinary images."
        )
    said = (
        f"Of {worst.suspects} suspicious inputs that the model puts into class {worst.label}, {worst.flagged} {words} "
        f"more than {1 - worst.level.alpha:.0%} of {worst.ordinary} ordinary images of that class do (p = "
        f"{judged.p_value:.2g}, corrected for {len(judged.counts)} counts)."
    )
    left = judged.unjudged
    unranked = f" {left} inputs could not be ranked for want of ordinary images of their class." if left else ""
    if judged.p_value > rule.strict:
        return StageVerdict.INCONCLUSIVE, (
            f"{said} Chance gives as much, so nothing can be concluded; how often such inputs would be found if they "
            f"carried a trigger was not measured for this model.{unranked}"
        )
    if not worst.is_large:
        return StageVerdict.INCONCLUSIVE, (
            f"{said} That is more than chance gives, but less than {worst.level.share:.0%} of them, so the inputs may only "
            f"differ from the ordinary images in kind.{unranked}"
        )
    return StageVerdict.EVIDENCE_FOUND, (
        f"{said} They carry something that decides the class whatever surrounds it.{unranked}"
    )


def facts_of(judged: Judged, suspects: ScoredInputs, ordinary: ScoredInputs, rule: SuspectRule = RULE) -> JSON:
    """Per class and per input, JSON-shaped; `named` are the inputs within the false discovery rate."""
    known = [(row, p) for row, p in enumerate(judged.p_values) if p is not None]
    adjusted = benjamini_hochberg([p for _, p in known])
    return {
        "rule": asdict(rule),
        "p_value": judged.p_value,
        "counts": [{**asdict(row), "p_value_resolution": 1 / (row.ordinary + 1)} for row in judged.counts],
        "inputs": [
            {"score": round(float(score), 6), "predicted": int(label), "p_value": p}
            for score, label, p in zip(suspects.scores, suspects.predicted, judged.p_values, strict=True)
        ],
        "named": [row for (row, _), q in zip(known, adjusted, strict=True) if q <= rule.discovery],
        "not_ranked": judged.unjudged,
        "ordinary": {
            "count": len(ordinary.scores),
            "quantiles": {
                f"{share:.0%}": round(float(np.quantile(ordinary.scores, share)), 6) for share in (0.05, 0.5, 0.95)
            },
        },
    }


def _count(label: int, level: Level, p_values: list[float], ordinary: int) -> ClassCount:
    flagged = sum(p <= level.alpha for p in p_values)
    chance = beta_binomial_tail(flagged, len(p_values), int(level.alpha * (ordinary + 1)), ordinary)
    return ClassCount(
        label=label, level=level, suspects=len(p_values), ordinary=ordinary, flagged=flagged, p_value=chance
    )  # fmt: skip


def _exceedance(score: float, known: NDArray[np.float64]) -> float:
    return (1 + int((known >= score).sum())) / (len(known) + 1)


def _log_choose(trials: int, count: int) -> float:
    return math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)
