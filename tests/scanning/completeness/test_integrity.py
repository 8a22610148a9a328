"""Digest files hour by hour: what holds together, and every way in which it does not."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.types.completeness import CompletenessRow, Integrity, RowState
from scanning.completeness.base import Facts, LogFile
from scanning.completeness.integrity import measure
from tests.scanning.completeness.trail import (
    ACCOUNT,
    HOUR,
    REGION,
    START,
    Trail,
    documents,
    facts,
    key_list,
    listed_key,
    log_files,
    metadata,
    more,
    signed,
    trail,
)
from tests.scanning.ingest.reading import SAMPLES

ODD_HASH = {"s3Bucket": "b", "s3Object": "a/b", "hashValue": "00", "hashAlgorithm": "MD5"}


def verdict(given: Facts, places: tuple[tuple[str, str], ...] = ()) -> Integrity:
    return Integrity(measure(given, places).figure["verdict"])


def rows(given: Facts, *states: RowState) -> list[CompletenessRow]:
    return [row for row in measure(given).rows if not states or row.state in states]


def problems(given: Facts) -> set[str]:
    return {problem for row in measure(given).rows for problem in row.facts.get("problems", ())}


def edited(made: Trail, n: int, **changes: Any) -> Trail:
    """A digest file changed after it was signed."""
    made.digests[n].content = json.dumps(made.digests[n].body | changes, separators=(",", ":")).encode()
    return made


def test_an_unbroken_chain_is_consistent_and_never_more() -> None:
    measured = measure(facts(trail()))
    assert measured.figure["verdict"] == Integrity.CONSISTENT
    assert (measured.figure["digests"], measured.figure["verified"]) == (3, 3)
    assert measured.figure["seconds_consistent"] == measured.figure["seconds"] == 3 * 3600
    assert measured.figure["log_files"] == {"listed": 3, "matching": 3, "altered": 0, "absent": 0}
    (row,) = measured.rows
    assert (row.place, row.name, row.starts_at, row.ends_at) == (
        f"{ACCOUNT}/{REGION}",
        "org-trail",
        START,
        START + 3 * HOUR,
    )


def test_the_sample_of_awss_own_form_verifies_and_its_two_hours_without_digest_are_seen() -> None:
    """The sample's three digests are chained, and none of them speaks of 10:00:31 to 12:00:31."""
    folder = SAMPLES / "cloudtrail"
    found = [
        one
        for path in sorted((folder / "s3").rglob("*Digest*.gz"))
        for one in documents("cloudtrail_digest", gzip.decompress(path.read_bytes()))
    ]
    found += documents("cloudtrail_signatures", (folder / "s3_object_metadata.json").read_bytes())
    found += documents("cloudtrail_keys", (folder / "list_public_keys.json").read_bytes())
    logs = {p.name: gzip.decompress(p.read_bytes()) for p in (folder / "s3").rglob("*CloudTrail_*.gz")}
    start = datetime(2026, 11, 20, 9, 0, 31, tzinfo=UTC)
    given = Facts(start=start, end=start + 5 * HOUR, documents=tuple(found), log_files=log_files(logs))
    measured = measure(given)
    assert (measured.figure["verified"], measured.figure["verdict"]) == (3, Integrity.INCOMPLETE)
    assert measured.figure["log_files"] == {"listed": 3, "matching": 3, "altered": 0, "absent": 0}
    (hole,) = rows(given, RowState.NO_DIGEST)
    assert (hole.starts_at, hole.ends_at) == (start + HOUR, start + 3 * HOUR)
    assert "follow one another all the same" in hole.sentence


def test_an_empty_hour_is_an_hour_that_is_spoken_of() -> None:
    made = Trail()
    for n in range(3):
        made.hour(START + n * HOUR, logs=1 if n == 1 else 0)
    assert verdict(facts(made)) is Integrity.CONSISTENT


