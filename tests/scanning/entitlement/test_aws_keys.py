"""AWS: what keys of users, of the root user and of Bedrock open."""

from __future__ import annotations

import pytest

from compliance.types.drafts import JSON
from tests.scanning.entitlement.aws_documents import (
    JOBS,
    PASS,
    TRAIN,
    TUNE,
    allow,
    answer,
    arn,
    document,
    reaches,
    role,
    rows,
    user,
)


def credentials(*rows: JSON) -> object:
    return document("credential-report", users=list(rows))


def report(name: str, password: str = "true", first: str = "false", second: str = "false") -> JSON:
    return {"user": name, "arn": arn(f"user/{name}"), "password_enabled": password, "access_key_1_active": first,
            "access_key_2_active": second}  # fmt: skip


def test_whoever_holds_an_access_key_can_what_its_user_can() -> None:
    found = answer(user("ada", JOBS), beside=(credentials(report("ada", first="true")),))  # type: ignore[arg-type] # documents
    (way,) = rows(found, "whoever holds access key 1 of ada")
    assert (way.reach, way.principal.kind) == ("shared_key", "SharedKey")
    assert (way.path[0].kind, way.path[0].locator, way.path[1].kind) == ("shared key", "/users/0", "policy")
    assert reaches(found, "ada") == ["now"]


def test_a_user_with_neither_password_nor_key_cannot_act() -> None:
    found = answer(user("ada", JOBS), beside=(credentials(report("ada", "false")),))  # type: ignore[arg-type] # documents
    (way,) = rows(found, "ada")
    assert (way.reach, way.missing) == ("after_step", ("a password or an active access key",))


def api_key(status: str = "Active", service: str = "bedrock.amazonaws.com") -> object:
    one = {"UserName": "ada", "Status": status, "ServiceName": service, "ServiceSpecificCredentialId": "ACCA1"}
    return document("service-specific-credentials", credentials=[one])


@pytest.mark.parametrize(
    ("key", "statement", "expected"),
    [
        (api_key(), allow("*"), True),
        (api_key("Inactive"), allow("*"), False),
        (api_key(service="codecommit.amazonaws.com"), allow("*"), False),
        (api_key(), allow(TUNE, PASS), False),
        (api_key(), allow(TUNE, PASS, "bedrock:CallWithBearerToken"), True),
    ],
)
def test_a_bedrock_key_opens_bedrock_alone(key: object, statement: JSON, expected: bool) -> None:
    found = answer(user("ada", statement), role("T", trust={"Service": "bedrock.amazonaws.com"}), beside=(key,))  # type: ignore[arg-type] # a document
    actions = {way.action for way in found.entitled if way.principal.kind == "SharedKey"}
    assert bool(actions) is expected
    assert all(action.startswith("bedrock:") for action in actions)


def test_a_key_of_the_root_user_is_shown() -> None:
    root = {**report("x", "not_supported", "true"), "user": "<root_account>", "arn": arn("root")}
    found = answer(beside=(credentials(root),))  # type: ignore[arg-type] # documents
    assert reaches(found, "whoever holds access key 1 of root") == ["shared_key"]


def test_an_inactive_key_opens_nothing_and_two_active_ones_are_two() -> None:
    found = answer(user("ada", JOBS), beside=(credentials(report("ada", "true", "true", "true")),))  # type: ignore[arg-type] # documents
    assert {one.principal.display for one in found.entitled if one.principal.kind == "SharedKey"} == {
        "whoever holds access key 1 of ada", "whoever holds access key 2 of ada",
    }  # fmt: skip
    found = answer(user("ada", JOBS), beside=(credentials(report("ada")),))  # type: ignore[arg-type] # documents
    assert not any(one.principal.kind == "SharedKey" for one in found.entitled)


def test_a_key_opens_no_way_for_which_a_role_is_missing() -> None:
    found = answer(user("ada", allow(TRAIN)), beside=(credentials(report("ada", first="true")),))  # type: ignore[arg-type] # documents
    assert not rows(found, "whoever holds access key 1 of ada")
