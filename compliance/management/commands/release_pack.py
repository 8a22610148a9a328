"""`manage.py release_pack PACK --by E-MAIL [--out FILE]`: lets a pack for external recipients out, or keeps it in."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.models import EvidencePack, PackRelease, User
from compliance.rights import Verb, may
from compliance.services import handovers, pack_releases, packs
from compliance.services.errors import RefusedError
from compliance.types.states import HandoverWay, ReleaseOutcome
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Decide on the release of a pack, and write it out."""

    help = (
        "Release a pack for external recipients as a second person, or refuse it; a released one is written to --out."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """Which pack, by whom, and where to."""
        parser.add_argument("pack", type=UUID, help="uuid of the pack")
        parser.add_argument("--by", required=True, help="e-mail address of the person who decides")
        parser.add_argument("--refuse", default="", metavar="REASON", help="keep the pack in, for this reason")
        parser.add_argument("--alone", default="", metavar="REASON", help="why nobody but its issuer can release it")
        parser.add_argument("--out", type=Path, help="where to write the PDF; the receipt goes beside it")
        parser.add_argument("--recipient", default="", help="who gets the file; logged")
        parser.add_argument("--purpose", default="", help="what the recipient has it for; logged")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Decide, then export."""
        pack = EvidencePack.objects.filter(uuid=options["pack"]).first()
        if pack is None:
            raise RefusedError(_("There is no pack %s here.") % options["pack"])
        actor = User.objects.filter(email=options["by"].lower()).first()
        if actor is None or not may(actor, Verb.RELEASE_PACK):
            raise RefusedError(_("“%s” is nobody here who may release packs.") % options["by"])
        row = _decided(pack, actor, options)
        out: Path | None = options["out"].resolve() if options["out"] else None
        if out and row.outcome == ReleaseOutcome.RELEASED:
            packs.export(pack=pack, out=out)
            whom = options["recipient"] or _("the file %s") % out.name
            handovers.record(
                pack=pack, way=HandoverWay.COMMAND, recipient=whom, purpose=options["purpose"], actor=actor
            )
        return _told(row, out)


def _decided(pack: EvidencePack, actor: User, options: dict[str, Any]) -> PackRelease:
    if options["refuse"]:
        return pack_releases.refuse(pack=pack, actor=actor, reason=options["refuse"])
    if options["alone"]:
        return pack_releases.release_alone(pack=pack, actor=actor, reason=options["alone"])
    return pack_releases.release(pack=pack, actor=actor)


def _told(row: PackRelease, out: Path | None) -> Answer:
    is_out = row.outcome == ReleaseOutcome.RELEASED
    written = str(out) if out and is_out else None
    document = {
        "pack": str(row.pack.uuid),
        "outcome": row.outcome,
        "not_independent": row.is_alone,
        "reason": row.reason,
        "file": written,
    }
    lines = [f"Pack {row.pack.number}: {row.get_outcome_display()}{', not independently' if row.is_alone else ''}."]
    if written:
        lines.append(f"Written to {written}; its receipt lies beside it.")
    return Answer(code=ExitCode.POSITIVE if is_out else ExitCode.NEGATIVE, document=document, lines=lines)