def test_a_missing_hour_is_named_with_the_file_that_is_missing() -> None:
    made = trail()
    gone = made.digests.pop(1)
    given = facts(made)
    (hole,) = rows(given, RowState.NO_DIGEST)
    assert (hole.starts_at, hole.ends_at) == (START + HOUR, START + 2 * HOUR)
    assert gone.key.rpartition("/")[2] in hole.sentence
    assert verdict(given) is Integrity.INCOMPLETE
    (unlisted,) = rows(given, RowState.UNLISTED)
    assert unlisted.facts["files"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"logFiles": []},
        {"digestEndTime": "2026-11-20T11:00:01Z"},
        {"digestS3Bucket": "acme-copy"},
        {"awsAccountId": ACCOUNT, "newestEventTime": "2026-11-20T10:00:00Z"},
    ],
)
def test_a_tampered_digest_does_not_fit_its_signature(change: dict[str, Any]) -> None:
    given = facts(edited(trail(), 1, **change))
    assert verdict(given) is Integrity.INCONSISTENT
    assert {"signature_wrong", "previous_hash_wrong"} <= problems(given)


def test_a_digest_whose_predecessor_it_names_was_changed_is_found_without_any_signature() -> None:
    given = facts(edited(trail(), 0, newestEventTime="2026-11-20T09:00:00Z"), signatures=b"")
    assert "previous_hash_wrong" in problems(given)
    assert verdict(given) is Integrity.INCONSISTENT


def test_a_log_that_lists_another_bucket_after_signing_is_refused() -> None:
    made = trail()
    moved = [dict(entry, s3Bucket="elsewhere") for entry in made.digests[2].body["logFiles"]]
    assert "signature_wrong" in problems(facts(edited(made, 2, logFiles=moved)))


def test_files_copied_to_another_place_verify_by_the_path_that_was_signed() -> None:
    made = trail()
    copied = {d.key.replace("AWSLogs", "copy/of/AWSLogs"): {"signature": d.signature, "signature-algorithm": "SHA256withRSA"} for d in made.digests}  # fmt: skip # noqa: E501
    given = replace(
        facts(made, signatures=json.dumps(copied).encode()),
        log_files=log_files({f"backup/{name}": content for name, content in made.files.items()}),
    )
    assert verdict(given) is Integrity.CONSISTENT


def test_an_altered_log_is_named() -> None:
    made = trail()
    name = min(made.files)
    made.files[name] += b" "
    given = facts(made)
    assert verdict(given) is Integrity.INCONSISTENT
    (broken,) = rows(given, RowState.BROKEN)
    assert broken.facts["altered"] == [name]
    assert name in broken.sentence


def test_a_log_that_is_not_on_record_is_named_and_accuses_nobody() -> None:
    made = trail()
    name = min(made.files)
    del made.files[name]
    given = facts(made)
    assert verdict(given) is Integrity.INCOMPLETE
    (row,) = rows(given, RowState.LOGS_ABSENT)
    assert row.facts["absent"] == [name]


def test_a_log_whose_bytes_were_not_hashed_is_absent_and_not_altered() -> None:
    made = trail()
    given = facts(made)
    files = tuple(replace(file, sha256="") for file in given.log_files)
    assert {row.state for row in rows(replace(given, log_files=files))} == {RowState.LOGS_ABSENT, RowState.UNLISTED}


def test_keys_of_another_region_verify_nothing() -> None:
    given = facts(trail(), keys=key_list(listed_key(), region="us-east-1"))
    assert problems(given) == {"key_of_other_region"}
    assert verdict(given) is Integrity.NOT_VERIFIED


def test_a_key_of_no_stated_region_is_tried() -> None:
    given = facts(trail(), keys=json.dumps({"PublicKeyList": [listed_key()]}).encode())
    assert verdict(given) is Integrity.CONSISTENT


def test_a_key_that_was_not_valid_then_verifies_nothing() -> None:
    old = listed_key(ValidityEndTime="2026-11-20T10:30:00Z")
    given = facts(trail(), keys=key_list(old))
    assert problems(given) == {"key_not_valid"}
    assert verdict(given) is Integrity.INCOMPLETE


def test_without_keys_nothing_is_verified() -> None:
    given = facts(trail(), keys=b"")
    assert problems(given) == {"no_key"}
    assert verdict(given) is Integrity.NOT_VERIFIED


def test_the_signature_of_all_but_the_last_is_told_by_the_next_digest() -> None:
    given = facts(trail(), signatures=b"")
    assert measure(given).figure["verified"] == 2
    assert problems(given) == {"no_signature"}


