"""Tokens are never stronger than their owner or the token that made them; machines have somebody who answers for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from compliance.models import LedgerEvent, TokenScope, User
from compliance.rights import GRANTS, NEVER_CARRIED, SERVICE_ROLES, TABLE, Verb, may_grant
from compliance.services import machines, people, tokens
from compliance.services.errors import RefusedError
from compliance.services.tokens import TokenTerms
from compliance.types.states import Role
from tests.compliance.conftest import Browse, World, person

pytestmark = pytest.mark.django_db


def terms(**given: object) -> TokenTerms:
    return TokenTerms(**({"name": "Nightly upload", "days": 30} | given))  # type: ignore[arg-type]  # given by name


def client_of(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


def token(owner: User, actor: User | None = None, **given: object) -> APIClient:
    _scope, secret = tokens.create(owner=owner, terms=terms(**given), actor=actor or owner)
    return client_of(secret)


def test_the_database_keeps_no_token(officer: User) -> None:
    scope, secret = tokens.create(owner=officer, terms=terms(), actor=officer)
    kept = str(AuthToken.objects.values().get()) + str(TokenScope.objects.values().get())
    assert secret not in kept
    assert scope.token.token_key == secret[: len(scope.token.token_key)]
    assert LedgerEvent.objects.filter(kind="token.made", subject_uuid=scope.uuid).exists()


def test_a_token_carries_only_the_verbs_it_was_given(world: World, officer: User) -> None:
    client = token(officer, verbs=frozenset({Verb.VIEW}))
    assert client.get("/api/v1/evidence/").status_code == 200
    assert client.post("/api/v1/systems/", {"name": "New"}).status_code == 403
    assert client.get("/api/v1/tokens/").status_code == 403


def test_a_token_sees_only_the_systems_it_was_given(world: World, officer: User) -> None:
    own, other = world.assessment.system, world.other_assessment.system
    client = token(officer, systems=(own,))
    assert [one["uuid"] for one in client.get("/api/v1/systems/").data["results"]] == [str(own.uuid)]
    assert client.get(f"/api/v1/evidence/{world.log.uuid}/").status_code == 200
    assert client.get(f"/api/v1/evidence/{world.other_log.uuid}/").status_code == 404
    given = {
        "system": str(other.uuid),
        "technique": world.technique.atlas_id,
        "title": "T",
        "period_start": "2026-01-01",
    }
    refused = client.post("/api/v1/assessments/", given | {"period_end": "2026-02-01"})
    assert (refused.status_code, "system" in refused.data) == (400, True)
    assert client.get("/api/v1/machines/").data["count"] == 0


def test_a_verb_that_the_owner_loses_goes_from_the_token_too(world: World, officer: User, administrator: User) -> None:
    client = token(officer, verbs=frozenset({Verb.VIEW, Verb.MANAGE_SYSTEMS}))
    people.change_role(user=officer, role=Role.AUDITOR, actor=administrator)
    assert client.post("/api/v1/systems/", {"name": "New"}).status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_no_token_carries_what_its_owner_may_not(db: None, role: Role) -> None:
    owner = person("Somebody", role)
    for verb in set(Verb):
        fits = role in TABLE[verb] and verb not in NEVER_CARRIED
        if fits:
            continue
        with pytest.raises(RefusedError, match="stronger"):
            tokens.create(owner=owner, terms=terms(verbs=frozenset({verb})), actor=owner)


def test_no_token_reaches_a_system_that_its_owner_does_not_see(world: World, contributor: User) -> None:
    with pytest.raises(RefusedError, match="sees no such"):
        tokens.create(owner=contributor, terms=terms(systems=(world.other_assessment.system,)), actor=contributor)


def test_a_token_makes_no_stronger_token(world: World, officer: User) -> None:
    own, other = world.assessment.system, world.other_assessment.system
    client = token(officer, verbs=frozenset({Verb.VIEW, Verb.OWN_TOKENS}), systems=(own,), days=10)
    made = client.post("/api/v1/tokens/", {"name": "Child", "days": 5})
    assert made.status_code == 201
    assert (sorted(made.data["verbs"]), made.data["systems"]) == (["OWN_TOKENS", "VIEW"], [own.uuid])
    stronger = [
        {"name": "Child", "days": 5, "verbs": ["MANAGE_SYSTEMS"]},
        {"name": "Child", "days": 5, "verbs": ["MANAGE_PEOPLE"]},
        {"name": "Child", "days": 11},
        {"name": "Child", "days": 5, "systems": [str(other.uuid)]},
    ]
    assert {client.post("/api/v1/tokens/", one, format="json").status_code for one in stronger} <= {400, 409}
    grandchild = client_of(made.data["secret"])
    assert grandchild.get(f"/api/v1/evidence/{world.other_log.uuid}/").status_code == 404


def test_a_limited_token_of_an_administrator_makes_no_account(world: World, administrator: User, officer: User) -> None:
    client = token(administrator, systems=(world.assessment.system,))
    given = {"name": "M", "role": "officer", "owner": str(officer.uuid)}
    assert client.post("/api/v1/machines/", given).status_code == 403


def test_the_last_use_is_told_and_an_ended_or_old_token_opens_nothing(officer: User) -> None:
    scope, secret = tokens.create(owner=officer, terms=terms(), actor=officer)
    client = client_of(secret)
    assert client.get("/api/v1/systems/").status_code == 200
    scope.refresh_from_db()
    assert scope.last_used_at is not None
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/v1/systems/").status_code == 401
    client = token(officer)
    tokens.revoke(scope=TokenScope.objects.get(), actor=officer)
    assert client.get("/api/v1/systems/").status_code == 401


@pytest.mark.parametrize("sent", ["Token", "Token a b", "Token \xff\xfe", "Token assay_", "Token " + "x" * 9000])
def test_what_is_no_token_is_refused(db: None, sent: str) -> None:
    assert Client(headers={"authorization": sent}).get("/api/v1/systems/").status_code in {401, 403}


# Machines ------------------------------------------------------------------------------------------------------------


def test_a_machine_hands_in_documents_and_nobody_signs_in_to_it(
    world: World, administrator: User, officer: User
) -> None:
    system = world.assessment.system
    machine = machines.create(
        name="Forwarder", role=Role.COLLECTOR, owner=officer, systems=[system], actor=administrator
    )
    client = token(machine, administrator, systems=(system,))
    assert client.get("/api/v1/evidence/").status_code == 403
    assert not machine.has_usable_password()
    people.deactivate_user(user=machine, actor=administrator)
    assert client.get("/api/v1/evidence/").status_code == 401


@pytest.mark.parametrize("role", sorted(set(Role) - SERVICE_ROLES))
def test_a_machine_administers_and_audits_nothing(administrator: User, officer: User, role: Role) -> None:
    with pytest.raises(RefusedError, match="cannot have this role"):
        machines.create(name="M", role=role, owner=officer, systems=[], actor=administrator)


@pytest.mark.parametrize("role", sorted(set(Role) - set(GRANTS)))
def test_who_may_give_no_role_makes_no_account_and_no_token_for_another(db: None, role: Role) -> None:
    actor = person("Somebody", role)
    machine = person("Robot", Role.COLLECTOR)
    assert not any(may_grant(actor, one) for one in Role)
    with pytest.raises(RefusedError):
        people.create_user(email="a@example.org", name="A", role=Role.COLLECTOR, password=None, actor=actor)
    with pytest.raises(RefusedError):
        people.change_role(user=machine, role=Role.AUDITOR, actor=actor)
    with pytest.raises(RefusedError):
        machines.create(name="M", role=Role.COLLECTOR, owner=actor, systems=[], actor=actor)
    with pytest.raises(RefusedError):
        tokens.create(owner=machine, terms=terms(), actor=actor)


def test_nobody_makes_a_token_for_another_person(administrator: User, officer: User) -> None:
    with pytest.raises(RefusedError, match="their own"):
        tokens.create(owner=officer, terms=terms(), actor=administrator)


def test_pages_make_a_machine_and_show_its_token_once(world: World, browse: Browse, administrator: User) -> None:
    client = browse(administrator)
    given = {
        "name": "Forwarder",
        "role": "collector",
        "owner": administrator.pk,
        "systems": [world.assessment.system.uuid],
    }
    page = client.post(reverse("machine-new"), given)["Location"]
    shown = client.post(f"{page}tokens/new/", {"name": "Upload", "days": 30, "verbs": ["IMPORT_DOCUMENT"]})
    scope = TokenScope.objects.get()
    assert scope.token.token_key in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    listed = client.get(page).content.decode()
    assert "Upload" in listed
    assert "import a document" in listed
    client.post(f"{page}tokens/end/", {"token": scope.token.token_key})
    assert not TokenScope.objects.exists()
