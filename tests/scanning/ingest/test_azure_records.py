from __future__ import annotations

import json
from typing import Any

import pytest

from scanning.ingest.azure_records import AzureFields, fields_of, is_storable, last_name, subscription
from scanning.ingest.records import RejectedError

BODY = json.dumps({"Properties": {"RoleDefinitionId": "owner", "Nested": '{"Deep": "x"}'}})
RECORD: dict[str, Any] = {
    "operationName": {"value": "write"},
    "Status": "as given",
    "status": "in another case",
    "properties": {"requestbody": BODY, "a/b~c": "escaped"},
    "list": [{"a": 1}],
}


@pytest.mark.parametrize(
    ("pointer", "place", "value"),
    [
        ("/operationName/value", "/operationName/value", "write"),
        ("/OPERATIONNAME/Value", "/operationName/value", "write"),
        ("/Status", "/Status", "as given"),
        ("/status", "/status", "in another case"),
        ("/STATUS", "/Status", "as given"),
        ("/properties/a~1b~0c", "/properties/a~1b~0c", "escaped"),
        ("/properties/requestbody", "/properties/requestbody", BODY),
        ("/properties/requestBody/properties/roleDefinitionId", "/properties/requestbody", "owner"),
        ("/properties/requestbody/properties/nested/deep", "/properties/requestbody", "x"),
        ("/operationName/value/more", "/operationName/value", None),
        ("/list/0/a", "/list", None),
        ("/nothing", "", None),
    ],
)
def test_a_pointer_leads_through_names_in_any_case_and_text_that_is_json(
    pointer: str, place: str, value: object
) -> None:
    assert AzureFields(RECORD).reach(pointer) == (place, value)


def test_the_place_of_a_field_is_one_that_the_record_has() -> None:
    fields = AzureFields(RECORD)
    assert fields.text("role", "/nothing", "/properties/requestbody/properties/roleDefinitionId") == "owner"
    assert fields.origins == {"role": "/properties/requestbody"}
    assert fields.first("/operationName/value") == "write"
    assert "action" not in fields.origins


@pytest.mark.parametrize(
    "text",
    [
        "",
        "owner",
        "[1]",
        "{",
        '{"a":',
        '{"a":"x","a":"y"}',
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        '{"a":' * 5000,
        "{'a': 1}",
    ],
)
def test_text_that_hides_something_leads_nowhere(text: str) -> None:
    assert AzureFields({"properties": text}).reach("/properties/a")[1] is None


def test_half_characters_that_belong_together_are_one() -> None:
    assert AzureFields({"properties": '{"a":"\\ud83d\\ude00"}'}).first("/properties/a") == "😀"


@pytest.mark.parametrize(
    ("value", "opened"), [({"a": 1}, {"a": 1}), ('{"a": 1}', {"a": 1}), ("x", {}), (None, {}), ([1], {})]
)
def test_an_object_is_opened_whether_it_is_one_or_its_text(value: object, opened: object) -> None:
    assert AzureFields({"properties": value}).opened("/properties") == opened


@pytest.mark.parametrize(
    ("stated", "typed", "expected"),
    [
        ("/S/JOB", "/s/Job", "/s/Job"),
        ("/S/JOB", "/s/other", "/S/JOB"),
        ("/S/JOB", None, "/S/JOB"),
        ("/S/JOB", "/s/Job/", "/s/Job"),
    ],
)
def test_a_name_is_shown_as_it_was_typed(stated: str, typed: object, expected: str) -> None:
    assert AzureFields({"typed": typed}).typed(stated, "/nothing", "/typed") == expected


@pytest.mark.parametrize(
    ("record", "expected", "origin"),
    [
        ({"resourceId": "/SUBSCRIPTIONS/00AA/RESOURCEGROUPS/X"}, "00aa", "/resourceId"),
        ({"resourceId": "/subscriptions/00AA"}, "00aa", "/resourceId"),
        ({"resourceId": "/providers/Microsoft.Authorization", "subscriptionId": "00AA"}, "00aa", "/subscriptionId"),
        ({"resourceId": "", "subscriptionId": "00AA"}, "00aa", "/subscriptionId"),
        ({"resourceId": "/providers/x"}, "", None),
        ({}, "", None),
    ],
)
def test_the_subscription_comes_from_the_resource_or_by_itself(
    record: dict[str, Any], expected: str, origin: str | None
) -> None:
    fields = AzureFields(record)
    assert subscription(fields, "/resourceId", "/subscriptionId") == expected
    assert fields.origins.get("account") == origin


@pytest.mark.parametrize(("resource", "name"), [("/a/b", "b"), ("/a/b/", "b"), ("b", "b"), ("", "")])
def test_the_last_name_of_an_id(resource: str, name: str) -> None:
    assert last_name(resource) == name


def test_what_a_database_keeps() -> None:
    assert is_storable("Übung 😀\n")
    assert not is_storable("a\0b")
    assert not is_storable("\ud800")


@pytest.mark.parametrize(
    ("value", "reason"), [([], "not a JSON object"), ("x", "not a JSON object"), ({"tables": []}, "columns and rows")]
)
def test_what_is_no_record_says_what_it_is(value: object, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        fields_of(value)
