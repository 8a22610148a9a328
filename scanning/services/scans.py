"""Scans: a file scan and detection stages on one model version, each a finished step, published together once."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.isolation import ChildStopped, IsolationError, NetworkIsolationUnavailable
from compliance.models import Evidence, ModelVersion, User
from compliance.services import evidence as evidences
from compliance.services import findings, inventory, jobs, leases, ledger, observations
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import canonical_json, digest_of
from compliance.types.drafts import JSON, FileScanReport, ObservationDraft, ScanReport, StageReport
from compliance.types.retention import EvidenceKind
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning import normalise
from scanning.detectors import banks
from scanning.detectors import registry as detector_registry
from scanning.detectors.combination import overall, with_combination
from scanning.detectors.references import ReferenceBank as ReferenceModels
from scanning.detectors.report_json import report_from_json, report_to_json
from scanning.filescan.registry import SCANNER, SCANNER_VERSION
from scanning.filescan.report_json import from_json, to_json
from scanning.models import ReferenceBank, Scan
from scanning.services import isolated

TASK = "scanning.tasks.process_scan"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_FILE_STEP = 1


def request_scan(
    *,
    model_version: ModelVersion,
    kind: str,
    detectors: Sequence[str] = (),
    held_out: Evidence | None = None,
    suspects: Evidence | None = None,
    training_images: Evidence | None = None,
    base_version: ModelVersion | None = None,
    reference_bank: ReferenceBank | None = None,
    seed: int = 0,
    actor: User | None,
    dispatch: bool = True,
) -> Scan:
    """Queue a scan. kind: Scan.FILE, or Scan.DETECTION, which begins with the file scan; no detectors named means all.

    held_out, suspects, training_images: labelled images; base_version: what the model is said to be made from;
    reference_bank: None means the one that ships for the architecture, if there is one. With dispatch=False no worker
    is woken: the caller runs the job by `leases.run_here`. Raises RefusedError.
    """
    system = model_version.model.system
    _refuse_unfit(model_version, (held_out, suspects, training_images), base_version, detectors)
    chosen = (list(detectors) or list(detector_registry.DETECTORS)) if kind == Scan.DETECTION else []
    scan = Scan(
        model_version=model_version,
        kind=kind,
        detectors=chosen,
        held_out=held_out,
        suspects=suspects,
        training_images=training_images,
        base_version=base_version,
        reference_bank=reference_bank,
        seed=seed,
    )
    with transaction.atomic():
        scan.job = jobs.create(
            kind="scan",
            task_name=TASK,
            queue="scan",
            subject=scan,
            subject_url_name="scan-detail",
            title=_("Scan of %s") % model_version,
            system=system,
            requested_by=actor,
            dispatch=dispatch,
        )
        scan.save()
    return scan


def _refuse_unfit(
    version: ModelVersion,
    images: Sequence[Evidence | None],
    base_version: ModelVersion | None,
    detectors: Sequence[str],
) -> None:
    """Raises RefusedError for what cannot be scanned, or not with these inputs."""
    if version.evidence is None:
        raise RefusedError(_("The bytes of “%s” are not kept here, so they cannot be scanned.") % version)
    for handed_in in images:
        if handed_in is not None and handed_in.system_id != version.model.system_id:
            raise RefusedError(_("“%s” belongs to another AI system.") % handed_in)
    if base_version is not None and base_version.model.system_id != version.model.system_id:
        raise RefusedError(_("“%s” belongs to another AI system.") % base_version)
    if base_version is not None and base_version.evidence is None:
        raise RefusedError(
            _("The bytes of “%s” are not kept here, so nothing can be compared with them.") % base_version
        )
    unknown = sorted(set(detectors) - set(detector_registry.DETECTORS))
    if unknown:
        known = ", ".join(detector_registry.DETECTORS)
        raise RefusedError(_("There is no detector named “%s”; the detectors are %s.") % (unknown[0], known))


def perform(*, job_id: int) -> None:
    """Run the scan of a job; stages that an earlier attempt finished are not run again."""
    leases.work_on(job_id=job_id, work=_scan)


def _scan(keeper: LeaseKeeper) -> None:
    scan = Scan.objects.select_related(
        "model_version__model__system",
        "model_version__evidence",
        "held_out",
        "suspects",
        "training_images",
        "base_version__evidence",
        "reference_bank__evidence",
        "job__requested_by",
    ).get(job_id=keeper.lease.job_id)
    with tempfile.TemporaryDirectory(prefix="assay-scan-") as folder:
        bench = _Bench(scan=scan, keeper=keeper, folder=Path(folder))
        file_report = bench.file_report()
        reports = [bench.stage_report(n, name) for n, name in enumerate(scan.detectors, start=_FILE_STEP + 1)]
        report = _merged(reports, bench.bank(reports))
    _publish(scan, keeper, file_report, report)


class _Bench:
    """One model version on the bench: its bytes in a folder of their own, re-hashed, and the stages run on them."""

    def __init__(self, *, scan: Scan, keeper: LeaseKeeper, folder: Path) -> None:
        self._scan, self._keeper, self._folder = scan, keeper, folder
        self._steps = keeper.steps()
        if scan.model_version.evidence is None:
            raise RefusedError(_("The bytes of “%s” are not kept here.") % scan.model_version)
        self._artefact = scan.model_version.evidence
        self._paths: dict[int, Path] = {}

    def _path(self, kept: Evidence) -> Path:
        """The bytes under a safe form of their own name, since formats are told by it."""
        if kept.pk not in self._paths:
            folder = self._folder / str(kept.pk)
            folder.mkdir()
            name = _UNSAFE.sub("_", kept.filename)[-100:].lstrip(".") or "file"
            self._paths[kept.pk] = evidences.materialise(evidence=kept, folder=folder).rename(folder / name)
        return self._paths[kept.pk]

    def _inputs(self) -> dict[str, Path | None]:
        """The files that stages may need, by their names in the registry's INPUTS, and the bank."""
        scan = self._scan
        base = scan.base_version.evidence if scan.base_version else None
        bank = scan.reference_bank.evidence if scan.reference_bank else None
        kept = {"images": scan.held_out, "suspects": scan.suspects, "training": scan.training_images}
        files = {**kept, "base": base, "bank": bank}
        return {name: self._path(file) if file else None for name, file in files.items()}

    def bank(self, reports: Sequence[ScanReport]) -> ReferenceModels | None:
        """The reference models that the stages were ranked among."""
        digest = next((report.architecture_digest for report in reports if report.architecture_digest), "")
        return banks.bank_for(digest, self._inputs()["bank"])[0] if digest else None

    def _step(self, n: int, run: Callable[[], JSON]) -> JSON:
        """The report of step n: kept from an earlier attempt, or made now and kept."""
        if n in self._steps:
            return dict(self._steps[n].result)
        self._keeper.check()
        report = run()
        with transaction.atomic():
            self._keeper.checkpoint(n=n, digest=digest_of(report), result=report)
        return report

    def _outcome(self, run: Callable[[], JSON], failed: Callable[[str], JSON]) -> JSON:
        """What the instrument reports; a child that broke off is a failed report with its reason, never silence."""
        try:
            return run()
        except (ChildStopped, NetworkIsolationUnavailable):
            self._keeper.check()
            raise
        except IsolationError as error:
            return failed(str(error))

    def file_report(self) -> FileScanReport:
        """Step 1: the static scan."""

        def run() -> JSON:
            report = isolated.scan_file(
                path=self._path(self._artefact),
                name=self._artefact.filename,
                on_progress=self._keeper.progress,
                should_stop=self._keeper.should_stop,
            )
            return to_json(report)

        return from_json(self._step(_FILE_STEP, lambda: self._outcome(run, self._failed_file)))

    def _failed_file(self, reason: str) -> JSON:
        report = FileScanReport(
            scanner=SCANNER,
            scanner_version=SCANNER_VERSION,
            path=self._artefact.filename,
            size=self._artefact.size,
            sha256=self._artefact.sha256,
            format="unknown",
            verdict=FileScanVerdict.FAILED,
            not_scanned=((self._artefact.filename, reason),),
        )
        return to_json(report)

    def stage_report(self, n: int, detector: str) -> ScanReport:
        """Step n: one detection stage."""
        scan, started = self._scan, timezone.now()

        def run() -> JSON:
            given = self._inputs()
            if reason := detector_registry.missing(detector, [name for name, path in given.items() if path]):
                return self._unspoken(detector, StageVerdict.NOT_APPLICABLE, reason, started)
            report = isolated.scan_model(
                path=self._path(self._artefact),
                inputs=given,
                detectors=[detector],
                seed=scan.seed,
                on_progress=self._keeper.progress,
                should_stop=self._keeper.should_stop,
            )
            return report_to_json(report)

        def failed(reason: str) -> JSON:
            statement = f"The stage could not be run and says nothing of the model: {reason}"
            return self._unspoken(detector, StageVerdict.FAILED, statement, started)

        return report_from_json(self._step(n, lambda: self._outcome(run, failed)))

    def _unspoken(self, detector: str, verdict: StageVerdict, statement: str, started: datetime) -> JSON:
        """The report of a stage that was never run, or broke off."""
        stage = StageReport(
            detector=detector,
            detector_version="",
            parameters={"seed": self._scan.seed},
            verdict=verdict,
            statement=statement,
            speaks_to=detector_registry.entry_of(detector).speaks_to,
            limits=(),
        )
        report = ScanReport(
            model_sha256=self._artefact.sha256,
            model_format="",
            architecture_digest="",
            tensors={},
            stages=(stage,),
            verdict=verdict,
            data={},
            environment={},
            started_at=started,
            finished_at=timezone.now(),
        )
        return report_to_json(report)


