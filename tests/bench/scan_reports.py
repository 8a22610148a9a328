"""Scan reports of any size for benches: seeded, in the form that modelscan 0.8.8 writes."""

from __future__ import annotations

import json
import random
from typing import Any

_CALLS = (("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("webbrowser", "open"))
_SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def modelscan_report(observations: int, *, seed: int = 7, made_on: str = "2026-11-22") -> bytes:
    """A modelscan report that gives so many observations: two thirds issues, one third files without any."""
    chance = random.Random(seed)
    files = [f"models/{n % 211:03d}/checkpoint-{n:05d}.pkl" for n in range(observations)]
    issues = [_issue(file, chance) for n, file in enumerate(files) if n % 3]
    count = {severity: sum(issue["severity"] == severity for issue in issues) for severity in _SEVERITIES}
    report = {
        "summary": {
            "total_issues_by_severity": count,
            "total_issues": len(issues),
            "input_path": "models",
            "absolute_path": "/srv/models",
            "modelscan_version": "0.8.8",
            "timestamp": f"{made_on}T09:38:35.021348",
            "scanned": {"total_scanned": len(files), "scanned_files": files},
            "skipped": {"total_skipped": 0, "skipped_files": []},
        },
        "issues": issues,
        "errors": [],
    }
    return json.dumps(report).encode()


def _issue(file: str, chance: random.Random) -> dict[str, Any]:
    module, operator = chance.choice(_CALLS)
    return {
        "description": f"Use of unsafe operator '{operator}' from module '{module}'",
        "operator": operator,
        "module": module,
        "source": file,
        "scanner": "modelscan.scanners.PickleUnsafeOpScan",
        "severity": chance.choice(_SEVERITIES),
    }
