"""N of M: which accounts, regions, subscriptions, projects and clusters deliver, and what no document says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from compliance.types.completeness import PlatformDocument, RowState
from scanning.completeness import coverage
from scanning.completeness.base import Facts, LogFile
from tests.scanning.completeness.trail import HOUR, START, documents
from tests.scanning.ingest.reading import sample

AWS = json.loads(sample("aws_logging/bundle.json"))
AZURE = json.loads(sample("azure_logging/bundle.json"))
GCP = json.loads(sample("gcp_logging/bundle.json"))
STATED = json.loads(sample("stated_sources/statement.json"))
ORG = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/org-trail"
A, B, C = "111122223333", "444455556666", "777788889999"
CLUSTERS = {**STATED, "accounts": []}
TRAIL = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/org-trail"


def given(*bundles: Any, logs: tuple[LogFile, ...] = (), extra: tuple[PlatformDocument, ...] = ()) -> Facts:
    names = {"aws-logging": "aws_logging", "azure-logging": "azure_logging", "gcp-logging": "gcp_logging"}
    found = [
        one
        for bundle in bundles
        for one in documents(names.get(bundle["assay_bundle"], "stated_sources"), json.dumps(bundle).encode())
    ]
    return Facts(start=START, end=START + 24 * HOUR, documents=(*found, *extra), log_files=logs)


def log(source: str, account: str, region: str = "") -> LogFile:
    regions = frozenset({region} - {""})
    return LogFile(
        name="l", sha256="", source=source, accounts=frozenset({account}), regions=regions, first=START, last=START
    )


def states(facts: Facts) -> dict[str, RowState]:
    return {row.place: row.state for row in coverage.measure(coverage.covered(facts)).rows}


def reason(facts: Facts, place: str) -> str:
    return next(row.sentence for row in coverage.measure(coverage.covered(facts)).rows if row.place == place)


def figure(facts: Facts, unit: str) -> dict[str, Any]:
    found = coverage.measure(coverage.covered(facts)).figure["units"]
    return next(one for one in found if one["unit"] == unit)


def aws(status: dict[str, Any] | None = None, trail: dict[str, Any] | None = None, **selectors: Any) -> Facts:
    """The sample, with its first trail changed; selectors: of that trail."""
    bundle = json.loads(json.dumps(AWS))
    bundle["trails"]["trailList"][0] |= trail or {}
    bundle["trail_status"][ORG] |= status or {}
    if selectors:
        bundle["event_selectors"][ORG] = {"TrailARN": ORG, **selectors}
    return given(bundle)


def test_regions_of_an_account_are_told_apart_and_the_account_is_as_its_worst() -> None:
    found = states(aws())
    assert found[f"{A}/eu-central-1"] is RowState.DELIVERS
    assert found[f"{A}/us-east-1"] is found[A] is RowState.NOT_DELIVERING
    assert f"{A}/af-south-1" not in found
    assert "us-east-1" in reason(aws(), A)


def test_n_of_m_counts_what_was_declared_and_leaves_suspended_accounts_out() -> None:
    accounts = figure(aws(), "account")
    assert (accounts["in_scope"], accounts["delivering"], accounts["not_assessed"]) == (3, 0, 2)
    assert states(aws())[B] is RowState.NOT_ASSESSED
    assert "000011112222" not in states(aws())


def test_an_organization_trail_of_all_regions_delivers_for_every_account() -> None:
    facts = aws(trail={"IsOrganizationTrail": True, "IsMultiRegionTrail": True})
    assert {states(facts)[account] for account in (A, B, C)} == {RowState.DELIVERS}
    assert figure(facts, "account")["delivering"] == 3


def test_an_organization_trail_of_one_region_does_not_answer_for_regions_that_nobody_listed() -> None:
    facts = aws(trail={"IsOrganizationTrail": True})
    assert states(facts)[B] is RowState.NOT_ASSESSED
    assert "one region" in reason(facts, B)


@pytest.mark.parametrize(
    ("status", "told"),
    [({"IsLogging": False}, "is not logging"), ({"LatestDeliveryError": "AccessDenied"}, "could not deliver: AccessDenied")],
)  # fmt: skip
def test_a_trail_that_stands_still_or_fails_delivers_nothing(status: dict[str, Any], told: str) -> None:
    facts = aws(status)
    assert states(facts)[f"{A}/eu-central-1"] is RowState.NOT_DELIVERING
    assert told in reason(facts, f"{A}/eu-central-1")


def advanced(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, *fields]}]


@pytest.mark.parametrize(
    ("selectors", "delivers"),
    [
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({"AdvancedEventSelectors": advanced()}, True),
        ({"AdvancedEventSelectors": advanced({"Field": "readOnly", "Equals": ["false"]})}, True),
        ({"AdvancedEventSelectors": advanced({"Field": "readOnly", "Equals": ["true"]})}, False),
        ({"AdvancedEventSelectors": advanced({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]})}, True),
        ({"AdvancedEventSelectors": advanced({"Field": "eventSource", "NotEquals": ["bedrock.amazonaws.com"]})}, False),
        ({"AdvancedEventSelectors": advanced({"Field": "eventSource", "NotStartsWith": ["sagemaker"]})}, False),
        ({"AdvancedEventSelectors": advanced({"Field": "eventSource", "Equals": ["iam.amazonaws.com"]})}, False),
        ({"AdvancedEventSelectors": advanced({"Field": "userIdentity.arn", "NotEquals": ["arn:x"]})}, False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]}, False),
        ({"EventSelectors": []}, False),
    ],
)  # fmt: skip
def test_what_a_trail_selects(selectors: dict[str, Any], delivers: bool) -> None:
    expected = RowState.DELIVERS if delivers else RowState.NOT_DELIVERING
    assert states(aws(**selectors))[f"{A}/eu-central-1"] is expected


def test_what_was_not_handed_in_is_not_assessed() -> None:
    bundle = {**AWS, "trail_status": {}}
    assert "get-trail-status" in reason(given(bundle), f"{A}/eu-central-1")
    bundle = {**AWS, "event_selectors": {}}
    bundle["trails"] = {"trailList": [dict(AWS["trails"]["trailList"][0], HasCustomEventSelectors=True)]}
    assert states(given(bundle))[f"{A}/eu-central-1"] is RowState.NOT_ASSESSED
    bundle["trails"] = {"trailList": [dict(AWS["trails"]["trailList"][0], HasCustomEventSelectors=False)]}
    assert states(given(bundle))[f"{A}/eu-central-1"] is RowState.DELIVERS


def test_outputs_of_several_regions_are_taken_together() -> None:
    one, two = AWS["trails"]["trailList"]
    bundle = {**AWS, "trails": [{"trailList": [one]}, {"trailList": [two]}]}
    assert states(given(bundle)) == states(aws())


def test_an_account_whose_own_list_shows_no_trail_delivers_nothing() -> None:
    bundle = {**AWS, "trails": {"trailList": []}, "trail_status": {}, "event_selectors": {}}
    assert states(given(bundle))[f"{A}/eu-central-1"] is RowState.NOT_DELIVERING
    assert states(given(bundle))[B] is RowState.NOT_ASSESSED


def test_the_latest_list_of_accounts_counts() -> None:
    later = {**AWS, "taken_at": "2026-12-01T00:00:00Z", "accounts": {"Accounts": AWS["accounts"]["Accounts"][:1]}}
    assert figure(given(AWS, later), "account")["in_scope"] == figure(given(later, AWS), "account")["in_scope"] == 1


def test_the_list_of_accounts_may_come_with_the_documents_on_rights() -> None:
    known = PlatformDocument(
        kind="aws-organization", platform="aws", scope="o-1", taken_at=START, content={"accounts": AWS["accounts"]["Accounts"]}
    )  # fmt: skip
    bundle = {**AWS, "accounts": None}
    assert figure(given(bundle, extra=(known,)), "account")["in_scope"] == 3


def test_without_a_list_of_accounts_the_known_ones_are_counted_and_the_gap_is_told() -> None:
    measured = coverage.measure(coverage.covered(given({**AWS, "accounts": None})))
    assert measured.figure["declared"] == []
    assert "organizations list-accounts" in measured.figure["gaps"][0]


def test_accounts_that_stand_in_logs_alone_are_named() -> None:
    facts = given(AWS, logs=(log("cloudtrail", "999900001111"), log("cloudtrail", A, "eu-central-1")))
    assert "999900001111" in str(coverage.measure(coverage.covered(facts)).figure["gaps"])
    assert (figure(facts, "region")["seen"], figure(facts, "account")["seen"]) == (1, 1)
    assert "No log of it is on record." in reason(facts, f"{A}/us-east-1")


def test_places_in_scope_are_accounts_and_regions() -> None:
    (found,) = coverage.covered(aws())
    assert found.places == ((A, "eu-central-1"), (A, "us-east-1"))


def test_azure_subscriptions_and_resources() -> None:
    found = states(given(AZURE))
    first, second = sorted(place for place in found if not place.startswith("/"))
    assert (found[first], found[second]) == (RowState.DELIVERS, RowState.NOT_DELIVERING)
    resources = {place.rpartition("/")[2]: state for place, state in found.items() if place.startswith("/")}
    assert resources == {"oai-prod": RowState.DELIVERS, "oai-dev": RowState.NOT_DELIVERING}
    assert figure(given(AZURE), "subscription")["in_scope"] == 2
    assert "90 days" in reason(given(AZURE), second)


def test_an_azure_subscription_whose_settings_were_not_read_is_not_assessed() -> None:
    bundle = {**AZURE, "subscription_settings": {}}
    assert figure(given(bundle), "subscription")["not_assessed"] == 2


def test_a_setting_that_sends_nowhere_delivers_nothing() -> None:
    settings = {
        key: [dict(value[0], storageAccountId=None)] for key, value in list(AZURE["subscription_settings"].items())[:1]
    }
    assert figure(given({**AZURE, "subscription_settings": settings}), "subscription")["delivering"] == 0


def test_azure_resources_that_documents_on_rights_list_are_in_scope() -> None:
    identifier = "/subscriptions/S/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/W"
    known = PlatformDocument(
        kind="azure-ml-workspaces", platform="azure", scope="", taken_at=START, content={"workspaces": [{"id": identifier}]}
    )  # fmt: skip
    assert states(given(AZURE, extra=(known,)))[identifier.lower()] is RowState.NOT_ASSESSED


def test_google_projects() -> None:
    found = states(given(GCP))
    assert found == {"ml-prod": RowState.DELIVERS, "ml-lab": RowState.NOT_DELIVERING}
    assert "exempted" in reason(given(GCP), "ml-lab")
    assert "audit-archive" in reason(given(GCP), "ml-prod")


def test_google_audit_configuration_is_inherited() -> None:
    above = {"organizations/123456789012": GCP["policies"]["projects/ml-prod"]}
    assert set(states(given({**GCP, "policies": above})).values()) == {RowState.DELIVERS}
    nothing = {**GCP, "policies": {"organizations/123456789012": {}}}
    assert set(states(given(nothing)).values()) == {RowState.NOT_ASSESSED}
    none_on = {**GCP, "policies": {"projects/ml-prod": {}, "projects/ml-lab": {}}}
    assert set(states(given(none_on)).values()) == {RowState.NOT_DELIVERING}


def sunk(*own: dict[str, Any], above: tuple[dict[str, Any], ...] = ()) -> tuple[RowState, str]:
    """ml-prod, which logs writes of Vertex AI, with these sinks of its own and of the organization."""
    facts = given({**GCP, "sinks": {"projects/ml-prod": list(own), "organizations/123456789012": list(above)}})
    return states(facts)["ml-prod"], reason(facts, "ml-prod")


def test_a_google_sink_by_a_filter_that_is_not_evaluated_covers_nothing() -> None:
    state, told = sunk({"name": "errors", "filter": "severity>=ERROR"})
    assert state is RowState.NOT_ASSESSED
    assert "delivers by a filter that was not evaluated: errors." in told


def test_a_google_sink_that_leaves_audit_logs_out_covers_nothing() -> None:
    left_out = [{"filter": 'LOG_ID("cloudaudit.googleapis.com/data_access")'}]
    for sink in (
        {"name": "activity", "filter": 'LOG_ID("cloudaudit.googleapis.com/activity")'},
        {"name": "activity", "filter": "", "exclusions": left_out},
    ):
        state, told = sunk(sink)
        assert state is RowState.NOT_DELIVERING
        assert "Sinks that leave them out: activity." in told
    assert sunk({"name": "_Default", "disabled": True})[0] is RowState.NOT_DELIVERING
    assert sunk()[0] is RowState.NOT_DELIVERING


def test_a_google_sink_of_the_organization_counts_where_it_takes_its_children() -> None:
    takes_all = {"name": "archive", "filter": ""}
    assert sunk(above=({**takes_all, "includeChildren": True},))[0] is RowState.DELIVERS
    assert sunk(above=(takes_all,))[0] is RowState.NOT_DELIVERING
    assert sunk({"name": "odd", "filter": "severity>=ERROR"}, above=({**takes_all, "includeChildren": True},))[0] is (
        RowState.DELIVERS
    )


def test_google_sinks_that_were_not_handed_in_are_not_assessed() -> None:
    facts = given({**GCP, "sinks": None})
    assert states(facts)["ml-prod"] is RowState.NOT_ASSESSED
    assert "gcloud logging sinks list" in reason(facts, "ml-prod")
    assert states(facts)["ml-lab"] is RowState.NOT_DELIVERING  # what is not logged needs no sink
    above_alone = given({**GCP, "sinks": {"organizations/123456789012": []}})
    assert states(above_alone)["ml-prod"] is RowState.NOT_ASSESSED


def alone(kind: str, member: str, content: Any, *, days: int = 1, arn: str = TRAIL) -> PlatformDocument:
    return PlatformDocument(
        kind=kind, platform="aws", scope=arn, taken_at=START + timedelta(days=days), content={member: {arn: content}}
    )  # fmt: skip


def test_the_state_of_a_trail_by_itself_is_the_state_when_it_is_the_later() -> None:
    stands = alone("aws-trail-status", "trail_status", {"IsLogging": False})
    assert RowState.NOT_DELIVERING in {states(given(AWS, extra=(stands,)))[place] for place in ("111122223333",)}
    old = alone("aws-trail-status", "trail_status", {"IsLogging": False}, days=-3000)
    assert states(given(AWS, extra=(old,))) == states(given(AWS))


def test_state_and_selectors_by_themselves_complete_a_list_of_trails() -> None:
    bare = {**AWS, "trail_status": {}, "event_selectors": {}}
    assert states(given(bare))["111122223333"] is RowState.NOT_ASSESSED
    apart = (("aws-trail-status", "trail_status"), ("aws-trail-selectors", "event_selectors"))
    found = tuple(alone(kind, name, said, arn=arn) for kind, name in apart for arn, said in AWS[name].items())
    assert states(given(bare, extra=found)) == states(given(AWS))


def test_a_trail_that_no_list_shows_is_a_gap() -> None:
    facts = given({**AWS, "trails": {"trailList": []}, "trail_status": {}, "event_selectors": {}},
                  extra=(alone("aws-trail-status", "trail_status", {"IsLogging": True}),))  # fmt: skip
    gaps = coverage.measure(coverage.covered(facts)).figure["gaps"]
    assert any("no list of trails (describe-trails) shows" in gap and TRAIL in gap for gap in gaps)


def test_clusters_are_as_a_person_states_them() -> None:
    found = states(given(CLUSTERS))
    assert found == {
        "train-eu": RowState.DELIVERS, "lab": RowState.NOT_DELIVERING, "edge": RowState.NOT_ASSESSED
    }  # fmt: skip
    assert "as Head of ML platform states" in reason(given(CLUSTERS), "train-eu")


def test_accounts_that_a_person_states_are_in_scope_and_assessed_by_documents_alone() -> None:
    measured = coverage.measure(coverage.covered(given(STATED)))
    units = {(one["platform"], one["unit"]): (one["in_scope"], one["not_assessed"]) for one in measured.figure["units"]}
    assert units == {
        ("aws", "account"): (1, 1), ("azure", "subscription"): (1, 1), ("gcp", "project"): (1, 1),
        ("kubernetes", "cluster"): (3, 1),
    }  # fmt: skip
    told = " ".join(measured.figure["gaps"])
    assert told.count("those that Head of ML platform states") == 3
    assert set(measured.figure["declared"]) == {"aws", "azure", "gcp", "kubernetes"}


def test_a_platforms_own_list_outweighs_a_statement() -> None:
    """The list says that an account is suspended; the statement adds the one that the list does not have."""
    suspended = next(
        one["Id"] for one in AWS["accounts"]["Accounts"] if "SUSPENDED" in (one.get("State"), one.get("Status"))
    )
    said = [{"platform": "aws", "id": name, "note": ""} for name in (suspended, "999900001111")]
    before = set(states(given(AWS)))
    after = set(states(given(AWS, {**STATED, "accounts": said, "clusters": [], "not_logged": []})))
    assert after - before == {"999900001111"}
    assert suspended not in after


def test_a_platform_of_which_only_logs_are_on_record_is_a_gap_and_no_figure() -> None:
    facts = replace(
        given(), log_files=(log("kubernetes_audit", "x"), log("gcp_audit", "p"), log("azure_activity", "s"))
    )
    measured = coverage.measure(coverage.covered(facts))
    assert measured.figure["units"] == []
    assert len(measured.figure["gaps"]) == 5


def test_nothing_on_record_gives_no_figure() -> None:
    assert coverage.measure(coverage.covered(given())).figure == {"units": [], "declared": [], "gaps": []}
