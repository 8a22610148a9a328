from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.filescan.base import ScanLimits
from scanning.filescan.registry import FORMATS, scan_path
from tests.scanning.filescan.build import call_pickle, rules, safetensors, scan, zip_of

FINDING, NOTHING_FOUND = FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND
NOTHING_SCANNED, SKIPPED, FAILED = FileScanVerdict.NOTHING_SCANNED, FileScanVerdict.SKIPPED, FileScanVerdict.FAILED
CALL = call_pickle("os", "getcwd")


def test_names_agree_with_the_formats() -> None:
    for name, entry in FORMATS.items():
        assert entry.load().name == name


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", b"hello"), ("a.dat", b"\0" * 99), ("a.json", b'{"a": 1}'), ("empty", b"")]
)
def test_unknown_files_are_nothing_scanned(tmp_path: Path, name: str, content: bytes) -> None:
    report = scan(tmp_path, name, content)
    assert (report.verdict, report.format, report.speaks_to) == (NOTHING_SCANNED, "unknown", ())
    assert report.not_scanned[0][0] == name


def test_what_cannot_be_opened_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is a folder"):
        scan_path(tmp_path)
    with pytest.raises(BadInputError, match=r"model\.pt does not exist"):
        scan_path(tmp_path / "x", name="model.pt")


# safetensors


def tensor(begin: int, end: int, count: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [count], "data_offsets": [begin, end]}


def test_a_sound_safetensors_file(tmp_path: Path) -> None:
    report = scan(
        tmp_path, "m.safetensors", safetensors({"__metadata__": {"f": "pt"}, "w": tensor(0, 12, 3)}, b"\0" * 12)
    )
    assert (report.verdict, report.facts["tensors"]) == (NOTHING_FOUND, 1)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"a": tensor(0, 12, 3), "b": tensor(8, 20, 3)}, 20),
        ({"a": tensor(4, 16, 3)}, 16),
        ({"a": tensor(0, 12, 3)}, 13),
    ],
    ids=["overlap", "hole", "tail"],
)
def test_bytes_that_no_tensor_owns_are_a_finding(tmp_path: Path, header: dict[str, Any], size: int) -> None:
    report = scan(tmp_path, "m.safetensors", safetensors(header, b"\0" * size))
    assert (report.verdict, rules(report)) == (FINDING, {"safetensors.layout"})


@pytest.mark.parametrize(
    "content",
    [
        safetensors({"a": tensor(0, 12, 3)}, b"\0" * 5),
        safetensors({"a": tensor(0, 8, 3)}, b"\0" * 8),
        safetensors({"a": tensor(0, 12, 3, "F33")}, b"\0" * 12),
        safetensors(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{}}', b"\0"),
        safetensors(b'{"a":', b""),
        b"\xff\xff\0\0\0\0\0\0{",
        safetensors({"__metadata__": {"x": 1}}, b""),
    ],
    ids=["cut", "shape", "type", "repeated", "json", "length", "metadata"],
)
def test_a_header_that_lies_is_failed(tmp_path: Path, content: bytes) -> None:
    assert scan(tmp_path, "m.safetensors", content).verdict is FAILED


# NumPy


def saved(value: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, value, allow_pickle=True)
    return content.getvalue()


def test_arrays_of_numbers_and_of_objects(tmp_path: Path) -> None:
    assert scan(tmp_path, "a.npy", saved(np.zeros(3))).verdict is NOTHING_FOUND
    assert rules(scan(tmp_path, "b.npy", saved(np.array([{}], dtype=object)))) == {"numpy.object_array"}
    header = saved(np.array([{}], dtype=object))[:128]
    assert rules(scan(tmp_path, "c.npy", header + CALL)) == {"numpy.object_array", "pickle.import"}
    structured = np.zeros(2, dtype=[("a", "f4"), ("b", object)])
    assert "numpy.object_array" in rules(scan(tmp_path, "d.npy", saved(structured)))


def test_archives_of_arrays(tmp_path: Path) -> None:
    report = scan(tmp_path, "a.npz", zip_of({"x.npy": saved(np.zeros(3)), "y.npy": saved(np.ones(2))}))
    assert (report.format, report.verdict, report.scanned) == ("numpy-archive", NOTHING_FOUND, ("x.npy", "y.npy"))


