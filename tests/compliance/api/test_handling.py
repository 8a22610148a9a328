"""Handling labels where files and packs go out, and the log of who got packs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import Evidence, JobEvent, LedgerEvent, PackHandover, User
from compliance.services import handling
from compliance.services.errors import RefusedError
from compliance.types.handling import HandlingLabel
from compliance.types.states import Role
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import issued

pytestmark = pytest.mark.django_db


def labelled(piece: Evidence, label: HandlingLabel, actor: User, region: str = "") -> None:
    handling.label(target=piece, handling=label, region=region, reason="Counsel asked for it.", actor=actor)


def people(world: World, officer: User, manager: User, contributor: User, auditor: User) -> dict[Role, User]:
    return {Role(user.role): user for user in (officer, manager, contributor, auditor)}


def got(client: Client, piece: Evidence, *, confirmed: bool = False) -> bool:
    """Whether the file comes."""
    url = reverse("evidence-download", args=[piece.uuid])
    sent = client.post(url, {"confirmed": "yes"}) if confirmed else client.get(url)
    if sent.status_code != 302 or "/files/" not in sent["Location"]:
        return False
    answer: Any = Client().get(sent["Location"])
    return bool(answer.status_code == 200 and answer.getvalue())


@pytest.mark.parametrize(
    ("label", "who"),
    [
        (HandlingLabel.INTERNAL, {Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR}),
        (HandlingLabel.NDA, {Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR, Role.AUDITOR}),
        (HandlingLabel.PRIVILEGED, {Role.OFFICER, Role.MANAGER}),
        (HandlingLabel.EXPORT_REVIEW, {Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR}),
    ],
)
def test_a_file_goes_to_whom_its_label_lets_have_it(
    world: World, browse: Browse, officer: User, manager: User, contributor: User, auditor: User,
    label: HandlingLabel, who: set[Role],
) -> None:  # fmt: skip
    labelled(world.log, label, officer)
    everybody = people(world, officer, manager, contributor, auditor)
    assert {role for role, user in everybody.items() if got(browse(user), world.log, confirmed=True)} == who


def test_a_label_that_asks_is_confirmed_first_and_on_record(world: World, browse: Browse, officer: User) -> None:
    labelled(world.log, HandlingLabel.NDA, officer)
    client = browse(officer)
    page = client.get(reverse("evidence-download", args=[world.log.uuid]))
    assert (page.status_code, "Confirm before you download" in page.content.decode()) == (200, True)
    assert not got(client, world.log)
    assert got(client, world.log, confirmed=True)
    event = LedgerEvent.objects.get(kind="evidence.handed_out")
    assert (event.entry.actor, event.entry.payload["label"]) == (officer, "nda")


def test_the_label_of_the_system_counts_where_a_piece_has_none(
    world: World, browse: Browse, officer: User, auditor: User
) -> None:
    handling.label(
        target=world.assessment.system, handling=HandlingLabel.PRIVILEGED, region="", reason="Counsel.", actor=officer
    )
    assert not got(browse(auditor), world.log, confirmed=True)
    labelled(world.log, HandlingLabel.NDA, officer)
    assert got(browse(auditor), world.log, confirmed=True)


def test_a_ticket_from_before_the_label_is_worth_nothing(
    world: World, browse: Browse, officer: User, auditor: User
) -> None:
    url = browse(auditor).get(reverse("evidence-download", args=[world.log.uuid]))["Location"]
    labelled(world.log, HandlingLabel.PRIVILEGED, officer)
    assert Client().get(url).status_code == 404


def test_the_api_keeps_to_the_same_labels(world: World, api: Api, officer: User, auditor: User) -> None:
    labelled(world.log, HandlingLabel.NDA, officer)
    url = f"/api/v1/evidence/{world.log.uuid}/download/"
    asked = api(auditor).get(url)
    assert (asked.status_code, "Confirm first" in asked.json()["detail"]) == (409, True)
    answer: Any = api(auditor).get(f"{url}?confirmed=yes")
    assert (answer.status_code, bool(answer.getvalue())) == (200, True)
    labelled(world.log, HandlingLabel.PRIVILEGED, officer)
    refused = api(auditor).get(f"{url}?confirmed=yes")
    assert (refused.status_code, "Privileged" in refused.json()["detail"]) == (409, True)


def test_the_raw_record_of_a_privileged_log_is_not_shown_to_an_auditor(
    world: World, browse: Browse, api: Api, officer: User, auditor: User
) -> None:
    event = JobEvent.objects.filter(evidence=world.log)[0]
    page, endpoint = reverse("job-event", args=[event.uuid]), f"/api/v1/job-events/{event.uuid}/"
    assert api(auditor).get(endpoint).json()["raw"] != {}
    labelled(world.log, HandlingLabel.PRIVILEGED, officer)
    assert "CreateTrainingJob&quot;" not in browse(auditor).get(page).content.decode()
    assert api(auditor).get(endpoint).json()["raw"] == {}
    assert api(officer).get(endpoint).json()["raw"] != {}


def test_labels_need_a_reason_and_a_region_needs_its_name(world: World, browse: Browse, officer: User) -> None:
    url = reverse("evidence-label", args=[world.log.uuid])
    client = browse(officer)
    client.post(url, {"handling": "nda", "reason": ""})
    client.post(url, {"handling": "region", "region": "", "reason": "Contract."})
    world.log.refresh_from_db()
    assert world.log.handling == HandlingLabel.NONE
    client.post(url, {"handling": "region", "region": "EU", "reason": "Contract."})
    world.log.refresh_from_db()
    assert (world.log.handling, world.log.region) == (HandlingLabel.REGION, "EU")
    assert "Counsel" not in str(LedgerEvent.objects.get(kind="evidence.labelled").entry.payload)
    assert "Stays in its region" in client.get(reverse("evidence-detail", args=[world.log.uuid])).content.decode()


def test_a_system_is_labelled_on_its_page_and_a_piece_over_the_api(
    world: World, browse: Browse, api: Api, officer: User
) -> None:
    system = world.assessment.system
    browse(officer).post(reverse("system-label", args=[system.uuid]), {"handling": "internal", "reason": "Policy."})
    system.refresh_from_db()
    assert system.handling == HandlingLabel.INTERNAL
    given = {"handling": "nda", "reason": "Contract."}
    answer = api(officer).post(f"/api/v1/evidence/{world.log.uuid}/label/", given, format="json")
    assert (answer.status_code, answer.json()["handling"]) == (200, "nda")


def test_the_same_label_again_is_no_act(world: World, officer: User) -> None:
    for _again in range(2):
        labelled(world.log, HandlingLabel.NDA, officer)
    assert LedgerEvent.objects.filter(kind="evidence.labelled").count() == 1
    with pytest.raises(RefusedError, match="why"):
        handling.label(target=world.log, handling=HandlingLabel.NONE, region="", reason=" ", actor=officer)


# Recipients -----------------------------------------------------------------------------------------------------------


def test_each_download_and_hand_over_of_a_pack_is_logged(
    world: World, browse: Browse, api: Api, officer: User, auditor: User
) -> None:
    pack = issued(world.assessment, officer)
    browse(auditor).get(reverse("pack-download", args=[pack.uuid]) + "?purpose=Stage+1")
    answer: Any = api(officer).get(f"/api/v1/packs/{pack.uuid}/download/")
    answer.getvalue()
    client = browse(officer)
    url = reverse("pack-hand-over", args=[pack.uuid])
    client.post(url, {"recipient": "Customer AG, Ms Blum", "purpose": ""})
    client.post(url, {"recipient": "Customer AG, Ms Blum", "purpose": "Vendor audit"})
    rows = PackHandover.objects.order_by("pk").values_list("way", "recipient", "purpose", "handed_by")
    assert list(rows) == [
        ("download", auditor.name, "Stage 1", auditor.pk),
        ("download", officer.name, "", officer.pk),
        ("handed-over", "Customer AG, Ms Blum", "Vendor audit", officer.pk),
    ]
    events = LedgerEvent.objects.filter(kind="pack.handed_over")
    assert events.count() == 3
    assert not any("Blum" in str(event.entry.payload) for event in events)
    for page in (reverse("recipient-list"), reverse("pack-detail", args=[pack.uuid])):
        assert "Customer AG, Ms Blum" in client.get(page).content.decode()
    assert b"Vendor audit" in b"".join(client.get(reverse("recipient-list") + "?export=csv").streaming_content)  # type: ignore[attr-defined]


def test_who_got_packs_is_not_for_auditors(world: World, browse: Browse, officer: User, auditor: User) -> None:
    pack = issued(world.assessment, officer)
    assert browse(auditor).get(reverse("recipient-list")).status_code == 403
    assert "Who got it" not in browse(auditor).get(reverse("pack-detail", args=[pack.uuid])).content.decode()


def test_hand_overs_over_the_api(world: World, api: Api, officer: User) -> None:
    pack = issued(world.assessment, officer)
    url = f"/api/v1/packs/{pack.uuid}/hand_over/"
    assert api(officer).post(url, {"recipient": "X"}, format="json").status_code == 400
    made = api(officer).post(url, {"recipient": "X", "purpose": "Audit"}, format="json")
    assert (made.status_code, made.json()["way"]) == (201, "handed-over")
    assert api(officer).get("/api/v1/pack-handovers/").json()["count"] == 1
