"""Activation clustering (Chen and others, 2018) as one stage: each class of the training set is split in two by its
penultimate features, and a class that falls apart far more than the others is suspected.

From the paper: penultimate activations per class, ten dimensions, 2-means, and a look at size and silhouette. Ours: the
ten dimensions are those in which the class spreads more than the other classes do; classes are compared by the
separation of the two sides, among themselves and with classes of models without a planted backdoor, and not by a fixed
size, which condemns a part of every class; the suspicious side is the one that is
less like the sides of other classes; and a stamp that
is read off that side must turn other images.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from compliance.types.drafts import StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError
from scanning.detectors.feature_streams import FeatureStream, features_of
from scanning.detectors.judging import report
from scanning.detectors.training_nulls import SEPARATION, SEPARATION_RULE, Rule
from scanning.detectors.training_set import split_classes
from scanning.detectors.training_verdict import LIMITS, ClassRow, Examined, check_skill, class_row, judge

WORDS = "the squared distance between its two sides, over the variance within them, is"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationClustering:
    """Parameters of the stage."""

    rule: Rule = field(default_factory=lambda: SEPARATION_RULE)
    name: str = "activation_clustering"
    version: str = "1"

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see."""
        return LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Features, clusters, verdict."""
        started = time.perf_counter()
        try:
            stream = features_of(context)
            check_skill(stream, self.rule)
            judged = judge(context, stream, clusters(stream), self.rule, SEPARATION)
        except NotApplicableError as error:
            return report(self, context, StageVerdict.NOT_APPLICABLE, str(error), started=started)
        except UnreliableError as error:
            return report(self, context, StageVerdict.INCONCLUSIVE, str(error), started=started)
        return report(
            self, context, judged.verdict, judged.statement, started=started, facts=judged.facts, images=judged.images
        )


def clusters(stream: FeatureStream) -> Examined:
    """Every class with enough images in two. Raises UnreliableError where the features do not vary."""
    positions = np.full(len(stream.labels), np.nan, dtype=np.float32)
    rows: list[ClassRow] = []
    for axes, found in split_classes(stream):
        members = stream.rows_of(axes.label)
        if found is not None:
            positions[members] = found.positions
        rows.append(class_row(axes, len(members), found, None if found is None else found.split.separation))
    return Examined(words=WORDS, rows=tuple(rows), positions=positions)