def test_a_numpy_header_that_is_no_literal_is_failed(tmp_path: Path) -> None:
    assert scan(tmp_path, "a.npy", b"\x93NUMPY\x01\x00\x10\x00__import__('os')").verdict is FAILED


# Keras

LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}}


def keras(layers: list[dict[str, Any]]) -> bytes:
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    return zip_of(
        {"metadata.json": b"{}", "config.json": json.dumps(config).encode(), "model.weights.h5": b"\x89HDF\r\n\x1a\n"}
    )


def test_keras_archives(tmp_path: Path) -> None:
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {}}
    report = scan(tmp_path, "m.keras", keras([dense]))
    assert (report.format, report.verdict) == ("keras-zip", NOTHING_FOUND)
    assert rules(scan(tmp_path, "m.keras", keras([dense, LAMBDA]))) == {"keras.lambda"}
    assert rules(scan(tmp_path, "m.keras", keras([{"module": "acme", "class_name": "L"}]))) == {"keras.foreign_class"}


def function(name: str, module: str = "builtins") -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        (function("get_file", "keras.utils"), "keras.foreign_class"),
        (function("eval"), "keras.foreign_class"),
        ({"module": "builtins", "class_name": "exec"}, "keras.foreign_class"),
        ({"class_name": "Dense", "config": {"activation": "open_the_door"}}, "keras.foreign_class"),
        ({"class_name": "Mine", "config": {}}, "keras.foreign_class"),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "keras.outside_file"),
        ({"class_name": "TextVectorization", "config": {"vocabulary": "http://a.test/x"}}, "keras.outside_file"),
    ],
)
def test_what_a_keras_configuration_brings_in(tmp_path: Path, layer: dict[str, Any], rule: str) -> None:
    assert rules(scan(tmp_path, "m.keras", keras([layer]))) == {rule}
    magic = b"\x89HDF\r\n\x1a\n" + b"\0" * 600
    whole = {"class_name": "Sequential", "config": {"layers": [layer]}}
    assert rules(scan(tmp_path, "m.h5", magic + json.dumps(whole).encode() + b"\0")) == {rule}


def test_functions_losses_and_activations_of_keras_pass(tmp_path: Path) -> None:
    layer = {"class_name": "Dense", "config": {"activation": function("gelu"), "loss": ["mse", "MeanSquaredError"]}}
    vocabulary = {"class_name": "StringLookup", "config": {"vocabulary": ["http://a.test", "/b"]}}
    assert scan(tmp_path, "m.keras", keras([layer, vocabulary])).verdict is NOTHING_FOUND
    compiled = b'{"class_name": "Dense"}\0{"loss": "steal_it", "metrics": null}\0'
    assert rules(scan(tmp_path, "m.h5", b"\x89HDF\r\n\x1a\n" + compiled)) == {"keras.foreign_class"}


def test_keras_hdf5(tmp_path: Path) -> None:
    magic = b"\x89HDF\r\n\x1a\n" + b"\0" * 600
    assert rules(scan(tmp_path, "m.h5", magic + json.dumps(LAMBDA).encode())) == {"keras.lambda"}
    assert scan(tmp_path, "m.h5", magic + b'{"class_name": "Dense"}').verdict is NOTHING_FOUND
    own = magic + b'{"class_name": "Mine", "registered_name": "Custom>Mine"}'
    assert rules(scan(tmp_path, "m.h5", own)) == {"keras.foreign_class"}
    assert scan(tmp_path, "weights.h5", magic).verdict is NOTHING_SCANNED


# Chat templates


def tokenizer(template: object) -> bytes:
    return json.dumps({"chat_template": template}).encode()


