"""The page of the pre-audit checks."""

from __future__ import annotations

import pytest

from compliance.models import User
from compliance.services import evidence
from compliance.types.pre_audit import PreAuditCheck
from tests.compliance.conftest import Browse, World
from tests.compliance.services.test_pre_audit import answered

pytestmark = pytest.mark.django_db


def test_every_open_thing_leads_to_a_page_that_is_there(world: World, browse: Browse, officer: User) -> None:
    evidence.link(evidence=world.log, target=answered(world, officer), actor=officer)
    client = browse(officer)
    response = client.get(f"/assessments/{world.assessment.uuid}/pre-audit/")
    assert [line.check for line in response.context["lines"]] == list(PreAuditCheck)
    opened = [one for line in response.context["lines"] for one in line.open]
    assert response.context["open"] == len(opened) >= 5
    for url in {one.url for one in opened}:
        assert client.get(url).status_code == 200, url
    page = client.get(f"/assessments/{world.assessment.uuid}/").content.decode()
    assert f"/assessments/{world.assessment.uuid}/pre-audit/" in page


def test_a_foreign_assessment_has_no_checks(world: World, browse: Browse, contributor: User) -> None:
    assert browse(contributor).get(f"/assessments/{world.other_assessment.uuid}/pre-audit/").status_code == 404
