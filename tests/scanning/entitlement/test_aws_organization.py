"""AWS: control policies of an organisation, level by level."""

from __future__ import annotations

import pytest

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument
from tests.scanning.entitlement.aws_documents import (
    HERE,
    JOBS,
    MANAGEMENT,
    THERE,
    allow,
    answer,
    deny,
    document,
    policy,
    role,
    rows,
    trusting,
    user,
)

FULL = allow("*")
ROOT, UNIT = "r-1", "ou-1"
MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}


def organization(**changes: object) -> EntitlementDocument:
    told: dict[str, object] = {
        "organization": {"Id": "o-1", "MasterAccountId": MANAGEMENT},
        "roots": [{"Id": ROOT}],
        "accounts": [{"Id": HERE}, {"Id": MANAGEMENT}],
        "parents": {
            HERE: [{"Id": UNIT, "Type": "ORGANIZATIONAL_UNIT"}],
            UNIT: [{"Id": ROOT, "Type": "ROOT"}],
            MANAGEMENT: [{"Id": ROOT, "Type": "ROOT"}],
        },
    }
    return document("organization", "o-1", **(told | changes))


def control(kind: str = "service", /, **by_target: JSON) -> EntitlementDocument:
    """One policy for each target: its statement."""
    names = {"root": ROOT, "unit": UNIT, "account": HERE}
    listed = [
        {"Policy": {"PolicySummary": {"Name": f"on {where}"}, "Content": policy(statement)},
         "Targets": [{"TargetId": names[where.rstrip("2")]}]}
        for where, statement in by_target.items()
    ]  # fmt: skip
    return document(f"{kind}-control-policies", "o-1", policies=listed)


def found(*beside: EntitlementDocument) -> EntitlementAnswer:
    return answer(user("ada", JOBS), beside=beside)


ALL = {"root": FULL, "unit": FULL, "account": FULL}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"root": allow("s3:*")}, False),
        ({"unit": allow("s3:*")}, False),
        ({"account": allow("s3:*")}, False),
        ({"unit": allow("s3:*"), "unit2": allow("sagemaker:*", "iam:*")}, True),
        ({"unit2": deny("sagemaker:*")}, False),
        ({"root2": {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}}, False),
        ({"account2": deny("bedrock:*")}, True),
        ({"account2": deny("sagemaker:*", on="arn:aws:sagemaker:us-east-1:*:*")}, True),
    ],
)
def test_every_level_must_allow_and_none_may_deny(changes: dict[str, JSON], expected: bool) -> None:
    ways = rows(found(organization(), control(**(ALL | changes))), "ada")
    assert bool(ways) is expected
    assert all(not way.missing for way in ways)


def test_a_conditional_denial_of_the_organisation_takes_nothing_and_is_shown() -> None:
    (way,) = rows(found(organization(), control(**ALL, unit2=deny("*", Condition=MFA))), "ada")
    assert way.conditions[0] == (
        'denied if {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}'
        " (service control policy on unit2, statement 0)"
    )


def test_a_limited_allow_is_shown() -> None:
    limited = control(
        **(ALL | {"unit": allow("*", on=f"arn:aws:sagemaker:eu-west-1:{HERE}:*"), "unit2": allow("iam:*")})
    )
    (way,) = rows(found(organization(), limited), "ada")
    assert any(one.startswith(f"service control policy at {UNIT} allows it on arn:aws") for one in way.conditions)


def test_the_root_user_of_a_member_is_limited_too() -> None:
    told = found(organization(), control(**(ALL | {"unit": allow("s3:*")})))
    assert not rows(told, f"root user of {HERE}")


def test_the_management_account_is_never_limited() -> None:
    manages = organization(organization={"Id": "o-1", "MasterAccountId": HERE})
    assert rows(found(manages, control(root=allow("s3:*"))), "ada")


def test_an_account_outside_the_organisation_is_not_limited_and_not_assessed() -> None:
    told = found(organization(accounts=[{"Id": THERE}]), control(root=allow("s3:*")))
    assert rows(told, "ada")
    assert any("not in the organisation's list" in one.effect for one in told.not_assessed)


def test_without_parents_the_root_and_the_account_itself_still_count() -> None:
    told = found(organization(parents={}), control(root=allow("s3:*"), account=FULL))
    assert not rows(told, "ada")
    told = found(organization(parents={}), control(**ALL))
    assert rows(told, "ada")
    assert any("Which units the account lies in" in one.effect for one in told.not_assessed)


def test_a_level_without_any_policy_on_record_is_not_assessed_and_refuses_nothing() -> None:
    told = found(organization(), control(root=FULL, account=FULL))
    assert rows(told, "ada")
    assert any(f"attached to {UNIT}" in one.effect for one in told.not_assessed)


def test_what_a_control_policy_does_not_let_one_read_is_not_assessed() -> None:
    torn = [{"Policy": {"PolicySummary": {"Name": "torn"}, "Content": "{"}, "Targets": [{"TargetId": ROOT}]}]
    told = found(organization(), document("service-control-policies", "o-1", policies=torn))
    assert any("torn says cannot be read" in one.effect for one in told.not_assessed)


def test_control_policies_without_the_organisation_are_not_assessed_as_a_whole() -> None:
    assert any(one.document == "aws-organization" for one in found(control(account=FULL)).not_assessed)


def federated(*beside: EntitlementDocument) -> list[object]:
    trust = [trusting({"Federated": "arn:aws:iam::1:saml-provider/Okta"}, "sts:AssumeRoleWithSAML")]
    told = answer(role("Trainer", JOBS, trust=trust), beside=beside)
    return [one for one in told.entitled if one.principal.kind == "Federated"]


def assuming(*beside: EntitlementDocument) -> list[object]:
    told = answer(user("ada", allow("sts:*")), role("Trainer", JOBS, trust={"AWS": HERE}), beside=beside)
    return list(rows(told, "ada"))


@pytest.mark.parametrize("ways", [federated, assuming])
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (deny("sts:*", Principal="*"), 0),
        (deny("s3:*", Principal="*"), 1),
        (deny("sts:*", Principal="*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}), 1),
    ],
)
def test_a_resource_control_policy_keeps_from_acting_as_a_role(ways: object, statement: JSON, expected: int) -> None:
    told = ways(organization(), control(**ALL), control("resource", root=statement))  # type: ignore[operator] # a function above
    assert bool(told) == bool(expected)
    assert all("denied if" in one.conditions[-1] for one in told if "Condition" in statement)


def test_a_resource_control_policy_does_not_limit_what_a_job_needs() -> None:
    assert rows(found(organization(), control(**ALL), control("resource", root=deny("*"))), "ada")
