"""`manage.py issue_pack ASSESSMENT --out FILE [--json]`: freezes where needed, issues a signed pack, writes it out.

A pack for external recipients is written out by `release_pack`, once a second person has released it.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.management.subjects import find_assessment
from compliance.models import Assessment, EvidencePack, User
from compliance.services import freezes, handovers, leases, pack_releases, pack_statements, packs
from compliance.services.errors import RefusedError
from compliance.types.handling import Recipient
from compliance.types.pack_layouts import Layout, StatementWords
from compliance.types.states import Audience, HandoverWay, JobState, Role
from compliance.types.verdicts import ExitCode


def _actor(wanted: str, assessment: Assessment) -> User:
    """Who issues the pack: the officer named, or the one who opened the assessment."""
    if not wanted:
        return assessment.opened_by
    user = User.objects.filter(email=wanted.lower(), is_active=True, role=Role.OFFICER).first()
    if user is None:
        raise RefusedError(_("“%s” is no active compliance officer here.") % wanted)
    return user


class Command(AssayCommand):
    """Issue a signed evidence pack without a running worker."""

    help = "Issue a signed evidence pack of an assessment (frozen first, when every answer is approved)."

    def arguments(self, parser: ArgumentParser) -> None:
        """Which assessment, and where to."""
        parser.add_argument("assessment", help="uuid or whole title of the assessment")
        parser.add_argument(
            "--out", required=True, type=Path, help="where to write the PDF; the receipt goes beside it"
        )
        parser.add_argument(
            "--no-originals",
            action="store_true",
            help="leave the original evidence files out of the ZIP beside the PDF",
        )
        parser.add_argument(
            "--layout", default=Layout.FULL.value, choices=[layout.value for layout in Layout],
            help="the full pack, a management summary of at most six pages, or a statement of changes since a pack",
        )  # fmt: skip
        parser.add_argument("--since", default="", help="of a statement of changes: uuid of the pack that it follows")
        parser.add_argument("--ends", type=date.fromisoformat, help="of a statement of changes: the last day spoken of")
        parser.add_argument("--changes", default="", help="of a statement of changes: the changes, in words")
        parser.add_argument("--incidents", default="", help="of a statement of changes: the incidents, in words")
        parser.add_argument(
            "--external", action="store_true",
            help="for external recipients: no working triggers, no names or addresses of people; waits for its release",
        )  # fmt: skip
        parser.add_argument(
            "--named-because", default="",
            help="of an external pack: whoever signed for management stays named, for this reason, which is printed",
        )  # fmt: skip
        parser.add_argument(
            "--recipient", default="", help="for whom it is made; printed on an external pack, and logged"
        )
        parser.add_argument("--purpose", default="", help="what the recipient has it for; logged")
        parser.add_argument(
            "--nda", action="store_true", help="a non-disclosure agreement with the recipient is in force"
        )
        parser.add_argument("--region", default="", help="region of the recipient")
        parser.add_argument("--by", default="", help="e-mail address of the issuing officer")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Freeze, issue, export."""
        assessment = find_assessment(options["assessment"])
        actor = _actor(options["by"], assessment)
        if not assessment.is_frozen:
            freezes.freeze(assessment=assessment, actor=actor)
        audience = Audience.EXTERNAL if options["external"] else Audience.INTERNAL
        recipient = Recipient(
            name=options["recipient"], purpose=options["purpose"], under_nda=options["nda"], region=options["region"]
        )
        job = packs.request_issue(
            assessment=assessment,
            actor=actor,
            audience=audience,
            recipient=recipient,
            with_originals=not options["no_originals"],
            layout=Layout(options["layout"]),
            words=_words(options),
            named_because=options["named_because"],
            dispatch=False,
        )
        job = leases.run_here(job=job, on_progress=self.show_progress)
        if job.state != JobState.SUCCEEDED:
            raise RefusedError(job.error or _("The pack was not issued."))
        pack = EvidencePack.objects.get(uuid=job.result["pack"])
        if pack_releases.waits(pack):
            return _waiting(pack)
        out: Path = options["out"].resolve()
        receipt = packs.export(pack=pack, out=out)
        whom = options["recipient"] or _("the file %s") % out.name
        handovers.record(pack=pack, way=HandoverWay.COMMAND, recipient=whom, purpose=options["purpose"], actor=actor)
        return _told(pack, out, receipt)


def _words(options: dict[str, Any]) -> StatementWords | None:
    """The words of a statement of changes; None for any other layout. Raises RefusedError where its pack or day is missing."""
    if options["layout"] != Layout.CHANGES:
        return None
    if not options["since"] or options["ends"] is None:
        raise RefusedError(
            _("A statement of changes names the pack that it follows (--since) and its last day (--ends).")
        )
    return pack_statements.words_of(options)


def _waiting(pack: EvidencePack) -> Answer:
    document = {
        "pack": str(pack.uuid),
        "number": pack.number,
        "audience": pack.audience,
        "layout": pack.layout,
        "sha256": pack.sha256,
        "release": None,
    }
    lines = [
        f"Evidence pack {pack.number} of “{pack.freeze.assessment.title}” is sealed, and waits for its release.",
        f"SHA-256 {pack.sha256}",
        f"A second person reads it, then: manage.py release_pack {pack.uuid} --by E-MAIL --out FILE",
    ]
    return Answer(code=ExitCode.POSITIVE, document=document, lines=lines)


def _told(pack: EvidencePack, out: Path, receipt: Path) -> Answer:
    document = {
        "pack": str(pack.uuid),
        "number": pack.number,
        "audience": pack.audience,
        "layout": pack.layout,
        "file": str(out),
        "receipt": str(receipt),
        "sha256": pack.sha256,
        "size": pack.size,
        "pages": pack.pages,
        "files": str(out.with_suffix(".files.zip")) if pack.bag_files else None,
        "files_sha256": pack.bag_sha256 or None,
        "demonstration_signer": pack.is_demonstration_signer,
    }
    lines = [
        f"Evidence pack {pack.number} of “{pack.freeze.assessment.title}”: {out} ({pack.pages} pages, {pack.size} bytes)",
        f"SHA-256 {pack.sha256}",
        f"Receipt {receipt}",
    ]
    if pack.bag_files:
        beside = out.with_suffix(".files.zip")
        lines.append(f"Registers and original files {beside} ({pack.bag_files} files, SHA-256 {pack.bag_sha256})")
    if pack.is_demonstration_signer:
        lines.append("Sealed by a demonstration signer of this installation, trusted by nobody else.")
    return Answer(code=ExitCode.POSITIVE, document=document, lines=lines)
