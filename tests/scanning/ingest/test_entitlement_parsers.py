"""Entitlement documents of AWS, Azure, Google Cloud and Kubernetes: samples as they are read, and what is refused and why."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from compliance.types.drafts import Reject
from compliance.types.entitlements import EntitlementDocument, EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.entitlement import registry
from scanning.ingest import aws_iam, azure_roles, gcp_iam, kubernetes_rbac
from scanning.ingest.base import ParseContext, Parser
from scanning.ingest.registry import PARSERS
from tests.scanning.ingest.reading import SAMPLES, expected_of, golden

MODULES = (aws_iam, azure_roles, gcp_iam, kubernetes_rbac)
OURS: dict[str, Parser] = {one.PARSER.name: one.PARSER for one in MODULES}
KNOWN = sorted(p for n in OURS for p in (SAMPLES / n).glob("*.json") if not p.name.endswith(".expected.json"))
each_sample = pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.name}")
OTHERS = sorted(p for n in PARSERS if n not in OURS for p in (SAMPLES / n).rglob("*") if p.is_file())


def drafts(name: str, content: bytes) -> list[EntitlementDraft]:
    found = OURS[name].parse(io.BytesIO(content), ParseContext(file_name="f.json"))
    return [one for one in found if isinstance(one, EntitlementDraft)]


def documents(name: str, content: bytes) -> list[EntitlementDocument]:
    members = ("kind", "platform", "scope", "taken_at", "content")
    return [EntitlementDocument(**{m: getattr(one, m) for m in members}) for one in drafts(name, content)]


@each_sample
def test_golden(path: Path) -> None:
    found = golden(path.parent.name, path.read_bytes())
    assert found == json.loads(expected_of(path).read_bytes())
    assert golden(path.parent.name, gzip.compress(b"\xef\xbb\xbf" + path.read_bytes())) == found


@each_sample
def test_a_sample_is_known_by_its_content_to_its_parser_alone(path: Path) -> None:
    told = {name: parser.identify(path.read_bytes(), "nameless") for name, parser in OURS.items()}
    assert told == {name: 100 if name == path.parent.name else 0 for name in OURS}


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_documents_of_other_formats_are_not_claimed(path: Path) -> None:
    assert not any(parser.identify(path.read_bytes()[: 1 << 16], path.name) for parser in OURS.values())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("aws_iam", b"{}", "no account authorization details"),
        ("aws_iam", b"[]", "no account authorization details"),
        ("aws_iam", b"[1]", "no account authorization details"),
        ("aws_iam", b'{"UserDetailList": [], "IsTruncated": true, "Marker": "x"}', "IsTruncated"),
        ("aws_iam", b'{"UserDetailList": [], "NextToken": "x"}', "more pages follow"),
        ("aws_iam", b'{"UserDetailList": {}}', "/UserDetailList"),
        ("aws_iam", b'{"UserDetailList": [1]}', "/UserDetailList/0"),
        ("aws_iam", b'{"assay_bundle": "aws"}', "no section"),
        ("aws_iam", b'{"assay_bundle": "aws", "taken_at": "soon", "roots": []}', "taken_at"),
        ("aws_iam", b'{"assay_bundle": "aws", "scps": []}', "scps"),
        ("aws_iam", b'{"assay_bundle": "aws", "roots": {"Roots": [], "NextToken": "x"}}', "NextToken"),
        ("aws_iam", b'{"assay_bundle": "aws", "parents": []}', "/parents"),
        ("aws_iam", b'{"assay_bundle": "aws", "credential_report": {"Content": "%"}}', "/credential_report"),
        ("aws_iam", b'{"assay_bundle": "aws", "service_control_policies": [{"Policy": {}}]}', "describe-policy"),
        ("aws_iam", b'{"assay_bundle": "aws", "identity_center": []}', "/identity_center"),
        ("aws_iam", b'{"assay_bundle": "aws", "identity_center": {"user": []}}', "'user'"),
        ("azure_roles", b"[]", "no record"),
        ("azure_roles", b'[{"type": "x"}]', "[0]"),
        ("azure_roles", b'{"value": [], "nextLink": "x"}', "nextLink"),
        ("azure_roles", b'{"assay_bundle": "azure", "rolls": []}', "rolls"),
        ("azure_roles", b'{"assay_bundle": "azure", "groups": []}', "/groups"),
        ("azure_roles", b'{"assay_bundle": "azure", "taken_at": "soon"}', "taken_at"),
        ("azure_roles", b"[1]", "[0]"),
        ("gcp_iam", b"[]", "no record"),
        ("gcp_iam", b'[{"name": "x"}]', "unknown kind"),
        ("gcp_iam", b'{"assay_bundle": "gcp", "polices": []}', "polices"),
        ("gcp_iam", b'{"assay_bundle": "gcp", "groups": [1]}', "/groups"),
        ("kubernetes_rbac", b'{"kind": "List", "items": []}', "no role"),
        ("kubernetes_rbac", b'{"kind": "List", "items": [{"kind": "Pod"}]}', "items[0]"),
        ("kubernetes_rbac", b'{"kind": "List", "metadata": {"continue": "x"}, "items": []}', "continue"),
        ("kubernetes_rbac", b"{}", "kubectl"),
    ],
)
def test_a_document_that_cannot_be_taken_says_why(name: str, content: bytes, told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        drafts(name, content)
    assert told in str(refused.value)
    assert str(refused.value).startswith("f.json")
    assert str(refused.value).endswith(".")


def test_an_empty_section_of_a_bundle_is_a_document_and_an_absent_one_is_none() -> None:
    found = drafts("azure_roles", b'{"assay_bundle": "azure", "subscription": "s", "pim_eligible": []}')
    assert [(one.kind, one.content) for one in found] == [("azure-pim-eligible", {"eligible": []})]


def test_policies_are_decoded_however_they_were_written() -> None:
    written = (SAMPLES / "aws_iam" / "pages.json").read_bytes()
    (found,) = drafts("aws_iam", written)
    (ada,) = found.content["UserDetailList"]
    assert ada["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Effect"] == "Allow"
    (role,) = found.content["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_a_torn_policy_is_rejected_with_its_place_and_the_rest_is_kept() -> None:
    written = (SAMPLES / "aws_iam" / "pages.json").read_bytes()
    found = list(OURS["aws_iam"].parse(io.BytesIO(written), ParseContext(file_name="f.json")))
    rejected = [one for one in found if isinstance(one, Reject)]
    assert [one.locator for one in rejected] == ["/UserDetailList/0/UserPolicyList/1/PolicyDocument"]
    assert len(found) == 2


def test_one_policy_text_may_be_long() -> None:
    actions = [f"s3:Get{number}" for number in range(500)]
    document = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    policy = {"PolicyName": "long", "PolicyDocument": json.dumps(document)}
    user = {"UserName": "ada", "Arn": "arn:aws:iam::111122223333:user/ada", "UserPolicyList": [policy]}
    (found,) = drafts("aws_iam", json.dumps({"UserDetailList": [user]}).encode())
    assert found.content["UserDetailList"][0]["UserPolicyList"][0]["PolicyDocument"] == document
    assert found.scope == "111122223333"


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_read_leads_to_someone_who_can_submit(name: str) -> None:
    sample = {"kubernetes_rbac": "list.json"}.get(name, "bundle.json")
    (answer,) = registry.evaluate(documents(name, (SAMPLES / name / sample).read_bytes()))
    assert any(one.principal.display.startswith("ada") for one in answer.entitled)
