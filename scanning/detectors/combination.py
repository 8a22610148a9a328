"""All comparing stages together: one p-value, one verdict, one measured power. No torch here.

For each class the stages' tail probabilities beside the references' scores of that class are combined by the Cauchy
combination (Liu and Xie, 2020), which holds under dependence; the largest over the classes is ranked among the same
statistic of every reference (see `ranks`), so the p-value is exact for models like the references whatever the scores.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, StageReport
from compliance.types.verdicts import StageVerdict, worst_stage
from scanning.detectors.calibration import CALIBRATED, RULE, UNCALIBRATED, Power, Rule
from scanning.detectors.ranks import Ranked, Scores, ranked_together
from scanning.detectors.references import BankedModel, ReferenceBank
from scanning.detectors.registry import COMBINATION, COMPARING, DETECTORS, entry_of
from scanning.detectors.stats import cauchy_p, resolution

VERSION = "1"
LIMITS = (
    "It combines what the stages measured and sees nothing that none of them can see.",
    "Its p-value holds for models trained as the reference models were; another way of training shifts every score.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageScore:
    """One comparing stage of a report: what the combination takes from it."""

    detector: str
    settings_digest: str
    scores: tuple[float | None, ...]
    top_class: int
    p_value: float | None
    flagged: bool
    verdict: StageVerdict


def combine(
    stages: Sequence[StageReport], bank: ReferenceBank | None, *, model_sha256: str, rule: Rule = RULE
) -> StageReport:
    """The report of all comparing stages together, to stand after them."""
    started = time.perf_counter()
    taken = [score for stage in stages if (score := _score_of(stage)) is not None]
    facts: JSON = {"stages": [_row(stage) for stage in taken]}
    calibrated = [stage for stage in taken if stage.p_value is not None and _tier(stages, stage.detector) == CALIBRATED]
    if bank is None or len(calibrated) < 2:
        return _report(*_uncalibrated(taken, calibrated), facts, started, _pictures(stages))
    bank = bank.without(model_sha256)
    names = {stage.detector: stage.settings_digest for stage in calibrated}
    references = _columns(bank.references, names)
    if len(references) < rule.references:
        return _report(*_too_few(taken, len(references), rule), facts, started, _pictures(stages))
    joint = ranked_together({stage.detector: stage.scores for stage in calibrated}, references)
    power = joint_power(bank, names, rule)
    aside = [stage for stage in taken if stage not in calibrated]
    facts["cauchy_p"] = cauchy_p([stage.p_value for stage in calibrated if stage.p_value is not None])
    facts["calibration"] = {
        "tier": CALIBRATED,
        "p_value": joint.p_value,
        "resolution": resolution(len(joint.references)),
        "top_class": joint.top,
        "references": list(joint.references),
        "score": joint.score,
        "flagged": joint.p_value <= rule.alpha,
        "confirmed": bool(_agreeing(calibrated) or _with_evidence(taken)),
        "power": [row.to_json() for row in power],
        "not_compared": "",
    }
    return _report(*decide(calibrated, joint, power, rule, aside=aside), facts, started, _pictures(stages))


def with_combination(
    stages: Sequence[StageReport], bank: ReferenceBank | None, model_sha256: str
) -> tuple[StageReport, ...]:
    """The stages, followed by their combination where two of them compare."""
    if len({stage.detector for stage in stages} & set(COMPARING)) < 2:
        return tuple(stages)
    return (*stages, combine(stages, bank, model_sha256=model_sha256))


def overall(stages: Sequence[StageReport]) -> StageVerdict:
    """The verdict of a whole scan: the worst of what the stages say. The combination speaks for the stages it combines, and a
    difference from the base that training explains says nothing; evidence and failure always count."""
    combined = any(stage.detector == COMBINATION for stage in stages)
    silent = {"identity", *(COMPARING if combined else ())}
    loud = (StageVerdict.EVIDENCE_FOUND, StageVerdict.FAILED)
    return worst_stage(stage.verdict for stage in stages if stage.detector not in silent or stage.verdict in loud)


def joint_power(bank: ReferenceBank, names: Mapping[str, str], rule: Rule = RULE) -> tuple[Power, ...]:
    """Per attack, how many planted models have a small joint p-value with their true class first."""
    references = _columns(bank.references, names)
    found: dict[str, list[bool]] = {}
    for model in bank.planted:
        row = _column(model, names)
        if row is not None:
            joint = ranked_together(row, references)
            found.setdefault(model.attack, []).append(joint.top == model.target and joint.p_value <= rule.alpha)
    return tuple(Power(attack=attack, planted=len(hits), found=sum(hits)) for attack, hits in sorted(found.items()))


def power_of(bank: ReferenceBank, rule: Rule = RULE) -> tuple[Power, ...]:
    """Joint power of a bank by itself, with the settings that its first reference was measured with."""
    first = bank.references[0].stages if bank.references else {}
    names = {name: stage.settings_digest for name, stage in first.items() if name in COMPARING}
    return joint_power(bank, names, rule) if names else ()


def decide(
    stages: Sequence[StageScore],
    joint: Ranked,
    power: Sequence[Power],
    rule: Rule = RULE,
    *,
    aside: Sequence[StageScore] = (),
) -> tuple[StageVerdict, str]:
    """The verdict over all stages, with its reason. aside: comparing stages that are not calibrated and so not combined."""
    words = (
        f"Taken together, {len(stages)} stages give p = {joint.p_value:.3f} beside {len(joint.references)} reference "
        f"models, class {joint.top} first"
    )
    found = _with_evidence([*stages, *aside])
    if joint.p_value > rule.alpha:
        return _ordinary(f"{words}, which is ordinary", stages, found, power, rule)
    if found:
        return StageVerdict.EVIDENCE_FOUND, (
            f"{words}, and {_labels(found)} found evidence of a trigger for class {found[0].top_class}"
            f"{_uncalibrated_remark(found, aside)}."
        )
    if agreed := _agreeing(stages):
        return StageVerdict.EVIDENCE_FOUND, (
            f"{words}, and {_labels(agreed)} single out the same class, {agreed[0].top_class}, independently of each other."
        )
    return (
        StageVerdict.INCONCLUSIVE,
        f"{words}. That is a flag, but no trigger was confirmed and no two stages agree on a class.",
    )


def _ordinary(
    words: str, stages: Sequence[StageScore], found: Sequence[StageScore], power: Sequence[Power], rule: Rule
) -> tuple[StageVerdict, str]:
    """What follows where the joint p-value is no flag."""
    if found:
        remark = _uncalibrated_remark(found, [stage for stage in found if stage not in stages])
        return (
            StageVerdict.EVIDENCE_FOUND,
            f"{words}, but {_labels(found)} recovered a working trigger{remark}, and that stands.",
        )
    if unjudged := [stage for stage in stages if None in stage.scores]:
        told = "; ".join(
            f"{_labels([stage])} could not judge {count} {'class' if count == 1 else 'classes'}"
            for stage in unjudged
            for count in [stage.scores.count(None)]
        )
        return StageVerdict.INCONCLUSIVE, f"{words}. But {told}."
    if not any(row.rate >= rule.power for row in power):
        return (
            StageVerdict.INCONCLUSIVE,
            f"{words}. But too few planted backdoors are found to say more, or none was tried.",
        )
    listed = "; ".join(row.words() for row in power)
    return StageVerdict.NO_EVIDENCE_AT_POWER, f"{words}. Power: {listed}."


def _uncalibrated_remark(found: Sequence[StageScore], aside: Sequence[StageScore]) -> str:
    """What is said of evidence that no reference models stand behind."""
    return " (in the uncalibrated tier)" if found and all(stage in aside for stage in found) else ""


def _with_evidence(stages: Sequence[StageScore]) -> list[StageScore]:
    return [stage for stage in stages if stage.verdict is StageVerdict.EVIDENCE_FOUND]


def _columns(models: Sequence[BankedModel], names: Mapping[str, str]) -> list[dict[str, Scores]]:
    return [row for model in models if (row := _column(model, names)) is not None]


def _column(model: BankedModel, names: Mapping[str, str]) -> dict[str, Scores] | None:
    """The model's scores of the named stages, if it was measured alike in all of them."""
    row: dict[str, Scores] = {}
    for name, settings_digest in names.items():
        banked = model.stages.get(name)
        if banked is None or banked.settings_digest != settings_digest or banked.score is None:
            return None
        row[name] = banked.scores
    return row


