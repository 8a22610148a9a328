"""Results of laboratories' tools that state no power: whatever they hold, no negative ever comes of them."""

from __future__ import annotations

import json

import pytest

from compliance.types.drafts import AssetRef, ObservationDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError, UnknownFormatError
from compliance.types.verdicts import StageVerdict
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample

MODEL = AssetRef(kind="model_version", name="support-bot 12", digest="ab" * 32)


def seen(format_name: str, content: bytes, **stated: object) -> list[ObservationDraft]:
    context = ParseContext(file_name="id-00000003.txt", **stated)  # type: ignore[arg-type]  # a test's own mixture
    drafts, _ = read(format_name, content, context)
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


@pytest.mark.parametrize("text", [b"0.7091788412534845", b" 1 \n", b"0", b".5", b"1e-7", b"1.0\r\n"])
def test_a_probability_without_a_threshold_is_inconclusive(text: bytes) -> None:
    assert identify(text, "x") == "trojai"
    (observation,) = seen("trojai", text)
    assert observation.verdict is StageVerdict.INCONCLUSIVE
    assert "threshold" in observation.facts["unknown_fields"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (b"0.7", StageVerdict.EVIDENCE_FOUND),
        (b"0.5", StageVerdict.EVIDENCE_FOUND),
        (b"0.4999", StageVerdict.INCONCLUSIVE),
        (b"0", StageVerdict.INCONCLUSIVE),
    ],
)
def test_with_a_threshold_of_the_importer_it_is_evidence_or_still_nothing(text: bytes, verdict: StageVerdict) -> None:
    (observation,) = seen("trojai", text, threshold=0.5, asset=MODEL)
    assert observation.verdict is verdict
    assert observation.asset == MODEL


@pytest.mark.parametrize("text", [b"1.5", b"-0.1", b"0.5 0.6", b"nan", b"inf", b"0.5\n0.6", b"5" * 100])
def test_what_is_no_probability_is_refused(text: bytes) -> None:
    with pytest.raises(BadInputError, match=r"no probability|one number"):
        read("trojai", text)


@pytest.mark.parametrize("text", [b"hello 0.5", b"0.5,0.6", b"0.5\x00", b"0.5.5"])
def test_only_a_number_alone_is_taken_for_a_result(text: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        identify(text, "id-00000003.txt")


def bench(text: bytes) -> tuple[list[ObservationDraft], list[Reject], ParseSummary]:
    drafts, summary = read("backdoorbench", text)
    found = [draft for draft in drafts if isinstance(draft, ObservationDraft)]
    return found, [draft for draft in drafts if isinstance(draft, Reject)], summary


def test_a_measured_detector_says_nothing_of_a_model() -> None:
    (observation,), rejects, _ = bench(sample("backdoorbench/detection_info.csv"))
    assert observation.verdict is StageVerdict.INCONCLUSIVE
    assert observation.facts["figures"]["TPR"] == 0.96
    assert not rejects


def test_headers_that_every_run_appends_are_no_rows() -> None:
    found, rejects, _ = bench(sample("backdoorbench/two_shapes.csv"))
    assert [observation.asset.name for observation in found] == ["sig_cifar10_cleanlabel_0.03_random", "badnet_0_1"]
    assert [reject.locator for reject in rejects] == ["line 4", "line 5", "line 6", "line 12"]


def test_rates_that_contradict_their_counts_are_rejected() -> None:
    _, (reject,), _ = bench(b"record,TN,FP,FN,TP,TPR,FPR,target\nx,950,50,20,480,0.96,0.5,None\n")
    assert "FPR 0.5 contradicts" in reject.reason


@pytest.mark.parametrize(
    "row", ["x,-1,50,20,480,0.96,0.05,None", "x,1e9,50,20,480,0.96,0.05,None", "x,1,2,3,4,a,b,None"]
)
def test_cells_that_are_no_figures_are_rejected(row: str) -> None:
    _, rejects, _ = bench(f"record,TN,FP,FN,TP,TPR,FPR,target\n{row}\n".encode())
    assert len(rejects) == 1


def test_another_table_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"no detection_info\.csv"):
        read("backdoorbench", b"a,b\n1,2\n")


def test_samples_that_art_flags_are_counted_and_no_evidence_by_themselves() -> None:
    (observation,) = seen("art", sample("art/detect_poison.json"))
    assert observation.verdict is StageVerdict.INCONCLUSIVE
    assert (observation.facts["flagged"], observation.facts["samples"]) == (1, 4)
    assert observation.facts["flagged_samples"] == [2]


def test_art_that_flags_nothing_is_no_negative() -> None:
    (observation,) = seen("art", sample("art/nothing_flagged.json"), asset=MODEL)
    assert observation.verdict is StageVerdict.INCONCLUSIVE
    assert observation.asset == MODEL


def test_art_that_looked_at_no_sample_is_not_applicable() -> None:
    (observation,) = seen("art", b'{"report":{},"is_clean":[]}')
    assert observation.verdict is StageVerdict.NOT_APPLICABLE


@pytest.mark.parametrize("flags", [[2], [True], ["1"], [None], [[]], 1, None])
def test_flags_that_art_does_not_write_are_refused(flags: object) -> None:
    with pytest.raises(BadInputError, match="is_clean"):
        read("art", json.dumps({"report": {}, "is_clean": flags}).encode())