def _merged(reports: Sequence[ScanReport], bank: ReferenceModels | None) -> ScanReport | None:
    """One report of all stages and of what they say together; what identifies the model comes from a stage that read it."""
    if not reports:
        return None
    best = next((report for report in reports if report.model_format), reports[0])
    stages = with_combination([stage for report in reports for stage in report.stages], bank, best.model_sha256)
    return replace(
        best,
        stages=stages,
        verdict=overall(stages),
        environment={**best.environment, **_elsewhere(reports, best.environment)},
        data={key: value for report in reports for key, value in report.data.items()},
        started_at=min(report.started_at for report in reports),
        finished_at=max(report.finished_at for report in reports),
    )


def _elsewhere(reports: Sequence[ScanReport], environment: JSON) -> JSON:
    """Stages that another worker ran, with the machine they ran on: a scan that was taken up again may have had two."""
    others = {
        stage.detector: report.environment
        for report in reports
        for stage in report.stages
        if report.environment and report.environment != environment
    }
    return {"stages_run_elsewhere": others} if others else {}


def _drafts(scan: Scan, file_report: FileScanReport, report: ScanReport | None) -> list[ObservationDraft]:
    name, observed_at = str(scan.model_version), scan.job.started_at or timezone.now()
    drafts = list(normalise.file_scan_observations(file_report, asset_name=name, observed_at=observed_at))
    if report is not None:
        drafts += normalise.scan_observations(report, asset_name=name)
    return drafts


