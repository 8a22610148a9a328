"""The isolated half of a file scan: `python -m scanning.filescan.child`, started by compliance.isolation.run_isolated.

Reads {"path": …, "name": …} on stdin; answers progress lines, then {"result": FileScanReport as JSON} or {"error": …}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compliance.isolation import child
from compliance.types.errors import BadInputError
from scanning.filescan.registry import scan_path
from scanning.filescan.report_json import to_json


def answer(request: dict[str, Any], report: child.Report) -> dict[str, Any]:
    """Scan the file that the request names. Raises child.BadInputError."""
    try:
        return to_json(scan_path(Path(request["path"]), name=request.get("name") or "", on_progress=report))
    except BadInputError as error:
        raise child.BadInputError(str(error)) from error


if __name__ == "__main__":
    child.serve(answer)
