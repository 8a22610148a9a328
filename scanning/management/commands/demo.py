"""`manage.py demo`: the main job end to end on real input, with the time and memory of every step."""

from __future__ import annotations

import json
import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from compliance.management.base import Answer, AssayCommand
from compliance.models import EvidencePack
from compliance.services import leases, ledger, packs
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON, Progress
from compliance.types.states import JobState
from scanning.management.demonstration import steps
from scanning.management.demonstration.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall seconds of a step, and the largest resident size of any process so far, in MiB."""

    step: str
    seconds: float
    peak_mib: int


def _peak_mib() -> int:
    sizes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(sizes) // 1024


class Command(AssayCommand):
    """Exit 0: the pack is there and verified."""

    help = "Make the demonstration: import, train, scan, answer, freeze, issue and verify a pack."

    def arguments(self, parser: ArgumentParser) -> None:
        """Where the pack goes."""
        parser.add_argument(
            "--out", type=Path, default=None, help="where to write the pack (default: var/demo/pack.pdf)"
        )

    def answer(self, options: dict[str, Any]) -> Answer:
        """Every step, then the pack."""
        self._measured: list[Measured] = []
        self._quiet = bool(options["json"])
        out: Path = options["out"] or settings.VAR / "demo" / "pack.pdf"
        world = World()
        for name, step in steps.STEPS:
            self._run(name, lambda step=step: step(world, self.show_progress), told=str)  # type: ignore[misc]
        pack = self._run(
            "Evidence pack", lambda: self._pack(out), told=lambda made: f"{made.pages} pages, {made.size} bytes"
        )
        receipt = out.with_suffix(".receipt.json")
        report = self._run(
            "Verification",
            lambda: packs.verify(pack=out, receipt=receipt),
            told=lambda made: "genuine and whole" if made.is_genuine else "NOT to be relied on",
        )
        ledger.seal()
        document = self._document(world, out, receipt, pack)
        (settings.VAR / "demo" / "measurements.json").write_text(json.dumps(document["steps"], indent=2))
        return Answer(code=report.exit_code, document=document, lines=self._lines(world, out, receipt))

    def _run(self, name: str, work: Callable[[], T], *, told: Callable[[T], str]) -> T:
        if sys.stderr.isatty():
            self.show_progress(Progress(stage=f"{name} …", done=0))
        start = time.perf_counter()
        result = work()
        measured = Measured(name, round(time.perf_counter() - start, 2), _peak_mib())
        self._measured.append(measured)
        if not self._quiet:
            self.hide_progress()
            self.stdout.write(f"{name:34} {measured.seconds:8.2f} s  {measured.peak_mib:6d} MiB  {told(result)}")
        return result

    def _pack(self, out: Path) -> EvidencePack:
        assessment = steps.the_assessment()
        pack = EvidencePack.objects.filter(freeze__assessment=assessment).order_by("-number").first()
        if pack is None:
            job = packs.request_issue(assessment=assessment, actor=assessment.opened_by, dispatch=False)
            job = leases.run_here(job=job, on_progress=self.show_progress)
            if job.state != JobState.SUCCEEDED:
                raise RefusedError(job.error)
            pack = EvidencePack.objects.get(uuid=job.result["pack"])
        packs.export(pack=pack, out=out)
        return pack

    def _document(self, world: World, out: Path, receipt: Path, pack: EvidencePack) -> JSON:
        return {
            "pack": str(out),
            "receipt": str(receipt),
            "sha256": pack.sha256,
            "database": settings.DATABASES["default"]["NAME"],
            "new_people": sorted(world.passwords),
            "steps": [{"step": m.step, "seconds": m.seconds, "peak_mib": m.peak_mib} for m in self._measured],
            "demonstration": True,
        }

    def _lines(self, world: World, out: Path, receipt: Path) -> list[str]:
        total = sum(measured.seconds for measured in self._measured)
        lines = [
            f"{'Together':34} {total:8.2f} s",
            "",
            "Demonstration data: the people, systems and events are fictional.",
        ]
        lines += [f"Evidence pack  {out}", f"Receipt        {receipt}", f"Everything     {settings.VAR}"]
        if world.passwords:
            lines += ["", "Passwords, shown only now (sign in with the address):"]
            roles = {user.email: user.get_role_display() for user in world.people.values()}
            lines += [f"  {email:32} {password:24} {roles[email]}" for email, password in world.passwords.items()]
        else:
            lines += ["", "The demonstration people are there already; their passwords were shown when they were made."]
        return lines