def _score_of(stage: StageReport) -> StageScore | None:
    statistic, calibration = stage.facts.get("statistic"), stage.facts.get("calibration")
    if not statistic or not calibration or statistic["score"] is None:
        return None
    return StageScore(
        detector=stage.detector,
        settings_digest=str(calibration.get("settings_digest", "")),
        scores=tuple(statistic["scores"]),
        top_class=int(calibration["top_class"]),
        p_value=calibration["p_value"],
        flagged=bool(calibration["flagged"]),
        verdict=stage.verdict,
    )


def _tier(stages: Sequence[StageReport], detector: str) -> str:
    return next(str(stage.facts["calibration"]["tier"]) for stage in stages if stage.detector == detector)


def _agreeing(stages: Sequence[StageScore]) -> list[StageScore]:
    """Two or more flagged stages that name the same class; [] where there are none."""
    flagged = [stage for stage in stages if stage.flagged]
    for first in flagged:
        alike = [stage for stage in flagged if stage.top_class == first.top_class]
        if len(alike) > 1:
            return alike
    return []


def _too_few(taken: Sequence[StageScore], count: int, rule: Rule) -> tuple[StageVerdict, str]:
    """The stages have references enough each, and too few in common."""
    why = f"only {count} reference models were measured by all of them, and {rule.references} are needed"
    if found := _with_evidence(taken):
        return StageVerdict.EVIDENCE_FOUND, f"{_labels(found)} found evidence; the stages could not be combined: {why}."
    return StageVerdict.INCONCLUSIVE, f"The stages cannot be combined: {why}."


