"""The isolated child: `python -m scanning.detectors.child`, one JSON request on stdin, JSON lines on stdout.

Lines: {"progress": {"stage", "done", "total"}} while it works, then one of {"result": …} and
{"error": {"kind": "bad_input" | "internal", "message": one sentence}}. It needs no network.

Requests:
{"action": "scan", "model": path, "data": path | null, "detectors": [name] | null, "architecture": name | null,
 "references": [path] | path of a reference bank | null, "seed": 0, "threads": 1} -> a ScanReport (see report_json)
{"action": "train_demo", "folder": path, "wheel": path, "seed": 0, "threads": 1} -> what demo.train_demo gives
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from time import monotonic
from typing import IO, Any

from compliance.types.drafts import JSON, Progress
from scanning.detectors.base import BadInputError, OnProgress

_MAX_REQUEST = 1024**2
_PROGRESS_EVERY_S = 0.2
_MAX_THREADS = 64


def main() -> int:
    """Answer one request; 0 when a result was written, 2 for bad input, 1 for anything else."""
    with _own_stdout() as out:
        try:
            write(out, {"result": answer(read_request(sys.stdin.buffer), reporter(out))})
            return 0
        except BadInputError as error:
            write(out, {"error": {"kind": "bad_input", "message": str(error)}})
            return 2
        except Exception as error:  # noqa: BLE001 - the one boundary of this process: the parent needs an answer
            traceback.print_exc(file=sys.stderr)
            write(out, {"error": {"kind": "internal", "message": f"the scan broke off: {type(error).__name__}"}})
            return 1


def read_request(stream: IO[bytes]) -> JSON:
    """The request. Raises BadInputError."""
    content = stream.read(_MAX_REQUEST + 1)
    if len(content) > _MAX_REQUEST:
        raise BadInputError("the request is larger than 1 MiB")
    try:
        request = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInputError("the request is not JSON") from error
    if not isinstance(request, dict):
        raise BadInputError("the request is not a JSON object")
    return request


def answer(request: JSON, on_progress: OnProgress) -> JSON:
    """Do what the request asks. Raises BadInputError."""
    match request.get("action"):
        case "scan":
            return _scan(request, on_progress)
        case "train_demo":
            return _train_demo(request, on_progress)
        case action:
            raise BadInputError(f"the action {action!r} is not known; known are: scan, train_demo")


def reporter(out: IO[str]) -> OnProgress:
    """A callback that writes progress lines, at most five a second, and always the first and last of a stage."""
    last: dict[str, Any] = {"stage": None, "at": 0.0}

    def on_progress(progress: Progress) -> None:
        ends = progress.stage != last["stage"] or progress.done == progress.total
        if not ends and monotonic() - last["at"] < _PROGRESS_EVERY_S:
            return
        last.update(stage=progress.stage, at=monotonic())
        write(out, {"progress": {"stage": progress.stage, "done": progress.done, "total": progress.total}})

    return on_progress


def write(out: IO[str], line: JSON) -> None:
    """One JSON line; numbers must be finite."""
    out.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
    out.flush()


def _scan(request: JSON, on_progress: OnProgress) -> JSON:
    model, data, architecture = (
        _text(request, "model"),
        _optional_text(request, "data"),
        _optional_text(request, "architecture"),
    )
    detectors, references = request.get("detectors"), request.get("references") or []
    if detectors is not None:
        detectors = tuple(_texts(detectors, "detectors"))
    references = [references] if isinstance(references, str) else _texts(references, "references")
    seed, threads = _seed(request), _threads(request)
    from scanning.detectors.report_json import report_to_json
    from scanning.detectors.scan import scan_model  # torch: only once the request is known to be sound

    report = scan_model(
        Path(model),
        data=None if data is None else Path(data),
        detectors=detectors,
        architecture=architecture,
        references=tuple(map(Path, references)),
        seed=seed,
        threads=threads,
        on_progress=on_progress,
    )
    return report_to_json(report)


def _train_demo(request: JSON, on_progress: OnProgress) -> JSON:
    folder, wheel = Path(_text(request, "folder")), Path(_text(request, "wheel"))
    seed, threads = _seed(request), _threads(request)
    from scanning.detectors.demo import train_demo  # torch, as above

    return train_demo(folder, wheel, seed=seed, threads=threads, on_progress=on_progress)


def _text(request: JSON, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str) or not value:
        raise BadInputError(f"the request lacks {key!r}")
    return value


def _optional_text(request: JSON, key: str) -> str | None:
    return None if request.get(key) is None else _text(request, key)


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


def _own_stdout() -> IO[str]:
    """Keep stdout for our lines: whatever a library prints goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
