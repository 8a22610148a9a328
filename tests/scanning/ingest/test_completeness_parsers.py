"""Documents on which logs there are, whether they are unaltered, and which jobs there were: as read, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from compliance.types.canonical import sha256_hex
from compliance.types.completeness import CompletenessDraft
from compliance.types.drafts import Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import PARSERS, parser_named
from tests.scanning.ingest.reading import SAMPLES, expected_of, sample

OURS = (
    "cloudtrail_digest", "cloudtrail_signatures", "cloudtrail_keys", "aws_logging", "azure_logging", "gcp_logging",
    "stated_sources", "aws_jobs", "aws_billing",
)  # fmt: skip
OTHERS = sorted(p for n in PARSERS if n not in OURS for p in (SAMPLES / n).rglob("*") if expected_of(p).is_file())
FIRST = sample("cloudtrail_digest/first.json")
LIST = json.loads(sample("cloudtrail_keys/list.json"))


def parsed(name: str, content: bytes) -> list[CompletenessDraft | Reject]:
    found = parser_named(name).parse(io.BytesIO(content), ParseContext(file_name="f.json"))
    return [one for one in found if isinstance(one, (CompletenessDraft, Reject))]


def documents(name: str, content: bytes) -> list[CompletenessDraft]:
    return [one for one in parsed(name, content) if isinstance(one, CompletenessDraft)]


def digest(**changes: Any) -> bytes:
    body = {**json.loads(FIRST), **changes}
    return json.dumps({name: value for name, value in body.items() if value != "left out"}).encode()


def bundle(name: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(sample(name)), **changes}).encode()


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_documents_of_other_formats_are_not_claimed(path: Path) -> None:
    head = path.read_bytes()[: 1 << 16]
    assert not [name for name in OURS if parser_named(name).identify(head, path.name)]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("cloudtrail_digest", b"[]", "no JSON object"),
        ("cloudtrail_digest", digest(digestS3Object="x.json.gz"), "its path"),
        ("cloudtrail_digest", digest(awsAccountId="999999999999"), "none of account 999999999999"),
        ("cloudtrail_digest", digest(digestS3Bucket="left out"), "digestS3Bucket"),
        ("cloudtrail_digest", digest(digestEndTime="soon"), "digestEndTime"),
        ("cloudtrail_digest", digest(digestEndTime="2026-11-20T08:00:00Z"), "ends before"),
        ("cloudtrail_digest", digest(logFiles={}), "logFiles is no list"),
        ("cloudtrail_digest", digest(logFiles=[{"s3Bucket": "b"}]), "logFiles/0"),
        ("cloudtrail_digest", digest(previousDigestHashValue="ab"), "in part"),
        ("cloudtrail_digest", FIRST[:-3], "not valid JSON"),
        ("cloudtrail_signatures", b"[]", "no JSON object"),
        ("cloudtrail_signatures", b'{"a": {"signature": "xyz", "signature-algorithm": "SHA256withRSA"}}', "no signature"),
        ("cloudtrail_signatures", b'{"a": {"signature": "ab"}}', "no signature"),
        ("cloudtrail_keys", b"{}", "no list of public keys"),
        ("cloudtrail_keys", b'{"PublicKeyList": []}', "no public key"),
        ("cloudtrail_keys", b'{"assay_bundle": "cloudtrail-keys"}', "names no regions"),
        ("cloudtrail_keys", b'{"assay_bundle": "cloudtrail-keys", "regions": {}, "key": 1}', "'key'"),
        ("aws_logging", b'{"Accounts": [], "NextToken": "x"}', "NextToken"),
        ("aws_logging", b'{"assay_bundle": "aws-logging"}', "no section"),
        ("aws_logging", b'{"assay_bundle": "aws-logging", "trail_status": {"a": {}}}', "lists none"),
        ("aws_logging", bundle("aws_logging/bundle.json", trail_status=[]), "/trail_status"),
        ("aws_logging", bundle("aws_logging/bundle.json", trial={}), "'trial'"),
        ("aws_logging", bundle("aws_logging/bundle.json", accounts=[]), "/accounts"),
        ("azure_logging", b'{"assay_bundle": "azure-logging", "subscription": []}', "'subscription'"),
        ("azure_logging", b'{"assay_bundle": "azure-logging", "resource_settings": []}', "/resource_settings"),
        ("azure_logging", b'[{"state": "Enabled"}]', "without id"),
        ("azure_logging", b'{"assay_bundle": "azure-logging"}', "no section"),
        ("aws_logging", b'{"IsLogging": true}', "the trail's ARN as its source"),
        ("aws_logging", b'{"EventSelectors": [], "TrailARN": "mine"}', "no TrailARN"),
        ("gcp_logging", b'{"assay_bundle": "gcp-logging", "policies": []}', "/policies"),
        ("gcp_logging", b'{"assay_bundle": "gcp-logging", "policies": {"projects/a": []}}', "no policy"),
        ("gcp_logging", b'{"assay_bundle": "gcp-logging", "projects": [{}]}', "projectId"),
        ("gcp_logging", b'{"assay_bundle": "gcp-logging"}', "no section"),
        ("stated_sources", b'{"assay_bundle": "stated-sources", "clusters": []}', "stated_by"),
        ("stated_sources", bundle("stated_sources/statement.json", clusters=[{"name": "a"}]), "audit_log"),
        ("stated_sources", bundle("stated_sources/statement.json", not_logged=[{"source": "a"}]), "/not_logged/0/what"),
        ("stated_sources", b'{"assay_bundle": "stated-sources", "stated_by": "Ada"}', "states neither"),
        ("aws_jobs", b'{"TrainingJobSummaries": []}', "names no job"),
        ("aws_jobs", b'{"TrainingJobSummaries": [], "NextToken": "x"}', "NextToken"),
        ("aws_jobs", b'{"TrainingJobSummaries": {}}', "no list"),
        ("aws_jobs", b'{"assay_bundle": "aws-jobs", "account": "1"}', "its region"),
        ("aws_jobs", bundle("aws_jobs/bundle.json", jobs=[]), "'jobs'"),
        ("aws_billing", b"a,b\n1,2\n", "lacks a column"),
        ("aws_billing", b"".join(sample("aws_billing/legacy.csv").splitlines(True)[:1]), "no line of SageMaker"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_taken_says_why(name: str, content: bytes, told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        parsed(name, content)
    assert told in str(refused.value)
    assert str(refused.value).startswith("f.json")
    assert str(refused.value).endswith(".")


def test_the_state_of_a_trail_is_of_the_trail_that_the_importer_states() -> None:
    arn = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/org-trail"
    content = b'{"IsLogging": true, "LatestDeliveryTime": 1795170000.0}'
    for stated in (arn, f" {arn} "):
        context = ParseContext(file_name="f.json", source=stated)
        (found,) = parser_named("aws_logging").parse(io.BytesIO(content), context)
        assert isinstance(found, CompletenessDraft)
        assert (found.kind, found.scope, list(found.content["trail_status"])) == ("aws-trail-status", arn, [arn])
    with pytest.raises(BadInputError, match="hand it in again with the trail's ARN as its source"):
        list(parser_named("aws_logging").parse(io.BytesIO(content), ParseContext(file_name="f.json", source="acme")))


def test_a_digest_is_hashed_as_it_was_delivered_and_keeps_what_is_signed() -> None:
    (found,) = documents("cloudtrail_digest", FIRST)
    assert found.content["sha256"] == sha256_hex(FIRST)
    assert found.content["end_as_signed"] == json.loads(FIRST)["digestEndTime"]
    assert found.content["previous"] is None
    (spaced,) = documents("cloudtrail_digest", json.dumps(json.loads(FIRST), indent=1).encode())
    assert spaced.content["sha256"] != found.content["sha256"]


def test_a_backfill_digest_is_of_a_chain_of_its_own() -> None:
    (found,) = documents("cloudtrail_digest", sample("cloudtrail_digest/backfill.json"))
    assert (found.content["trail"], found.content["backfill"]) == ("org_trail-2", True)


def test_a_key_is_taken_in_either_form_and_known_by_its_bytes() -> None:
    (old,) = documents("cloudtrail_keys", json.dumps(LIST).encode())
    (renamed,) = documents("cloudtrail_keys", json.dumps({"publicKeyList": LIST["PublicKeyList"]}).encode())
    assert old.content == renamed.content
    assert old.content["keys"][0]["fingerprint"] == LIST["PublicKeyList"][0]["Fingerprint"]


@pytest.mark.parametrize(
    "change", [{"Value": "?"}, {"Value": "AAAA"}, {"Fingerprint": "ab" * 16}, {"ValidityEndTime": "never"}]
)
def test_a_key_that_is_not_what_it_says_is_rejected_and_the_others_are_kept(change: dict[str, str]) -> None:
    keys = [LIST["PublicKeyList"][0] | change, LIST["PublicKeyList"][0]]
    reject, found = parsed("cloudtrail_keys", json.dumps({"PublicKeyList": keys}).encode())
    assert isinstance(reject, Reject)
    assert reject.locator == "/PublicKeyList/0"
    assert isinstance(found, CompletenessDraft)
    assert len(found.content["keys"]) == 1


def test_a_key_of_another_kind_is_no_key_of_cloudtrail() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    listed = [LIST["PublicKeyList"][0] | {"Value": base64.b64encode(der).decode(), "Fingerprint": None}]
    with pytest.raises(BadInputError, match="signs with RSA alone"):
        parsed("cloudtrail_keys", json.dumps({"PublicKeyList": listed}).encode())


def test_an_empty_list_of_jobs_counts_where_the_bundle_says_of_which_account_and_region() -> None:
    content = bundle("aws_jobs/bundle.json", training_jobs={"TrainingJobSummaries": []}, customization_jobs=None)
    (found,) = documents("aws_jobs", content)
    assert (found.scope, found.content["is_list"], found.content["jobs"]) == ("111122223333/eu-central-1", True, [])


def test_a_description_of_one_job_is_no_list_and_keeps_no_setting_of_it() -> None:
    (found,) = documents("aws_jobs", sample("aws_jobs/describe_training_job.json"))
    assert found.content["is_list"] is False
    assert found.content["jobs"][0]["parent"].endswith(":hyper-parameter-tuning-job/hpo")
    assert "sk-live" not in str(found.content)


def test_a_bill_gathers_the_lines_of_a_job_and_counts_those_without_one() -> None:
    reject, found = parsed("aws_billing", sample("aws_billing/cur2.csv"))
    assert isinstance(reject, Reject)
    assert isinstance(found, CompletenessDraft)
    jobs = {job["name"]: (job["lines"], job["created_at"][:16]) for job in found.content["jobs"]}
    assert jobs["ft-support-bot-2026-11-20-09-14"] == (2, "2026-11-20T09:00")
    assert found.content["lines_without_job"] == {"111122223333": 1}


def test_names_and_addresses_of_account_owners_are_not_kept() -> None:
    (found,) = documents("aws_logging", sample("aws_logging/list_accounts.json"))
    assert "example.test" not in str(found.content)
    assert found.scope == "o-exampleorg1"
