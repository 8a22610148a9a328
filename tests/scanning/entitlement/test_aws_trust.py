"""AWS: who acts as which role, across roles, accounts, identity providers and Identity Center."""

from __future__ import annotations

import pytest

from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument
from scanning.entitlement.aws import evaluate
from tests.scanning.entitlement.aws_documents import (
    HERE,
    JOBS,
    THERE,
    TRAINING,
    account,
    allow,
    answer,
    arn,
    bounded,
    deny,
    document,
    managed,
    reaches,
    role,
    rows,
    trusting,
    user,
)

ASSUME = allow("sts:AssumeRole")
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
ROOT = {"AWS": arn("root")}
# A deleted user's unique id, as AWS writes it.
DELETED = "AIDAQ3EGSEXAMPLEQ3EG"


def trainer(trust: JSON | list[JSON], **more: object) -> JSON:
    return role("Trainer", JOBS, trust=trust, **more)  # type: ignore[arg-type] # members of a role


def of_ada(*statements: JSON, trust: JSON | list[JSON], **more: object) -> list[str]:
    return reaches(answer(user("ada", *statements, **more), trainer(trust)), "ada")  # type: ignore[arg-type] # members of a user


def test_a_role_is_shown_itself_and_whoever_may_act_as_it_after_a_step() -> None:
    found = answer(user("ada", ASSUME), trainer(ROOT))
    assert reaches(found, "Trainer") == ["now"]
    (way,) = rows(found, "ada")
    assert (way.reach, way.runs_as) == ("after_step", (arn("role/Training"),))
    assert [one.kind for one in way.path] == ["policy", "statement", "trust", "policy", "statement"]
    assert way.path[2].locator == "/RoleDetailList/1/AssumeRolePolicyDocument/Statement/0"


@pytest.mark.parametrize(
    ("statements", "trust", "expected"),
    [
        ([ASSUME], ROOT, True),
        ([ASSUME], {"AWS": HERE}, True),
        ([ASSUME], {"AWS": THERE}, False),
        ([ASSUME], {"AWS": [arn("user/bob"), arn("user/ada")]}, True),
        ([ASSUME], {"AWS": arn("user/bob")}, False),
        ([ASSUME], {"AWS": "*"}, True),
        ([ASSUME], "*", True),
        ([ASSUME], {"Service": "ec2.amazonaws.com"}, False),
        ([ASSUME], {"AWS": DELETED}, False),
        ([], ROOT, False),
        ([], {"AWS": arn("user/ada")}, True),
        ([deny("sts:*")], {"AWS": arn("user/ada")}, False),
        ([ASSUME, deny("sts:AssumeRole", on=arn("role/Trainer"))], ROOT, False),
        ([ASSUME, deny("sts:AssumeRole", on=arn("role/Other"))], ROOT, True),
        ([allow("sts:AssumeRole", on=arn("role/Train*"))], ROOT, True),
        ([allow("sts:AssumeRole", on=arn("role/Other"))], ROOT, False),
        ([allow("sts:AssumeRoleWithSAML")], ROOT, False),
    ],
)
def test_both_sides_must_agree_unless_the_role_names_the_user(
    statements: list[JSON], trust: JSON, expected: bool
) -> None:
    assert bool(of_ada(*statements, trust=trust)) is expected


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ([trusting(ROOT), {**trusting({"AWS": arn("user/ada")}), "Effect": "Deny"}], False),
        ([trusting(ROOT), {**trusting({"AWS": arn("user/bob")}), "Effect": "Deny"}], True),
        ([trusting(ROOT), {**trusting(ROOT), "Effect": "Deny", "Condition": MFA}], True),
        ([trusting(ROOT), {"Effect": "Deny", "NotPrincipal": {"AWS": arn("user/bob")}, "Action": "*"}], False),
        ([trusting(ROOT), {"Effect": "Deny", "NotPrincipal": {"AWS": arn("user/ada")}, "Action": "*"}], True),
        ([trusting(ROOT, "sts:TagSession")], False),
        ([trusting(ROOT, "sts:*")], True),
    ],
)
def test_statements_of_a_trust_policy_together(trust: list[JSON], expected: bool) -> None:
    assert bool(of_ada(ASSUME, trust=trust)) is expected


