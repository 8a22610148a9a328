from __future__ import annotations

import base64
from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from compliance.management.base import Answer, AssayCommand
from compliance.types.drafts import Progress
from compliance.types.verdicts import ExitCode, exit_code_of
from scanning.detectors.heldout import load_images
from scanning.detectors.png import png_base64
from scanning.detectors.query_plan import QueryPlan, make_plan, read_answers, read_plan, save_plan, score_answers

_NEXT = (
    "Send the queries in their order, and bring back one answer each: `probabilities` or `labels` in an .npz, or a CSV "
    "with the columns `query,label` or `query,` and one per class."
)


class Command(AssayCommand):
    help = (
        "Test suspicious inputs of a model that can only be queried: `plan` writes the inputs to send to it, `score` "
        "judges its answers."
    )
    seals = False

    def arguments(self, parser: ArgumentParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True, metavar="plan|score")
        plan = steps.add_parser("plan", help="write the inputs to send to the model")
        plan.add_argument("--images", type=Path, required=True, metavar="NPZ", help="ordinary labelled images")
        plan.add_argument("--suspects", type=Path, required=True, metavar="NPZ", help="images under suspicion")
        plan.add_argument("--out", type=Path, required=True, metavar="NPZ", help="where the plan goes")
        plan.add_argument("--pngs", type=Path, metavar="FOLDER", help="write each query as a numbered picture as well")
        plan.add_argument("--ordinary", type=int, default=300, help="ordinary images to compare with (%(default)s)")
        plan.add_argument("--overlays", type=int, default=10, help="blends of each image (%(default)s)")
        plan.add_argument("--seed", type=int, default=0, help="start of the random draw (%(default)s)")
        score = steps.add_parser("score", help="judge the answers")
        score.add_argument("--plan", type=Path, required=True, metavar="NPZ", help="the plan that was sent")
        score.add_argument(
            "--answers", type=Path, required=True, metavar="FILE", help="one answer per query, .npz or .csv"
        )
        for step in (plan, score):
            step.add_argument(
                "--json", action="store_true", default=SUPPRESS, help="print one JSON document on stdout, nothing else"
            )

    def answer(self, options: dict[str, Any]) -> Answer:
        return self._plan(options) if options["step"] == "plan" else self._score(options)

    def _plan(self, options: dict[str, Any]) -> Answer:
        if options["seed"] < 0:
            raise CommandError("The seed is a whole number from 0.")
        plan = make_plan(
            load_images(options["images"]), load_images(options["suspects"]),
            ordinary=options["ordinary"], overlays=options["overlays"], seed=options["seed"],
        )  # fmt: skip
        save_plan(plan, options["out"])
        if options["pngs"]:
            self._write_pictures(plan, options["pngs"])
        counts = f"{plan.suspects} suspicious and {plan.ordinary} ordinary images"
        lines = [f"{options['out'].name}: {len(plan.queries)} queries for {counts}", f"plan {plan.digest}", _NEXT]
        document = {**plan.settings, "sha256": plan.digest, "queries": len(plan.queries)}
        return Answer(code=ExitCode.POSITIVE, document=document, lines=lines)

    def _score(self, options: dict[str, Any]) -> Answer:
        plan = read_plan(options["plan"])
        report = score_answers(plan, read_answers(options["answers"], plan))
        document = report.to_json()
        lines = [report.verdict.value.replace("_", " "), report.statement]
        lines += [f"limit: {limit}" for limit in document["limits"]]
        return Answer(code=exit_code_of(report.verdict), document=document, lines=lines)

    def _write_pictures(self, plan: QueryPlan, folder: Path) -> None:
        if plan.queries.shape[1] not in (1, 3):
            raise CommandError(
                "Only images with one or three channels can be written as pictures; send the plan's arrays."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for number, query in enumerate(plan.queries):
            picture = png_base64(query.astype(np.float32) / 255)
            (folder / f"{number:06d}.png").write_bytes(base64.b64decode(picture))
            self.show_progress(Progress(stage="writing pictures", done=number + 1, total=len(plan.queries)))
        self.hide_progress()
