"""What is held on one person: whole, without secrets, on record, and for those alone who may."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.urls import reverse

from compliance.models import JobEvent, LedgerEvent, Principal, User
from compliance.selectors import subject_data
from compliance.services import subject_exports
from compliance.services.errors import RefusedError
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World
from tests.compliance.read_tables import body
from tests.compliance.routes_world import issued

pytestmark = pytest.mark.django_db


def opened(stream: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(stream)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def files(subject: User | Principal, actor: User) -> dict[str, str]:
    made = subject_exports.export(subject=subject, actor=actor)
    with made.stream:
        return opened(made.stream.read())


@pytest.fixture
def principal(world: World) -> Principal:
    found = world.events[0].actor
    assert found is not None
    return found


def test_a_principals_export_holds_its_events_and_where_others_name_it(
    world: World, principal: Principal, officer: User
) -> None:
    JobEvent.objects.filter(pk=world.other_event.pk).update(on_behalf_of=str(principal.identifier).upper())
    found = files(principal, officer)
    document = json.loads(found["subject.json"])
    assert document["subject"]["identifier"] == principal.identifier
    own = principal.job_events.count()
    assert document["tables"] == {"compliance.JobEvent.actor": own, "compliance.JobEvent.named": 1}
    assert found["tables/compliance.JobEvent.actor.csv"].count("\r\n") == own + 1
    assert str(principal.identifier) in found["index.html"]
    assert document["not_in_here"]


def test_a_users_export_holds_every_table_that_refers_to_them(
    world: World, officer: User, contributor: User, browse: Browse
) -> None:
    issued(world.assessment, officer)
    browse(officer)
    found = files(officer, officer)
    document = json.loads(found["subject.json"])
    assert document["subject"]["email"] == officer.email
    assert document["subject"]["live_sessions"] == 1
    assert {"compliance.AISystem.owner", "compliance.TrailEntry.actor", "compliance.EvidencePack.issued_by"} <= set(
        document["tables"]
    )
    assert contributor.email not in found["tables/compliance.AISystem.owner.csv"]


def test_no_secret_is_in_it(world: World, officer: User, principal: Principal) -> None:
    officer.password = make_password("a long enough phrase 1")
    officer.save()
    for subject in (officer, principal):
        text = "".join(files(subject, officer).values())
        assert officer.password not in text
        assert bytes(principal.commitment_key or b"").hex() not in text
    assert "password" not in json.loads(files(officer, officer)["subject.json"])["subject"]


def test_every_reference_to_a_person_is_among_what_is_looked_at(officer: User, principal: Principal) -> None:
    """Found by the tables themselves: a table that is added tomorrow is in it."""
    for subject, model in ((officer, User), (principal, Principal)):
        looked_at = {held.name for held in subject_data._references(subject)}  # noqa: SLF001 - without its filter for rows
        expected = {
            f"{other._meta.label}.{field.name}"
            for other in apps.get_models(include_auto_created=True)
            for field in other._meta.get_fields()
            if getattr(field, "remote_field", None) and field.concrete and field.related_model is model
        }
        assert expected <= looked_at


def test_formulas_in_names_stay_text(officer: User, principal: Principal) -> None:
    JobEvent.objects.filter(actor=principal).update(job_name="=HYPERLINK(1)")
    assert "'=HYPERLINK(1)" in files(principal, officer)["tables/compliance.JobEvent.actor.csv"]


def test_an_export_is_on_record_without_a_name(officer: User, principal: Principal) -> None:
    files(principal, officer)
    event = LedgerEvent.objects.get(kind="subject.exported")
    assert (event.subject_uuid, event.entry.actor) == (principal.uuid, officer)
    assert str(principal.display) not in str(event.entry.payload)


def test_too_much_to_wait_for_is_refused(officer: User, principal: Principal) -> None:
    with pytest.raises(RefusedError, match="export_subject"):
        subject_exports.export(subject=principal, actor=officer, most_rows=0)


# Pages and API --------------------------------------------------------------------------------------------------------


def test_people_are_found_exported_and_erased_on_the_page(browse: Browse, officer: User, principal: Principal) -> None:
    client = browse(officer)
    said = client.get(reverse("subject-list") + f"?q={principal.display}").content.decode()
    assert principal.display in said
    answer = client.post(reverse("subject-export", args=[principal.uuid]))
    assert (answer["Content-Type"], "attachment" in answer["Content-Disposition"]) == ("application/zip", True)
    assert "subject.json" in opened(body(answer))
    client.post(reverse("subject-erase", args=[principal.uuid]))
    principal.refresh_from_db()
    assert principal.identifier is None
    assert "erased" in client.get(reverse("subject-list")).content.decode()


def test_a_user_is_exported_from_the_page_of_people(browse: Browse, administrator: User, officer: User) -> None:
    answer = browse(administrator).post(reverse("people-export", args=[officer.uuid]))
    assert json.loads(opened(body(answer))["subject.json"])["subject"]["email"] == officer.email


def test_the_api_does_the_same(api: Api, officer: User, principal: Principal) -> None:
    client = api(officer)
    assert client.get(f"/api/v1/subjects/?pseudonym={principal.pseudonym}").json()["count"] == 1
    assert "subject.json" in opened(body(client.post(f"/api/v1/subjects/{principal.uuid}/export/")))
    assert "subject.json" in opened(body(client.post(f"/api/v1/people/{officer.uuid}/export/")))
    assert client.post(f"/api/v1/subjects/{principal.uuid}/erase/").json()["identifier"] is None


@pytest.mark.parametrize("who", ["manager", "contributor", "auditor", "collector"])
def test_nobody_else_gets_any_of_it(
    browse: Browse, officer: User, principal: Principal, who: str, request: pytest.FixtureRequest
) -> None:
    client = browse(request.getfixturevalue(who))
    assert client.get(reverse("subject-list")).status_code == 403
    for name in ("subject-export", "subject-erase"):
        assert client.post(reverse(name, args=[principal.uuid])).status_code == 403
    assert client.post(reverse("people-export", args=[officer.uuid])).status_code == 403
    assert not LedgerEvent.objects.filter(kind__in=("subject.exported", "principal.erased")).exists()
