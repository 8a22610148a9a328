"""One way from a measurement to a verdict for every stage that compares. No torch here.

A flag alone is no evidence: it becomes `evidence_found` only where the stage's own recovered trigger is confirmed on
images that the search never saw. Whether stages agree is judged by `combination`.
"""

from __future__ import annotations

import time
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

from compliance.types.drafts import JSON, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import (
    ComparingDetector,
    Detector,
    Measurement,
    NotApplicableError,
    ScanContext,
    UnreliableError,
)
from scanning.detectors.calibration import CALIBRATED, RULE, Calibration, Power, Rule, calibrate
from scanning.detectors.registry import entry_of

ON_GPU = (
    "The stage ran on a GPU and its reference models were measured on a processor, which rounds sums otherwise: p can move "
    "by some references, and how far was not measured on a GPU; where p is near its limit, scan on a processor too."
)


def examined(detector: ComparingDetector, context: ScanContext, rule: Rule = RULE) -> StageReport:
    """Measure, rank, decide, report."""
    started = time.perf_counter()
    try:
        measured = detector.measure(context)
    except NotApplicableError as error:
        return report(detector, context, StageVerdict.NOT_APPLICABLE, str(error), started=started)
    except UnreliableError as error:
        return report(detector, context, StageVerdict.INCONCLUSIVE, str(error), started=started)
    ranked = calibrate(measured, detector, context, rule)
    verdict, statement = decide(measured, ranked, rule)
    facts = {
        **measured.facts,
        "statistic": statistic(measured),
        "calibration": ranked.to_json(),
        "reference_bank": bank_of(context),
    }
    made = report(
        detector, context, verdict, statement, started=started, images=dict(measured.images), facts=facts,
        settings={"rule": asdict(rule), "settings_digest": detector.settings_digest},
    )  # fmt: skip
    elsewhere = context.device != "cpu" and ranked.tier == CALIBRATED
    return replace(made, limits=(*made.limits, ON_GPU)) if elsewhere else made


def decide(measured: Measurement, ranked: Calibration, rule: Rule = RULE) -> tuple[StageVerdict, str]:
    """The verdict and the sentences that explain it."""
    said = _said(measured, ranked)
    if measured.score is None:
        return StageVerdict.INCONCLUSIVE, "The stage could not give a score for any class, so it says nothing."
    if ranked.tier != CALIBRATED:
        return _without_references(said, ranked, rule)
    if ranked.flagged:
        return _flagged(said, measured, ranked)
    count = len(ranked.references)
    compared = f"{said} Among {count} reference models that is ordinary (p = {ranked.p_value:.3f})."
    if missing := sum(score is None for score in measured.scores):
        return StageVerdict.INCONCLUSIVE, f"{compared} But {missing} classes could not be judged."
    strong = [row for row in ranked.power if row.rate >= rule.power]
    if not ranked.power:
        return (
            StageVerdict.INCONCLUSIVE,
            f"{compared} But how often this stage finds a planted backdoor was not measured.",
        )
    if not strong:
        return (
            StageVerdict.INCONCLUSIVE,
            f"{compared} But it finds too few planted backdoors to say more: {_listed(ranked.power)}.",
        )
    return StageVerdict.NO_EVIDENCE_AT_POWER, f"{compared} Power: {_listed(ranked.power)}."


def _said(measured: Measurement, ranked: Calibration) -> str:
    """Which class stands out, and by what."""
    if ranked.top_class == measured.top:
        return f"Class {measured.top} stands out most: {measured.words}."
    return (
        f"Class {ranked.top_class} stands out most beside the same class in reference models; in the model itself it is "
        f"class {measured.top}: {measured.words}."
    )


