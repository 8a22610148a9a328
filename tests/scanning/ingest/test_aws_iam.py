"""AWS bundles: each section as a command writes it or as a list of outputs; what is kept, left out, rejected and refused."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any
from urllib.parse import quote

import pytest

from compliance.types.drafts import Reject
from compliance.types.entitlements import EntitlementDraft
from compliance.types.errors import BadInputError
from scanning.ingest.aws_iam import PARSER
from scanning.ingest.base import ParseContext

ACCOUNT = "111122223333"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
HEAD = "user,arn,password_enabled,access_key_1_active"


def parsed(document: Any) -> list[EntitlementDraft | Reject]:
    found = PARSER.parse(io.BytesIO(json.dumps(document).encode()), ParseContext(file_name="f.json"))
    return [one for one in found if isinstance(one, (EntitlementDraft, Reject))]


def bundle(**sections: Any) -> list[EntitlementDraft | Reject]:
    return parsed({"assay_bundle": "aws", "taken_at": "2026-06-01T08:00:00Z", "account": ACCOUNT, **sections})


def only(**sections: Any) -> EntitlementDraft:
    (found,) = bundle(**sections)
    assert isinstance(found, EntitlementDraft)
    return found


def user(**more: Any) -> dict[str, Any]:
    return {"UserName": "ada", "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada", **more}


def report(text: str) -> dict[str, str]:
    return {"Content": base64.b64encode(text.encode()).decode(), "ReportFormat": "text/csv"}


@pytest.mark.parametrize(
    "written", [POLICY, json.dumps(POLICY), quote(json.dumps(POLICY)), quote(json.dumps(POLICY), safe="")]
)
@pytest.mark.parametrize(
    ("name", "within", "member"),
    [
        ("UserDetailList", "UserPolicyList", "PolicyDocument"),
        ("GroupDetailList", "GroupPolicyList", "PolicyDocument"),
        ("RoleDetailList", "RolePolicyList", "PolicyDocument"),
        ("Policies", "PolicyVersionList", "Document"),
    ],
)
def test_a_policy_is_decoded_wherever_it_stands(written: Any, name: str, within: str, member: str) -> None:
    found = only(authorization_details={name: [{within: [{member: written}]}]})
    assert found.content[name][0][within][0][member] == POLICY


@pytest.mark.parametrize("torn", ["", "%7B", "null", "[]", "12", "{", "not json", "%ff%fe"])
def test_what_is_no_policy_is_rejected_with_its_place_and_left_as_it_was(torn: str) -> None:
    role = {"RoleName": "r", "Arn": f"arn:aws:iam::{ACCOUNT}:role/r", "AssumeRolePolicyDocument": torn}
    rejected, kept = bundle(authorization_details={"RoleDetailList": [role]})
    assert isinstance(rejected, Reject)
    assert rejected.locator == "/authorization_details/RoleDetailList/0/AssumeRolePolicyDocument"
    assert rejected.reason.startswith("f.json, /authorization_details/")
    assert isinstance(kept, EntitlementDraft)
    assert kept.content["RoleDetailList"][0]["AssumeRolePolicyDocument"] == torn


def test_a_role_without_a_trust_policy_is_no_reject() -> None:
    found = only(authorization_details={"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::1:role/r"}]})
    assert found.content["RoleDetailList"][0]["RoleName"] == "r"


def test_pages_are_joined_in_their_order() -> None:
    pages = [
        {"UserDetailList": [user(UserName=name)], "IsTruncated": name == "a", "Marker": "m"} for name in ("a", "b")
    ]
    (found,) = parsed(pages)
    assert isinstance(found, EntitlementDraft)
    assert [one["UserName"] for one in found.content["UserDetailList"]] == ["a", "b"]
    assert set(found.content) == {"UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"}


@pytest.mark.parametrize(
    ("arns", "scope"),
    [
        (["arn:aws:iam::111122223333:user/a"], ACCOUNT),
        (["arn:aws-us-gov:iam::111122223333:user/a", "arn:aws-us-gov:iam::111122223333:user/b"], ACCOUNT),
        (["arn:aws:iam::111122223333:user/a", "arn:aws:iam::444455556666:user/b"], ""),
        (["nonsense"], ""),
        ([], ""),
    ],
)
def test_the_account_is_the_one_that_all_belong_to(arns: list[str], scope: str) -> None:
    (found,) = parsed({"UserDetailList": [{"Arn": arn} for arn in arns]})
    assert isinstance(found, EntitlementDraft)
    assert (found.scope, found.taken_at) == (scope, None)


def test_a_bundle_is_dated_and_says_its_account() -> None:
    found = only(authorization_details={"UserDetailList": [user()]})
    assert (found.scope, str(found.taken_at), found.locator) == (
        ACCOUNT, "2026-06-01 08:00:00+00:00", "/authorization_details",
    )  # fmt: skip
    assert only(authorization_details={"UserDetailList": [user()]}, account="999").scope == "999"


def test_the_same_content_of_another_day_is_another_document() -> None:
    first = only(authorization_details={"UserDetailList": [user()]})
    later = only(authorization_details={"UserDetailList": [user()]}, taken_at="2026-07-01T08:00:00Z")
    assert first.raw_sha256 == later.raw_sha256
    assert first.fingerprint != later.fingerprint


@pytest.mark.parametrize("absent", [None, "absent"])
def test_a_section_that_is_absent_or_null_is_no_document_and_an_empty_one_is(absent: str | None) -> None:
    more = {"service_specific_credentials": None} if absent is None else {}
    assert only(roots={"Roots": []}, **more).kind == "aws-organization"
    assert only(service_specific_credentials={"ServiceSpecificCredentials": []}).content == {"credentials": []}


def test_a_credential_report_becomes_rows() -> None:
    found = only(credential_report=report(f"{HEAD}\nada,arn:aws:iam::1:user/ada,true,false\n"))
    assert (found.kind, found.scope) == ("aws-credential-report", ACCOUNT)
    assert found.content["users"] == [
        {"user": "ada", "arn": "arn:aws:iam::1:user/ada", "password_enabled": "true", "access_key_1_active": "false"}
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {}, [], "text", {"Content": 1}, {"Content": "%%%"}, report(""), report("a,b\n1,2\n"), report(HEAD),
        {"Content": base64.b64encode(b"\xff\xfe").decode()},
    ],
)  # fmt: skip
def test_what_is_no_credential_report_is_refused(wrong: Any) -> None:
    with pytest.raises(BadInputError, match="/credential_report, is no credential report"):
        bundle(credential_report=wrong)


def test_a_cell_longer_than_csv_takes_is_refused() -> None:
    before = csv.field_size_limit(131_072)  # whatever others of this process have set
    try:
        with pytest.raises(BadInputError, match="is no credential report"):
            bundle(credential_report=report(f"{HEAD}\n{'x' * 200_000},,,\n"))
    finally:
        csv.field_size_limit(before)


def test_the_organisation_is_one_document_of_its_parts() -> None:
    found = only(
        organization={"Organization": {"Id": "o-1", "MasterAccountId": "9"}}, roots={"Roots": [{"Id": "r-1"}]},
        accounts=[{"Accounts": [{"Id": "1"}]}, {"Accounts": [{"Id": "2"}]}],
        parents={"1": {"Parents": [{"Id": "r-1", "Type": "ROOT"}]}, "2": None},
    )  # fmt: skip
    assert (found.kind, found.scope) == ("aws-organization", "o-1")
    assert found.content["organization"]["MasterAccountId"] == "9"
    assert [one["Id"] for one in found.content["accounts"]] == ["1", "2"]
    assert found.content["parents"] == {"1": [{"Id": "r-1", "Type": "ROOT"}]}


@pytest.mark.parametrize("section", ["service_control_policies", "resource_control_policies"])
@pytest.mark.parametrize("targets", [{"Targets": [{"TargetId": "r-1"}]}, [{"Targets": [{"TargetId": "r-1"}]}]])
def test_a_control_policy_is_kept_with_what_it_is_attached_to(section: str, targets: Any) -> None:
    policy = {"Policy": {"PolicySummary": {"Id": "p-1", "Name": "Full"}, "Content": json.dumps(POLICY)}}
    found = only(**{section: [{"policy": policy, "targets": targets}]})
    (one,) = found.content["policies"]
    assert found.kind == f"aws-{section.replace('_', '-')}"
    assert one["Policy"]["Content"] == POLICY
    assert one["Targets"] == [{"TargetId": "r-1"}]


def test_a_control_policy_that_is_torn_is_rejected_and_its_neighbours_are_kept() -> None:
    torn, whole = ({"policy": {"Policy": {"Content": text}}} for text in ("{", json.dumps(POLICY)))
    rejected, kept = bundle(service_control_policies=[torn, whole])
    assert isinstance(rejected, Reject)
    assert rejected.locator == "/service_control_policies/0/policy/Policy/Content"
    assert isinstance(kept, EntitlementDraft)
    assert len(kept.content["policies"]) == 2


def test_of_people_in_identity_center_only_the_number_and_the_sign_in_name_are_kept() -> None:
    person = {"UserId": "u-1", "UserName": "ada@example.com", "DisplayName": "Ada", "PhoneNumbers": [{"Value": "1"}]}
    found = only(identity_center={"users": {"Users": [person]}, "instances": {"Instances": [{"InstanceArn": "arn:i"}]}})
    assert found.scope == "arn:i"
    assert found.content["users"] == [{"UserId": "u-1", "UserName": "ada@example.com"}]
    assert "groups" not in found.content


def test_permission_sets_assignments_and_members_are_read_from_outputs() -> None:
    found = only(
        identity_center={
            "permission_sets": [{"PermissionSet": {"Name": "A"}}, {"PermissionSet": {"Name": "B"}}],
            "assignments": [
                {"AccountAssignments": [{"AccountId": "1"}, {"AccountId": "2"}]},
                {"AccountAssignments": []},
            ],
            "memberships": {"g-1": {"GroupMemberships": [{"MemberId": {"UserId": "u-1"}}]}, "g-2": None},
        }
    )
    assert [one["Name"] for one in found.content["permission_sets"]] == ["A", "B"]
    assert [one["AccountId"] for one in found.content["assignments"]] == ["1", "2"]
    assert list(found.content["memberships"]) == ["g-1"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"UserDetailList": [', 100),
        (b'{ "RoleDetailList" : [', 100),
        (b'{"assay_bundle":"aws",', 100),
        (b'{"assay_bundle": "azure", "UserDetailList": [', 0),
        (b'{"Records":[{"eventSource":"iam.amazonaws.com","x":{"UserDetailList": [', 0),
        (b'{"UserDetailList": null', 0),
        (b"[]", 0),
    ],
)
def test_it_is_known_by_its_content(head: bytes, expected: int) -> None:
    assert PARSER.identify(head, "anything.json") == expected
