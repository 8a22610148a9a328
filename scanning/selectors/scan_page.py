"""One scan: what came out in words, each stage, what was not tested, and everything that a repeated scan needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compliance.models import Evidence, Finding, Technique
from compliance.rights import Asker, visible
from compliance.selectors.model_pages import technique
from compliance.selectors.stage_document import CALIBRATED, ClassRow, class_rows, drawing, figures
from compliance.selectors.stage_document import stage as stage_document
from compliance.types.drafts import JSON
from compliance.types.freeze_scans import AttackPower, Calibration, Figure, Stage
from compliance.types.verdicts import (
    CONCLUSION_OF_FILE_SCAN,
    CONCLUSION_OF_STAGE,
    FileScanVerdict,
    StageVerdict,
    worst_stage,
)
from scanning.detectors.registry import COMBINATION, COMPARING, label_of
from scanning.models import Scan
from scanning.selectors.lists import scan_list

MOST_OTHERS = 5
MOST_TENSORS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePage:
    """One stage as a page shows it. ranked: classes, the most suspicious first; repr: the detector's provenance line."""

    number: int
    title: str
    report: Stage
    ranked: tuple[ClassRow, ...]
    smallest_reference: float | None
    repr: str
    peak_memory_bytes: int

    @property
    def calibration(self) -> Calibration | None:
        """What its score is worth, where it has one."""
        return self.report.get("calibration")

    @property
    def concludes(self) -> bool:
        """Whether anything follows from it."""
        return CONCLUSION_OF_STAGE[self.report["verdict"]] is not None

    @property
    def stands_out(self) -> bool:
        """Whether its score was flagged, though nothing may follow from that."""
        ranked = self.calibration
        return ranked is not None and ranked["flagged"]

    @property
    def drawing(self) -> str:
        """What there is to draw of its classes."""
        return drawing(self.report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned step of a scan and whether the job has finished it."""

    label: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSummary:
    """What a reader has to know first.

    statement: of the stage that decides, all together or the gravest; decisive: that stage; concluded and silent: stages
    from which something follows, and those from which nothing does; untested: sub-techniques of which the scan says
    nothing, of all; power: of the deciding stage; limits: of all stages, each once.
    """

    statement: str
    decisive: StagePage | None
    concluded: tuple[StagePage, ...]
    silent: tuple[StagePage, ...]
    untested: tuple[Technique, ...]
    subtechniques: int
    power: tuple[AttackPower, ...]
    limits: tuple[str, ...]

    @property
    def calibration(self) -> Calibration | None:
        """What the deciding stage's score is worth."""
        return self.decisive.calibration if self.decisive else None

    @property
    def p_words(self) -> str:
        """The deciding p-value, "" without one."""
        p = self.calibration["p_value"] if self.calibration else None
        return "" if p is None else f"{p:.4g}"

    @property
    def is_calibrated(self) -> bool:
        """Whether the deciding stage was ranked among reference models."""
        return self.calibration is not None and self.calibration["tier"] == CALIBRATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor of the model file."""

    name: str
    shape: str
    dtype: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPage:
    """What came of one scan. file_scan: a FileScanReport as JSON, None while there is none; tensors: the first of
    tensor_count."""

    file_scan: JSON | None
    stages: tuple[StagePage, ...]
    summary: ScanSummary | None
    data: tuple[Figure, ...]
    environment: tuple[Figure, ...]
    detection: JSON | None
    tensors: tuple[Tensor, ...]
    tensor_count: int
    report_evidence: Evidence | None
    findings: tuple[Finding, ...]
    others: tuple[Scan, ...]


def stage_page(report: JSON, *, number: int = 1) -> StagePage:
    """One stage report as a page shows it."""
    shown = stage_document(report)
    return StagePage(
        number=number,
        title=label_of(shown["detector"]),
        report=shown,
        ranked=tuple(class_rows(shown)),
        smallest_reference=min(shown["reference_norms"], default=None),
        repr=str(report["parameters"].get("repr", "")),
        peak_memory_bytes=int(report.get("peak_memory_bytes") or 0),
    )


def scan_steps(scan: Scan, *, file_label: str) -> list[Step]:
    """The file scan and each detector, with what the job has finished so far."""
    labels = [file_label, *(label_of(name) for name in scan.detectors)]
    done = set(scan.job.steps.values_list("n", flat=True))
    states = ["done" if n in done or scan.verdict else "todo" for n in range(1, len(labels) + 1)]
    if "todo" in states and not scan.job.is_over:
        states[states.index("todo")] = "current"
    return [Step(label=label, state=state) for label, state in zip(labels, states, strict=True)]


def _decisive(stages: tuple[StagePage, ...]) -> StagePage | None:
    """The stage that stands for all: their combination, or the gravest where they were not combined."""
    together = next((stage for stage in stages if stage.report["detector"] == COMBINATION), None)
    if together is not None and together.report["verdict"] is not StageVerdict.NOT_APPLICABLE:
        return together
    verdict = worst_stage(stage.report["verdict"] for stage in stages)
    return next((stage for stage in stages if stage.report["verdict"] is verdict), None)


def _untested(stages: tuple[StagePage, ...], file_scan: JSON | None) -> tuple[tuple[Technique, ...], int]:
    """(sub-techniques of which nothing follows from this scan, how many there are)."""
    together = any(stage.report["detector"] == COMBINATION for stage in stages)
    counted = [stage for stage in stages if not (together and stage.report["detector"] in COMPARING)]
    spoken = {name for stage in counted if stage.concludes for name in stage.report["speaks_to"]}
    if file_scan and CONCLUSION_OF_FILE_SCAN[FileScanVerdict(file_scan["verdict"])] is not None:
        spoken |= set(file_scan["speaks_to"])
    about = technique()
    known = list(about.subtechniques.order_by("atlas_id")) if about else []
    return tuple(row for row in known if row.atlas_id not in spoken), len(known)


def scan_summary(stages: tuple[StagePage, ...], file_scan: JSON | None) -> ScanSummary:
    """The first words of a scan's page."""
    decisive = _decisive(stages)
    calibration = decisive.calibration if decisive else None
    untested, subtechniques = _untested(stages, file_scan)
    limits = [limit for stage in stages for limit in stage.report["limits"]]
    return ScanSummary(
        statement=decisive.report["statement"] if decisive else "",
        decisive=decisive,
        concluded=tuple(stage for stage in stages if stage.concludes),
        silent=tuple(stage for stage in stages if not stage.concludes),
        untested=untested,
        subtechniques=subtechniques,
        power=tuple(calibration["power"]) if calibration else (),
        limits=tuple(dict.fromkeys(limits)),
    )


def _tensors(detection: JSON | None) -> tuple[tuple[Tensor, ...], int]:
    listed: JSON = (detection or {}).get("tensors") or {}
    shown = [
        Tensor(
            name=name,
            shape=" × ".join(map(str, row.get("shape", ()))),
            dtype=str(row.get("dtype", "")).removeprefix("torch."),
            sha256=str(row.get("sha256", "")),
        )
        for name, row in list(listed.items())[:MOST_TENSORS]
    ]
    return tuple(shown), len(listed)


def scan_page(scan: Scan, asker: Asker) -> ScanPage:
    """The report of one scan, its findings, and other scans of the same model version."""
    report: dict[str, Any] = scan.report
    detection: JSON | None = report.get("detection")
    file_scan: JSON | None = report.get("file_scan")
    findings = visible(Finding.objects.filter(observations__source_uuid=scan.uuid), asker)
    kept = Evidence.objects.filter(sha256=scan.report_sha256, system=scan.model_version.model.system)
    reports = detection["stages"] if detection else []
    stages = tuple(stage_page(stage, number=number) for number, stage in enumerate(reports, start=1))
    tensors, tensor_count = _tensors(detection)
    return ScanPage(
        file_scan=file_scan,
        stages=stages,
        summary=scan_summary(stages, file_scan) if report else None,
        data=tuple(figures(detection["data"])) if detection else (),
        environment=tuple(figures(detection["environment"])) if detection else (),
        detection=detection,
        tensors=tensors,
        tensor_count=tensor_count,
        report_evidence=visible(kept, asker).first() if scan.report_sha256 else None,
        findings=tuple(findings.select_related("target").distinct()),
        others=tuple(scan_list(asker=asker).filter(model_version=scan.model_version).exclude(pk=scan.pk)[:MOST_OTHERS]),
    )
