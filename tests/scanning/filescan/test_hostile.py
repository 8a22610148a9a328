"""Files made to break a reader: whatever stands in them, a scan ends in time, in a verdict, with a sentence."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compliance.types.drafts import FileScanReport
from compliance.types.verdicts import FileScanVerdict
from scanning.filescan.base import ScanLimits
from scanning.filescan.report_json import to_json
from tests.scanning.filescan.build import call_pickle, safetensors, scan, torch_file, zip_of
from tests.scanning.filescan.graphs import model, node
from tests.scanning.filescan.test_gguf import TEMPLATE, gguf, setting, tensor
from tests.scanning.filescan.test_joblib import NUMBERS, joblib_file
from tests.scanning.filescan.test_saved_model import USUAL, graph, saved_model
from tests.scanning.filescan.test_tokenizers import USUAL as TOKENIZER

LIMITS = ScanLimits(max_unpacked=8 << 20, ratio_from=1 << 20, max_opcodes=50_000)
PASSED = (FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FINDING)


def array_file() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(9))
    return content.getvalue()


def keras_file() -> bytes:
    layers = [{"module": "keras.layers", "class_name": "Dense", "config": {"activation": "relu"}}]
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    return zip_of({"metadata.json": b"{}", "config.json": json.dumps(config).encode()})


def tar_file() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        entry = tarfile.TarInfo("m/a.pkl")
        entry.size = len(pickle.dumps([1, 2]))
        archive.addfile(entry, io.BytesIO(pickle.dumps([1, 2])))
    return content.getvalue()


WEIGHT = {"w": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}
GOOD: dict[str, bytes] = {
    "a.pkl": pickle.dumps({"a": [1, 2.5, "x", b"y", (1, 2)]}, 4),
    "b.joblib": joblib_file(NUMBERS),
    "c.joblib.gz": gzip.compress(joblib_file(NUMBERS), mtime=0),
    "d.pt": torch_file(pickle.dumps({"w": 1})),
    "e.safetensors": safetensors(WEIGHT, b"\0" * 12),
    "f.onnx": model([node("Relu", ["x"], ["y"])]).SerializeToString(),
    "saved_model.pb": saved_model(graph(*USUAL)),
    "g.gguf": gguf([setting("tokenizer.chat_template", TEMPLATE)], [tensor("a", 8, 0)], 32),
    "h.npy": array_file(),
    "i.keras": keras_file(),
    "j.h5": b"\x89HDF\r\n\x1a\n" + b"\0" * 90 + b'{"class_name": "Dense", "config": {}}',
    "k.json": json.dumps({"chat_template": TEMPLATE}).encode(),
    "tokenizer.json": json.dumps(TOKENIZER).encode(),
    "l.tar.gz": tar_file(),
    "m.skops": zip_of({"schema.json": b'{"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode"}'}),
}


def ends_well(report: FileScanReport) -> None:
    assert json.loads(json.dumps(to_json(report)))["verdict"] == report.verdict.value
    if report.verdict not in PASSED:
        assert report.not_scanned
        assert all(reason for _, reason in report.not_scanned)


@pytest.mark.parametrize("name", GOOD)
def test_the_samples_are_good(tmp_path: Path, name: str) -> None:
    assert scan(tmp_path, name, GOOD[name], LIMITS).verdict is FileScanVerdict.NOTHING_FOUND


@pytest.mark.parametrize("name", GOOD)
def test_every_cut_ends_in_a_verdict(tmp_path: Path, name: str) -> None:
    whole = GOOD[name]
    for kept in sorted({*range(min(len(whole), 24)), *range(0, len(whole), max(1, len(whole) // 24))}):
        ends_well(scan(tmp_path, name, whole[:kept], LIMITS))


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=40, deadline=None)
@example(seed=0, changes=1, other="a.pkl")
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12), other=st.sampled_from(sorted(GOOD)))
def test_no_change_makes_a_scan_fall_over(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int, changes: int, other: str
) -> None:
    source = random.Random(seed)
    content = bytearray(GOOD[name])
    for _ in range(changes):
        at = source.randrange(len(content))
        kind = source.randrange(4)
        if kind == 0:
            content[at] = source.randrange(256)
        elif kind == 1:
            content[at : at + source.randrange(9)] = source.choice((b"", b"\xff" * 8, b"\0" * 8, source.randbytes(5)))
        elif kind == 2:
            content[at : at + 8] = struct.pack("<Q", source.choice((0, 2**31, 2**62, 2**64 - 1)))
        else:
            content[at:at] = GOOD[other][: source.randrange(200)]
        content = content or bytearray(b"\0")
    folder = tmp_path_factory.getbasetemp()
    ends_well(scan(folder, source.choice((name, "unnamed", f"x{Path(other).suffix}")), bytes(content), LIMITS))


# Made by hand


def zip_bomb() -> bytes:
    return zip_of({"a.pkl": b"\0" * (64 << 20)}, zipfile.ZIP_DEFLATED)


def overlapping_zip() -> bytes:
    """Every entry of the directory names the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.pkl", b"\0" * (1 << 20))
        first = archive.filelist[0]
        for number in range(2000):
            copy = zipfile.ZipInfo(f"{number}.pkl")
            for field in ("header_offset", "CRC", "compress_size", "file_size", "compress_type", "flag_bits"):
                setattr(copy, field, getattr(first, field))
            archive.filelist.append(copy)
    return content.getvalue()


