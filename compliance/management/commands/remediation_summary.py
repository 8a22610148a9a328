"""`manage.py remediation_summary --month 2026-10 [--with-costs] --out FILE`: draws the summary of a month as PDF."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.models import RemediationSummary
from compliance.services import leases, remediation_summaries
from compliance.services.errors import RefusedError
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Draw a monthly summary without a running worker."""

    help = "Draw the remediation summary of a month that is over, keep it, and write it out as PDF."

    def arguments(self, parser: ArgumentParser) -> None:
        """Which month, and where to."""
        parser.add_argument("--month", required=True, help="the month, as 2026-10")
        parser.add_argument("--with-costs", action="store_true", help="tell what the work costs as well")
        parser.add_argument("--out", required=True, type=Path, help="where to write the PDF")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Count, draw, keep, write."""
        month = remediation_summaries.month_of(options["month"])
        job = remediation_summaries.request(month=month, actor=None, with_costs=options["with_costs"], dispatch=False)
        job = leases.run_here(job=job, on_progress=self.show_progress)
        if job.state != JobState.SUCCEEDED:
            raise RefusedError(job.error or _("The summary was not made."))
        kept = RemediationSummary.objects.get(uuid=job.result["summary"])
        out: Path = options["out"].resolve()
        remediation_summaries.export(kept=kept, out=out)
        document = {
            "summary": str(kept.uuid), "month": options["month"], "file": str(out), "sha256": kept.sha256,
            "size": kept.size, "pages": kept.pages,
        }  # fmt: skip
        lines = [f"Remediation summary of {options['month']}: {out} ({kept.pages} pages, {kept.size} bytes)"]
        return Answer(code=ExitCode.POSITIVE, document=document, lines=[*lines, f"SHA-256 {kept.sha256}"])
