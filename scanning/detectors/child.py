"""The isolated half of a scan: `python -m scanning.detectors.child`, started by compliance.isolation.run_isolated.

One JSON request on stdin, JSON lines on stdout: {"progress": …} while it works, then {"result": …} or {"error": …}.
It needs no network. Requests:

{"action": "scan", "model": path, "images"|"suspects"|"training"|"base"|"bank": path | null, "detectors": [name] | null,
 "architecture": name | null, "seed": 0, "threads": 1, "device": "cpu"} -> a ScanReport (see report_json)
{"action": "train_demo", "folder": path, "wheel": path, "seed": 0, "threads": 1} -> what demo.train_demo gives
{"action": "build_bank", "plan": see bank_building.Plan.from_json, "folder": path, "threads": 1} -> what build_bank gives
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from compliance.isolation import child
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from scanning.detectors.bank_building import Plan, build_bank
from scanning.detectors.base import OnProgress
from scanning.detectors.demo import train_demo
from scanning.detectors.report_json import report_to_json
from scanning.detectors.scan import Request, scan_model

_PROGRESS_EVERY_S = 0.2
_MAX_THREADS = 64


def answer(request: JSON, report: child.Report) -> JSON:
    """Do what the request asks. Raises child.BadInputError."""
    try:
        return respond(request, calmer(report))
    except BadInputError as error:
        raise child.BadInputError(str(error)) from error


def respond(request: JSON, on_progress: OnProgress) -> JSON:
    """The result for a request. Raises BadInputError."""
    if not isinstance(request, dict):
        raise BadInputError("the request is not a JSON object")
    match request.get("action"):
        case "scan":
            return _scan(request, on_progress)
        case "train_demo":
            return _train_demo(request, on_progress)
        case "build_bank":
            return _build_bank(request, on_progress)
        case action:
            raise BadInputError(f"the action {action!r} is not known; known are: scan, train_demo, build_bank")


def calmer(report: child.Report) -> OnProgress:
    """Passes on at most five reports a second, and always the first and the last of a stage."""
    stage, at = "", 0.0

    def on_progress(progress: Progress) -> None:
        nonlocal stage, at
        if progress.stage == stage and progress.done != progress.total and monotonic() - at < _PROGRESS_EVERY_S:
            return
        stage, at = progress.stage, monotonic()
        report(progress)

    return on_progress


def _scan(request: JSON, on_progress: OnProgress) -> JSON:
    detectors = request.get("detectors")
    wanted = Request(
        model=Path(_text(request, "model")),
        images=_optional_path(request, "images"),
        suspects=_optional_path(request, "suspects"),
        training=_optional_path(request, "training"),
        base=_optional_path(request, "base"),
        bank=_optional_path(request, "bank"),
        detectors=None if detectors is None else tuple(_texts(detectors, "detectors")),
        architecture=_optional_text(request, "architecture"),
        seed=_seed(request),
        threads=_threads(request),
        device=_optional_text(request, "device") or "cpu",
    )
    return report_to_json(scan_model(wanted, on_progress=on_progress))


def _build_bank(request: JSON, on_progress: OnProgress) -> JSON:
    plan = Plan.from_json(request.get("plan"))
    return build_bank(plan, Path(_text(request, "folder")), threads=_threads(request), on_progress=on_progress)


def _train_demo(request: JSON, on_progress: OnProgress) -> JSON:
    folder, wheel = Path(_text(request, "folder")), Path(_text(request, "wheel"))
    return train_demo(folder, wheel, seed=_seed(request), threads=_threads(request), on_progress=on_progress)


def _text(request: JSON, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str) or not value:
        raise BadInputError(f"{key!r} in the request is missing or no text")
    return value


def _optional_text(request: JSON, key: str) -> str | None:
    return None if request.get(key) is None else _text(request, key)


def _optional_path(request: JSON, key: str) -> Path | None:
    text = _optional_text(request, key)
    return None if text is None else Path(text)


def _texts(value: object, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise BadInputError(f"{key!r} in the request is not a list of strings")
    return value


def _seed(request: JSON) -> int:
    return _number(request, "seed", 0, 0, 2**31 - 1)


def _threads(request: JSON) -> int:
    return _number(request, "threads", 1, 1, _MAX_THREADS)


def _number(request: JSON, key: str, default: int, low: int, high: int) -> int:
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadInputError(f"{key!r} in the request is not a whole number from {low} to {high}")
    return value


if __name__ == "__main__":
    child.serve(answer)