def _publish(scan: Scan, keeper: LeaseKeeper, file_report: FileScanReport, report: ScanReport | None) -> None:
    """Store the report as evidence, then record observations and conclude findings in one transaction."""
    version, actor = scan.model_version, scan.job.requested_by
    system = version.model.system
    document: JSON = {
        "schema": "assay-scan-report/1",
        "scan": str(scan.uuid),
        "model_version": str(version.uuid),
        "file_scan": to_json(file_report),
        "detection": report_to_json(report) if report else None,
    }
    kept = evidences.receive(
        system=system,
        stream=BytesIO(canonical_json(document)),
        filename=f"scan-{str(scan.uuid)[:8]}.json",
        title=_("Scan report of %s") % version,
        received_by=actor,
        kind=EvidenceKind.RESULT,
        source_system="Assay",
        collected_how=_("Written by the scan itself."),
        collected_at=timezone.now(),
    )
    drafts = _drafts(scan, file_report, report)
    with transaction.atomic():
        recorded, _known = observations.record_batch(
            system=system, source_uuid=scan.uuid, evidence=kept, drafts=drafts, model_version=version
        )
        findings.conclude(observations=observations.rows_of(source_uuid=scan.uuid), actor=actor)
        evidences.accept(evidence=kept, actor=actor)
        if report is not None and report.architecture_digest:
            inventory.note_architecture(
                version=version, architecture_digest=report.architecture_digest, file_format=report.model_format
            )
        scan.verdict = (report.verdict if report else file_report.verdict).value
        scan.report, scan.report_sha256 = document, kept.sha256
        scan.save()
        ledger.record(
            kind="scan.finished",
            subject=scan,
            payload={
                "model": version.digest,
                "verdict": scan.verdict,
                "report": kept.sha256,
                "rows": len(recorded),
                "rows_root": observations.rows_root(source_uuid=scan.uuid),
            },
            actor=actor,
            system=system,
        )
        keeper.finish(result={"verdict": scan.verdict, "observations": len(recorded)})
