"""Reports of a scan as the stages write them: calibrated, uncalibrated, combined, of other kinds, and of an older version."""

from __future__ import annotations

from typing import Any

from tests.compliance import records

JSON = dict[str, Any]
BANK_SHA256 = "ba" * 32
POWER = [
    {"attack": "BadNets 4×4 patch, 1 %", "planted": 20, "found": 18, "rate": 0.9, "interval_95": [0.683, 0.988]},
    {"attack": "Blended image, 10 %", "planted": 20, "found": 9, "rate": 0.45, "interval_95": [0.231, 0.685]},
]
SCORES = [-13.3, -31.2, -35.0, None, -33.4, -36.1, -30.9, -34.4, -32.0, -38.8]


def stage(detector: str, verdict: str, statement: str, facts: JSON | None = None, **more: Any) -> JSON:
    """A StageReport as JSON."""
    return {
        "detector": detector, "detector_version": "2", "verdict": verdict, "statement": statement,
        "parameters": {"repr": f"{detector}()", "seeds": [0, 1, 2], "threads": 2},
        "speaks_to": ["AML.T0018.000"], "limits": [f"{detector} sees its own kind of trigger alone."],
        "facts": facts or {}, "images": {}, "seconds": 12.4, "peak_memory_bytes": 2_000_000, **more,
    }  # fmt: skip


def calibration(p: float, **more: Any) -> JSON:
    """Calibrated among 39 references."""
    references = [1.2 + n / 10 for n in range(39)]
    return {
        "tier": "calibrated", "p_value": p, "resolution": 0.025, "top_class": 0, "score": 19.4,
        "references": references, "flagged": p <= 0.05,
        "confirmed": False, "power": POWER, "not_compared": "", **more,
    }  # fmt: skip


def statistic(scores: list[float | None], *, words: str = "mask norm 13.3 pixels", **more: Any) -> JSON:
    """Of three seeds."""
    known = [(score, place) for place, score in enumerate(scores) if score is not None]
    top_score, top = max(known)
    return {
        "words": words, "score": top_score, "top_class": top, "scores": scores,
        "spread": [None if score is None else 1.5 for score in scores],
        "runs": [{"seed": seed, "scores": scores} for seed in (0, 1, 2)],
        "confirmation": {"flipped": 690, "tried": 700, "by_chance": 61}, **more,
    }  # fmt: skip


BANK = {"name": "resnet8-cifar10", "sha256": BANK_SHA256, "shipped": True, "family": {"name": "ResNet-8 on CIFAR-10"}}
CALIBRATED = stage(
    "neural_cleanse", "evidence_found", "Class 0 stands out most: mask norm 13.3 pixels.",
    {
        "norms": [13.3, 31.2, 35.0, None, 33.4, 36.1, 30.9, 34.4, 32.0, 38.8], "first_ranked_class": 0,
        "smallest_norm": 13.3, "accuracy": {"correct": 655, "images": 700},
        "held_out": {"flipped": 690, "tried": 700, "flip_rate": 0.986, "interval_95": [0.974, 0.993]},
        "statistic": statistic(SCORES), "calibration": calibration(0.025, confirmed=True), "reference_bank": BANK,
    },
    images={"trigger": records.DOT_PNG, "trigger_mask": records.DOT_PNG},
)  # fmt: skip
UNCALIBRATED = stage(
    "max_margin", "inconclusive", "Nothing can be concluded, because no bank of reference models was at hand.",
    {
        "statistic": statistic([4.1, 2.2, 2.5, 2.4], words="largest margin 4.1", confirmation=None),
        "calibration": {
            "tier": "uncalibrated", "p_value": 0.07, "resolution": None, "references": [], "flagged": False,
            "confirmed": False, "power": [], "not_compared": "no bank of reference models was at hand",
        },
        "reference_bank": {"not_used": "no bank of reference models is known for this architecture"},
    },
)  # fmt: skip
IDENTITY = stage(
    "identity", "inconclusive", "Two of three tensors differ from the base model.",
    {
        "tensors": {f"layer{n}.weight": {"shape": [16, 3], "sha256": f"{n:064x}"} for n in range(3)},
        "difference": {"kind": "low rank", "changed": [{"name": "layer1.weight", "relative": 0.02, "rank": 4}]},
    },
    speaks_to=["AML.T0018.000", "AML.T0018.001"],
)  # fmt: skip
CLUSTERING = stage(
    "activation_clustering", "evidence_found", "Class 2 holds a small cluster of its own.",
    {
        "classes": [{"class": n, "n": 5000, "p_value": 0.5 / (n + 1), "suspected": n == 2} for n in range(4)],
        "suspects": [{"index": 17 * n, "class": 2, "score": 9.0 - n} for n in range(60)],
    },
)  # fmt: skip
NOT_APPLICABLE = stage("strip", "not_applicable", "This stage needs suspicious inputs, and none were handed in.")
COMBINATION = stage(
    "combination", "evidence_found", "Taken together, 2 stages give p = 0.025 beside 39 reference models.",
    {
        "stages": [
            {
                "detector": "neural_cleanse", "label": "Trigger inversion (Neural Cleanse)", "settings_digest": "c" * 64,
                "score": -13.3, "p_value": 0.025, "flagged": True, "top_class": 0, "verdict": "evidence_found",
            }
        ],
        "cauchy_p": 0.03,
        "calibration": calibration(0.025, score=12.1, references=[0.3 * n - 5 for n in range(39)], confirmed=True),
    },
)  # fmt: skip
NORMS_ALONE = stage(
    "neural_cleanse", "evidence_found", "A mask of 6.4 pixels turns 98 of 100 held-out images into class 0.",
    {
        "norms": [38.1, 6.4, None, 41.5], "first_ranked_class": 1, "smallest_norm": 6.4,
        "held_out": {"flipped": 98, "tried": 100, "flip_rate": 0.98, "interval_95": [0.93, 0.998]},
        "reference_smallest_norms": [36.1, 35.2, 37.9], "references": 3, "p_value": 0.25, "p_value_resolution": 0.25,
    },
)  # fmt: skip
EVERY = [IDENTITY, CLUSTERING, UNCALIBRATED, NOT_APPLICABLE, CALIBRATED, COMBINATION]
TENSORS = {f"layer{n}.weight": {"shape": [16, 3, 3, 3], "dtype": "float32", "sha256": f"{n:064x}"} for n in range(5)}
ENVIRONMENT = {"torch": "2.8.0", "device": "cpu", "threads": 2, "seed": 0, "seeds": 3, "deterministic": True}


def detection(stages: list[JSON], **more: Any) -> JSON:
    """A ScanReport as JSON."""
    return {
        "model_sha256": "a" * 64, "model_format": "safetensors", "architecture_digest": "d" * 64, "tensors": TENSORS,
        "stages": stages, "verdict": stages[-1]["verdict"], "data": {"images": 1000, "name": "held-out.npz"},
        "environment": ENVIRONMENT, "started_at": "2026-11-02T09:00:00+00:00",
        "finished_at": "2026-11-02T09:05:00+00:00", **more,
    }  # fmt: skip