def _uncalibrated(taken: Sequence[StageScore], calibrated: Sequence[StageScore]) -> tuple[StageVerdict, str]:
    if found := _with_evidence(taken):
        return StageVerdict.EVIDENCE_FOUND, (
            f"{_labels(found)} found evidence; the stages could not be combined, because fewer than two were "
            f"calibrated on the same reference models."
        )
    if not taken:
        return (
            StageVerdict.NOT_APPLICABLE,
            "No stage that can be compared gave a score, so there is nothing to combine.",
        )
    if len(calibrated) == 1 and len(taken) == 1:
        return calibrated[0].verdict, f"Only {_labels(calibrated)} gave a score, so its verdict stands alone."
    return (
        StageVerdict.INCONCLUSIVE,
        "Fewer than two stages were calibrated on the same reference models, so they cannot be combined.",
    )


def _labels(stages: Sequence[StageScore]) -> str:
    names = [DETECTORS[stage.detector].label for stage in stages]
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


def _row(stage: StageScore) -> JSON:
    plain = {**asdict(stage), "scores": list(stage.scores), "verdict": stage.verdict.value}
    return {**plain, "label": DETECTORS[stage.detector].label}


def _pictures(stages: Sequence[StageReport]) -> dict[str, str]:
    """What the stage that found evidence shows."""
    return next((dict(stage.images) for stage in stages if stage.verdict is StageVerdict.EVIDENCE_FOUND), {})


def _report(verdict: StageVerdict, statement: str, facts: JSON, started: float, images: dict[str, str]) -> StageReport:
    return StageReport(
        detector=COMBINATION,
        detector_version=VERSION,
        parameters={"rule": asdict(RULE), "settings_digest": digest_of({"version": VERSION, **asdict(RULE)})},
        verdict=verdict,
        statement=statement,
        speaks_to=entry_of(COMBINATION).speaks_to,
        limits=LIMITS,
        facts={"tier": UNCALIBRATED, **facts} if "calibration" not in facts else facts,
        images=images,
        seconds=round(time.perf_counter() - started, 3),
    )