def test_conditions_of_both_sides_are_shown() -> None:
    found = answer(user("ada", allow("sts:*", Condition=MFA)), trainer([trusting(ROOT, Condition={"X": {"y": "z"}})]))
    assert rows(found, "ada")[0].conditions == (
        '{"Bool": {"aws:MultiFactorAuthPresent": "true"}}', 'trust: {"X": {"y": "z"}}',
    )  # fmt: skip


def test_a_trust_without_condition_is_chosen_over_one_with() -> None:
    found = answer(user("ada", ASSUME), trainer([trusting(ROOT, Condition=MFA), trusting({"AWS": arn("user/ada")})]))
    assert rows(found, "ada")[0].conditions == ()


def test_a_boundary_that_is_silent_does_not_limit_a_user_whom_a_role_names() -> None:
    edge = managed("Edge", allow("s3:*"))
    trust = {"AWS": arn("user/ada")}
    found = answer(user("ada", PermissionsBoundary=bounded("Edge")), trainer(trust), policies=(edge,))
    assert reaches(found, "ada") == ["after_step"]
    refusing = managed("Edge", allow("s3:*"), deny("sts:*"))
    assert not rows(
        answer(user("ada", PermissionsBoundary=bounded("Edge")), trainer(trust), policies=(refusing,)), "ada"
    )


def test_a_boundary_that_is_silent_limits_a_role_whom_a_role_names() -> None:
    edge = managed("Edge", allow("s3:*"))
    middle = role("Middle", trust=ROOT, PermissionsBoundary=bounded("Edge"))
    found = answer(middle, trainer({"AWS": arn("role/Middle")}), policies=(edge,))
    assert not rows(found, "Middle")


def test_several_roles_in_a_row_are_followed_and_rings_end() -> None:
    first = role("First", ASSUME, trust=ROOT)
    second = role("Second", ASSUME, trust={"AWS": arn("role/First")})
    found = answer(
        user("ada", allow("sts:*", on=arn("role/First"))), first, second, trainer({"AWS": arn("role/Second")})
    )
    (way,) = rows(found, "ada")
    assert [one.name for one in way.path if one.kind == "trust"] == ["First", "Second", "Trainer"]
    ring = [role(a, ASSUME, trust={"AWS": arn(f"role/{b}")}) for a, b in (("A", "B"), ("B", "A"))]
    assert not rows(answer(*ring), "A")


def test_a_session_that_a_trust_names_is_the_role_under_that_name() -> None:
    session = f"arn:aws:sts::{HERE}:assumed-role/Middle/deploy"
    found = answer(role("Middle", ASSUME, trust=ROOT), trainer({"AWS": session}))
    assert rows(found, "Middle")[0].conditions == ("only as the session deploy",)


def test_what_a_role_could_give_itself_is_open_to_who_acts_as_it() -> None:
    admin = role("Admin", allow("iam:AttachRolePolicy"), trust=ROOT)
    found = answer(user("ada", ASSUME), admin)
    assert reaches(found, "ada", "iam:AttachRolePolicy") == ["after_step"]


def test_the_root_user_assumes_no_role() -> None:
    assert len(rows(answer(trainer(ROOT)), f"root user of {HERE}")) == 1


def test_a_key_of_a_user_opens_the_roles_that_the_user_may_assume() -> None:
    one = {"user": "ada", "arn": arn("user/ada"), "password_enabled": "false", "access_key_1_active": "true"}
    found = answer(user("ada", ASSUME), trainer(ROOT), beside=(document("credential-report", users=[one]),))
    assert reaches(found, "whoever holds access key 1 of ada") == ["shared_key"]


