"""`manage.py check_events [--system NAME] [--json]`: binds new job events and runs all checks on them, without a worker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from compliance.management.base import Answer, AssayCommand
from compliance.models import AISystem, CheckRun
from compliance.services import check_runs, leases
from compliance.services.errors import RefusedError
from compliance.types.states import JobState
from compliance.types.verdicts import ExitCode, FileScanVerdict
from scanning.services import checks


class Command(AssayCommand):
    """Check the job events of one AI system, or of all."""

    help = "Check the job events of AI systems: submitters, approvals, data sets, base models, signatures, gaps."

    def arguments(self, parser: ArgumentParser) -> None:
        """Which system."""
        parser.add_argument("--system", default="", metavar="NAME", help="one AI system; all of them, if left out")

    def answer(self, options: dict[str, Any]) -> Answer:
        """Run the checks of each system."""
        runs = [self._run(system) for system in _systems(options["system"])]
        verdicts = {result["verdict"] for run in runs for result in run.results}
        lines = [line for run in runs for line in _lines(run)]
        return Answer(code=_code(verdicts), document={"runs": [checks.as_json(run) for run in runs]}, lines=lines)

    def _run(self, system: AISystem) -> CheckRun:
        run = checks.request(system=system, actor=None, dispatch=False)
        leases.run_here(job=run.job, on_progress=self.show_progress)
        run.refresh_from_db()
        if check_runs.job_of(run=run).state != JobState.SUCCEEDED:
            raise RefusedError(run.job.error or f"The checks on {system.name} did not end.")
        return run


def _systems(name: str) -> list[AISystem]:
    found = list(AISystem.objects.filter(name=name) if name else AISystem.objects.all())
    if not found:
        raise RefusedError(f"There is no AI system called {name}." if name else "No AI system is on record.")
    return found


def _code(verdicts: set[str]) -> ExitCode:
    """Negative where a check has exceptions, undecided where none looked at everything it is about."""
    if FileScanVerdict.FINDING in verdicts:
        return ExitCode.NEGATIVE
    return ExitCode.POSITIVE if verdicts == {FileScanVerdict.NOTHING_FOUND.value} else ExitCode.UNDECIDED


def _lines(run: CheckRun) -> list[str]:
    head = f"{run.system.name}, {run.period_start} to {run.period_end}"
    rows = [f"{one['rule']}: {one['verdict'].replace('_', ' ')}. {one['statement']}" for one in run.results]
    return [head, *(f"  {row}" for row in rows)]