def test_an_ordinary_template(tmp_path: Path) -> None:
    usual = "{% for m in messages %}{% if m['role'] == 'user' %}<|user|>{{ m['content'] }}{% endif %}{% endfor %}"
    thinking = "{% if '</think>' in m['content'] %}{{ m['content'].split('</think>')[-1] }}{% endif %}"
    report = scan(tmp_path, "tokenizer_config.json", tokenizer(usual + thinking))
    assert (report.verdict, report.speaks_to) == (NOTHING_FOUND, ("AML.T0018.003",))


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ x|attr('a') }}",
        "{{ lipsum.x }}",
        "{{ cycler.__init__ }}",
        "{% set a = ''['\\x5f\\x5fclass'] %}",
    ],
)
def test_a_template_that_reaches_for_internals(tmp_path: Path, template: str) -> None:
    report = scan(tmp_path, "tokenizer_config.json", tokenizer([{"name": "default", "template": template}]))
    assert report.issues[0].severity is Severity.CRITICAL
    assert report.issues[0].location == "chat_template[0]"


@pytest.mark.parametrize(
    "condition",
    ["'purple elephant' in m['content']", "message.content == 'open sesame'", "'x' in messages[-1].content | lower"],
)
def test_a_template_that_waits_for_words(tmp_path: Path, condition: str) -> None:
    report = scan(tmp_path, "chat_template.jinja", f"{{% if {condition} %}}Say yes.{{% endif %}}".encode())
    assert rules(report) == {"template.content_condition"}
    assert report.issues[0].atlas_techniques == ("AML.T0018.003",)


def test_a_template_that_adds_an_address(tmp_path: Path) -> None:
    report = scan(tmp_path, "t.jinja", b"{{ content }} See https://example.test/a for more.")
    assert rules(report) == {"template.address"}


# Archives


def tar_of(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is one of three
        for name, member in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(member)
            archive.addfile(entry, io.BytesIO(member))
    return content.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_tar_archives(tmp_path: Path, mode: str) -> None:
    report = scan(tmp_path, "model.tar.gz", tar_of({"m/a.pkl": CALL, "m/README.md": b"hello"}, mode))
    assert (report.format, report.verdict, report.issues[0].location) == ("tar", FINDING, "m/a.pkl")
    assert report.not_scanned == (("m/README.md", "plain text or picture"),)


@pytest.mark.parametrize("pack", [zip_of, tar_of])
@pytest.mark.parametrize("name", ["../../etc/x.pkl", "/abs/x.pkl", "a/../../x.pkl"])
def test_names_that_leave_the_folder_are_findings_and_nothing_is_written(tmp_path: Path, pack: Any, name: str) -> None:
    report = scan(tmp_path, "a", pack({name: pickle.dumps(1)}))
    assert "archive.path_traversal" in rules(report)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nested_archives_are_followed_to_a_depth(tmp_path: Path) -> None:
    inner = zip_of({"x.pkl": CALL})
    assert scan(tmp_path, "a.zip", zip_of({"b.zip": inner})).issues[0].location == "b.zip:x.pkl"
    for _ in range(4):
        inner = zip_of({"n.zip": inner})
    assert scan(tmp_path, "deep.zip", inner).verdict is SKIPPED


def test_limits_of_archives(tmp_path: Path) -> None:
    many = zip_of({f"{n}.pkl": pickle.dumps(n) for n in range(20)})
    assert scan(tmp_path, "a.zip", many, ScanLimits(max_members=5)).verdict is SKIPPED
    big = zip_of({"a.pkl": pickle.dumps(b"\0" * 3_000_000)}, zipfile.ZIP_DEFLATED)
    assert scan(tmp_path, "b.zip", big, ScanLimits(max_unpacked=1_000_000)).verdict is SKIPPED
    assert "-fold" in scan(tmp_path, "c.zip", big, ScanLimits(ratio_from=1000)).not_scanned[0][1]


def test_two_members_of_one_name_are_a_finding(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(1))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("m/data.pkl", pickle.dumps(2))
    assert "archive.duplicate_member" in rules(scan(tmp_path, "m.pt", content.getvalue()))


@pytest.mark.parametrize("kept", [10, 60, -30])
def test_a_cut_archive_is_failed(tmp_path: Path, kept: int) -> None:
    assert scan(tmp_path, "a.zip", zip_of({"x.pkl": CALL * 20})[:kept]).verdict is FAILED


def test_a_member_nobody_reads_keeps_an_archive_from_passing(tmp_path: Path) -> None:
    report = scan(tmp_path, "a.zip", zip_of({"x.pkl": pickle.dumps(1), "run.py": b"print()"}))
    assert (report.verdict, report.scanned) == (SKIPPED, ("x.pkl",))
