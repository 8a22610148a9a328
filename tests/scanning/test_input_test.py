"""The command for models that can only be queried: plan, answers, score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.installations import Installation

pytestmark = pytest.mark.sqlite_only


def save(path: Path, *, seed: int, count: int) -> str:
    """Noise whose first pixel is the label."""
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 2, count)
    images = draws.uniform(0.2, 0.8, (count, 1, 4, 4)).astype(np.float32)
    images[:, 0, 0, 0] = labels
    np.savez(path, images=images, labels=labels)
    return str(path)


def test_a_model_is_tested_by_its_answers(installation: Installation, tmp_path: Path) -> None:
    images, suspects = (
        save(tmp_path / "images.npz", seed=0, count=120),
        save(tmp_path / "suspects.npz", seed=1, count=10),
    )
    plan, answers = tmp_path / "plan.npz", tmp_path / "answers.npz"
    made = installation.json(
        "input_test", "plan", "--images", images, "--suspects", suspects, "--out", str(plan), "--ordinary", "60",
        "--overlays", "2", "--pngs", str(tmp_path / "pngs"),
    )  # fmt: skip
    assert made["queries"] == (60 + 10) * 3 == len(list((tmp_path / "pngs").glob("*.png")))
    with np.load(plan) as arrays:
        share = arrays["queries"][:, 0, 0, 0] / 255
    np.savez(answers, probabilities=np.stack((1 - share, share), axis=1))
    scored = installation.json("input_test", "score", "--plan", str(plan), "--answers", str(answers), code=3)
    assert scored["verdict"] == "inconclusive"
    assert scored["facts"]["plan"]["sha256"] == made["sha256"]
    np.savez(answers, probabilities=np.ones((5, 2)))
    refused = installation.manage("input_test", "score", "--plan", str(plan), "--answers", str(answers))
    assert (refused.returncode, refused.stderr) == (2, "answers.npz: holds 5 answers where the plan asks 210 queries\n")
