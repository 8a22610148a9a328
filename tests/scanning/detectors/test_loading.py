from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file

from scanning.detectors.base import ModelLoadError
from scanning.detectors.classifier import NotAClassifierError, as_classifier
from scanning.detectors.loading import load_model
from tests.scanning.detectors.material import onnx_of_mlp, pictures, save_tiny, tiny_model

pytestmark = pytest.mark.sqlite_only


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def images(folder: Path) -> torch.Tensor:
    return torch.from_numpy(pictures(folder).images)


@pytest.fixture(scope="module")
def model(folder: Path) -> torch.nn.Module:
    return tiny_model(pictures(folder))


def test_safetensors_name_their_architecture(folder: Path, model: torch.nn.Module, images: torch.Tensor) -> None:
    path = save_tiny(model, folder / "named.safetensors")
    loaded = load_model(path)
    assert loaded.module is not None
    assert torch.equal(loaded.module(images), model(images))
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not any(weight.requires_grad for weight in loaded.module.parameters())


def test_loading_draws_no_random_numbers(folder: Path, model: torch.nn.Module) -> None:
    path = save_tiny(model, folder / "quiet.safetensors")
    before = torch.get_rng_state()
    load_model(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_each_tensor_has_shape_dtype_and_digest(folder: Path, model: torch.nn.Module) -> None:
    loaded = load_model(save_tiny(model, folder / "facts.safetensors"))
    bias = model.state_dict()["1.bias"]
    digest = hashlib.sha256(bias.numpy().tobytes()).hexdigest()
    assert loaded.tensors["1.bias"] == {"shape": [16], "dtype": "float32", "sha256": digest}


def test_the_architecture_digest_sees_the_layout_and_not_the_values(folder: Path, model: torch.nn.Module) -> None:
    other = tiny_model(pictures(folder), seed=1)
    first, second = (load_model(save_tiny(m, folder / f"{n}.safetensors")) for n, m in enumerate((model, other)))
    assert first.architecture_digest == second.architecture_digest
    assert first.tensors["1.weight"]["sha256"] != second.tensors["1.weight"]["sha256"]


def test_without_an_architecture_the_weights_are_read_but_not_run(folder: Path, model: torch.nn.Module) -> None:
    loaded = load_model(save_tiny(model, folder / "unnamed.safetensors", named=False))
    assert loaded.module is None
    assert "names no architecture" in loaded.not_runnable
    assert len(loaded.tensors) == 4


def test_the_sidecar_or_the_caller_names_the_architecture(folder: Path, model: torch.nn.Module) -> None:
    path = save_tiny(model, folder / "sidecar.safetensors", named=False)
    assert load_model(path, architecture="assay-small-mlp").module is not None
    path.with_name(path.name + ".json").write_text(json.dumps({"architecture": "assay-small-mlp"}))
    assert load_model(path).module is not None


@pytest.mark.parametrize("name", ["state.pt", "state.pth"])
def test_a_torch_state_dict_is_read_by_the_restricted_loader(
    folder: Path, model: torch.nn.Module, images: torch.Tensor, name: str
) -> None:
    torch.save({"state_dict": model.state_dict()}, folder / name)
    loaded = load_model(folder / name, architecture="assay-small-mlp")
    assert loaded.module is not None
    assert torch.equal(loaded.module(images), model(images))


@pytest.mark.parametrize("softmax", [False, True])
def test_an_onnx_graph_gives_the_same_classes(
    folder: Path, model: torch.nn.Module, images: torch.Tensor, softmax: bool
) -> None:
    onnx.save(onnx_of_mlp(model, softmax=softmax), folder / "mlp.onnx")
    loaded = load_model(folder / "mlp.onnx")
    assert loaded.module is not None
    classifier = as_classifier(loaded.module, images)
    torch.testing.assert_close(
        classifier.logits(images).log_softmax(1), model(images).log_softmax(1), rtol=1e-3, atol=1e-4
    )


class Hostile:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("false",)


def bad_files(folder: Path, good: bytes, model: torch.nn.Module) -> dict[str, tuple[bytes, str]]:
    torch.save([1, 2], folder / "list.pt")
    external = onnx_of_mlp(model)
    external.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    broken = onnx_of_mlp(model)
    broken.graph.initializer[0].dims[0] = 2**40
    dangling = onnx_of_mlp(model)
    dangling.graph.node[1].input[0] = "nowhere"
    return {
        "empty.safetensors": (b"", "the file is empty"),
        "cut.safetensors": (good[: len(good) // 2], "not a whole safetensors file"),
        "text.safetensors": (b"hello" * 50, "not a whole safetensors file"),
        "header.safetensors": (b"\xff" * 8 + good[8:], "not a whole safetensors file"),
        "hostile.pt": (pickle.dumps(Hostile()), "restricted loader refuses"),
        "text.pt": (b"hello", "restricted loader refuses"),
        "list.pt": ((folder / "list.pt").read_bytes(), "no state dict"),
        "text.onnx": (b"hello", "ONNX"),
        "nothing.onnx": (b"\x08\x08", "holds no ONNX graph"),
        "external.onnx": (external.SerializeToString(), "keeps tensors in other files"),
        "huge.onnx": (broken.SerializeToString(), "is broken"),
        "dangling.onnx": (dangling.SerializeToString(), "which nothing writes"),
        "weights.bin": (good, "not a model format"),
    }


def test_bad_files_get_one_sentence_that_names_the_file(folder: Path, model: torch.nn.Module) -> None:
    good = save_tiny(model, folder / "good.safetensors").read_bytes()
    for name, (content, reason) in bad_files(folder, good, model).items():
        (folder / name).write_bytes(content)
        with pytest.raises(ModelLoadError, match=reason) as caught:
            load_model(folder / name)
        assert str(caught.value).startswith(f"{name}: ")
        assert "\n" not in str(caught.value)


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    (tmp_path / "hostile.pt").write_bytes(pickle.dumps(Touch()))
    with pytest.raises(ModelLoadError):
        load_model(tmp_path / "hostile.pt")
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"gone\.onnx: no such model file"):
        load_model(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("resnet-9000", "is not registered; known are: assay-resnet8, assay-small-cnn"),
        ("assay-small-cnn", "not those of"),
    ],
)
def test_a_wrong_architecture_is_refused(folder: Path, model: torch.nn.Module, architecture: str, reason: str) -> None:
    path = save_tiny(model, folder / "wrong.safetensors")
    with pytest.raises(ModelLoadError, match=reason):
        load_model(path, architecture=architecture)


def state_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"1.bias": torch.full((16,), float("nan"))}, "the tensor 1.bias holds values that are not finite numbers"),
        ({"1.bias": torch.full((16,), float("inf"))}, "the tensor 1.bias holds values that are not finite numbers"),
        ({"3.bias": None}, "lacks the tensor 3.bias"),
        ({"5.weight": torch.ones(2)}, "holds the tensor 5.weight, which the architecture"),
        ({"3.bias": torch.ones(4)}, "the tensor 3.bias has another shape"),
        ({"3.bias": torch.ones(3, dtype=torch.int8)}, "the tensor 3.bias holds numbers of the kind int8"),
        ({"3.bias": torch.ones(3, dtype=torch.complex64)}, "the tensor 3.bias holds numbers of the kind complex64"),
        ({"\x1b[31m\n" + "A" * 500: torch.ones(2)}, f"the tensor ??31m?{'A' * 54}, which"),
    ],
)
def test_weights_that_cannot_be_run_are_read_and_say_why(
    folder: Path, model: torch.nn.Module, change: dict[str, torch.Tensor | None], reason: str
) -> None:
    state = {name: value for name, value in {**state_of(model), **change}.items() if value is not None}
    save_file(state, folder / "odd.safetensors", metadata={"architecture": "assay-small-mlp"})
    loaded = load_model(folder / "odd.safetensors")
    assert loaded.module is None
    assert reason in loaded.not_runnable
    assert set(loaded.tensors) == set(state)


