"""What every parser must do, whatever its format: shown on every sample that has an expected result beside it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import JobEventDraft, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import Draft
from scanning.ingest.records import each
from scanning.ingest.registry import PARSERS, identify
from tests.scanning.ingest.reading import SAMPLES, expected_of, golden, read, zipped

KNOWN = sorted(
    path
    for name in PARSERS
    for path in (SAMPLES / name).rglob("*")
    if expected_of(path).is_file() and path != expected_of(path)
)
NAMES = [str(path.relative_to(SAMPLES)) for path in KNOWN]
each_sample = pytest.mark.parametrize("path", KNOWN, ids=NAMES)
_JUNK = (
    b"\x00",
    b"\xff",
    b"\\ud800",
    b'"',
    b"{",
    b"[",
    b"}",
    b"]",
    b",",
    b"NaN",
    b"1e999",
    b"\n",
    b"=cmd()",
    b"\xe2\x80\xae",
)


def format_of(path: Path) -> str:
    return path.relative_to(SAMPLES).parts[0]


def fingerprints(drafts: list[Draft]) -> list[str]:
    return [draft.fingerprint for draft in drafts if not isinstance(draft, Reject)]


def test_every_format_has_a_sample_with_its_expected_result() -> None:
    assert {format_of(path) for path in KNOWN} == set(PARSERS)


@each_sample
def test_golden(path: Path) -> None:
    """The expected results were made by `python -m tests.scanning.ingest.write_golden` and read by a person."""
    assert golden(format_of(path), path.read_bytes()) == json.loads(expected_of(path).read_bytes())


@each_sample
def test_a_sample_is_known_by_its_content_alone(path: Path) -> None:
    assert identify(path.read_bytes(), "nameless") == format_of(path)
    assert identify(zipped(path.read_bytes()), "misleading.bin") == format_of(path)


@each_sample
def test_compressed_or_with_a_byte_order_mark_it_is_the_same(path: Path) -> None:
    plain = golden(format_of(path), path.read_bytes())
    assert golden(format_of(path), zipped(path.read_bytes())) == plain
    assert golden(format_of(path), b"\xef\xbb\xbf" + path.read_bytes()) == plain


@each_sample
def test_no_two_drafts_are_one_thing(path: Path) -> None:
    drafts, summary = read(format_of(path), path.read_bytes())
    found = [draft for draft in drafts if isinstance(draft, ObservationDraft)]
    assert len({draft.fingerprint for draft in found}) == len(found)
    assert summary.relevant == len(fingerprints(drafts))
    assert summary.rejected == len(drafts) - len(fingerprints(drafts))


@each_sample
def test_every_field_leads_back_to_the_record(path: Path) -> None:
    drafts, _ = read(format_of(path), path.read_bytes())
    for draft in drafts:
        assert draft.locator if not isinstance(draft, ObservationDraft) else draft.facts.get("locator", "report")
        if isinstance(draft, JobEventDraft):
            stated = {"actor": draft.actor, "job_id": draft.job_id, "base_model": draft.base_model, "role": draft.role}
            assert {name for name, value in stated.items() if value} <= set(draft.origins)
            for field, pointer in draft.origins.items():
                assert not pointer.startswith("/") or list(each(draft.raw, pointer)), (field, pointer)


@each_sample
@settings(max_examples=12, deadline=2000)
@given(seed=st.integers(0, 2**32))
def test_bytes_changed_at_random_never_break_a_parser(path: Path, seed: int) -> None:
    """Either drafts come out, or one sentence says why not."""
    chance, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content) + 1)
        act = chance.randrange(4)
        if act == 0:
            content[at : at + chance.randint(1, 40)] = b""
        elif act == 1:
            content[at:at] = chance.choice(_JUNK)
        elif act == 2:
            content[at : at + 1] = bytes([chance.randrange(256)])
        else:
            del content[at:]
    reason = "."
    try:
        read(format_of(path), bytes(content))
    except BadInputError as error:
        reason = str(error)
    assert reason.endswith(".")
