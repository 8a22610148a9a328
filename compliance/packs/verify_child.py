"""What runs in the isolated child that verifies a pack (`python -m compliance.packs.verify_child`)."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from compliance.isolation.child import BadInputError, Report, serve
from compliance.packs.report import BadPackError
from compliance.packs.verify import verify_pack


def _handle(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    receipt = Path(request["receipt"]) if request["receipt"] else None
    try:
        roots, time_roots = ([root.encode() for root in request[name]] for name in ("trust_roots", "time_roots"))
        pack = Path(request["pack"])
        report = verify_pack(
            pack,
            receipt=receipt,
            trust_roots=roots,
            time_roots=time_roots,
            crls=[Path(each) for each in request["crls"]],
            revoked=request["revoked"],
        )
        return report.as_json()
    except BadPackError as error:
        raise BadInputError(str(error)) from error


if __name__ == "__main__":
    gc.disable()  # one file, then the process ends; looking for circles among its millions of objects takes a fifth of the time
    serve(_handle)
