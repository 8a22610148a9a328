from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from compliance.types.errors import BadInputError, UnknownFormatError
from scanning.ingest.limits import BoundedReader, Limits
from scanning.ingest.registry import PARSERS, identify, identify_path, parser_named
from tests.scanning.ingest.reading import SAMPLES, sample, zipped

EXPECTED = {
    "cloudtrail/records.json": "cloudtrail",
    "cloudtrail/traps.jsonl": "cloudtrail",
    "modelscan/dir.json": "modelscan",
    "modelscan/stdout_wrapped.txt": "modelscan",
    "modelscan/console.txt": "modelscan",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_formats_are_known_by_content_whatever_the_name(name: str) -> None:
    assert identify_path(SAMPLES / name) == EXPECTED[name]
    assert identify(sample(name), "nameless") == EXPECTED[name]
    assert identify(zipped(sample(name)), "misleading.txt") == EXPECTED[name]


def test_log_files_as_aws_delivers_them() -> None:
    logs = list((SAMPLES / "cloudtrail" / "s3").rglob("*.json.gz"))
    assert len(logs) == 6
    assert {identify_path(log) for log in logs if "Digest" not in log.name} == {"cloudtrail"}
    assert {identify_path(log) for log in logs if "Digest" in log.name} == {"cloudtrail_digest"}


@pytest.mark.parametrize("content", [b"hello", b'{"a":1}', b"\x00\x01", b"\x1f\x8b broken", b'{"Records":[{"s3":{}}]}'])
def test_an_unknown_format_is_refused_with_the_way_on(content: bytes) -> None:
    with pytest.raises(UnknownFormatError) as error:
        identify(content, "upload.bin")
    said = str(error.value)
    assert said.startswith("upload.bin is of no format that can be imported")
    assert "column mapping" in said
    assert len(said) < 300


def test_an_empty_document_is_bad_input() -> None:
    with pytest.raises(BadInputError, match=r"upload\.bin is empty"):
        identify(b"", "upload.bin")


def test_a_format_asked_for_by_a_wrong_name() -> None:
    with pytest.raises(UnknownFormatError, match="cloudtrail, modelscan"):
        parser_named("cloudtrial")


def test_names_and_labels_agree_with_the_parsers() -> None:
    for name, entry in PARSERS.items():
        parser = entry.load()
        assert (parser.name, parser.label) == (name, entry.label)


def test_listing_formats_imports_no_parser_and_no_django() -> None:
    code = (
        "import sys; from scanning.ingest.registry import labels; labels(); from scanning.filescan.registry import labels;"
        "labels(); bad = {'django', 'celery', 'torch', 'onnx', 'numpy', 'scanning.ingest.cloudtrail'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)


def drain(content: bytes, limits: Limits) -> None:
    reader = BoundedReader(io.BytesIO(content), "big.json", limits, lambda _: None)
    while reader.read(1 << 16):
        pass


def test_a_bomb_is_stopped_by_its_ratio_before_it_is_unpacked() -> None:
    bomb = zipped(b"[" + b" " * (64 << 20))
    with pytest.raises(BadInputError, match="-fold"):
        drain(bomb, Limits(ratio_from=1 << 20, max_bytes=8 << 20))


def test_size_is_bounded_without_compression_too() -> None:
    with pytest.raises(BadInputError, match="more than 4000 bytes"):
        drain(b"x" * 5000, Limits(max_bytes=4000))


def test_what_is_within_the_limits_is_read_whole() -> None:
    drain(zipped(b"x" * 4000), Limits(max_bytes=4000))
