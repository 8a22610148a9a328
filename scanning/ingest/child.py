"""The isolated half of reading a folder of logs: `python -m scanning.ingest.child`, started by run_isolated.

Reads {"files": [[path, name], …], "log": format or "", "part": path} on stdin; writes what matters of the files, as lines of a
matches document, gzip, to `part`; answers {"log", "files", "matches", "failed"}. See scanning.ingest.matches.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compliance.isolation import child
from compliance.types.drafts import Progress
from compliance.types.errors import BadInputError
from scanning.ingest import registry
from scanning.ingest.matches import line, write_file

_PROGRESS_SECONDS = 0.2


def answer(request: dict[str, Any], report: child.Report) -> dict[str, Any]:
    """Read the files that the request names. Raises child.BadInputError where not even the first is of a known format."""
    files = [(Path(path), str(name)) for path, name in request["files"]]
    matches = failed = done = 0
    told = time.monotonic()
    with Path(request["part"]).open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as part:
        try:
            log = request["log"] or registry.identify_path(files[0][0])
            for path, name in files:
                counts = write_file(path, name, log, registry.parse, lambda entry: _put(part, entry))
                matches, failed = matches + counts.matches, failed + bool(counts.error)
                done += counts.size
                if time.monotonic() - told > _PROGRESS_SECONDS:
                    told = time.monotonic()
                    report(Progress(stage="Reading", done=done))
        except BadInputError as error:
            raise child.BadInputError(str(error)) from error
    return {"log": log, "files": len(files), "matches": matches, "failed": failed}


def _put(part: gzip.GzipFile, entry: Mapping[str, Any]) -> None:
    part.write(line(entry))


if __name__ == "__main__":
    child.serve(answer)
