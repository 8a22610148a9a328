"""Which platforms are read, and by which evaluator. A table: listing platforms imports no evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument

Evaluate = Callable[[Sequence[EntitlementDocument]], EntitlementAnswer]

EVALUATORS: dict[str, str] = {
    "aws": "scanning.entitlement.aws",
    "azure": "scanning.entitlement.azure",
    "gcp": "scanning.entitlement.gcp",
    "kubernetes": "scanning.entitlement.kubernetes",
}
LABELS: dict[str, str] = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud", "kubernetes": "Kubernetes"}


def evaluate(documents: Sequence[EntitlementDocument]) -> tuple[EntitlementAnswer, ...]:
    """What each platform's evaluator reads off its documents, in the order of the table; nothing for a platform without any."""
    answers = []
    for platform, module in EVALUATORS.items():
        its_own = [document for document in documents if document.platform == platform]
        if its_own:
            answers.append(cast(Evaluate, import_module(module).evaluate)(its_own))
    return tuple(answers)
