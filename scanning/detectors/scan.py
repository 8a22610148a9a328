"""All stages on one model file, in order, as one report."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from compliance.types.drafts import JSON, Progress, ScanReport, StageReport
from compliance.types.verdicts import StageVerdict, worst_stage
from scanning.detectors.base import Detector, OnProgress, ScanContext, ignore_progress
from scanning.detectors.heldout import load_images
from scanning.detectors.loading import load_model
from scanning.detectors.registry import DETECTORS, build, entry_of


def scan_model(
    path: Path,
    *,
    data: Path | None = None,
    detectors: tuple[str, ...] | None = None,
    architecture: str | None = None,
    references: tuple[Path, ...] = (),
    seed: int = 0,
    threads: int = 1,
    on_progress: OnProgress = ignore_progress,
) -> ScanReport:
    """Run the named detectors (all by default) on a model file. Raises BadInputError for what cannot be read.

    references: model files of the same family, or one reference-bank JSON. A stage that breaks is `failed` in the
    report, with the reason; it never passes silently.
    """
    started = datetime.now(UTC)
    chosen = [build(name) for name in (detectors if detectors is not None else tuple(DETECTORS))]
    settle(threads)
    on_progress(Progress(stage="reading the model", done=0, total=1))
    model = load_model(path, architecture=architecture)
    images = None if data is None else load_images(data)
    context = ScanContext(
        model=model, images=images, references=references, seed=seed, threads=threads, on_progress=on_progress
    )
    stages = tuple(_examine(detector, context) for detector in chosen)
    return ScanReport(
        model_sha256=model.sha256,
        model_format=model.format,
        architecture_digest=model.architecture_digest,
        tensors=model.tensors,
        stages=stages,
        verdict=worst_stage(stage.verdict for stage in stages),
        data={} if images is None else images.describe(),
        environment=environment(threads, seed),
        started_at=started,
        finished_at=datetime.now(UTC),
    )


def settle(threads: int) -> None:
    """Make runs repeatable: fixed threads and deterministic algorithms. Bit-equal on the same machine class only."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def environment(threads: int, seed: int) -> JSON:
    """What must be equal for a repeated scan to give equal numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": "cpu",
        "cpu_count": os.cpu_count() or 1,
        "threads": threads,
        "deterministic": True,
        "seed": seed,
    }


def _examine(detector: Detector, context: ScanContext) -> StageReport:
    try:
        return detector.examine(context)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        # torch reports shape, numeric and memory trouble as RuntimeError: the stage failed, the report still stands.
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return StageReport(
            detector=detector.name,
            detector_version=detector.version,
            parameters={"repr": repr(detector), "seed": context.seed, "threads": context.threads},
            verdict=StageVerdict.FAILED,
            statement=f"The stage broke off and says nothing of the model: {reason}",
            speaks_to=entry_of(detector.name).speaks_to,
            limits=(),
        )
