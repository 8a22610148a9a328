"""Endpoints of third parties."""

from __future__ import annotations

from typing import Any

from compliance.models import Supplier, User
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World
from tests.compliance.routes_world import adopted

URL = "/api/v1/suppliers/"


def said(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "system": str(world.assessment.system.uuid),
        "name": "Model hub",
        "provides": "The base model.",
        "report_type": "soc2-type1",
        "period_end": "2026-06-30",
        "opinion": "unqualified",
        "exceptions": "None.",
        "conclusion": "Relied on.",
        "reviewed_on": "2026-11-01",
        **changes,
    }


def test_a_review_is_recorded_and_its_gap_computed(world: World, api: Api, contributor: User, officer: User) -> None:
    own = adopted(world.assessment.system, officer)
    controls = [{"statement": "Tokens are rotated.", "controls": [str(own.uuid)]}]
    given = said(world, customer_controls=controls, model_versions=[str(world.base.uuid)])
    answer = api(contributor).post(URL, given, format="json")
    assert answer.status_code == 201
    assert answer.json()["customer_controls"][0]["controls"] == [str(own.uuid)]
    supplier = Supplier.objects.get()
    gaps = api(contributor).get(f"{URL}{supplier.uuid}/gaps/").json()
    assert gaps == [
        {
            "assessment": str(world.assessment.uuid),
            "days": 364,
            "sentence": "The report speaks of one day, 2026-06-30, and of no other of the 365 days of the period.",
        }
    ]
    assert api(contributor).get(f"{URL}{supplier.uuid}/reviews/").json()["count"] == 1


def test_refusals_are_sentences_and_foreign_records_unknown(world: World, api: Api, contributor: User) -> None:
    client = api(contributor)
    assert client.post(URL, said(world, period_end=None), format="json").status_code == 409
    foreign = said(world, system=str(world.other_assessment.system.uuid))
    assert client.post(URL, foreign, format="json").status_code == 400
    assert not Supplier.objects.exists()
