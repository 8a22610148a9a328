from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.errors import BadInputError
from scanning.filescan.hashing import sha256_of, side_by_side
from scanning.filescan.manifest import hash_dataset
from scanning.filescan.tensor_digests import safetensors_digests
from tests.scanning.filescan.build import safetensors


def ignore(_: int) -> None:
    """Nobody watches."""


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=5000), st.integers(0, 3))
def test_a_stream_is_hashed_to_its_end(content: bytes, extra: int) -> None:
    content += b"x" * (extra << 20)
    seen: list[int] = []
    assert sha256_of(io.BytesIO(content), seen.append) == (len(content), hashlib.sha256(content).hexdigest())
    assert sum(seen) == len(content)


def test_items_are_worked_on_side_by_side_and_answered_in_order() -> None:
    together = threading.Barrier(3, timeout=30)

    def work(item: int, count: Callable[[int], None]) -> int:
        together.wait()
        count(item)
        return -item

    seen: list[int] = []
    assert side_by_side([1, 2, 3, 4, 5, 6], work, on_bytes=seen.append, threads=3) == [-1, -2, -3, -4, -5, -6]
    assert (seen[-1], sorted(seen)) == (21, seen)


def test_the_first_failure_is_raised_and_the_rest_is_left() -> None:
    started: list[int] = []

    def work(item: int, count: Callable[[int], None]) -> int:
        started.append(item)
        raise BadInputError(f"file {item} cannot be read")

    with pytest.raises(BadInputError, match="file 0"):
        side_by_side(list(range(1000)), work, on_bytes=ignore, threads=1)
    assert started == [0]


def test_a_caller_who_stops_is_obeyed() -> None:
    release = threading.Event()

    def work(item: int, count: Callable[[int], None]) -> int:
        release.wait(30)
        return item

    def stop(_: int) -> None:
        release.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(list(range(100_000)), work, on_bytes=stop, threads=2)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_manifest_does_not_depend_on_the_number_of_threads(tmp_path: Path, threads: int) -> None:
    for number in range(40):
        (tmp_path / f"{number}.bin").write_bytes(bytes([number]) * number * 999)
    assert hash_dataset(tmp_path, threads=threads) == hash_dataset(tmp_path, threads=3)


def test_nothing_to_hash_is_nothing() -> None:
    assert side_by_side([], lambda item, count: item, on_bytes=ignore) == []


# Tensors


def test_tensors_are_digested_by_name(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [2], "data_offsets": [2, 10]},
        "b": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [0, 2]},
        "empty": {"dtype": "F32", "shape": [0], "data_offsets": [10, 10]},
    }
    (tmp_path / "m").write_bytes(safetensors(header, b"abcdefghij"))
    found = safetensors_digests(tmp_path / "m")
    assert list(found) == ["b", "empty", "w"]
    assert found["b"] == {"shape": [1, 1], "dtype": "BF16", "sha256": hashlib.sha256(b"ab").hexdigest()}
    assert found["w"]["sha256"] == hashlib.sha256(b"cdefghij").hexdigest()
    assert found["empty"]["sha256"] == hashlib.sha256(b"").hexdigest()


def test_digests_agree_with_what_a_library_loads(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    tensors = {"a": np.arange(7, dtype="f4"), "b": np.ones((3, 2), "i8"), "scalar": np.array(5, "f8")}
    save_file(tensors, tmp_path / "m.safetensors")
    found = safetensors_digests(tmp_path / "m.safetensors")
    assert {name: found[name]["sha256"] for name in found} == {
        name: hashlib.sha256(value.tobytes()).hexdigest() for name, value in sorted(tensors.items())
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 20,
        safetensors({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}, b"short"),
        safetensors({"a": {"dtype": "F32", "shape": [2**62] * 60, "data_offsets": [0, 4]}}, b"1234"),
        safetensors({"a": {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 4]}}, b"1234"),
        safetensors({"a": 5}, b""),
    ],
)
def test_what_is_no_whole_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(BadInputError, match=r"m\.safetensors is no safetensors file"):
        safetensors_digests(tmp_path / "m.safetensors")


def test_an_empty_header_has_no_tensors(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(safetensors({}, b""))
    assert safetensors_digests(tmp_path / "m") == {}
