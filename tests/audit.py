"""Asks the vulnerability database of PyPI about every installed package: `python -m tests.audit`.

Exit codes: 0 none known, or the database cannot be asked from here (said in one loud line); 1 a known vulnerability;
3 it could not be asked and `AUDIT=require` is set. pip-audit alone reports "none known" for packages that it could not
ask about.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Audit:
    """What one run learned: one line per vulnerability, how many packages were asked about, and which were not."""

    found: tuple[str, ...]
    asked: int
    unasked: tuple[str, ...]


def read(document: Any) -> Audit:
    """Reads pip-audit's JSON report."""
    packages = document["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or '-'}"
        for package in packages
        for known in package.get("vulns", ())
    ]
    unasked = tuple(package["name"] for package in packages if "skip_reason" in package)
    return Audit(tuple(found), len(packages) - len(unasked), unasked)


def conclude(audit: Audit, *, required: bool) -> tuple[int, str]:
    """The exit code and the line for people."""
    if audit.found:
        return 1, "audit: KNOWN VULNERABILITIES\n" + "\n".join(audit.found)
    if not audit.asked:
        line = "audit: NOT DONE, PyPI's vulnerability database cannot be reached from here"
        return (3 if required else 0), line
    line = f"audit: no known vulnerability in {audit.asked} packages"
    if audit.unasked:
        line += f"; NOT asked about (no such release on PyPI): {', '.join(audit.unasked)}"
    return 0, line


def main() -> int:
    """Runs pip-audit on this environment."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", "--timeout=20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        audit = read(json.loads(done.stdout))
    except ValueError:  # an unreachable service ends pip-audit with a traceback and no report
        audit = Audit((), 0, ())
    code, line = conclude(audit, required=os.environ.get("AUDIT") == "require")
    print(line, file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
