"""The AWS sample, from the file to who can submit: expected by hand, rule by rule."""

from __future__ import annotations

import io

from compliance.types.entitlements import EntitlementAnswer, EntitlementDocument, EntitlementDraft
from scanning.entitlement.aws import evaluate
from scanning.ingest.aws_iam import PARSER
from scanning.ingest.base import ParseContext
from tests.scanning.ingest.reading import sample

TRAIN = "sagemaker:CreateTrainingJob"
GITHUB = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
OWN = 'denied if {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-acme000001"}}'
SSO = "AWSReservedSSO_MLAdmin_0123456789abcdef"
PASSWORD = "a password or an active access key"


def read() -> EntitlementAnswer:
    drafts = PARSER.parse(io.BytesIO(sample("aws_iam/bundle.json")), ParseContext(file_name="bundle.json"))
    members = ("kind", "platform", "scope", "taken_at", "content")
    kept = [one for one in drafts if isinstance(one, EntitlementDraft)]
    return evaluate([EntitlementDocument(**{name: getattr(one, name) for name in members}) for one in kept])


def test_who_can_train_and_how() -> None:
    """ada by her group, outside one region denied; bob is denied by his own policy; carol over Deploy and Submitter; dave
    within a boundary that takes IAM away and leaves passing roles; erin has no role to pass; grace by Identity Center."""
    ways = {(one.principal.display, one.reach.value, one.missing) for one in read().entitled if one.action == TRAIN}
    assert ways == {
        ("ada", "now", ()),
        ("whoever holds access key 1 of ada", "shared_key", ()),
        ("carol", "after_step", ()),
        ("dave", "now", ()),
        ("erin", "after_step", ("iam:PassRole on a role that trusts sagemaker.amazonaws.com",)),
        ("grace@example.com", "now", ()),
        ("grace@example.com", "after_step", ()),
        ("root user of 111122223333", "now", ()),
        ("Deploy", "after_step", ()),
        ("Submitter", "now", ()),
        ("GitHubActions", "now", ()),
        (f"whoever {GITHUB} lets in", "now", ()),
        (SSO, "now", ()),
        (SSO, "after_step", ()),
        ("arn:aws:iam::777788889999:root", "after_step", ()),
    }


def test_a_control_policy_takes_automl_from_everybody() -> None:
    assert not any("AutoML" in one.action for one in read().entitled)


def test_a_bedrock_key_is_open_to_whoever_holds_it_and_its_user_cannot_sign_in() -> None:
    tune = [one for one in read().entitled if one.action == "bedrock:CreateModelCustomizationJob"]
    assert {(one.principal.display, one.reach.value, one.missing) for one in tune} == {
        ("BedrockAPIKey-7f3a", "after_step", (PASSWORD,)),
        ("whoever holds Bedrock API key ACCAEXAMPLE000000001 of BedrockAPIKey-7f3a", "shared_key", ()),
        ("grace@example.com", "now", ()),
        (SSO, "now", ()),
        ("root user of 111122223333", "now", ()),
    }


def test_who_could_give_themselves_the_right() -> None:
    """frank may set passwords of others; the administrators may do all that IAM has; dave's boundary takes IAM from him."""
    could: dict[str, set[str]] = {one.principal.display: set() for one in read().entitled}
    for one in read().entitled:
        if one.path[-1].kind == "escalation":
            could[one.principal.display].add(one.action)
    assert could["frank"] == {"iam:CreateLoginProfile", "iam:UpdateLoginProfile"}
    assert could["dave"] == set()
    assert could["grace@example.com"] == could[SSO] >= {"iam:AttachRolePolicy", "iam:CreateAccessKey"}


def test_the_way_over_two_roles_names_each_step_and_each_condition() -> None:
    (way,) = [one for one in read().entitled if one.principal.display == "carol"]
    assert [(one.kind, one.name) for one in way.path] == [
        ("policy", "deploy"), ("statement", "0"), ("trust", "Deploy"), ("policy", "hop"), ("statement", "0"),
        ("trust", "Submitter"), ("policy", "FineTune"), ("statement", "Train"),
    ]  # fmt: skip
    assert way.conditions == (
        'trust: {"Bool": {"aws:MultiFactorAuthPresent": "true"}}',
        f"{OWN} (resource control policy OnlyOurOrganization, statement Own)",
        'iam:PassRole: {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}',
    )
    assert way.runs_as == ("arn:aws:iam::111122223333:role/TrainingExecution",)


def test_what_is_not_assessed() -> None:
    assert [(one.document, one.scope) for one in read().not_assessed] == [
        (f"who is behind {GITHUB}", ""),
        ("who is behind arn:aws:iam::777788889999:root", ""),
        ("aws-account-authorization", "999900001111"),
    ]
