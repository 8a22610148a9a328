"""What a report says of the program and the machine behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import compliance
from scanning.detectors.provenance import code_sha256, tensors_sha256
from scanning.detectors.scan import Request, environment

pytestmark = pytest.mark.sqlite_only


def test_the_record_names_version_code_and_processor() -> None:
    told = environment(Request(model=Path("model.safetensors")))
    assert told["assay"] == compliance.__version__
    assert len(told["code_sha256"]) == 64
    assert told["processor"]
    assert told["onednn"][0].isdigit()


def test_a_changed_line_of_any_file_changes_the_digest_of_the_code(tmp_path: Path) -> None:
    digests: set[str] = set()
    for name, content in (("a", "x = 1"), ("b", "x = 1"), ("b", "x = 2")):
        folder = tmp_path / f"{len(digests)}"
        (folder / "part").mkdir(parents=True)
        (folder / "part" / f"{name}.py").write_text(content)
        digests.add(code_sha256(folder))
    assert len(digests) == 3


def test_the_digest_of_a_trigger_sees_what_its_picture_rounds_away() -> None:
    mask, pattern = torch.rand(1, 4, 4), torch.rand(3, 4, 4)
    assert tensors_sha256(mask, pattern) == tensors_sha256(mask.clone(), pattern.clone())
    assert tensors_sha256(mask + 1e-5, pattern) != tensors_sha256(mask, pattern)
    assert tensors_sha256(mask.reshape(1, 2, 8), pattern) != tensors_sha256(mask, pattern)
