"""IBD-PSC (Hou, Feng, Hua, Luo, Zhang, Li; ICML 2024): a planted trigger keeps its class when the last batch
normalisations of the network are amplified, ordinary images lose theirs.

The score of an input is the mean confidence, over several amplified copies of the model, in the class that the model
itself gives it, kept as the logarithm of what is missing to 1. The paper stops where 60 % of its benign images are
classified wrongly; here the deepest copy is the last in which most ordinary images keep their class, and where the
scores of ordinary images lie is measured, not set.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from compliance.types.drafts import JSON, Progress, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError, at_once
from scanning.detectors.classifier import Classifier
from scanning.detectors.judging import report
from scanning.detectors.suspect_runs import SuspectRun, probabilities, suspect_run
from scanning.detectors.suspects import LIMITS as SHARED_LIMITS
from scanning.detectors.suspects import RULE, ScoredInputs, SuspectRule, decide, facts_of, ranked

LIMITS = (
    "Networks without batch normalisation, and exported graphs in which it was folded into other layers, cannot be tested.",
    "Backdoors whose training kept the confidence on triggers low, or that act on images of one class only, may be missed.",
    *SHARED_LIMITS,
)
_TINY = 1e-300
WORDS = "keep their class under amplified weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterScaling:
    """factor: of weight and bias of each amplified layer; copies: amplified models, each with one layer more than the one
    before; kept: share of ordinary images that must keep their class in the deepest of them; helpers: ordinary images
    set apart to find it."""

    factor: float = 1.5
    copies: int = 5
    kept: float = 0.6
    helpers: int = 100
    rule: SuspectRule = RULE
    name: str = "parameter_scaling"
    version: str = "1"
    limits: tuple[str, ...] = LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Score ordinary and suspicious images alike, rank, count, decide. See suspects.decide for the rule."""
        started = time.perf_counter()
        try:
            run = suspect_run(context, helpers=self.helpers)
            layers = batch_norms(run.classifier, run.helpers[:2])
        except NotApplicableError as error:
            return report(self, context, StageVerdict.NOT_APPLICABLE, str(error), started=started)
        except UnreliableError as error:
            return report(self, context, StageVerdict.INCONCLUSIVE, str(error), started=started)
        depth, kept = self.deepest(run, layers)
        ordinary, suspects = self.score(run, layers, depth, context)
        judged = ranked(suspects, ordinary, self.rule)
        verdict, statement = decide(judged, WORDS, self.rule)
        facts: JSON = {
            **run.facts,
            **facts_of(judged, suspects, ordinary, self.rule),
            "statistic": "minus the logarithm of 1 - mean confidence of the amplified copies; nothing is drawn",
            "layers": len(layers),
            "amplified_layers": list(self._depths(depth)),
            "kept_class_by_depth": kept,
        }
        return report(self, context, verdict, statement, started=started, facts=facts)

    def deepest(self, run: SuspectRun, layers: tuple[str, ...]) -> tuple[int, list[float]]:
        """(how many of the last layers may be amplified, share of helpers that keep their class at each depth tried)."""
        before = probabilities(run.classifier, run.helpers).argmax(dim=1)
        kept: list[float] = []
        for depth in range(1, len(layers) + 1):
            after = probabilities(amplified(run.classifier, layers[-depth:], self.factor), run.helpers).argmax(dim=1)
            kept.append(round(float((after == before).float().mean()), 4))
            if kept[-1] < self.kept:
                break
        return max(1, sum(share >= self.kept for share in kept)), kept

    def score(
        self, run: SuspectRun, layers: tuple[str, ...], depth: int, context: ScanContext
    ) -> tuple[ScoredInputs, ScoredInputs]:
        """(ordinary, suspicious)."""
        images = torch.cat((run.ordinary, run.suspects))
        predicted = probabilities(run.classifier, images).argmax(dim=1)
        depths = self._depths(depth)
        total = torch.zeros(len(images), dtype=torch.float64, device=images.device)
        for done, layer_count in enumerate(depths):
            context.on_progress(Progress(stage="amplified weights", done=done, total=len(depths)))
            copied = amplified(run.classifier, layers[-layer_count:], self.factor)
            total += doubts(copied, images, predicted)
        scores, labels = -torch.log(total / len(depths) + _TINY).cpu().numpy(), predicted.cpu().numpy()
        count = len(run.ordinary)
        return ScoredInputs(scores[:count], labels[:count]), ScoredInputs(scores[count:], labels[count:])

    def _depths(self, depth: int) -> range:
        return range(max(1, depth - self.copies + 1), depth + 1)


@torch.no_grad()
def doubts(classifier: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    """1 - confidence in the given labels [N] of images [N, C, H, W] -> [N] in double precision, summed from the other
    classes: the confidences of amplified copies are too near 1 to be told apart otherwise."""
    rows = []
    for part, named in zip(
        *(torch.split(both, at_once(tuple(images.shape[1:]))) for both in (images, labels)), strict=True
    ):
        shares = torch.softmax(classifier.logits(part).double(), dim=1)
        rows.append(shares.scatter(1, named[:, None], 0.0).sum(dim=1))
    return torch.cat(rows)


@torch.no_grad()
def batch_norms(classifier: Classifier, images: Tensor) -> tuple[str, ...]:
    """Names of the batch normalisations with weights, in the order in which they run. Raises NotApplicableError."""
    names: dict[nn.Module, str] = {
        layer: name
        for name, layer in classifier.logits.named_modules()
        if isinstance(layer, _BatchNorm) and layer.affine
    }
    ran: list[str] = []

    def note(layer: nn.Module, *_: object) -> None:
        if names[layer] not in ran:
            ran.append(names[layer])

    handles = [layer.register_forward_hook(note) for layer in names]
    try:
        classifier.logits(images)
    finally:
        for handle in handles:
            handle.remove()
    if not ran:
        raise NotApplicableError("The model has no batch normalisation, whose weights this test amplifies.")
    return tuple(ran)


@torch.no_grad()
def amplified(classifier: Classifier, layers: tuple[str, ...], factor: float) -> Classifier:
    """A copy of the classifier with weights and biases of the named layers multiplied; the original is left as it is."""
    copied = copy.deepcopy(classifier.logits)
    for name in layers:
        layer = copied.get_submodule(name)
        assert isinstance(layer, _BatchNorm), "only batch normalisations are amplified"
        layer.weight.mul_(factor)
        layer.bias.mul_(factor)
    return Classifier(copied, classifier.classes)