def test_a_graph_whose_weights_are_no_numbers_is_not_run(folder: Path, model: torch.nn.Module) -> None:
    broken = tiny_copy(model)
    broken.state_dict()["3.weight"][0, 0] = float("nan")
    onnx.save(onnx_of_mlp(broken), folder / "odd.onnx")
    loaded = load_model(folder / "odd.onnx")
    assert loaded.module is None
    assert loaded.not_runnable == "odd.onnx: the weight 3.weight holds values that are not finite numbers"


def test_weights_of_eight_bits_with_a_point_are_read(folder: Path, model: torch.nn.Module) -> None:
    state = {name: value.to(torch.float8_e4m3fn) for name, value in state_of(model).items()}
    save_file(state, folder / "eight.safetensors", metadata={"architecture": "assay-small-mlp"})
    loaded = load_model(folder / "eight.safetensors")
    assert loaded.module is not None
    state["3.bias"][0] = float("nan")
    save_file(state, folder / "eight.safetensors", metadata={"architecture": "assay-small-mlp"})
    assert "3.bias holds values that are not finite" in load_model(folder / "eight.safetensors").not_runnable


def test_a_missing_tensor_that_gives_the_size_is_named(folder: Path, model: torch.nn.Module) -> None:
    state = {name: value for name, value in state_of(model).items() if name != "3.weight"}
    save_file(state, folder / "less.safetensors", metadata={"architecture": "assay-small-mlp"})
    with pytest.raises(ModelLoadError, match=r"not those of the architecture .* 3\.weight is missing"):
        load_model(folder / "less.safetensors")


def tiny_copy(model: torch.nn.Module) -> torch.nn.Module:
    return copy.deepcopy(model)


def test_images_of_another_shape_are_no_fit(model: torch.nn.Module) -> None:
    with pytest.raises(NotAClassifierError, match=r"images of shape \[3, 9, 9\]"):
        as_classifier(model, torch.rand(20, 3, 9, 9))
