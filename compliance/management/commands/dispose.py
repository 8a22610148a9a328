"""`manage.py dispose [RUN] [--propose] [--json]`: says what is due, proposes it, or does an approved run without a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.models import DisposalRun
from compliance.selectors.retention import due
from compliance.services import disposals, leases
from compliance.services.errors import RefusedError
from compliance.types.retention import RunState
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode


def _run(wanted: str) -> DisposalRun:
    try:
        run = DisposalRun.objects.select_related("job", "decided_by").filter(uuid=UUID(wanted)).first()
    except ValueError:
        run = None
    if run is None:
        raise RefusedError(_("There is no disposal run with the uuid %s.") % wanted)
    return run


class Command(AssayCommand):
    """What is due, and what was approved."""

    help = "Say what is due for disposal, propose it, or carry out a run that a person approved."

    def arguments(self, parser: ArgumentParser) -> None:
        """A run, or nothing."""
        parser.add_argument("run", nargs="?", default="", help="uuid of an approved run to carry out, or to go on with")
        parser.add_argument(
            "--propose", action="store_true", help="propose what is due; a person approves on the pages"
        )

    def answer(self, options: dict[str, Any]) -> Answer:
        """One of the three."""
        if options["run"]:
            return self._carry_out(_run(options["run"]))
        return self._propose() if options["propose"] else self._due()

    def _due(self) -> Answer:
        found = list(due(timezone.now().date()))
        pieces = [
            {"evidence": str(one.evidence.uuid), "sha256": one.evidence.sha256, "due_on": one.due_on.isoformat(),
             "class": one.terms.key, "legal_basis": one.terms.legal_basis}
            for one in found
        ]  # fmt: skip
        lines = [f"{piece['due_on']}  {piece['sha256'][:16]}  {piece['class']}" for piece in pieces]
        lines.append(f"{len(pieces)} pieces are due; nothing was disposed of.")
        return Answer(code=ExitCode.POSITIVE, document={"due": pieces}, lines=lines)

    def _propose(self) -> Answer:
        run = disposals.propose(actor=None)
        if run is None:
            return Answer(code=ExitCode.POSITIVE, document={"run": None, "pieces": 0}, lines=["Nothing is due."])
        pieces = run.items.count()
        line = f"Disposal run {run.uuid}: {pieces} pieces wait for a decision on the pages."
        return Answer(code=ExitCode.POSITIVE, document={"run": str(run.uuid), "pieces": pieces}, lines=[line])

    def _carry_out(self, run: DisposalRun) -> Answer:
        if run.state != RunState.APPROVED or run.decided_by is None:
            raise RefusedError(_("Only an approved run that is not completed is carried out."))
        job = run.job
        if job is None or job.is_over:
            job = disposals.go_on(run=run, actor=run.decided_by, dispatch=False)
        job = leases.run_here(job=job, on_progress=self.show_progress)
        if job.state != JobState.SUCCEEDED:
            raise RefusedError(job.error or _("The run did not end; it goes on with the same command."))
        run.refresh_from_db()
        document = {
            "run": str(run.uuid),
            "disposed": run.certificate["disposed"],
            "certificate_sha256": run.certificate_sha256,
        }
        line = f"{document['disposed']} pieces disposed of; certificate SHA-256 {run.certificate_sha256}"
        return Answer(code=ExitCode.POSITIVE, document=document, lines=[line])