def tar_with(kind: bytes, target: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        entry = tarfile.TarInfo("m/link.pkl")
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)
    return content.getvalue()


HOSTILE: dict[str, bytes] = {
    "bomb.zip": zip_bomb(),
    "overlap.zip": overlapping_zip(),
    "deep.json": b'{"chat_template": ' + b"[" * 200_000,
    "deep.keras": zip_of({"metadata.json": b"{}", "config.json": b'{"class_name": "A", "config": ' + b"[" * 200_000}),
    "deep.safetensors": safetensors(b'{"a":' + b"[" * 100_000, b""),
    "digits.safetensors": safetensors(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b'],"data_offsets":[0,1]}}', b"0"
    ),
    "deep.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000,
    "tuples.pkl": b"\x80\x04N" + b"\x85" * 40_000 + b".",
    "marks.pkl": b"\x80\x04" + b"(" * 40_000 + b".",
    "memo.pkl": b"\x80\x04N" + b"".join(b"r" + struct.pack("<I", n * 99991 % 2**32) for n in range(10_000)) + b".",
    "long.pkl": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"x",
    "huge.gguf": b"GGUF"
    + struct.pack("<IQQ", 3, 0, 1)
    + struct.pack("<Q", 1)
    + b"k"
    + struct.pack("<IIQ", 9, 8, 2**24),
    "wide.pb": b"\x08\x01\x12" + b"\xff" * 9 + b"\x01",
    "deep.onnx": b"\x08\x07\x3a" + b"\xff\xff\xff\xff\x7f" + b"\x0a" * 99,
    "link.tar": tar_with(tarfile.SYMTYPE, "/etc/passwd"),
    "hard.tar": tar_with(tarfile.LNKTYPE, "../../etc/passwd"),
    "pipe.tar": tar_with(tarfile.FIFOTYPE, ""),
    "device.tar": tar_with(tarfile.CHRTYPE, ""),
    "lambda.h5": b"\x89HDF\r\n\x1a\n" + b'{"class_name"' * 50_000,
    "rules.json": json.dumps({"added_tokens": [{"id": 1, "content": "a b" * 9000}] * 50, "normalizer": [[]]}).encode(),
}


ODD_BUT_HARMLESS = ("tuples.pkl", "marks.pkl", "memo.pkl", "rules.json", "lambda.h5")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_time_with_a_verdict(tmp_path: Path, name: str) -> None:
    started = time.process_time()
    report = scan(tmp_path, name, HOSTILE[name], LIMITS)
    ends_well(report)
    assert report.verdict is not FileScanVerdict.NOTHING_FOUND or name in ODD_BUT_HARMLESS
    assert time.process_time() - started < 5


def test_links_and_devices_in_a_tar_are_never_followed(tmp_path: Path) -> None:
    for name in ("link.tar", "hard.tar"):
        assert [issue.rule for issue in scan(tmp_path, name, HOSTILE[name]).issues] == ["archive.link"]
    assert "special file" in scan(tmp_path, "pipe.tar", HOSTILE["pipe.tar"]).not_scanned[0][1]


@pytest.mark.parametrize("name", ["m.txt", "m.png", "m.safetensors", "m.onnx", "m.gguf", "m.json", "nameless"])
def test_a_wrong_suffix_hides_nothing(tmp_path: Path, name: str) -> None:
    for content in (b"\x80\x04" + call_pickle("os", "getcwd"), torch_file(call_pickle("os", "getcwd"))):
        assert scan(tmp_path, name, content).verdict is FileScanVerdict.FINDING


def test_an_archive_in_an_archive_spends_one_budget(tmp_path: Path) -> None:
    inner = zip_of({f"{n}.pkl": pickle.dumps(b"\0" * 500_000) for n in range(9)}, zipfile.ZIP_DEFLATED)
    outer = zip_of({f"{n}.zip": inner for n in range(9)})
    report = scan(tmp_path, "m.zip", outer, LIMITS)
    assert report.verdict is FileScanVerdict.SKIPPED
    assert any("unpacks to more" in reason for _, reason in report.not_scanned)
