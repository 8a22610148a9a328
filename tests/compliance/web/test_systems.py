"""Pages of AI systems and of mapping pairs, as people use them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from compliance.models import Framework, MappingPair, User
from compliance.services import catalogs
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def shipped(world: World) -> MappingPair:
    catalogs.load(apply=True, actor=None)
    return MappingPair.objects.filter(framework__key="eu-ai-act", requirement_id="Art. 15(5)").select_related(
        "control"
    )[0]


def test_role_and_class_decide_what_the_pages_show(
    browse: Browse, world: World, shipped: MappingPair, officer: User
) -> None:
    client, system = browse(officer), world.assessment.system
    relevance = reverse("system-relevance", args=[system.uuid])
    assert "Not assessed" in client.get(relevance, {"framework": "eu-ai-act"}).content.decode()
    sent = {"roles": ["deployer"], "risk_class": "minimal", "is_systemic": "false", "reason": "Memo of 1 October."}
    assert client.post(reverse("system-standing", args=[system.uuid]), sent).status_code == 302
    page = client.get(reverse("system-detail", args=[system.uuid])).content.decode()
    assert "Deployer of the AI system" in page
    assert "Memo of 1 October." in page
    told = client.get(reverse("api-systems-detail", args=[system.uuid])).json()
    assert (told["legal_roles"], told["risk_class"], told["is_systemic"]) == (["deployer"], "minimal", False)
    listed = client.get(relevance, {"framework": "eu-ai-act"}).content.decode()
    assert "Does not apply" in listed
    assert "Not assessed" not in listed


def test_relevance_is_exported_as_shown(browse: Browse, world: World, shipped: MappingPair, officer: User) -> None:
    url = reverse("system-relevance", args=[world.assessment.system.uuid])
    text = browse(officer).get(url, {"framework": "eu-ai-act", "export": "csv"}).getvalue().decode("utf-8-sig")
    assert text.splitlines()[0].startswith("framework,edition,id,applies,")
    assert "Art. 15(5)" in text


def test_a_contributor_writes_a_pair_and_an_officer_approves_it(
    browse: Browse, shipped: MappingPair, officer: User, contributor: User
) -> None:
    control_id = shipped.control.control_id
    url = reverse("mapping-add", args=[control_id])
    sent = {
        "framework": "iso-iec-27001-2022", "requirement_id": "8.2", "relation": "intersects-with", "strength": "context",
        "rationale": "<script>alert(1)</script> both restrict.",
    }  # fmt: skip
    Framework.objects.get(key="iso-iec-27001-2022")
    assert browse(contributor).post(url, {**sent, "requirement_id": "A-99"}).status_code == 200
    assert browse(contributor).post(url, {**sent, "requirement_id": "A.8.99"}).status_code == 302
    pair = MappingPair.objects.get(requirement_id="A.8.99")
    page = browse(officer).get(reverse("catalogue-control", args=[control_id])).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert f"written by</span> {contributor.name}" in page or f"written by {contributor.name}" in page
    assert (
        browse(contributor).post(reverse("mapping-decide", args=[pair.uuid]), {"state": "approved"}).status_code == 403
    )
    browse(officer).post(reverse("mapping-decide", args=[pair.uuid]), {"state": "approved"})
    pair.refresh_from_db()
    assert (pair.state, pair.decided_by) == ("approved", officer)
    browse(officer).post(reverse("mapping-retire", args=[pair.uuid]), {"reason": "Wrong clause."})
    assert "Wrong clause." in browse(officer).get(reverse("catalogue-control", args=[control_id])).content.decode()


def test_programs_add_and_decide_pairs(
    browse: Browse, shipped: MappingPair, officer: User, second_officer: User
) -> None:
    sent = {
        "control": shipped.control.control_id, "framework": "nist-sp-800-53-r5", "requirement_id": "AC-25(1)",
        "relation": "subset-of", "strength": "supporting", "rationale": "Both mediate access.",
    }  # fmt: skip
    client = browse(officer)
    made = client.post(reverse("api-mappings-list"), sent, content_type="application/json")
    assert (made.status_code, made.json()["author"]["name"]) == (201, officer.name)
    url = reverse("api-mappings-decide", args=[made.json()["uuid"]])
    refused = client.post(url, {"state": "approved"}, content_type="application/json")
    assert (refused.status_code, "You wrote this pair" in refused.json()["detail"]) == (409, True)
    approved = browse(second_officer).post(url, {"state": "approved"}, content_type="application/json")
    assert approved.json()["state"] == "approved"
    wrong = client.post(
        reverse("api-mappings-list"), {**sent, "requirement_id": "AC25"}, content_type="application/json"
    )
    assert wrong.status_code == 409