def two_accounts(statement: JSON, trust: JSON) -> EntitlementAnswer:
    away = user("zoe", statement, account=THERE)
    return evaluate([account(TRAINING, trainer(trust)), account(away, number=THERE)])


@pytest.mark.parametrize(
    ("statement", "trust", "expected"),
    [
        (ASSUME, {"AWS": arn("root", THERE)}, True),
        (ASSUME, {"AWS": arn("user/zoe", THERE)}, True),
        (allow("s3:*"), {"AWS": arn("user/zoe", THERE)}, False),
        (ASSUME, {"AWS": arn("user/other", THERE)}, False),
    ],
)
def test_from_another_account_both_sides_must_allow(statement: JSON, trust: JSON, expected: bool) -> None:
    found = rows(two_accounts(statement, trust), "zoe")
    assert [(one.scope, one.reach.value) for one in found] == ([(HERE, "after_step")] if expected else [])


@pytest.mark.parametrize(
    ("trust", "who", "kind"),
    [
        ({"AWS": arn("root", THERE)}, arn("root", THERE), "AWSAccount"),
        ({"AWS": THERE}, THERE, "AWSAccount"),
        ({"AWS": arn("role/Deploy", THERE)}, arn("role/Deploy", THERE), "AWS"),
        ({"AWS": "*"}, "anyone in any AWS account", "Anyone"),
    ],
)
def test_an_account_without_documents_stands_for_its_people(trust: JSON, who: str, kind: str) -> None:
    found = answer(trainer(trust))
    (way,) = rows(found, who)
    assert (way.reach, way.principal.kind) == ("after_step", kind)
    assert any(one.document == f"who is behind {'*' if kind == 'Anyone' else who}" for one in found.not_assessed)


@pytest.mark.parametrize(
    ("provider", "action"),
    [
        (arn("saml-provider/Okta"), "sts:AssumeRoleWithSAML"),
        (arn("oidc-provider/token.actions.githubusercontent.com"), "sts:AssumeRoleWithWebIdentity"),
        ("cognito-identity.amazonaws.com", "sts:AssumeRoleWithWebIdentity"),
    ],
)
def test_an_identity_provider_stands_for_whom_it_lets_in(provider: str, action: str) -> None:
    trust = [trusting({"Federated": provider}, action, Condition={"StringEquals": {"aud": "x"}})]
    found = answer(trainer(trust))
    (way,) = rows(found, f"whoever {provider} lets in")
    assert (way.reach, way.principal.kind) == ("now", "Federated")
    assert way.conditions[0].startswith("trust: ")
    assert f"who is behind {provider}" in {one.document for one in found.not_assessed}


def test_a_provider_whose_role_gives_nothing_is_not_mentioned() -> None:
    quiet = role("Quiet", trust=[trusting({"Federated": arn("saml-provider/X")}, "sts:AssumeRoleWithSAML")])
    assert not any("saml-provider/X" in one.document for one in answer(quiet).not_assessed)


def test_a_trust_that_allows_all_but_some_is_not_assessed() -> None:
    odd = trainer([{"Effect": "Allow", "NotPrincipal": {"AWS": arn("user/bob")}, "Action": "sts:AssumeRole"}])
    assert any("Trainer" in one.effect for one in answer(odd).not_assessed)


SET, INSTANCE = "arn:aws:sso:::permissionSet/ssoins-1/ps-1", "arn:aws:sso:::instance/ssoins-1"
SSO_NAME = "AWSReservedSSO_MLEngineer_0123456789abcdef"
SSO_ROLE = role(
    SSO_NAME, JOBS, trust=[trusting({"Federated": arn("saml-provider/AWSSSO_x_DO_NOT_DELETE")}, "sts:AssumeRoleWithSAML")],
    path="aws-reserved/sso.amazonaws.com/eu-west-1/",
)  # fmt: skip


