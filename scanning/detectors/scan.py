"""Detection stages on one model file, in order, as one report."""

from __future__ import annotations

import os
import platform
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import nn

from compliance.types.drafts import JSON, Progress, ScanReport, StageReport
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors.banks import bank_for
from scanning.detectors.base import (
    TOO_MUCH_MEMORY,
    Detector,
    ModelLoadError,
    OnProgress,
    ScanContext,
    ignore_progress,
    out_of_memory,
)
from scanning.detectors.combination import overall, with_combination
from scanning.detectors.heldout import load_images
from scanning.detectors.loading import load_model
from scanning.detectors.provenance import machine, program
from scanning.detectors.registry import DETECTORS, build, entry_of
from scanning.detectors.training_images import open_training_images

SEEDS = 3
_MEMORY = {
    "cpu": "here; raise SCAN_MEMORY_BYTES, or scan where there is more",
    "cuda": "on this GPU; scan on a processor, or on a larger GPU",
}
_DRIFTS = re.compile(r"(\w+) does not have a deterministic implementation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to scan and with what. model: file; images, suspects, training: sets of labelled images (.npz or a folder);
    base: file of the model that it is said to be made from; bank: reference-bank JSON (None: the one shipped for the
    architecture, if there is one); detectors: names, None for all; seed: first of three."""

    model: Path
    images: Path | None = None
    suspects: Path | None = None
    training: Path | None = None
    base: Path | None = None
    bank: Path | None = None
    detectors: tuple[str, ...] | None = None
    architecture: str | None = None
    seed: int = 0
    threads: int = 1
    device: str = "cpu"


def scan_model(request: Request, *, on_progress: OnProgress = ignore_progress) -> ScanReport:
    """Run the stages of a request. Raises BadInputError for what cannot be read.

    A stage that breaks is `failed` in the report, with the reason; it never passes silently.
    """
    started = datetime.now(UTC)
    chosen = [build(name) for name in (request.detectors if request.detectors is not None else tuple(DETECTORS))]
    settle(request.threads, device=request.device)
    on_progress(Progress(stage="reading the model", done=0, total=1))
    context = _context(request, on_progress)
    stages = with_combination([_examine(detector, context) for detector in chosen], context.bank, context.model.sha256)
    return ScanReport(
        model_sha256=context.model.sha256,
        model_format=context.model.format,
        architecture_digest=context.model.architecture_digest,
        tensors=context.model.tensors,
        stages=stages,
        verdict=overall(stages),
        data=_data(context),
        environment=environment(request),
        started_at=started,
        finished_at=datetime.now(UTC),
    )


def settle(threads: int, *, device: str = "cpu") -> None:
    """Make runs repeatable: fixed threads and deterministic algorithms. Bit-equal on the same machine class only. A GPU has
    no such algorithm for some operators (gradients of bilinear resizing, say): a stage that used them says so.
    Raises BadInputError for a device that is not there."""
    if device not in ("cpu", "cuda"):
        raise BadInputError(f"the device {device!r} is not known; name cpu or cuda")
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # before the first use of CUDA, says PyTorch
        if not torch.cuda.is_available():
            raise BadInputError("the device cuda was asked for, and this machine has none that PyTorch can use")
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=device == "cuda")


@contextmanager
def _drifting() -> Iterator[set[str]]:
    """Collects the operations that ran although they may give other last digits each time; complete at its end."""
    found: set[str] = set()
    with warnings.catch_warnings(record=True) as told:
        warnings.filterwarnings("default", message=f".*{_DRIFTS.pattern}")
        yield found
    for warning in told:
        if said := _DRIFTS.search(str(warning.message)):
            found.add(said[1])
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def environment(request: Request) -> JSON:
    """What must be equal for a repeated scan to give equal numbers. On a GPU stages name what stands in the way of it."""
    on_gpu: JSON = {}
    if request.device == "cuda":
        on_gpu = {
            "gpu": torch.cuda.get_device_name(0),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call] # torch leaves it unannotated
        }
    return {
        **program(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        **machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": request.device,
        **on_gpu,
        "cpu_count": os.cpu_count() or 1,
        "threads": request.threads,
        "deterministic": request.device == "cpu",
        "seed": request.seed,
        "seeds": SEEDS,
    }


def _context(request: Request, on_progress: OnProgress) -> ScanContext:
    model = load_model(request.model, architecture=request.architecture)
    if model.module is not None:
        _move(model.module, request)
    bank, facts = bank_for(model.architecture_digest, request.bank)
    return ScanContext(
        model=model,
        images=None if request.images is None else load_images(request.images),
        suspects=None if request.suspects is None else load_images(request.suspects),
        training=None if request.training is None else open_training_images(request.training),
        base=None if request.base is None else load_model(request.base),
        bank=bank,
        bank_facts=facts,
        seeds=tuple(range(request.seed, request.seed + SEEDS)),
        threads=request.threads,
        device=request.device,
        on_progress=on_progress,
    )


def _move(module: nn.Module, request: Request) -> None:
    try:
        module.to(request.device)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise ModelLoadError(f"{request.model.name}: {_reason(error, request.device)}") from error


def _data(context: ScanContext) -> JSON:
    """The sets of images that were used, by what they were used for; the held-out ones lie at the top."""
    data: JSON = {} if context.images is None else context.images.describe()
    if context.suspects is not None:
        data["suspicious_images"] = context.suspects.describe()
    if context.training is not None:
        data["training_images"] = context.training.describe()
    if context.base is not None:
        data["base_model"] = {"name": context.base.name, "sha256": context.base.sha256}
    return data


def _examine(detector: Detector, context: ScanContext) -> StageReport:
    with _drifting() as drifting:
        found = _tried(detector, context)
    if not drifting:
        return found
    names = ", ".join(sorted(drifting))
    limit = f"A GPU cannot repeat these operations bit for bit, so the figures can differ from run to run: {names}."
    return replace(found, facts={**found.facts, "not_deterministic": names}, limits=(*found.limits, limit))


def _tried(detector: Detector, context: ScanContext) -> StageReport:
    try:
        return detector.examine(context)
    except (RuntimeError, ArithmeticError, MemoryError) as error:
        # torch reports shape, numeric and memory trouble as RuntimeError: the stage failed, the report still stands.
        reason = _reason(error, context.device)
        return StageReport(
            detector=detector.name,
            detector_version=detector.version,
            parameters={"repr": repr(detector), "seeds": list(context.seeds), "threads": context.threads},
            verdict=StageVerdict.FAILED,
            statement=f"The stage broke off and says nothing of the model: {reason}",
            speaks_to=entry_of(detector.name).speaks_to,
            limits=(),
        )


def _reason(error: Exception, device: str) -> str:
    if out_of_memory(error):
        return f"{TOO_MUCH_MEMORY} {_MEMORY[device]}."
    if "does not require grad" in str(error):
        return "the scores do not follow from the pixels by steps that a search can go back along."
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