def report(
    detector: Detector,
    context: ScanContext,
    verdict: StageVerdict,
    statement: str,
    *,
    started: float,
    facts: JSON | None = None,
    images: dict[str, str] | None = None,
    settings: JSON | None = None,
) -> StageReport:
    """The report of any stage; `started` is what time.perf_counter() gave at its start; settings: besides its own fields."""
    parameters = {
        **_settings(detector),
        **(settings or {}),
        "seeds": list(context.seeds),
        "threads": context.threads,
        "repr": repr(detector),
    }
    untested = (context.model.untested,) if context.model.untested else ()
    return StageReport(
        detector=detector.name, detector_version=detector.version, parameters=parameters, verdict=verdict,
        statement=statement, speaks_to=entry_of(detector.name).speaks_to, limits=(*detector.limits, *untested),
        facts=facts or {}, images=images or {},
        seconds=round(time.perf_counter() - started, 3), peak_memory_bytes=peak_memory(),
    )  # fmt: skip


def _settings(detector: object) -> JSON:
    """The fields of a detector, which is a frozen dataclass."""
    if not is_dataclass(detector) or isinstance(detector, type):
        raise TypeError(f"{detector!r} is no dataclass with its settings as fields")
    return asdict(detector)


def statistic(measured: Measurement) -> JSON:
    """Scores per class over the seeds, with their spread."""
    per_class = [[run.scores[place] for run in measured.runs] for place in range(len(measured.scores))]
    known = [[score for score in column if score is not None] for column in per_class]
    return {
        "words": measured.words,
        "score": measured.score,
        "top_class": measured.top,
        "scores": list(measured.scores),
        "spread": [max(column) - min(column) if column else None for column in known],
        "runs": [{"seed": run.seed, "scores": list(run.scores)} for run in measured.runs],
        "confirmation": None if measured.confirmation is None else asdict(measured.confirmation),
    }


def bank_of(context: ScanContext) -> JSON:
    """What is recorded of the bank: name, digest, family."""
    if context.bank is None:
        return dict(context.bank_facts)
    family = asdict(context.bank.family)
    return {**context.bank_facts, "family": {**family, "image_shape": list(family["image_shape"])}}


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes; 0 where the system does not tell.

    From /proc, because ru_maxrss begins with the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    peak = next((row for row in status.read_text(encoding="ascii").splitlines() if row.startswith("VmHWM:")), "")
    return int(peak.split()[1]) * 1024 if peak else 0


def _flagged(said: str, measured: Measurement, ranked: Calibration) -> tuple[StageVerdict, str]:
    p = (
        f"A model like the {len(ranked.references)} reference models would give so much with probability at most "
        f"{ranked.p_value:.3f} (the smallest that {len(ranked.references)} references can show is {ranked.resolution:.3f})."
    )
    confirmation = measured.confirmation
    if ranked.confirmed and confirmation is not None:
        return StageVerdict.EVIDENCE_FOUND, (
            f"{said} {p} The recovered trigger turns {confirmation.flipped} of {confirmation.tried} held-out images "
            f"({confirmation.rate:.1%}) into class {ranked.top_class}."
        )
    if confirmation is not None:
        return StageVerdict.INCONCLUSIVE, (
            f"{said} {p} But no trigger for this class was confirmed: the one recovered turns {confirmation.flipped} of "
            f"{confirmation.tried} held-out images into class {measured.top}. It is a flag and no evidence."
        )
    return StageVerdict.INCONCLUSIVE, f"{said} {p} A flag of this stage alone is no evidence; another stage must agree."


def _without_references(said: str, ranked: Calibration, rule: Rule) -> tuple[StageVerdict, str]:
    p = (
        ""
        if ranked.p_value is None
        else f" Beside the model's own other classes, p = {ranked.p_value:.2g}, not calibrated."
    )
    if ranked.flagged and ranked.confirmed:
        return StageVerdict.EVIDENCE_FOUND, (
            f"{said}{p} The recovered trigger is confirmed on held-out images. This is the uncalibrated tier, because "
            f"{ranked.not_compared}: how often a sound model of this kind would give as much is not known."
        )
    return StageVerdict.INCONCLUSIVE, f"{said}{p} Nothing can be concluded, because {ranked.not_compared}."


def _listed(power: tuple[Power, ...]) -> str:
    return "; ".join(row.words() for row in power)
