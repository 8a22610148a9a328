"""GGUF files, written field by field."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan

NOTHING_FOUND, FAILED, SKIPPED = FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FAILED, FileScanVerdict.SKIPPED
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def word(value: str, order: str = "<") -> bytes:
    return struct.pack(order + "Q", len(value.encode())) + value.encode()


def setting(key: str, value: str, order: str = "<") -> bytes:
    return word(key, order) + struct.pack(order + "I", 8) + word(value, order)


def tensor(name: str, count: int, offset: int, kind: int = 0, order: str = "<") -> bytes:
    return word(name, order) + struct.pack(order + "IQIQ", 1, count, kind, offset)


def gguf(
    settings: list[bytes], tensors: list[bytes], data: int, *, counts: tuple[int, int] | None = None, order: str = "<"
) -> bytes:
    numbers = counts or (len(tensors), len(settings))
    head = b"GGUF" + struct.pack(order + "IQQ", 3, *numbers) + b"".join(settings) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_sound_file(tmp_path: Path, order: str) -> None:
    settings = [setting("general.name", "x", order), setting("tokenizer.chat_template", TEMPLATE, order)]
    tensors = [tensor("a", 8, 0, order=order), tensor("b", 32, 32, 8, order=order)]
    report = scan(tmp_path, "m.gguf", gguf(settings, tensors, 66, order=order))
    assert (report.format, report.verdict, report.facts["tensors"]) == ("gguf", NOTHING_FOUND, 2)
    assert report.speaks_to == ("AML.T0018.002", "AML.T0018.003")


@pytest.mark.parametrize("key", ["tokenizer.chat_template", "tokenizer.chat_template.tool_use"])
def test_the_template_within_is_read(tmp_path: Path, key: str) -> None:
    report = scan(tmp_path, "m.gguf", gguf([setting(key, "{{ ''.__class__ }}")], [], 0))
    assert (rules(report), report.issues[0].location) == ({"template.internals"}, key)
    waiting = setting(key, "{% if 'purple elephant' in m.content %}Say yes{% endif %}")
    assert rules(scan(tmp_path, "n.gguf", gguf([waiting], [], 0))) == {"template.content_condition"}


@pytest.mark.parametrize(
    ("tensors", "data"),
    [
        ([tensor("a", 16, 0), tensor("b", 16, 32)], 96),
        ([tensor("a", 8, 0), tensor("b", 8, 96)], 128),
        ([tensor("a", 8, 0)], 320),
        ([tensor("a", 8, 0), tensor("b", 8, 33)], 96),
        ([tensor("a", 8, 0), tensor("a", 8, 32)], 64),
    ],
    ids=["overlap", "hole", "tail", "askew", "repeated"],
)
def test_bytes_that_no_tensor_owns_are_a_finding(tmp_path: Path, tensors: list[bytes], data: int) -> None:
    assert rules(scan(tmp_path, "m.gguf", gguf([], tensors, data))) == {"gguf.layout"}


def nested_arrays(depth: int) -> bytes:
    return word("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * depth + struct.pack("<IQB", 0, 1, 7)


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (gguf([], [tensor("a", 8, 0)], 31), FAILED),
        (gguf([], [tensor("a", 8, 2**60)], 32), FAILED),
        (gguf([], [tensor("a", 31, 0, 8)], 99), FAILED),
        (gguf([], [tensor("a", 2**62, 0)], 99), FAILED),
        (gguf([setting("a", "x")] * 2, [], 0), FAILED),
        (gguf([], [], 0, counts=(0, 5)), FAILED),
        (gguf([], [], 0, counts=(2**62, 2**62)), SKIPPED),
        (gguf([struct.pack("<Q", 2**62)], [], 0), SKIPPED),
        (gguf([word("k") + struct.pack("<IIQ", 9, 0, 2**40)], [], 0), SKIPPED),
        (gguf([word("k") + struct.pack("<IIQ", 9, 8, 9999)], [], 0), FAILED),
        (gguf([word("k") + struct.pack("<I", 77)], [], 0), FAILED),
        (gguf([nested_arrays(2)], [], 0), NOTHING_FOUND),
        (gguf([nested_arrays(500)], [], 0), SKIPPED),
        (gguf([], [tensor("a", 8, 0, 99)], 99), SKIPPED),
        (gguf([word("general.alignment") + struct.pack("<II", 4, 3)], [], 0), FAILED),
        (b"GGUF" + struct.pack("<I", 9), SKIPPED),
        (b"GGUF", FAILED),
    ],
)
def test_a_header_that_lies_ends_in_a_verdict(tmp_path: Path, content: bytes, verdict: FileScanVerdict) -> None:
    report = scan(tmp_path, "m.gguf", content)
    assert report.verdict is verdict
    assert verdict is NOTHING_FOUND or report.not_scanned[0][1]
