"""Input made to exhaust a machine, or to be taken for something else: a sentence within bounds, for every format."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from scanning.ingest import registry
from scanning.ingest.base import ParseContext
from scanning.ingest.limits import Limits
from scanning.ingest.registry import PARSERS
from tests.installations import ROOT
from tests.scanning.ingest.reading import read, sample

SMALL = Limits(max_bytes=8 << 20, ratio_from=1 << 20, max_record=1 << 16, max_document=4 << 20)
TABLES = ("snowflake", "aws_billing", "generic_log")  # refused by their first line, before it grows
each_format = pytest.mark.parametrize("name", PARSERS)


def refusal(name: str, content: bytes) -> str:
    """The sentence by which a document is refused, or "" where it was read (and gave nothing)."""
    context = ParseContext(file_name="hostile.bin", limits=SMALL)
    try:
        drafts = list(registry.parse(name, io.BytesIO(content), context))
    except BadInputError as error:
        return str(error)
    assert all(isinstance(draft, Reject) for draft in drafts), drafts
    return ""


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("../../etc/passwd", "x")
        file.writestr("log.json", sample("cloudtrail/records.json"))
    return packed.getvalue()


@each_format
def test_a_gzip_bomb_is_refused_by_its_growth(name: str) -> None:
    said = refusal(name, gzip.compress(b"x" * (16 << 20)))
    assert "grows more than" in said or name in TABLES
    assert said.endswith(".")


@each_format
def test_a_gzip_in_a_gzip_is_no_document(name: str) -> None:
    content = gzip.compress(gzip.compress(sample("cloudtrail/records.json")))
    assert refusal(name, content).endswith(".")


@each_format
@pytest.mark.parametrize(
    "content",
    [archive(), b"[" * 500_000, b'{"a":' * 200_000, b'{"Records":[' + b'{"a":[' * 50_000, b'"' + b"x" * (5 << 20)],
    ids=["zip", "deep list", "deep object", "deep record", "long string"],
)
def test_hostile_shapes_are_a_sentence(name: str, content: bytes) -> None:
    assert refusal(name, content).endswith(".")


def test_an_archive_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInputError, match=r"is a ZIP archive.*unpack it.*--keep matches"):
        registry.identify(archive(), "logs.zip")
    with pytest.raises(BadInputError, match="is a tar archive"):
        registry.identify(b"log.json".ljust(257, b"\0") + b"ustar\x0000" + b"\0" * 248, "logs.tar")


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-16 with mark": lambda text: text.encode("utf-16"),
    "UTF-16 without mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_encodings_are_named_or_refused(encoding: str) -> None:
    content = ENCODINGS[encoding](sample("cloudtrail/records.json").decode())
    with pytest.raises(BadInputError):
        read("cloudtrail", content)


def log_with(**change: Any) -> tuple[list[JobEventDraft], list[Reject]]:
    """What comes of three records of which the second is changed."""
    records = json.loads(sample("cloudtrail/records.json"))["Records"][:3]
    records[1] |= change
    drafts, _ = read("cloudtrail", json.dumps({"Records": records}).encode())
    events = [draft for draft in drafts if isinstance(draft, JobEventDraft)]
    return events, [draft for draft in drafts if isinstance(draft, Reject)]


@pytest.mark.parametrize(
    "time",
    ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "1763629200", 1763629200, "2026-11-20 09:14:07", "", None, "NaN"],
)
def test_a_wrong_clock_costs_one_record_and_is_told_with_its_place(time: object) -> None:
    events, rejects = log_with(eventTime=time)
    assert len(events) + len(rejects) == 3
    assert [reject.locator for reject in rejects] in ([], ["Records[1]"])
    assert all(2000 <= event.occurred_at.year < 2100 for event in events)


@pytest.mark.parametrize(
    "text", ["\u202egnp.exe", "\x07bell\x1b[31m", '=HYPERLINK("x")', "\U0001f600 " * 5, "a" * 5000]
)
def test_odd_text_is_kept_as_it_is_and_breaks_nothing(text: str) -> None:
    events, rejects = log_with(requestParameters={"trainingJobName": text})
    assert (len(events), rejects) == (3, [])
    assert events[1].raw["requestParameters"]["trainingJobName"] == text


@pytest.mark.parametrize("raw", ['{"a":1,"a":2}', '{"a":NaN}', '{"a":"\\ud800"}', '{"a":1e999}', '{"a":"\\u0000"}'])
def test_what_json_readers_take_differently_costs_one_record(raw: str) -> None:
    records = json.loads(sample("cloudtrail/records.json"))["Records"][:3]
    text = json.dumps({"Records": records}, separators=(",", ":"))
    spoilt = text.replace('"requestParameters":{', '"requestParameters":{"spoilt":' + raw + ",", 1)
    drafts, summary = read("cloudtrail", spoilt.encode())
    assert (summary.read, summary.rejected) == (3, 1)
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == ["Records[0]"]


class Endless(io.RawIOBase):
    """A stream of one line that never ends, made as it is read."""

    def __init__(self, head: bytes, size: int) -> None:
        self._parts: Iterator[bytes] = iter([head, *([b"x" * (1 << 20)] * (size >> 20))])

    def read(self, size: int = -1) -> bytes:
        """As a file's read."""
        return next(self._parts, b"")


ONE_LINE = """
import time
from tests.scanning.ingest.test_bad_input import Endless
from scanning.ingest.registry import parse
from scanning.ingest.base import ParseContext
from compliance.types.errors import BadInputError
head = {head!r}
try:
    list(parse({name!r}, Endless(head, 1 << 30), ParseContext(file_name="long.json")))
except BadInputError as error:
    print(error)
rows = (row for row in open("/proc/self/status") if row.startswith("VmHWM:"))  # ru_maxrss begins at its parent's size
print(int(next(rows).split()[1]) // 1024, round(time.process_time(), 1))
"""


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("cloudtrail", b'{"Records":[{"eventVersion":"1.11","eventName":"'),
        ("gcp_audit", b'{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","x":"'),
        ("modelscan", b'{"summary":{"modelscan_version":"'),
    ],
)
def test_a_gigabyte_in_one_line_is_refused_within_bounds(name: str, head: bytes) -> None:
    code = ONE_LINE.format(name=name, head=head)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    sentence, figures = done.stdout.strip().splitlines()
    memory, seconds = figures.split()
    assert "long.json" in sentence
    assert int(memory) < 500
    assert float(seconds) < 20
