"""What every peer script measures with: seconds, peak memory, and how well flags and scores find the poisoned samples.

NumPy and the standard library alone, since it runs in the peer's environments too.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since it was made; `cpu` counts all threads of this process."""

    wall_start: float
    cpu_start: float

    @classmethod
    def start(cls) -> Clock:
        """A clock that starts now."""
        return cls(time.perf_counter(), time.process_time())

    @property
    def wall(self) -> float:
        """Wall seconds so far."""
        return time.perf_counter() - self.wall_start

    @property
    def cpu(self) -> float:
        """Processor seconds so far."""
        return time.process_time() - self.cpu_start


def peak_mib() -> float:
    """Largest resident memory of this process, MiB.

    Read from the kernel's own mark: `ru_maxrss` would begin at the size of whoever started the process.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this kernel does not tell the peak memory of a process")


def auroc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Chance that a positive scores higher than a negative, ties counting half (Mann and Whitney); None without both."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, first, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[first]  # mean rank of each group of ties
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def infected_class(labels: NDArray[np.int64], poisoned: NDArray[np.bool_]) -> int | None:
    """The class that most poisoned samples carry; None where nothing is poisoned."""
    return int(np.bincount(labels[poisoned]).argmax()) if poisoned.any() else None


def judge(
    flags: NDArray[np.bool_], scores: NDArray[np.float64], labels: NDArray[np.int64], poisoned: NDArray[np.bool_]
) -> dict[str, Any]:
    """How flags and scores [N] agree with what is poisoned [N].

    `named`: the infected class has the largest share of flagged samples, by more than one point over the next.
    """
    hits, wrong = int((flags & poisoned).sum()), int((flags & ~poisoned).sum())
    marked, there, rest = int(flags.sum()), int(poisoned.sum()), int((~poisoned).sum())
    precision, recall = (hits / marked if marked else None), (hits / there if there else None)
    target = infected_class(labels, poisoned)
    inside = labels == (-1 if target is None else target)
    shares = [float(flags[labels == k].mean()) if (labels == k).any() else 0.0 for k in range(int(labels.max()) + 1)]
    next_best = max((share for k, share in enumerate(shares) if k != target), default=0.0)
    return {
        "auroc": auroc(scores, poisoned),
        "auroc_in_class": auroc(scores[inside], poisoned[inside]),
        "precision": precision,
        "recall": recall,
        "f1": 2 * hits / (marked + there) if there else None,
        "fpr": wrong / rest if rest else None,
        "flagged": marked,
        "flagged_share_by_class": [round(share, 4) for share in shares],
        "infected_class": target,
        "named": None if target is None else shares[target] > next_best + 0.01,
    }


def finite(value: float | None) -> float | None:
    """The number, or None where JSON has none for it."""
    return None if value is None or not math.isfinite(value) else float(value)
