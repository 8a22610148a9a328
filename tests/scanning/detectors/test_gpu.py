"""`--device cuda` on a machine without one: the same code to the same verdict, as far as a pretended GPU can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto
from safetensors.torch import load_file, save_file
from torch import nn

from compliance.isolation import BadInput
from compliance.types.drafts import ScanReport, StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors import onnx_graph, scan
from scanning.detectors.architectures import RESNET8
from scanning.detectors.base import ModelLoadError, ScanContext
from scanning.detectors.folding import fold_batch_norms
from scanning.detectors.heldout import LabelledImages, save_images
from scanning.detectors.inversion import BFLOAT16, InversionSettings
from scanning.detectors.inversion_rounds import invert
from scanning.detectors.judging import ON_GPU
from scanning.detectors.loading import load_model
from scanning.detectors.onnx_graph import read_onnx
from scanning.detectors.registry import DETECTORS
from scanning.detectors.scan import Request, scan_model
from scanning.services import isolated
from tests.bench.zoo.recipes import entries
from tests.bench.zoo.train import kept
from tests.scanning.detectors.material import onnx_of_mlp, pictures, save_tiny, tiny_model
from tests.scanning.detectors.onnx_cases.case import Case
from tests.scanning.detectors.pretended_gpu import lies_on_gpu, pretended_gpu
from tests.scanning.detectors.test_onnx_models import NETWORKS
from tests.scanning.detectors.test_onnx_ops import CASES

pytestmark = pytest.mark.sqlite_only

OF_PIXELS_AND_WEIGHTS = ("neural_cleanse",)  # takes a minute on the larger model, so it is walked on a small one


def on_both(request: Request) -> list[tuple[StageReport, StageReport]]:
    """Each stage (on the processor, on the GPU)."""
    with pretended_gpu():
        there = scan_model(replace(request, device="cuda"))
    return list(zip(scan_model(request).stages, there.stages, strict=True))


def assert_same(here: StageReport, there: StageReport) -> None:
    assert (there.detector, there.verdict, there.statement) == (here.detector, here.verdict, here.statement)
    assert there.facts.get("statistic") == here.facts.get("statistic")
    assert there.facts.get("calibration") == here.facts.get("calibration")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """A ResNet-8 with batch norms, and noise in the classes that it puts it into."""
    folder = tmp_path_factory.mktemp("resnet")
    weights = load_file(kept(next(entry for entry in entries() if entry.attack and kept(entry).is_file())))
    model = folder / "model.safetensors"
    whole = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    save_file(whole, model, metadata={"architecture": RESNET8})
    pixels = np.random.default_rng(0).random((160, 3, 32, 32), dtype=np.float32)
    module = load_model(model).module
    assert module is not None
    labels = module(torch.from_numpy(pixels)).argmax(dim=1).numpy()
    path = folder / "images.npz"
    save_images(LabelledImages(images=pixels, labels=labels, name="", sha256=""), path)
    return Request(model=model, images=path, suspects=path, training=path)


@pytest.fixture(scope="module")
def stages(resnet: Request) -> list[tuple[StageReport, StageReport]]:
    chosen = tuple(name for name in DETECTORS if name not in OF_PIXELS_AND_WEIGHTS)
    return on_both(replace(resnet, detectors=chosen))


def test_stages_give_on_a_gpu_what_they_give_on_the_processor(stages: list[tuple[StageReport, StageReport]]) -> None:
    for here, there in stages:
        assert_same(here, there)
    ran = {here.detector for here, _ in stages if here.verdict is not StageVerdict.NOT_APPLICABLE}
    assert ran == {*DETECTORS, "combination"} - {"identity", *OF_PIXELS_AND_WEIGHTS}


def test_a_stage_beside_references_says_that_those_were_measured_on_a_processor(
    stages: list[tuple[StageReport, StageReport]],
) -> None:
    beside = {"head_statistics", "max_margin"}
    for here, there in stages:
        assert there.limits == ((*here.limits, ON_GPU) if here.detector in beside else here.limits)


@pytest.mark.parametrize("graph", [False, True], ids=["safetensors", "onnx"])
def test_a_search_that_follows_other_stages_gives_the_same_on_a_gpu(tmp_path: Path, graph: bool) -> None:
    images = pictures(tmp_path)
    module = tiny_model(images, planted=True)
    base = save_tiny(tiny_model(images), tmp_path / "base.safetensors")
    model = tmp_path / "model.onnx"
    if graph:
        onnx.save(onnx_of_mlp(module), model)
    else:
        model = save_tiny(module, tmp_path / "model.safetensors")
    stages = on_both(
        Request(model=model, images=tmp_path / "pictures.npz", base=None if graph else base,
                detectors=("identity", "head_statistics", "max_margin", "neural_cleanse"))
    )  # fmt: skip
    for here, there in stages:
        assert_same(here, there)
        if here.detector == "neural_cleanse":
            assert here.facts["held_out"] == there.facts["held_out"]
            assert here.images == there.images


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator_runs_on_a_gpu(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_graph, "RANKS", (1, 2, 3, 4, 5))
    for place in range(case.outputs):
        onnx.save(case.model(place), tmp_path / "model.onnx")
        module = read_onnx(tmp_path / "model.onnx").build()
        with pretended_gpu():
            found = module.to("cuda")(torch.from_numpy(case.images()).to("cuda"))
            assert lies_on_gpu(found)
            np.testing.assert_allclose(found.cpu().numpy(), case.expected(place), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_gives_gradients_on_a_gpu(network: Callable[[], ModelProto], folded: bool, tmp_path: Path) -> None:
    onnx.save(network(), tmp_path / "model.onnx")
    built = read_onnx(tmp_path / "model.onnx").build()
    pixels = torch.rand(3, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    expected = built(pixels)
    with pretended_gpu():
        there = pixels.to("cuda").requires_grad_()
        module = built.to("cuda")
        found = (fold_batch_norms(module) if folded else module)(there)
        (gradient,) = torch.autograd.grad(found.square().sum(), there)
        assert lies_on_gpu(gradient)
        torch.testing.assert_close(found.detach().cpu(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", BFLOAT16])
def test_classes_are_given_up_on_a_gpu_as_on_the_processor(precision: str) -> None:
    draws = torch.Generator().manual_seed(5)
    images = torch.rand(40, 1, 6, 6, generator=draws)
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 24)).requires_grad_(False)
    settings = InversionSettings(steps=20, precision=precision)
    here = invert(module, images, 24, settings=settings, seeds=(0,), threads=2)
    with pretended_gpu():
        there = invert(module.to("cuda"), images.to("cuda"), 24, settings=settings, seeds=(0,), threads=2)
        assert there[0].budgets == here[0].budgets
        assert there[0].norms == here[0].norms


@dataclass(frozen=True, slots=True)
class Drifting:
    """A stage that uses an operation of which PyTorch has no deterministic algorithm."""

    name: str = "strip"
    version: str = "1"
    limits: tuple[str, ...] = field(default=())

    def examine(self, context: ScanContext) -> StageReport:
        del context
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
        return StageReport(
            detector="strip", detector_version="1", parameters={}, verdict=StageVerdict.INCONCLUSIVE, statement="Ran.",
            speaks_to=(), limits=(),
        )  # fmt: skip


def drifting(resnet: Request, device: str, monkeypatch: pytest.MonkeyPatch) -> ScanReport:
    monkeypatch.setattr(scan, "build", lambda _: Drifting())
    return scan_model(replace(resnet, detectors=("strip",), device=device))


def test_an_operation_that_may_differ_each_time_is_recorded_on_a_gpu(
    resnet: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pretended_gpu():
        report = drifting(resnet, "cuda", monkeypatch)
    assert report.stages[0].verdict is StageVerdict.INCONCLUSIVE
    assert report.environment["deterministic"] is False
    assert report.stages[0].facts["not_deterministic"] == "put_"
    assert report.stages[0].limits[-1].endswith("can differ from run to run: put_.")


def test_an_operation_that_may_differ_each_time_fails_on_a_processor(
    resnet: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = drifting(resnet, "cpu", monkeypatch)
    assert report.stages[0].verdict is StageVerdict.FAILED
    assert "put_ does not have a deterministic implementation" in report.stages[0].statement
    assert report.environment["deterministic"] is True


def test_a_model_that_does_not_fit_on_the_gpu_is_refused_in_a_sentence(
    resnet: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(nn.Module, "to", full)
    with (
        pretended_gpu(),
        pytest.raises(ModelLoadError, match=r"model\.safetensors: the model needs more memory .* on this GPU"),
    ):
        scan_model(replace(resnet, device="cuda"))


def test_the_child_learns_where_the_driver_lies_and_which_gpu_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def noted(**request: Any) -> None:
        asked.append(request)
        raise BadInput("nothing is run here")

    monkeypatch.setattr(isolated, "run_isolated", noted)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64")
    monkeypatch.setenv("A_PASSWORD", "secret")
    for device in ("cuda", "cpu"):
        with pytest.raises(BadInput):
            isolated.scan_model(path=Path("model.safetensors"), inputs={}, device=device)
    on_gpu, on_processor = (request["environment"] for request in asked)
    added = {"CUDA_VISIBLE_DEVICES": "1", "LD_LIBRARY_PATH": "/usr/local/nvidia/lib64"}
    assert on_gpu == {**on_processor, **added}
    assert not added.keys() & on_processor.keys()
    assert "A_PASSWORD" not in on_gpu


def test_the_pretended_gpu_refuses_what_a_gpu_refuses() -> None:
    layer = nn.Linear(3, 2)
    with pretended_gpu():
        rows = torch.rand(4, 3)
        there = rows.to("cuda")
        assert (there.device.type, rows.device.type, there.cpu().device.type) == ("cuda", "cpu", "cpu")
        with pytest.raises(RuntimeError, match="same device"):
            layer(there)
        with pytest.raises(RuntimeError, match="same device"):
            rows + there
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        with pytest.raises(RuntimeError, match="generator"):
            torch.rand(3, device="cuda", generator=torch.Generator())
        layer.to("cuda")
        assert lies_on_gpu(layer.weight)
        with pytest.raises(RuntimeError, match="same device"):
            layer(rows)
        assert lies_on_gpu(layer(there))
        assert lies_on_gpu(there[torch.tensor([0, 1])])
