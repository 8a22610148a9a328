"""AWS: who can submit, rule by rule, within one account."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementAnswer
from scanning.entitlement.aws import evaluate
from tests.scanning.entitlement.aws_documents import (
    HERE,
    JOBS,
    PASS,
    SAGEMAKER,
    TRAIN,
    TRAINING,
    TUNE,
    account,
    ada,
    allow,
    answer,
    arn,
    attached,
    bounded,
    deny,
    document,
    group,
    managed,
    reaches,
    role,
    rows,
    trusting,
    user,
)

JOB = f"arn:aws:sagemaker:*:{HERE}:training-job/*"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_a_user_who_may_train_and_pass_a_role_can_submit_as_that_role() -> None:
    (way,) = ada(JOBS)
    assert (way.reach, way.scope, way.runs_as, way.missing) == ("now", HERE, (arn("role/Training"),), ())
    assert [(one.kind, one.name) for one in way.path] == [("policy", "own"), ("statement", "0")]
    assert way.path[1].locator == "/UserDetailList/0/UserPolicyList/0/PolicyDocument/Statement/0"


def test_without_a_role_to_pass_the_right_is_shown_with_what_is_missing() -> None:
    (way,) = ada(allow(TRAIN))
    assert (way.reach, way.runs_as) == ("after_step", ())
    assert way.missing == ("iam:PassRole on a role that trusts sagemaker.amazonaws.com",)


@pytest.mark.parametrize(
    ("passing", "runs_as"),
    [
        (allow(PASS), (arn("role/Training"),)),
        (allow(PASS, on=arn("role/Train*")), (arn("role/Training"),)),
        (allow(PASS, on=arn("role/Other")), ()),
        (allow("iam:*"), (arn("role/Training"),)),
    ],
)
def test_only_roles_that_trust_the_service_and_may_be_passed_count(passing: JSON, runs_as: tuple[str, ...]) -> None:
    other = role("Other", trust={"Service": "ec2.amazonaws.com"})
    found = answer(user("ada", allow(TRAIN), passing), other)
    assert [way.runs_as for way in rows(found, "ada")] == [runs_as]


def test_the_service_a_role_is_passed_to_is_shown_and_not_evaluated() -> None:
    only_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    (way,) = ada(allow(TRAIN), allow(PASS, Condition=only_lambda))
    assert way.runs_as
    assert way.conditions == ('iam:PassRole: {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}',)


def test_a_denied_service_cannot_run_as_the_role() -> None:
    closed = role("Closed", trust=[trusting(SAGEMAKER), {**trusting(SAGEMAKER), "Effect": "Deny"}])
    found = evaluate([account(user("ada", JOBS), closed)])
    assert rows(found, "ada")[0].missing


def test_bedrock_needs_a_role_that_trusts_bedrock() -> None:
    bedrock = role("Tuning", trust={"Service": ["bedrock.amazonaws.com", "ec2.amazonaws.com"]})
    found = answer(user("ada", allow("bedrock:*", PASS)), bedrock)
    (way,) = rows(found, "ada", TUNE)
    assert (way.reach, way.runs_as) == ("now", (arn("role/Tuning"),))
    assert rows(answer(user("ada", allow("bedrock:*", PASS))), "ada", TUNE)[0].missing
    assert not rows(answer(user("ada", allow("bedrock:*", PASS))), "ada", "bedrock:CreateCustomModel")[0].missing


def test_starting_a_pipeline_needs_no_role_to_pass() -> None:
    (way,) = rows(
        answer(user("ada", allow("sagemaker:StartPipelineExecution"))), "ada", "sagemaker:StartPipelineExecution"
    )
    assert (way.reach, way.missing) == ("now", ())


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([JOBS], True),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": ["sagemaker:*"], "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::*"}], True),
        ([{"Effect": "Allow", "Action": "*", "NotResource": JOB}], False),
        ([allow("sagemaker:*", on="arn:aws:s3:::data/*"), allow(PASS)], False),
        ([allow(TRAIN, on=f"arn:aws:sagemaker:eu-west-1:{HERE}:training-job/ft-*"), allow(PASS)], True),
        ([allow(TRAIN, on="arn:aws:sagemaker:eu-west-1:999999999999:*"), allow(PASS)], False),
        ([JOBS, deny("*")], False),
        ([JOBS, deny("sagemaker:Create*")], False),
        ([JOBS, deny(TRAIN, on=JOB)], False),
        ([JOBS, deny("sagemaker:*", on="arn:aws:sagemaker:*:*:training-job/*")], False),
        ([JOBS, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], False),
        ([JOBS, {"Effect": "Deny", "NotAction": [TRAIN, PASS], "Resource": "*"}], True),
        ([JOBS, {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::*"}], False),
        ([{**JOBS, "Effect": "allow"}], False),
        ([deny("s3:*")], False),
    ],
)
def test_statements_together(statements: list[JSON], expected: bool) -> None:
    found = ada(*statements)
    assert bool(found) is expected
    assert all(not way.missing for way in found)


@pytest.mark.parametrize(
    ("denial", "told"),
    [
        (
            deny("*", Condition=MFA),
            'denied if {"Bool": {"aws:MultiFactorAuthPresent": "true"}} (policy own, statement 1)',
        ),
        (deny(TRAIN, on="arn:aws:sagemaker:us-*"), "denied on arn:aws:sagemaker:us-* (policy own, statement 1)"),
        (
            {"Effect": "Deny", "Action": "*", "NotResource": f"arn:aws:sagemaker:eu-west-1:{HERE}:*"},
            f"denied on all but arn:aws:sagemaker:eu-west-1:{HERE}:* (policy own, statement 1)",
        ),
    ],
)
def test_a_denial_under_a_condition_or_in_part_takes_nothing_and_is_shown(denial: JSON, told: str) -> None:
    assert told in ada(JOBS, denial)[0].conditions


def test_a_condition_on_the_grant_is_shown() -> None:
    assert ada({**JOBS, "Condition": MFA})[0].conditions[0] == '{"Bool": {"aws:MultiFactorAuthPresent": "true"}}'


def test_one_resource_of_a_statement_may_be_denied_and_another_be_left() -> None:
    first, second = (f"arn:aws:sagemaker:{region}:{HERE}:training-job/*" for region in ("eu-west-1", "us-east-1"))
    (way,) = ada(allow(TRAIN, on=[first, second]), allow(PASS), deny(TRAIN, on=second))
    assert way.resources == (first,)


def test_a_group_gives_and_denies_to_its_members_alone() -> None:
    found = answer(
        group("ml", JOBS), group("stopped", deny("sagemaker:*")), user("ada", groups=("ml",)),
        user("bob", groups=("ml", "stopped")), user("eve", groups=("unknown",)),
    )  # fmt: skip
    assert reaches(found, "ada") == ["now"]
    assert [one.kind for one in rows(found, "ada")[0].path] == ["group", "policy", "statement"]
    assert not rows(found, "bob")
    assert not rows(found, "eve")


def test_of_a_managed_policy_the_default_version_counts() -> None:
    one = managed("Train", deny("*"))
    one["DefaultVersionId"] = "v2"
    one["PolicyVersionList"] = [
        {"VersionId": "v1", "IsDefaultVersion": False, "Document": {"Statement": deny("*")}},
        {"VersionId": "v2", "IsDefaultVersion": True, "Document": {"Statement": JOBS}},
    ]
    (way,) = ada(policies=(one,), AttachedManagedPolicies=attached("Train"))
    assert way.path[1].locator == "/Policies/0/PolicyVersionList/1/Document/Statement/0"


def test_a_managed_policy_that_no_document_holds_is_not_assessed() -> None:
    found = answer(user("ada", AttachedManagedPolicies=attached("Mystery")))
    assert not rows(found, "ada")
    assert any("policy/Mystery" in one.effect for one in found.not_assessed)


@pytest.mark.parametrize(
    ("boundary", "expected", "told"),
    [
        (allow("*"), True, ""),
        (allow("s3:*"), False, ""),
        (allow("sagemaker:*"), True, ""),
        (deny("sagemaker:*"), False, ""),
        (allow("*", Condition=MFA), True, "permissions boundary of ada allows it on * if"),
        (allow("*", on=f"arn:aws:sagemaker:eu-west-1:{HERE}:*"), True, "permissions boundary of ada allows it on arn"),
    ],
)
def test_a_boundary_limits_and_never_gives(boundary: JSON, expected: bool, told: str) -> None:
    more = {"policies": (managed("Edge", boundary),), "PermissionsBoundary": bounded("Edge")}
    found = ada(JOBS, **more)  # type: ignore[arg-type] # members of a user
    assert bool(found) is expected
    assert not told or any(one.startswith(told) for one in found[0].conditions)
    assert not ada(allow("s3:*"), **more)  # type: ignore[arg-type] # members of a user


def test_a_boundary_that_no_document_holds_is_shown_and_not_assessed() -> None:
    found = answer(user("ada", JOBS, PermissionsBoundary=bounded("Lost")))
    assert "which no document holds" in rows(found, "ada")[0].conditions[0]
    assert any("policy/Lost" in one.effect for one in found.not_assessed)


def test_the_boundary_counts_for_passing_a_role_too() -> None:
    edge = managed("Edge", allow("sagemaker:*"))
    (way,) = ada(JOBS, policies=(edge,), PermissionsBoundary=bounded("Edge"))
    assert way.missing


def test_the_root_user_can_do_everything() -> None:
    (way,) = rows(answer(), f"root user of {HERE}")
    assert (way.reach, way.runs_as, way.principal.identifier) == ("now", (arn("role/Training"),), arn("root"))


def test_a_role_for_a_service_itself_is_left_aside() -> None:
    linked = role("AWSServiceRoleForX", allow("*"), trust=SAGEMAKER, path="aws-service-role/x.amazonaws.com/")
    assert not rows(answer(linked), "AWSServiceRoleForX")


def test_a_policy_that_is_no_json_is_not_assessed() -> None:
    found = answer(user("ada", UserPolicyList=[{"PolicyName": "torn", "PolicyDocument": "{"}]))
    assert any("torn (/UserDetailList/0/UserPolicyList/0/PolicyDocument)" in one.effect for one in found.not_assessed)


def escalations(*statements: JSON, beside: tuple[JSON, ...] = (), **more: object) -> set[tuple[str, str]]:
    found = answer(user("ada", *statements, **more), *beside)  # type: ignore[arg-type] # members of a user
    return {
        (way.action, way.reach.value)
        for way in found.entitled
        if way.principal.display == "ada" and way.path[-1].kind == "escalation"
    }


STRONG = (user("bob", JOBS), group("strong", JOBS), role("Strong", JOBS, trust={"AWS": HERE}))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("iam:AttachUserPolicy"), True),
        (allow("iam:PutUserPolicy", on=arn("user/ada")), True),
        (allow("iam:PutUserPolicy", on=arn("user/bob")), False),
        (allow("iam:PutUserPolicy", on=arn("user/${aws:username}")), True),
        (allow("iam:CreateAccessKey", on=arn("user/${aws:username}")), False),
        (allow("iam:CreateAccessKey"), True),
        (allow("iam:CreateLoginProfile", on=arn("user/bob")), True),
        (allow("iam:CreateServiceSpecificCredential", on=arn("user/bob")), True),
        (allow("iam:AddUserToGroup", on=arn("group/strong")), True),
        (allow("iam:AddUserToGroup", on=arn("group/weak")), False),
        (allow("iam:AttachGroupPolicy", on=arn("group/weak")), True),
        (allow("iam:PutGroupPolicy", on=arn("group/strong")), False),
        (allow("iam:CreatePolicyVersion"), True),
        (allow("iam:SetDefaultPolicyVersion", on=arn("policy/Mine")), True),
        (allow("iam:CreatePolicyVersion", on=arn("policy/Other")), False),
        (allow("iam:UpdateAssumeRolePolicy"), True),
        (allow("iam:UpdateAssumeRolePolicy", on=arn("role/Weak")), False),
        (allow("iam:PutRolePolicy"), False),
        (allow("sso:CreateAccountAssignment"), True),
        (allow("iam:GetUser"), False),
    ],
)
def test_a_right_that_leads_to_more_rights(statement: JSON, expected: bool) -> None:
    weak = (group("weak"), role("Weak", trust={"Service": "ec2.amazonaws.com"}))
    found = escalations(
        statement, beside=(*STRONG, *weak), groups=("weak",), AttachedManagedPolicies=attached("Mine"),
    )  # fmt: skip
    assert found == ({(statement["Action"][0], "after_step")} if expected else set())


def test_a_role_one_acts_as_may_be_given_more() -> None:
    mine = role("Mine", trust={"AWS": arn("user/ada")})
    assert ("iam:PutRolePolicy", "after_step") in escalations(allow("iam:PutRolePolicy"), beside=(mine,))


def test_nobody_gives_themselves_what_their_boundary_refuses() -> None:
    edge = managed("Edge", allow("iam:*"))
    found = answer(
        user("ada", allow("iam:*"), PermissionsBoundary=bounded("Edge")), user("bob", JOBS), policies=(edge,)
    )
    ways = {way.action for way in found.entitled if way.principal.display == "ada"}
    assert "iam:PutUserPolicy" not in ways
    assert "iam:CreateAccessKey" in ways, "what another may do is not limited by one's own boundary"


def test_a_users_group_that_the_document_does_not_describe_gives_nothing() -> None:
    assert not rows(answer(user("ada", groups=("elsewhere",))), "ada")


def test_managed_policies_of_a_group_and_of_a_role_count_as_their_own() -> None:
    train = managed("Train", JOBS)
    found = answer(
        group("ml", AttachedManagedPolicies=attached("Train")), user("ada", groups=("ml",)),
        role("Strong", trust={"AWS": HERE}, AttachedManagedPolicies=attached("Train")), policies=(train,),
    )  # fmt: skip
    assert reaches(found, "ada") == reaches(found, "Strong") == ["now"]
    assert [one.kind for one in rows(found, "ada")[0].path] == ["group", "policy", "statement"]


def test_of_two_documents_of_one_account_the_later_counts() -> None:
    early = replace(account(TRAINING, user("ada", JOBS)), taken_at=datetime(2026, 1, 1, tzinfo=UTC))
    late = replace(account(TRAINING), taken_at=datetime(2026, 2, 1, tzinfo=UTC))
    for order in ([early, late], [late, early]):
        assert not rows(evaluate(order), "ada")


def test_an_account_of_another_partition_keeps_its_own_addresses() -> None:
    def moved(text: str) -> str:
        return text.replace("arn:aws:", "arn:aws-us-gov:")

    told = json.loads(moved(json.dumps(account(TRAINING, user("ada", JOBS)).content)))
    (way,) = rows(evaluate([document("account-authorization", **told)]), "ada")
    assert way.runs_as == (moved(arn("role/Training")),)
    narrow = allow(TRAIN, on=f"arn:aws:sagemaker:*:{HERE}:training-job/*")
    told["UserDetailList"][0]["UserPolicyList"][0]["PolicyDocument"]["Statement"] = [narrow, allow(PASS)]
    assert not rows(evaluate([document("account-authorization", **told)]), "ada")


def test_the_answer_is_the_same_however_often_it_is_asked() -> None:
    documents = [account(TRAINING, user("ada", JOBS), role("Strong", JOBS, trust={"AWS": HERE}))]
    assert evaluate(documents) == evaluate(documents)


def test_each_document_that_is_missing_is_not_assessed() -> None:
    told = {(one.document, one.scope) for one in answer().not_assessed}
    assert told >= {
        ("aws-service-control-policies", ""),
        ("aws-resource-control-policies", ""),
        ("aws-identity-center", ""),
        ("aws-credential-report", HERE),
        ("aws-service-specific-credentials", HERE),
    }
    assert ("aws-account-authorization", "") in {(one.document, one.scope) for one in evaluate([]).not_assessed}


PARTS = st.lists(
    st.sampled_from([
        user("ada", JOBS), user("bob", allow("*"), deny("sagemaker:*")), group("ml", JOBS), user("eve", groups=("ml",)),
        role("Strong", JOBS, trust={"AWS": HERE}), role("Hop", allow("sts:*"), trust={"AWS": arn("user/bob")}),
    ]), unique_by=str, max_size=6,
)  # fmt: skip


def bare(found: EntitlementAnswer) -> set[object]:
    return {replace(one, path=(), resources=()) for one in found.entitled}


@settings(deadline=None)
@given(parts=PARTS, order=st.randoms())
def test_the_order_of_users_and_roles_does_not_matter(parts: list[JSON], order: object) -> None:
    mixed = list(parts)
    order.shuffle(mixed)  # type: ignore[attr-defined] # a random.Random
    assert bare(answer(*mixed)) == bare(answer(*parts))


@settings(deadline=None)
@given(parts=PARTS)
def test_removing_a_user_or_role_never_gives_another_more(parts: list[JSON]) -> None:
    names = {bare_name(one) for one in parts[1:]}
    fewer = {one for one in bare(answer(*parts[1:])) if one.principal.display in names}  # type: ignore[attr-defined] # an Entitled
    assert fewer <= bare(answer(*parts))


def bare_name(one: JSON) -> str:
    return str(one.get("UserName") or one.get("RoleName") or one.get("GroupName"))


def test_only_roles_of_the_account_run_its_jobs() -> None:
    assert [one.runs_as for one in rows(evaluate([account(TRAINING, user("ada", JOBS))]), "ada")] == [
        (arn("role/Training"),)
    ]