def test_a_digest_re_signed_by_another_key_under_the_old_fingerprint_is_refused() -> None:
    made = trail()
    made.digests[2] = signed(made.digests[2].body | {"logFiles": []}, "mallory")
    given = facts(made)
    assert "signature_wrong" in problems(given)
    assert verdict(given) is Integrity.INCONSISTENT


def test_a_digest_re_signed_by_another_key_under_its_own_fingerprint_has_no_key_on_record() -> None:
    made = trail()
    made.key = "mallory"
    made.hour(START + 3 * HOUR)
    given = facts(made, keys=key_list(listed_key("aws")), hours=4)
    assert problems(given) == {"no_key"}
    assert verdict(given) is Integrity.INCOMPLETE


def test_a_chain_that_was_re_signed_as_a_whole_stands_beside_the_true_digests() -> None:
    """Both sets are on record: digest files of one name with different content cannot both be as AWS wrote them."""
    true, forged = trail(), trail(key="mallory")
    forged.files = true.files
    both = key_list(listed_key("aws"), listed_key("mallory"))
    given = facts(true, keys=both, signatures=metadata(*true.digests))
    second = [one for digest in forged.digests for one in documents("cloudtrail_digest", digest.content)]
    given = more(given, *second, *documents("cloudtrail_signatures", metadata(*forged.digests)))
    assert "two_files" in problems(given)
    assert verdict(given) is Integrity.INCONSISTENT


def test_a_second_file_that_no_key_verifies_leaves_the_true_one_standing() -> None:
    made = trail()
    fake = json.dumps(made.digests[1].body | {"logFiles": []}).encode()
    given = more(facts(made), *documents("cloudtrail_digest", fake))
    (broken,) = rows(given, RowState.BROKEN)
    assert set(broken.facts["problems"]) == {"signature_wrong", "two_files"}
    assert sum(row.facts["digests"] for row in rows(given, RowState.CONSISTENT)) == 3


def test_another_signature_in_the_metadata_than_the_chain_says_is_seen() -> None:
    made = trail()
    made.digests[0].signature = signed(made.digests[0].body, "mallory").signature
    given = facts(made)
    assert {"previous_signature_wrong"} <= problems(given)
    assert verdict(given) is Integrity.INCONSISTENT


def test_logging_that_was_stopped_and_started_begins_a_chain_anew() -> None:
    made = trail(2)
    made.hour(START + 3 * HOUR, first=True)
    given = facts(made, hours=4)
    (hole,) = rows(given, RowState.NO_DIGEST)
    assert (hole.starts_at, hole.ends_at) == (START + 2 * HOUR, START + 3 * HOUR)
    assert "stopped and started" in hole.sentence
    assert verdict(given) is Integrity.INCOMPLETE


def test_a_chain_that_begins_anew_without_a_pause_is_still_shown() -> None:
    made = trail(1)
    made.hour(START + HOUR, first=True)
    (row,) = rows(facts(made, hours=2), RowState.NO_DIGEST)
    assert row.starts_at == row.ends_at == START + HOUR


def test_two_digests_that_speak_of_one_time_contradict_each_other() -> None:
    made = trail(2)
    made.hour(START + 1.5 * HOUR)
    assert "overlaps" in problems(facts(made, hours=3))


def test_the_period_before_the_first_and_after_the_last_digest_is_no_silence_of_ours() -> None:
    given = replace(facts(trail(2), hours=5), start=START - HOUR)
    before, after = rows(given, RowState.NO_DIGEST)
    assert (before.starts_at, before.ends_at) == (START - HOUR, START)
    assert (after.starts_at, after.ends_at) == (START + 2 * HOUR, START + 5 * HOUR)
    assert measure(given).figure["seconds"] == 6 * 3600


def test_digests_outside_the_period_are_not_counted() -> None:
    given = replace(facts(trail(3)), start=START + HOUR, end=START + 2 * HOUR, log_files=())
    assert measure(given).figure["digests"] == 1


