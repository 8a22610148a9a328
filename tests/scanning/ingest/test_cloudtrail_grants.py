"""Changes of rights in CloudTrail: which are kept, what they say, and that the cheap test never passes one over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import ParseContext
from scanning.ingest.cloudtrail_grants import GRANTS
from scanning.ingest.cloudtrail_operations import OPERATIONS
from tests.scanning.ingest.reading import events, read, sample

RECORDS: list[dict[str, Any]] = json.loads(sample("cloudtrail/grants.json"))["Records"]
PLAIN = RECORDS[0]


def wrap(*records: dict[str, Any]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def of(operation: str, **more: Any) -> dict[str, Any]:
    service, _, name = operation.partition(":")
    return {**PLAIN, "eventSource": f"{service}.amazonaws.com", "eventName": name, **more}


@pytest.mark.parametrize("operation", sorted({**GRANTS, **OPERATIONS}))
def test_no_operation_that_is_kept_is_passed_over(operation: str) -> None:
    assert [one.action for one in events(wrap(of(operation)))] == [operation]


@pytest.mark.parametrize("operation", sorted(GRANTS))
def test_every_change_of_rights_is_a_grant_without_a_role_to_run_as(operation: str) -> None:
    (event,) = events(wrap(of(operation, requestParameters={"roleArn": "arn:aws:iam::1:role/x"})))
    assert (event.action_class, event.execution_role) == (ActionClass.GRANT, "")


def test_reading_rights_changes_none_and_is_counted_alone() -> None:
    drafts, summary = read("cloudtrail", wrap(of("iam:ListRoles"), PLAIN, of("iam:GetRole")))
    assert (summary.read, summary.relevant, summary.rejected, len(drafts)) == (3, 1, 0, 1)


def test_a_name_of_another_member_hides_no_event() -> None:
    hidden = {"eventVersion": "1.11", "additionalEventData": {"eventName": "ListRoles"}, **PLAIN}
    assert [one.action for one in events(wrap(hidden))] == ["iam:AttachRolePolicy"]


def test_an_event_of_another_service_by_the_same_name_is_not_kept() -> None:
    assert events(wrap(of("s3:AttachRolePolicy"), PLAIN))[0].action == "iam:AttachRolePolicy"
    assert len(events(wrap(of("s3:AttachRolePolicy"), PLAIN))) == 1


def test_an_operation_added_by_configuration_is_not_passed_over() -> None:
    context = ParseContext(file_name="f.json", extra_operations=("iam:ListRoles",))
    drafts, _ = read("cloudtrail", wrap(of("iam:ListRoles")), context)
    assert len(drafts) == 1


@pytest.mark.parametrize(
    ("index", "whom", "what"),
    [
        (0, "Submitter", ("granted_policy", "arn:aws:iam::111122223333:policy/FineTune")),
        (1, "bob", ("removed_policy", "arn:aws:iam::111122223333:policy/FineTune")),
        (3, "judy", ("granted_group", "ml-engineers")),
        (7, "u-0003", ("granted_group", "g-0001")),
        (8, "ou-ac01-ml000001", ("detached_policy", "p-automl0001")),
    ],
)
def test_a_grant_says_whom_it_is_about_and_what_was_given(index: int, whom: str, what: tuple[str, str]) -> None:
    (event,) = events(wrap(RECORDS[index]))
    assert event.job_name == whom
    assert (event.inputs[0].role, event.inputs[0].uri) == what


def test_a_refused_change_is_kept_as_refused() -> None:
    (event,) = events(wrap(RECORDS[5]))
    assert (event.action, event.outcome) == ("iam:PutUserPolicy", Outcome.DENIED)
    assert event.unknown_fields == ("inputs",)


def test_a_new_access_keys_number_is_taken_out() -> None:
    (event,) = events(wrap(RECORDS[4]))
    assert "AKIAIOSFODNN7EXAMPLE" not in json.dumps(event.raw)
    assert event.redacted_fields == ("responseElements.accessKey.accessKeyId",)
