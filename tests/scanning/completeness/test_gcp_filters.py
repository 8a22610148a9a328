"""What a filter of the log router takes: told exactly, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from scanning.completeness.gcp_filters import sink_takes, takes

DATA_ACCESS = 'LOG_ID("cloudaudit.googleapis.com/data_access")'
# The inclusion filter that Google gives to _Default: everything that _Required does not take.
DEFAULT = (
    'NOT LOG_ID("cloudaudit.googleapis.com/activity") AND NOT LOG_ID("externalaudit.googleapis.com/activity") AND '
    'NOT LOG_ID("cloudaudit.googleapis.com/system_event") AND NOT LOG_ID("externalaudit.googleapis.com/system_event") AND '
    'NOT LOG_ID("cloudaudit.googleapis.com/access_transparency") AND '
    'NOT LOG_ID("externalaudit.googleapis.com/access_transparency")'
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", True),
        ("  \n ", True),
        (DATA_ACCESS, True),
        ('log_id( "cloudaudit.googleapis.com/data_access" )', True),
        ('LOG_ID("cloudaudit.googleapis.com/activity")', False),
        (DEFAULT, True),
        (f"{DEFAULT} AND NOT {DATA_ACCESS}", False),
        ('logName:"cloudaudit.googleapis.com"', True),
        ('logName:"cloudaudit.googleapis.com%2Factivity"', False),
        ('logName="projects/ml-prod/logs/cloudaudit.googleapis.com%2Fdata_access"', True),
        ('logName="projects/other/logs/cloudaudit.googleapis.com%2Fdata_access"', False),
        (f'logName:"activity" OR {DATA_ACCESS}', True),
        (f'({DATA_ACCESS})\nprotoPayload.serviceName="aiplatform.googleapis.com"', True),
        (f'{DATA_ACCESS} protoPayload.serviceName="storage.googleapis.com"', False),
        (f'{DATA_ACCESS} AND -protoPayload.serviceName="storage.googleapis.com"', True),
        (f'{DATA_ACCESS} AND (protoPayload.serviceName:"aiplatform" OR protoPayload.serviceName:"bigquery")', True),
        (f"-- only audit\n{DATA_ACCESS} -- of data", True),
        # What cannot be told of a filter is not evaluated, and what follows all the same is told.
        (f"{DATA_ACCESS} AND severity>=ERROR", None),
        (f'{DATA_ACCESS} AND resource.type="audited_resource"', None),
        (f'{DATA_ACCESS} AND logName:"activity" OR logName:"audit"', None),
        ('resource.type="x" AND logName:"activity"', False),
        ('resource.type="x" OR logName:"data_access"', True),
        ('NOT resource.type="x"', None),
        ("aiplatform", None),
        (f"{DATA_ACCESS} and {DATA_ACCESS}", None),
        (f"({DATA_ACCESS}", None),
        (f"{DATA_ACCESS})", None),
        ("AND", None),
        ("NOT", None),
        ('logName=~"data_access"', None),
        ('sample(insertId, 0.1)', None),
        ('logName="a\\"b"', None),
    ],
)  # fmt: skip
def test_what_a_filter_takes(text: str, answer: bool | None) -> None:
    assert takes(text, project="ml-prod") is answer


@over(st.text(alphabet='()-"=: \nANDORTlogName.x', max_size=60))
def test_no_filter_breaks_the_reading(text: str) -> None:
    assert takes(text, project="p") in (True, False, None)


@pytest.mark.parametrize(
    ("sink", "answer"),
    [
        ({}, True),
        ({"disabled": True}, False),
        ({"filter": DEFAULT, "exclusions": [{"filter": DATA_ACCESS}]}, False),
        ({"filter": DEFAULT, "exclusions": [{"filter": DATA_ACCESS, "disabled": True}]}, True),
        ({"filter": DEFAULT, "exclusions": [{"filter": 'LOG_ID("requests")'}]}, True),
        ({"filter": DEFAULT, "exclusions": [{"filter": "severity<ERROR"}]}, None),
        ({"filter": "severity>=ERROR", "exclusions": []}, None),
        ({"filter": "", "exclusions": [{"filter": ""}]}, False),
    ],
)
def test_what_a_sink_delivers(sink: dict[str, Any], answer: bool | None) -> None:
    assert sink_takes(sink, project="ml-prod") is answer