def test_late_deliveries_are_a_chain_of_their_own_without_hours() -> None:
    made, late = trail(), trail(0, backfill=True)
    late.hour(START)
    late.hour(START + 2 * HOUR)
    given = more(facts(made), *(one for d in late.digests for one in documents("cloudtrail_digest", d.content)))
    given = more(given, *documents("cloudtrail_signatures", metadata(*late.digests)))
    given = replace(given, log_files=log_files(made.files | late.files))
    measured = measure(given)
    assert measured.figure["verdict"] == Integrity.CONSISTENT
    assert {row.name for row in measured.rows} == {"org-trail", "org-trail, late deliveries"}
    assert measured.figure["seconds"] == 3 * 3600
    del late.digests[0]
    assert "not on record" not in str([row.sentence for row in measured.rows])


def test_a_late_delivery_that_is_missing_between_two_is_named() -> None:
    late = trail(3, backfill=True)
    late.digests.pop(1)
    (hole,) = rows(facts(late), RowState.NO_DIGEST)
    assert "not on record" in hole.sentence


@pytest.mark.parametrize(
    "change",
    [{"digestSignatureAlgorithm": "SHA1withRSA"}, {"logFiles": [ODD_HASH]}],
)  # fmt: skip
def test_an_algorithm_that_is_not_known_verifies_nothing(change: dict[str, Any]) -> None:
    made = trail(1)
    made.digests[0] = signed(made.digests[0].body | change, "aws")
    given = facts(made, hours=1)
    assert "unknown_algorithm" in problems(given)
    assert verdict(given) in (Integrity.NOT_VERIFIED, Integrity.INCOMPLETE)


def test_logs_without_any_digest_are_not_verified() -> None:
    given = replace(facts(trail()), documents=())
    measured = measure(given)
    assert measured.figure["verdict"] == Integrity.NOT_VERIFIED
    assert measured.figure["files_unlisted"] == 3


def test_an_export_of_records_is_no_log_file_that_a_digest_could_list() -> None:
    export = LogFile(
        name="lookup.json", sha256="ab" * 32, source="cloudtrail", accounts=frozenset({ACCOUNT}),
        regions=frozenset(), first=START, last=START,
    )  # fmt: skip
    given = facts(trail())
    given = replace(given, log_files=(*given.log_files, export))
    (row,) = rows(given, RowState.UNLISTED)
    assert "does not give to log files" in row.sentence
    assert verdict(given) is Integrity.INCOMPLETE


def test_places_in_scope_without_any_digest_are_named_and_keep_the_figure_down() -> None:
    places = ((ACCOUNT, REGION), (ACCOUNT, "us-east-1"), ("444455556666", REGION))
    measured = measure(facts(trail()), places)
    silent = {row.place: row.facts["regions"] for row in measured.rows if row.state is RowState.NO_DIGEST}
    assert silent == {ACCOUNT: ["us-east-1"], "444455556666": [REGION]}
    assert measured.figure["verdict"] == Integrity.INCOMPLETE


def test_logs_of_other_sources_are_not_assessed_and_raise_nothing() -> None:
    other = replace(facts(trail()).log_files[0], source="azure_activity", name="activity.json")
    given = facts(trail())
    given = replace(given, log_files=(*given.log_files, other))
    (row,) = rows(given, RowState.NOT_ASSESSED)
    assert row.name == "azure_activity"
    assert verdict(given) is Integrity.CONSISTENT


def test_a_wholly_forged_set_is_consistent_with_its_own_keys_and_never_confirmed() -> None:
    """Own key, own digests, own logs: no import can lead to the verdict that auditors alone give."""
    forged = facts(trail(key="mallory"), keys=key_list(listed_key("mallory")))
    assert verdict(forged) is Integrity.CONSISTENT
    assert Integrity.CONFIRMED not in {verdict(forged), verdict(facts(trail()))}


def test_the_order_in_which_documents_came_changes_nothing() -> None:
    made = trail(4)
    made.digests.pop(2)
    given = facts(made, hours=4)
    shuffled = list(given.documents)
    random.Random(7).shuffle(shuffled)
    again = replace(given, documents=tuple(shuffled), log_files=given.log_files[::-1])
    assert (measure(again).figure, measure(again).rows) == (measure(given).figure, measure(given).rows)


def test_a_quarter_of_hours_becomes_one_row() -> None:
    made = Trail()
    for n in range(300):
        made.hour(START + n * HOUR, logs=0)
    (row,) = measure(facts(made, hours=300)).rows
    assert row.facts["digests"] == 300