def center(*assignments: JSON, **more: object) -> EntitlementDocument:
    told: dict[str, object] = {
        "permission_sets": [{"Name": "MLEngineer", "PermissionSetArn": SET}],
        "assignments": list(assignments),
        "users": [{"UserId": "u-1", "UserName": "ada@example.com"}, {"UserId": "u-2", "UserName": "bob@example.com"}],
        "groups": [{"GroupId": "g-1", "DisplayName": "ml"}],
        "memberships": {"g-1": [{"GroupId": "g-1", "MemberId": {"UserId": "u-2"}}]},
    }
    return document("identity-center", INSTANCE, **(told | more))


def assigned(kind: str = "USER", to: str = "u-1", number: str = HERE) -> JSON:
    return {"AccountId": number, "PermissionSetArn": SET, "PrincipalType": kind, "PrincipalId": to}


def test_a_user_of_identity_center_is_named_as_the_job_log_names_the_session() -> None:
    found = answer(SSO_ROLE, beside=(center(assigned()),))
    (way,) = rows(found, "ada@example.com")
    assert (way.reach, way.principal.kind) == ("now", "IdentityCenterUser")
    assert way.principal.identifier == f"arn:aws:sts::{HERE}:assumed-role/{SSO_NAME}/ada@example.com"
    assert [one.kind for one in way.path] == ["assignment", "permission set", "policy", "statement"]
    assert not any(one.principal.kind == "Federated" for one in found.entitled)


def test_a_group_of_identity_center_is_its_members() -> None:
    (way,) = rows(answer(SSO_ROLE, beside=(center(assigned("GROUP", "g-1")),)), "bob@example.com")
    assert (way.path[0].kind, way.path[0].locator) == ("group", "/memberships/g-1/0")


def test_a_group_without_members_on_record_stands_for_them() -> None:
    found = answer(SSO_ROLE, beside=(center(assigned("GROUP", "g-1"), memberships={}),))
    assert reaches(found, "ml") == ["now"]
    assert any("Who is in the group ml is not known" in one.effect for one in found.not_assessed)
    assert not rows(
        answer(SSO_ROLE, beside=(center(assigned("GROUP", "g-1"), memberships={"g-1": []}),)), "bob@example.com"
    )


def test_a_user_without_a_name_on_record_is_shown_by_its_number_and_said_to_be() -> None:
    found = answer(SSO_ROLE, beside=(center(assigned(), users=[]),))
    assert reaches(found, "u-1") == ["now"]
    assert any("The name of user u-1 is not known" in one.effect for one in found.not_assessed)


@pytest.mark.parametrize(("number", "told"), [(THERE, "the authorization details"), (HERE, "no role that it made")])
def test_a_permission_set_whose_role_is_not_on_record_is_not_assessed(number: str, told: str) -> None:
    found = answer(beside=(center(assigned(number=number)),))
    assert any(one.scope == number and told in one.effect for one in found.not_assessed)


def test_without_documents_of_identity_center_its_provider_stands_for_its_people() -> None:
    found = answer(SSO_ROLE)
    assert any(one.principal.kind == "Federated" for one in found.entitled)


def test_from_a_permission_sets_role_further_roles_take_a_step() -> None:
    sso = {**SSO_ROLE, "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": ASSUME}}]}
    found = answer(sso, trainer(ROOT), beside=(center(assigned()),))
    assert reaches(found, "ada@example.com") == ["after_step"]


@pytest.mark.parametrize(("owner", "expected"), [(HERE, True), (THERE, False)])
def test_permission_sets_are_widened_where_identity_center_is_run(owner: str, expected: bool) -> None:
    instances = [{"InstanceArn": INSTANCE, "OwnerAccountId": owner}]
    found = answer(user("ada", allow("sso:*")), beside=(center(instances=instances),))
    assert bool(rows(found, "ada", "sso:CreateAccountAssignment")) is expected
