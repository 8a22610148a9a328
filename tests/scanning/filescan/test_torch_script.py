from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from compliance.types.drafts import FileScanReport
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import call_pickle, rules, scan, zip_of

USUAL = """class Net(Module):
  __parameters__ = ["weight", ]
  training : bool
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    _0 = getattr(self, "0")
    if torch.gt(torch.len(torch.size(x)), 2):
      y = torch.relu(x)
    else:
      ops.prim.RaiseException("open() failed; import os", "builtins.ValueError")
      y = x
    return torch.conv2d(y, self.weight)
"""


def archive(text: str, pickled: bytes = b"", constants: bool = True) -> bytes:
    members = {
        "m/data.pkl": pickled or pickle.dumps(1),
        "m/code/__torch__.py": text.encode(),
        "m/constants/0": b"\xff" * 8,
    }
    return zip_of(members | ({"m/constants.pkl": pickle.dumps(())} if constants else {}))


def looked_at(folder: Path, line: str) -> FileScanReport:
    return scan(folder, "m.pt", archive(USUAL + f"\n    {line}\n"))


def test_an_ordinary_program(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pt", archive(USUAL))
    assert (report.format, report.verdict) == ("torch-zip", FileScanVerdict.NOTHING_FOUND)
    assert "m/code/__torch__.py" in report.scanned
    assert report.facts["program_texts"] == 1


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import os", "torchscript.python"),
        ("x = os.system(y)", "torchscript.python"),
        ("x = eval(y)", "torchscript.python"),
        ("x = torch.from_file(y, True, 4)", "torchscript.file_access"),
        ("torch.save(x, y)", "torchscript.file_access"),
        ("x = ops.acme.magic(y)", "torchscript.custom_operator"),
        ("x : __torch__.torch.classes.acme.Thing", "torchscript.custom_operator"),
        ("if bool(torch.all(torch.eq(x, y))):", "torchscript.choice_by_values"),
    ],
)
def test_what_reaches_beyond_tensors_is_a_finding(tmp_path: Path, line: str, rule: str) -> None:
    assert rules(looked_at(tmp_path, line)) == {rule}


def test_operators_of_torch_and_its_sisters_pass(tmp_path: Path) -> None:
    report = looked_at(tmp_path, "x = __torch__.torchvision.ops.misc.f(ops.torchvision.nms(ops.quantized.add(y)))")
    assert report.issues == ()


def test_classes_of_the_archive_itself_are_no_imports_from_python(tmp_path: Path) -> None:
    named = call_pickle("__torch__", "Net")
    assert scan(tmp_path, "m.pt", archive(USUAL, named)).issues == ()
    assert rules(scan(tmp_path, "n.pt", archive(USUAL, named, constants=False))) == {"pickle.import"}
    assert rules(scan(tmp_path, "o.pt", archive(USUAL, call_pickle("__torch__.other", "X")))) == {"pickle.import"}


def test_a_program_that_is_no_text_is_failed(tmp_path: Path) -> None:
    content = zip_of({"m/data.pkl": pickle.dumps(1), "m/code/a.py": b"\xff\xfe"})
    assert scan(tmp_path, "m.pt", content).verdict is FileScanVerdict.FAILED
