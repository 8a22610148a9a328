"""`manage.py rehash [--all] [--json]`: hashes stored files again; exit 1 where one is altered or missing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from compliance.management.base import Answer, AssayCommand
from compliance.selectors.file_checks import bad_checks
from compliance.services import leases, rehash
from compliance.services.errors import RefusedError
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode


class Command(AssayCommand):
    """Hash stored files again without a running worker."""

    help = "Hash stored files again: the share whose turn it is, or all; says which are altered or missing."

    def arguments(self, parser: ArgumentParser) -> None:
        """How many."""
        parser.add_argument("--all", action="store_true", help="every file, not the night's share alone")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Run, and name what is wrong."""
        run = rehash.begin(actor=None, whole=options["all"], dispatch=False)
        assert run.job is not None
        job = leases.run_here(job=run.job, on_progress=self.show_progress)
        if job.state != JobState.SUCCEEDED:
            raise RefusedError(job.error or _("The run did not end; the same command goes on with it."))
        bad = [{"sha256": check.sha256, "state": check.state} for check in bad_checks()]
        lines = [f"{one['state']}: {one['sha256']}" for one in bad]
        lines.append(
            f"{job.result['files']} files hashed again, {job.result['bytes']} bytes; {len(bad)} not as recorded."
        )
        document = {**job.result, "not_as_recorded": bad}
        return Answer(code=ExitCode.NEGATIVE if bad else ExitCode.POSITIVE, document=document, lines=lines)
