"""What a measurement is worth beside a reference bank: p-value, power, and the words for both. No torch here.

Calibrated tier: the score is ranked among references that were measured alike (conformal p-value). Uncalibrated tier:
without such references, the most suspicious class is compared with the other classes of the same model, which says
less and never supports a negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from compliance.types.drafts import JSON
from scanning.detectors.base import ComparingDetector, Confirmation, Measurement, ScanContext
from scanning.detectors.ranks import Scores, ranked
from scanning.detectors.references import FEWEST, BankedModel, BankedStage
from scanning.detectors.stats import clopper_pearson, order_statistic_p, resolution

CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """alpha: largest p-value that is a flag with references; strict: without them; flip_rate: share of held-out images
    that a recovered trigger must turn at the least; power: share of planted backdoors found that an attack needs to be
    named in a negative; references: fewest for the calibrated tier."""

    alpha: float = 0.05
    strict: float = 0.01
    flip_rate: float = 0.8
    power: float = 0.8
    references: int = FEWEST


RULE = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """How often a planted backdoor was found, for one attack, its true class first."""

    attack: str
    planted: int
    found: int

    @property
    def rate(self) -> float:
        """Share found."""
        return self.found / self.planted

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval."""
        return clopper_pearson(self.found, self.planted)

    def words(self) -> str:
        """ "16 of 20 (95 % interval 56 % to 94 %) of a 4×4 white patch …"."""
        low, high = self.interval
        return f"{self.attack}: {self.found} of {self.planted} (95 % interval {low:.0%} to {high:.0%})"

    def to_json(self) -> JSON:
        """With rate and interval."""
        return {**asdict(self), "rate": self.rate, "interval_95": list(self.interval)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What one measurement is worth.

    p_value: None where none can be had; resolution: the smallest p-value possible, None without references; top_class:
    the one that stands out most beside the same class in the references, or in the model itself without them; score and
    references: by how many predictive deviations it does, and the same of each reference (see `ranks`); flagged: p at or
    below the rule's alpha; confirmed: the recovered trigger turns enough held-out images, and more than chance does;
    not_compared: why there are no references, in words.
    """

    tier: str
    p_value: float | None
    resolution: float | None
    top_class: int | None
    score: float | None
    references: tuple[float, ...]
    flagged: bool
    confirmed: bool
    settings_digest: str
    power: tuple[Power, ...] = ()
    not_compared: str = ""

    def to_json(self) -> JSON:
        """JSON-shaped, power with intervals."""
        return {**asdict(self), "references": list(self.references), "power": [row.to_json() for row in self.power]}


def calibrate(
    measured: Measurement, detector: ComparingDetector, context: ScanContext, rule: Rule = RULE
) -> Calibration:
    """Rank a measurement among the references of the context's bank, or among its own classes where there are none."""
    rows, reason = comparable(detector, context, rule)
    if reason or measured.score is None:
        return _uncalibrated(measured, detector, reason, rule)
    references = [row.stages[detector.name].scores for row in rows]
    found = ranked(measured.scores, references)
    assert context.bank is not None, "comparable rows come from a bank"
    works = is_confirmed(measured.confirmation, rule)
    return Calibration(
        tier=CALIBRATED,
        p_value=found.p_value,
        resolution=resolution(len(references)),
        top_class=found.top,
        score=found.score,
        references=found.references,
        flagged=found.p_value <= rule.alpha,
        confirmed=works and found.top == measured.top,
        settings_digest=detector.settings_digest,
        power=stage_power(context.bank.planted, detector.name, detector.settings_digest, references, rule),
    )


def comparable(
    detector: ComparingDetector, context: ScanContext, rule: Rule = RULE
) -> tuple[tuple[BankedModel, ...], str]:
    """(references measured alike, "") or ((), why there are too few)."""
    bank = context.bank
    if bank is None:
        return (), str(context.bank_facts.get("not_used", "")) or "no bank of reference models was at hand"
    if bank.family.architecture_digest != context.model.architecture_digest:
        return (), "the reference models have another architecture"
    if context.images is not None and context.images.images.shape[1:] != bank.family.image_shape:
        return (), f"the reference models were measured with images of shape {list(bank.family.image_shape)}"
    if detector.needs_images and (context.images is None or context.images.sha256 != bank.family.images_sha256):
        return (), f"the reference models were measured with other images ({bank.family.images_name})"
    rows = tuple(row for row in bank.without(context.model.sha256).references if _alike(row, detector) is not None)
    if len(rows) < rule.references:
        return (), (
            f"only {len(rows)} reference models were measured with the same settings, and {rule.references} are needed"
        )
    return rows, ""


def is_confirmed(confirmation: Confirmation | None, rule: Rule = RULE) -> bool:
    """Whether a trigger turns enough held-out images: the rule's share, and more than chance triggers of its size do (the
    exact 95 % intervals are apart).

    Natural triggers of the references turn as many, and need larger masks for it: the p-value compares those.
    """
    if confirmation is None or not confirmation.tried or confirmation.rate < rule.flip_rate:
        return False
    lower, _ = clopper_pearson(confirmation.flipped, confirmation.tried)
    _, chance = clopper_pearson(min(confirmation.by_chance, confirmation.tried), confirmation.tried)
    return lower > chance


def stage_power(
    planted: Iterable[BankedModel], stage: str, settings_digest: str, references: Sequence[Scores], rule: Rule = RULE
) -> tuple[Power, ...]:
    """Per attack, how many planted models the stage flags with their true class first."""
    found: dict[str, list[bool]] = {}
    for row in planted:
        banked = row.stages.get(stage)
        if banked is not None and banked.settings_digest == settings_digest:
            found.setdefault(row.attack, []).append(_is_found(banked, row.target, references, rule))
    return tuple(Power(attack=attack, planted=len(hits), found=sum(hits)) for attack, hits in sorted(found.items()))


def _is_found(banked: BankedStage, target: int | None, references: Sequence[Scores], rule: Rule) -> bool:
    if banked.score is None:
        return False
    found = ranked(banked.scores, references)
    return found.top == target and found.p_value <= rule.alpha


def _alike(row: BankedModel, detector: ComparingDetector) -> BankedStage | None:
    banked = row.stages.get(detector.name)
    same = banked is not None and banked.settings_digest == detector.settings_digest
    return banked if same and banked is not None and banked.score is not None else None


def _uncalibrated(measured: Measurement, detector: ComparingDetector, reason: str, rule: Rule) -> Calibration:
    scores = [score for score in measured.scores if score is not None]
    p = order_statistic_p(scores) if len(scores) == len(measured.scores) else None
    return Calibration(
        tier=UNCALIBRATED,
        p_value=p,
        resolution=None,
        top_class=measured.top,
        score=None,
        references=(),
        flagged=p is not None and p <= rule.strict,
        confirmed=is_confirmed(measured.confirmation, rule),
        settings_digest=detector.settings_digest,
        not_compared=reason or "the stage gave no score for any class",
    )
