"""STRIP (Gao, Xu, Wang, Chen, Ranasinghe and Nepal, ACSAC 2019): a trigger decides the class even when another picture
is blended over the input, so that the model's answers to the blends differ little.

All blends go through the model in batches, the entropies of ordinary images are compared by rank and never by a normal
fit, and ordinary and suspicious images are blended with the same pictures, which are ranked themselves in neither set.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compliance.types.drafts import Progress, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError, at_once
from scanning.detectors.judging import report
from scanning.detectors.suspect_runs import SuspectRun, probabilities, suspect_run
from scanning.detectors.suspects import LIMITS as SHARED_LIMITS
from scanning.detectors.suspects import RULE, ScoredInputs, SuspectRule, decide, facts_of, ranked

LIMITS = (
    "Triggers that act on images of one class only, that differ from image to image, or that a blend destroys are not seen.",
    *SHARED_LIMITS,
)
WORDS = "keep their class under blending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """overlays: pictures blended over each input, drawn anew for each seed; weight: of the input in a blend; helpers:
    ordinary images set apart to draw overlays from."""

    overlays: int = 16
    weight: float = 0.6
    helpers: int = 64
    rule: SuspectRule = RULE
    name: str = "strip"
    version: str = "1"
    limits: tuple[str, ...] = LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Score ordinary and suspicious images alike, rank, count, decide. See suspects.decide for the rule."""
        started = time.perf_counter()
        try:
            run = suspect_run(context, helpers=self.helpers)
        except NotApplicableError as error:
            return report(self, context, StageVerdict.NOT_APPLICABLE, str(error), started=started)
        except UnreliableError as error:
            return report(self, context, StageVerdict.INCONCLUSIVE, str(error), started=started)
        ordinary, suspects, spread = self.score(run, context)
        judged = ranked(suspects, ordinary, self.rule)
        verdict, statement = decide(judged, WORDS, self.rule)
        facts = {
            **run.facts,
            **facts_of(judged, suspects, ordinary, self.rule),
            "statistic": "minus the mean entropy of the answers to the blends, in nats, median over the seeds",
            "median_spread_over_seeds": spread,
        }
        return report(self, context, verdict, statement, started=started, facts=facts)

    def score(self, run: SuspectRun, context: ScanContext) -> tuple[ScoredInputs, ScoredInputs, float]:
        """(ordinary, suspicious, median over all inputs of the spread between seeds)."""
        images = torch.cat((run.ordinary, run.suspects))
        predicted = probabilities(run.classifier, images).argmax(dim=1).cpu().numpy()
        rounds = []
        for place, seed in enumerate(context.seeds):
            context.on_progress(Progress(stage="blended inputs", done=place, total=len(context.seeds)))
            rounds.append(-self._entropies(run, images, run.helpers[self._drawn(len(run.helpers), seed)]))
        scores = np.median(rounds, axis=0)
        count = len(run.ordinary)
        return (
            ScoredInputs(scores[:count], predicted[:count]),
            ScoredInputs(scores[count:], predicted[count:]),
            round(float(np.median(np.ptp(rounds, axis=0))), 6),
        )

    def _drawn(self, helpers: int, seed: int) -> Tensor:
        return torch.from_numpy(np.random.default_rng(seed).permutation(helpers)[: self.overlays])

    def _entropies(self, run: SuspectRun, images: Tensor, overlays: Tensor) -> NDArray[np.float64]:
        """Mean entropy in nats over the overlays [P, C, H, W] for each of the images [N, C, H, W] -> [N]."""
        together = max(1, at_once(tuple(images.shape[1:])) // len(overlays))
        bounds = [*range(0, len(images), together), len(images)]
        return np.concatenate(
            [self._part(run, images[first:last], overlays).cpu().numpy() for first, last in pairwise(bounds)]
        )

    def _part(self, run: SuspectRun, images: Tensor, overlays: Tensor) -> Tensor:
        blends = self.weight * images[:, None] + (1 - self.weight) * overlays[None]  # [B, P, C, H, W]
        answers = probabilities(run.classifier, blends.flatten(0, 1)).double()  # [B·P, classes]
        entropies = -torch.special.xlogy(answers, answers).sum(dim=1)
        means: Tensor = entropies.view(len(images), len(overlays)).mean(dim=1)
        return means
