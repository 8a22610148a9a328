"""What runs in the isolated child (`python -m compliance.packs.child`): renders a pack, which `seal_child` seals.

Of the signer it reads public certificates alone. Django is set up for templates and texts only: no table, no project settings.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import django
from django.conf import settings
from django.utils.translation import gettext as _

from compliance.isolation.child import BadInputError, Report, serve
from compliance.packs.compose import compose
from compliance.packs.manifest import AttachmentError
from compliance.packs.order import Extra, PackOrder
from compliance.packs.render import RenderError, render_pdf
from compliance.packs.signers import SignerError
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import Progress
from compliance.types.freeze import Freeze, FreezeError, validate_freeze
from compliance.types.freeze_lines import LinesError, opened
from compliance.types.shape import ShapeError, check_shape


def _read_freeze(path: Path, registers: Path) -> tuple[Freeze, bytes]:
    content = path.read_bytes()
    try:
        value = json.loads(content)
        freeze = opened(value, registers)
        validate_freeze(freeze)
        canonical = canonical_json(value)
    except LinesError as error:
        raise BadInputError(f"{error}.") from error
    except (FreezeError, ValueError, RecursionError) as error:
        raise BadInputError(f"the freeze document is not valid: {error}.") from error
    if canonical != content:
        raise BadInputError("the freeze document is not written in canonical form, so its SHA-256 would not hold.")
    return cast(Freeze, freeze), content


def render_unsigned(
    *,
    freeze: Freeze,
    canonical: bytes,
    order: PackOrder,
    keys: Path,
    attachments: Path,
    extras: Sequence[Extra] = (),
) -> bytes:
    """The pack before it is sealed: the same bytes for the same arguments."""
    composed = compose(
        freeze=freeze, canonical=canonical, order=order, keys=keys, attachments=attachments, extras=extras
    )
    return render_pdf(composed)


def _render(request: dict[str, Any], report: Report) -> dict[str, Any]:
    try:
        check_shape(request["order"], PackOrder, "order")
    except ShapeError as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    order = cast(PackOrder, request["order"])
    report(Progress(stage=_("Frozen data"), done=0))
    freeze, canonical = _read_freeze(Path(request["freeze"]), Path(request["attachments"]))
    ledger = freeze["ledger"]
    try:
        composed = compose(
            freeze=freeze,
            canonical=canonical,
            order=order,
            keys=Path(request["keys"]),
            attachments=Path(request["attachments"]),
            extras=request["extras"],
            on_progress=report,
        )
        del freeze, canonical  # the layout of pages needs the room
        unsigned = render_pdf(composed, on_progress=report)
    except (AttachmentError, RenderError, SignerError) as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    Path(request["pdf"]).write_bytes(unsigned)
    return {"unsigned_sha256": sha256_hex(unsigned), "ledger": ledger}


def _handle(request: dict[str, Any], report: Report) -> dict[str, Any]:
    settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    return _render(request, report)


if __name__ == "__main__":
    gc.set_threshold(
        200_000
    )  # one pack, then the process ends; looking for circles more often takes a tenth of the time
    serve(_handle)
