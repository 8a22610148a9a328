"""Identity and difference: each kind of change is named for what it is, and only what training cannot do is evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from compliance.types.canonical import canonical_json
from compliance.types.drafts import StageReport
from compliance.types.verdicts import StageVerdict
from scanning.detectors.architectures import SMALL_MLP, small_mlp
from scanning.detectors.base import ScanContext
from scanning.detectors.identity import Identity
from scanning.detectors.loading import load_model
from scanning.detectors.tensor_diff import compare, plain_names, singular_values
from tests.scanning.detectors.material import onnx_of_mlp

pytestmark = pytest.mark.sqlite_only

State = dict[str, Tensor]
HEAD = "3.weight"


def state() -> State:
    torch.manual_seed(5)
    return dict(small_mlp(inputs=36, hidden=32, classes=6).state_dict())


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def report_on(folder: Path, model: State, base: State | None, *, architecture: str = SMALL_MLP) -> StageReport:
    metadata = {"architecture": architecture} if architecture else {}
    save_file(model, folder / "model.safetensors", metadata=metadata)
    loaded = load_model(folder / "model.safetensors")
    if base is None:
        return Identity().examine(ScanContext(model=loaded))
    save_file(base, folder / "base.safetensors", metadata=metadata)
    return Identity().examine(ScanContext(model=loaded, base=load_model(folder / "base.safetensors")))


def one_row(model: State) -> None:
    model[HEAD][4] += 0.1


def direction_taken_out(model: State) -> None:
    direction = torch.nn.functional.normalize(drawn(32), dim=0)
    model[HEAD] -= torch.outer(model[HEAD] @ direction, direction)


def flipped_bits(model: State) -> None:
    model["1.weight"].view(torch.int32).view(-1)[[3, 700]] ^= 1 << 30


def one_bias(model: State) -> None:
    model["3.bias"][2] += 3.0


def head_trained(model: State) -> None:
    model[HEAD] += 0.05 * drawn(6, 32)


def adapter(model: State) -> None:
    model["1.weight"] += 0.01 * drawn(32, 2) @ drawn(2, 36, seed=1)


def all_trained(model: State) -> None:
    for name in model:
        model[name] += 0.01 * drawn(*model[name].shape)


def pruned(model: State) -> None:
    model["1.weight"][model["1.weight"].abs() < 0.05] = 0.0


def trained_anew(model: State) -> None:
    for name in model:
        model[name] = drawn(*model[name].shape)


def last_bits(model: State) -> None:
    for name in model:
        model[name] = torch.nextafter(model[name], torch.tensor(9.0))


EVIDENCE, NOTHING = StageVerdict.EVIDENCE_FOUND, StageVerdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("change", "kind", "verdict", "said"),
    [
        (one_row, "rows of the last layer", EVIDENCE, "only row 4 of the last layer"),
        (direction_taken_out, "rank one in the last layer", EVIDENCE, "rank one"),
        (flipped_bits, "sparse edit", EVIDENCE, "2 elements differ"),
        (one_bias, "sparse edit", EVIDENCE, "in 3.bias"),
        (head_trained, "head only", NOTHING, "Only the last layer"),
        (adapter, "low rank", NOTHING, "rank 2 at the most"),
        (all_trained, "fine-tuned", NOTHING, "as fine-tuning gives"),
        (pruned, "pruned", NOTHING, "were set to 0"),
        (trained_anew, "other model", NOTHING, "nothing in common"),
        (last_bits, "rounding", NOTHING, "steps of rounding"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_each_kind_of_change_is_named(
    tmp_path: Path, change: Callable[[State], None], kind: str, verdict: StageVerdict, said: str
) -> None:
    model = {name: value.clone() for name, value in state().items()}
    change(model)
    report = report_on(tmp_path, model, state())
    assert (report.facts["kind"], report.verdict) == (kind, verdict)
    assert said in report.statement
    assert canonical_json(report.facts)


def test_the_base_itself_is_recognised_and_nothing_is_said_of_it(tmp_path: Path) -> None:
    report = report_on(tmp_path, state(), state())
    assert report.verdict is NOTHING
    assert "byte for byte" in report.statement
    assert "nothing is said of the base" in report.statement


def test_another_number_format_is_not_a_change(tmp_path: Path) -> None:
    halved = {name: value.half() for name, value in state().items()}
    report = report_on(tmp_path, halved, state())
    assert (report.facts["kind"], report.verdict) == ("recoded", NOTHING)


def test_without_a_base_only_the_identity_is_told(tmp_path: Path) -> None:
    report = report_on(tmp_path, state(), None)
    assert report.verdict is StageVerdict.NOT_APPLICABLE
    assert "no base model is named" in report.statement.lower()
    assert (report.facts["tensors"], report.facts["elements"]) == (4, 36 * 32 + 32 + 32 * 6 + 6)
    assert report.facts["number_formats"] == {"float32": 4}


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    model = {name: value.clone() for name, value in state().items()}
    model["1.bias"][3] = torch.nan
    report = report_on(tmp_path, model, state())
    assert report.facts["not_finite"] == ["1.bias"]
    assert "1.bias holds values that are not finite numbers" in report.statement
    assert canonical_json(report.facts)


def test_layers_that_the_base_does_not_have_are_evidence(tmp_path: Path) -> None:
    report = report_on(tmp_path, state() | {"2.gate.weight": drawn(4, 4)}, state(), architecture="")
    assert (report.facts["kind"], report.verdict) == ("other architecture", EVIDENCE)
    assert "added: 2.gate.weight" in report.statement


def test_a_last_layer_for_other_classes_is_not(tmp_path: Path) -> None:
    other = state() | {HEAD: drawn(9, 32), "3.bias": drawn(9)}
    report = report_on(tmp_path, other, state())
    assert (report.facts["kind"], report.verdict) == ("head only", NOTHING)


def test_tensors_under_other_names_are_not_compared(tmp_path: Path) -> None:
    renamed = {f"layer_{place}": value for place, value in enumerate(state().values())}
    report = report_on(tmp_path, renamed, state(), architecture="")
    assert (report.facts["kind"], report.verdict) == ("not comparable", NOTHING)


def test_a_graph_with_another_operator_is_evidence(tmp_path: Path) -> None:
    module = small_mlp(inputs=36, hidden=32, classes=6)
    for name, softmax in (("base", False), ("model", True)):
        onnx.save(onnx_of_mlp(module, softmax=softmax), tmp_path / f"{name}.onnx")
    context = ScanContext(model=load_model(tmp_path / "model.onnx"), base=load_model(tmp_path / "base.onnx"))
    report = Identity().examine(context)
    assert (report.facts["kind"], report.verdict) == ("other graph", EVIDENCE)


def test_a_row_of_the_last_layer_is_found_in_a_graph_too(tmp_path: Path) -> None:
    module = small_mlp(inputs=36, hidden=32, classes=6)
    onnx.save(onnx_of_mlp(module), tmp_path / "base.onnx")
    with torch.no_grad():
        module.get_parameter(HEAD)[2] += 0.1
    onnx.save(onnx_of_mlp(module), tmp_path / "model.onnx")
    context = ScanContext(model=load_model(tmp_path / "model.onnx"), base=load_model(tmp_path / "base.onnx"))
    assert "only row 2 of the last layer" in Identity().examine(context).statement


def test_statistics_of_batch_normalisation_are_told_apart(tmp_path: Path) -> None:
    norms = {"0.weight": drawn(8, 3, 3, 3), "1.running_mean": drawn(8), "1.running_var": drawn(8).abs()}
    report = report_on(tmp_path, norms | {"1.running_mean": drawn(8, seed=1)}, norms, architecture="")
    assert report.facts["kind"] == "normalisation statistics"


def test_a_convolution_is_a_matrix_of_filters() -> None:
    base = {"conv": drawn(16, 8, 3, 3)}
    change = (drawn(16, 2, seed=1) @ drawn(2, 72, seed=2)).view(16, 8, 3, 3)
    (row,) = compare({"conv": base["conv"] + change}, base).changes
    assert (row.rank, row.side) == (2, 16)
    assert row.relative == pytest.approx(float(change.norm() / base["conv"].norm()), rel=1e-5)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_rounding_to_a_number_format_hides_no_low_rank(kind: torch.dtype) -> None:
    weights = drawn(64, 80)
    merged = weights + drawn(64, 3, seed=1) @ drawn(3, 80, seed=2)
    (row,) = compare({"w": merged.to(kind)}, {"w": weights.to(kind)}).changes
    assert row.rank == 3


def test_a_small_change_that_rounding_drowns_is_no_low_rank() -> None:
    weights = drawn(64, 80)
    trained = weights + 3e-4 * drawn(64, 80, seed=1)
    (row,) = compare({"w": trained.half()}, {"w": weights.half()}).changes
    assert row.rank is None or row.rank_energy is None or row.rank > 16 or row.rank_energy < 0.8


def test_the_sketch_of_a_large_matrix_finds_its_singular_values() -> None:
    matrix = drawn(300, 5).double() @ drawn(5, 400, seed=1).double()
    values, complete = singular_values(matrix)
    assert not complete
    assert torch.allclose(values[:5], torch.linalg.svdvals(matrix)[:5], rtol=1e-9)
    assert float(values[5]) < 1e-9


def test_the_prefix_of_a_wrapper_is_no_difference() -> None:
    wrapped = {f"module.{name}": value for name, value in state().items()}
    assert compare(wrapped, state()).same == 4
    assert plain_names({}) == {}
