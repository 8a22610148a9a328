"""Requests in, report out; once through the isolated child as a worker starts it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import nn

from compliance.isolation import BadInput, run_isolated
from compliance.types.drafts import Progress
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors import child, scan
from scanning.detectors.base import ScanContext, ignore_progress
from scanning.detectors.loading import load_model
from scanning.detectors.neural_cleanse import NeuralCleanse
from scanning.detectors.report_json import report_from_json, report_to_json
from scanning.detectors.scan import Request, scan_model
from tests.scanning.detectors.material import onnx_of_mlp, pictures, save_tiny, tiny_model
from tests.scanning.detectors.pretended_gpu import pretended_gpu

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("request")
    images = pictures(folder, count=90)
    model = save_tiny(tiny_model(images), folder / "model.safetensors")
    return {"action": "scan", "model": str(model), "images": str(folder / "pictures.npz"),
            "detectors": ["neural_cleanse"], "seed": 1, "threads": 1}  # fmt: skip


def test_a_scan_runs_in_the_isolated_child(request_: dict[str, Any]) -> None:
    told: list[Progress] = []
    result = run_isolated(
        module="scanning.detectors.child", request=request_, wall_seconds=110, cpu_seconds=110,
        memory_bytes=8 << 30, on_progress=told.append, accept_unisolated=True,
    )  # fmt: skip
    report = report_from_json(result)
    assert report.verdict is StageVerdict.INCONCLUSIVE
    assert report.stages[0].seconds > 0
    assert report.data["images"] == 90
    assert report.environment["threads"] == 1
    assert "trigger inversion" in {progress.stage for progress in told}


def test_bad_input_comes_back_as_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    request = {"action": "scan", "model": str(tmp_path / "model.safetensors")}
    with pytest.raises(BadInput, match=r"model\.safetensors: not a whole safetensors file"):
        run_isolated(
            module="scanning.detectors.child", request=request, wall_seconds=110, cpu_seconds=110,
            memory_bytes=8 << 30, accept_unisolated=True,
        )  # fmt: skip


def test_a_report_survives_the_way_through_json(request_: dict[str, Any]) -> None:
    report = scan_model(Request(model=Path(request_["model"]), detectors=("neural_cleanse",)))
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert report_from_json(report_to_json(report)) == report


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "format the disk"}, "is not known"),
        ({"model": None}, "'model' in the request"),
        ({"seed": -1}, "'seed' in the request is not a whole number"),
        ({"threads": True}, "'threads' in the request"),
        ({"detectors": "neural_cleanse"}, "'detectors' in the request is not a list"),
        ({"detectors": ["x"]}, "no detector named 'x'"),
        ({"bank": [1]}, "'bank' in the request"),
        ({"images": "nowhere.npz"}, "nowhere.npz: no such file"),
        ({"device": "abacus"}, "the device 'abacus' is not known"),
        ({"action": "build_bank"}, "the plan of the bank is not a JSON object"),
    ],
)
def test_unsound_requests_are_refused(request_: dict[str, Any], changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        child.respond({**request_, **changes}, ignore_progress)


def test_a_stage_that_breaks_is_failed_and_never_silent(
    request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: NeuralCleanse, context: ScanContext) -> None:
        raise RuntimeError(f"no memory for {context.model.name}\nmore")

    monkeypatch.setattr(NeuralCleanse, "examine", broken)
    report = scan_model(Request(model=Path(request_["model"]), detectors=("neural_cleanse",)))
    assert report.verdict is StageVerdict.FAILED
    assert report.stages[0].statement.endswith("says nothing of the model: no memory for model.safetensors")


@pytest.mark.parametrize(
    ("error", "device", "said"),
    [
        (None, "cpu", "more memory than a scan is given here; raise SCAN_MEMORY_BYTES"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            "cuda",
            "more memory than a scan is given on this GPU",
        ),
    ],
)
def test_a_model_that_needs_too_much_memory_is_failed_for_that_reason(
    request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: Exception | None, device: str, said: str
) -> None:
    class Large(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if error is not None:
                raise error
            return images + torch.empty(1 << 50)

    known = load_model(Path(request_["model"]))
    monkeypatch.setattr(scan, "load_model", lambda *_, **__: replace(known, module=Large()))
    request = Request(model=Path(request_["model"]), images=Path(request_["images"]), device=device)
    with pretended_gpu():
        report = scan_model(request)
    verdicts = {stage.detector: (stage.verdict, stage.statement) for stage in report.stages}
    for stage in ("head_statistics", "max_margin", "neural_cleanse"):
        assert verdicts[stage][0] is StageVerdict.FAILED
        assert said in verdicts[stage][1]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried",
            "the model needs more memory than a scan",
        ),
        ("element 0 of tensors does not require grad and does not have a grad_fn", "do not follow from the pixels"),
    ],
)
def test_what_torch_says_is_put_in_words(
    request_: dict[str, Any], monkeypatch: pytest.MonkeyPatch, said: str, shown: str
) -> None:
    def broken(_: NeuralCleanse, context: ScanContext) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(NeuralCleanse, "examine", broken)
    report = scan_model(Request(model=Path(request_["model"]), detectors=("neural_cleanse",)))
    assert shown in report.stages[0].statement


def test_progress_is_thinned_out_but_ends_are_kept() -> None:
    told: list[Progress] = []
    calm = child.calmer(told.append)
    for done in range(1, 101):
        calm(Progress(stage="search", done=done, total=100))
    assert (told[0].done, told[-1].done) == (1, 100)
    assert len(told) < 10


def test_outputs_that_no_stage_runs_are_a_limit(tmp_path: Path) -> None:
    graph = onnx_of_mlp(tiny_model(pictures(tmp_path)))
    onnx.save(graph, tmp_path / "one.onnx")
    graph.graph.output.append(onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, None))
    onnx.save(graph, tmp_path / "two.onnx")
    one, two = (
        scan_model(Request(model=tmp_path / name, images=tmp_path / "pictures.npz", detectors=("head_statistics",)))
        for name in ("one.onnx", "two.onnx")
    )
    said = "The graph has 2 outputs and the first, y, was tested; nothing is said of the others."
    assert two.stages[0].limits == (*one.stages[0].limits, said)
