"""OSCAL documents that are not right are refused before anybody gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from compliance.oscal.export import Model
from compliance.oscal.export_checks import check_document
from compliance.oscal.export_values import OSCAL_VERSION
from compliance.oscal.schema import OscalError
from tests.compliance.oscal.test_export import exported
from tests.compliance.packs.example_freeze import example_freeze

pytestmark = pytest.mark.sqlite_only


# ----------------------------------------------------------------------------------------------- checks that can refuse


def results() -> dict[str, Any]:
    content = exported(example_freeze(), Model.ASSESSMENT_RESULTS)
    assert content is not None
    found: dict[str, Any] = json.loads(content)
    return found


def _result(document: dict[str, Any]) -> Any:
    return document["assessment-results"]["results"][0]


def _other_method(document: dict[str, Any]) -> None:
    _result(document)["observations"][0]["methods"] = ["GUESS"]


def _deprecated_type(document: dict[str, Any]) -> None:
    _result(document)["observations"][0]["types"] = ["finding"]


def _dangling_risk(document: dict[str, Any]) -> None:
    _result(document)["findings"][0]["related-risks"] = [{"risk-uuid": "11111111-1111-4111-8111-111111111111"}]


def _dangling_evidence(document: dict[str, Any]) -> None:
    _result(document)["observations"][1]["relevant-evidence"][0]["href"] = f"#{_result(document)['uuid']}"


def _twice(document: dict[str, Any]) -> None:
    _result(document)["findings"][1]["uuid"] = _result(document)["findings"][0]["uuid"]


def _no_digest(document: dict[str, Any]) -> None:
    del document["assessment-results"]["back-matter"]["resources"][-1]["rlinks"][0]["hashes"]


def _other_version(document: dict[str, Any]) -> None:
    document["assessment-results"]["metadata"]["oscal-version"] = "1.1.3"


def _no_zone(document: dict[str, Any]) -> None:
    _result(document)["start"] = "2026-07-01T00:00:00"


def _unknown_field(document: dict[str, Any]) -> None:
    _result(document)["colour"] = "red"


def _missing(document: dict[str, Any]) -> None:
    del _result(document)["reviewed-controls"]


def _other_state(document: dict[str, Any]) -> None:
    _result(document)["findings"][0]["target"]["status"]["state"] = "passed"


def _other_status(document: dict[str, Any]) -> None:
    _result(document)["risks"][0]["status"] = "accepted"


WRONG = {
    "invented method": (_other_method, "methods/0: “GUESS” is none of EXAMINE"),
    "deprecated type": (_deprecated_type, "“finding” is none of"),
    "risk that is not there": (_dangling_risk, "leads nowhere"),
    "evidence that is no resource": (_dangling_evidence, "is no resource of the back matter"),
    "identifier twice": (_twice, "is used at"),
    "file without digest": (_no_digest, "has no SHA-256"),
    "another version": (_other_version, "is not 1.2.3"),
    "time without zone": (_no_zone, "start"),
    "unknown field": (_unknown_field, "colour"),
    "missing part": (_missing, "reviewed-controls"),
    "invented state": (_other_state, "state"),
    "invented risk status": (_other_status, "“accepted” is none of open"),
}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_document_that_is_not_right_is_never_handed_out(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    document = results()
    check_document(document)
    spoil(document)
    with pytest.raises(OscalError) as caught:
        check_document(document)
    assert said in str(caught.value)


def test_the_library_speaks_the_version_that_is_written() -> None:
    import oscal_bindings

    assert oscal_bindings.__oscal_schema_version__.lstrip("v") == OSCAL_VERSION
