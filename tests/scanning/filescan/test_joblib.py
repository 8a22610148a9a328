"""joblib's pickles, with raw arrays between the opcodes, bare and compressed in every way joblib knows."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.types.verdicts import FileScanVerdict
from scanning.filescan.base import ScanLimits
from tests.scanning.filescan.build import call_pickle, rules, scan, stack_global_pickle, text, zip_of

FINDING, NOTHING_FOUND = FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND
SKIPPED, FAILED = FileScanVerdict.SKIPPED, FileScanVerdict.FAILED
CALL = call_pickle("os", "getcwd")


def array(dtype: str, count: int, payload: bytes, dtype_state: bytes = b"") -> bytes:
    """A wrapper's opcodes and the bytes behind them."""
    wrapper = (
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + text("shape") + b"J" + struct.pack("<i", count) + b"\x85"
    )
    kind = text("dtype") + b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R" + dtype_state
    end = text("numpy_array_alignment_bytes") + b"K\x10ub"
    return wrapper + kind + end + (payload if dtype == "O8" else b"\x03\xff\xff\xff" + payload)


def joblib_file(*members: bytes) -> bytes:
    return b"\x80\x04](" + b"".join(members) + b"e."


NUMBERS = array("f8", 4, b"\xff" * 32)


def test_arrays_between_opcodes_are_passed_over(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.joblib", joblib_file(NUMBERS, array("<U2", 1, b"a\0\0\0b\0\0\0"), text("end")))
    assert (report.verdict, report.format, report.facts["arrays"]) == (NOTHING_FOUND, "pickle", 2)


def test_a_call_behind_an_array_is_found(tmp_path: Path) -> None:
    assert rules(scan(tmp_path, "m.joblib", joblib_file(NUMBERS, CALL[:-1]))) == {"pickle.import"}


def test_an_array_of_objects_is_a_pickle_and_read_as_one(tmp_path: Path) -> None:
    inner = array("O8", 1, stack_global_pickle("os", "getcwd"))
    assert rules(scan(tmp_path, "m.joblib", joblib_file(inner, NUMBERS))) == {"pickle.import"}
    plain = array("O8", 1, pickle.dumps(["x"], 4))
    assert scan(tmp_path, "n.joblib", joblib_file(plain, NUMBERS)).verdict is NOTHING_FOUND


def test_an_array_whose_bytes_are_opcodes_to_a_plain_reader_is_found(tmp_path: Path) -> None:
    padding = b"(" + CALL.ljust(40, b"\0")
    disguised = array("u1", 8, b"\0" * 8).replace(b"\x03\xff\xff\xff", padding)
    assert rules(scan(tmp_path, "m.joblib", joblib_file(disguised))) == {"pickle.import"}


@pytest.mark.parametrize(
    "member",
    [
        array("f8", 2**31 - 1, b"\0"),
        array("Q9x", 1, b"\0" * 99),
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b",
        array("O8", 1, array("O8", 1, b"\x80\x04")),
    ],
    ids=["too long", "type", "no shape", "broken"],
)
def test_an_array_that_lies_is_failed(tmp_path: Path, member: bytes) -> None:
    assert scan(tmp_path, "m.joblib", joblib_file(member)).verdict is FAILED


def test_arrays_of_objects_in_one_another_are_followed_to_a_depth(tmp_path: Path) -> None:
    inner = pickle.dumps(1, 4)
    for _ in range(20):
        inner = joblib_file(array("O8", 1, inner))
    assert scan(tmp_path, "m.joblib", inner).verdict is SKIPPED


# Compressed


def lz4(content: bytes) -> bytes:
    """One stored block."""
    size = len(content) | 1 << 31
    return b"\x04\x22\x4d\x18\x60\x40\x00" + struct.pack("<I", size) + content + b"\0\0\0\0"


def old_joblib(content: bytes) -> bytes:
    return b"ZF" + hex(len(content)).encode().ljust(19) + zlib.compress(content)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "lz4": lz4,
    "old": old_joblib,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_what_is_compressed_is_unpacked_and_looked_into(tmp_path: Path, packer: str) -> None:
    report = scan(tmp_path, "m.joblib", PACKERS[packer](joblib_file(NUMBERS, CALL[:-1])))
    assert (report.format, report.verdict, rules(report)) == ("compressed", FINDING, {"pickle.import"})
    plain = scan(tmp_path, "m.pkl.gz", PACKERS[packer](joblib_file(NUMBERS)))
    assert (plain.verdict, plain.scanned) == (NOTHING_FOUND, ("m.pkl",))


@pytest.mark.parametrize("packer", PACKERS)
def test_compressed_data_that_breaks_off_is_never_nothing_found(tmp_path: Path, packer: str) -> None:
    whole = PACKERS[packer](joblib_file(NUMBERS, *[text(f"{n}" * 9) for n in range(200)]))
    report = scan(tmp_path, "m.joblib", whole[: len(whole) * 2 // 3])
    assert report.verdict in (FAILED, FileScanVerdict.NOTHING_SCANNED)


@pytest.mark.parametrize("packer", ["gzip", "zlib", "bz2", "xz"])
def test_a_bomb_is_stopped(tmp_path: Path, packer: str) -> None:
    bomb = PACKERS[packer](b"\0" * 20_000_000)
    assert scan(tmp_path, "m.pkl", bomb, ScanLimits(max_unpacked=1_000_000)).verdict is SKIPPED
    assert "-fold" in scan(tmp_path, "n.pkl", bomb, ScanLimits(ratio_from=1000)).not_scanned[0][1]


def test_compressed_over_and_over_ends_at_a_depth(tmp_path: Path) -> None:
    content = CALL
    for _ in range(9):
        content = gzip.compress(content)
    assert scan(tmp_path, "m.gz", content).verdict is SKIPPED


def test_lz4_copies_are_followed_and_bad_ones_refused(tmp_path: Path) -> None:
    token = b"\x1f" + b"a" + b"\x01\x00" + b"\x05" + b"\x00"  # one a, then 24 copies of it
    good = b"\x04\x22\x4d\x18\x60\x40\x00" + struct.pack("<I", len(token)) + token + b"\0\0\0\0"
    assert scan(tmp_path, "m", good).facts["unpacked_bytes"] == 25
    bad = good.replace(b"\x01\x00\x05", b"\x09\x00\x05")
    assert scan(tmp_path, "n", bad).verdict is FAILED


def test_a_library_inside_an_archive_is_a_finding(tmp_path: Path) -> None:
    report = scan(tmp_path, "m.pt2", zip_of({"m/data.pkl": pickle.dumps(1), "m/model.so": b"\x7fELF" + b"\0" * 60}))
    assert (report.verdict, rules(report)) == (FINDING, {"archive.native_code"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\x01", "a RAR archive"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"\x7fELF", "Linux"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    report = scan(tmp_path, "m.bin", content + b"\0" * 40)
    assert (report.format, report.verdict) == ("unread", FileScanVerdict.NOTHING_SCANNED)
    assert words in report.not_scanned[0][1]
