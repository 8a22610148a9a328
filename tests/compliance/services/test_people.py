from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from knox.models import AuthToken

from compliance.models import AISystem, LedgerEvent, Membership, Principal, Team, User
from compliance.rights import GRANTS
from compliance.services import ledger, people
from compliance.services.errors import RefusedError
from compliance.types.drafts import PrincipalDraft
from compliance.types.states import Role

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough phrase 1"


def made(email: str, role: Role = Role.OFFICER) -> User:
    return people.create_user(email=email, name="Alice", role=role, password=PASSWORD, actor=None)


def kinds() -> list[str]:
    return list(LedgerEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_a_person_is_made_once_and_recorded() -> None:
    user = made("  Alice@Example.ORG ")
    assert user.email == "alice@example.org"
    assert user.check_password(PASSWORD)
    assert kinds() == ["person.created"]
    with pytest.raises(RefusedError, match="already"):
        made("ALICE@example.org")


@pytest.mark.parametrize(
    ("email", "name", "password", "message"),
    [
        ("nowhere", "Alice", PASSWORD, "valid email"),
        ("a@example.org", " ", PASSWORD, "name"),
        ("a@example.org", "Alice", "short", "too short"),
    ],
)
def test_a_person_that_cannot_be_is_refused(email: str, name: str, password: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        people.create_user(email=email, name=name, role=Role.OFFICER, password=password, actor=None)
    assert not User.objects.exists()


def test_without_a_password_nobody_signs_in() -> None:
    user = people.create_user(email="m@example.org", name="M", role=Role.COLLECTOR, password=None, actor=None)
    assert not user.has_usable_password()


def test_deactivating_ends_sessions_and_tokens_of_that_person_alone() -> None:
    alice, bob, admin = made("alice@example.org"), made("bob@example.org"), made("admin@example.org")
    for user in (alice, bob):
        Client().force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        AuthToken.objects.create(user=user)
    people.deactivate_user(user=alice, actor=admin)
    alice.refresh_from_db()
    assert not alice.is_active
    assert alice.deactivated_at is not None
    assert [token.user for token in AuthToken.objects.all()] == [bob]
    assert [row.get_decoded()["_auth_user_id"] for row in Session.objects.all()] == [str(bob.pk)]
    entry = LedgerEvent.objects.get(kind="person.deactivated").entry
    assert (entry.payload["sessions_ended"], entry.payload["tokens_ended"]) == (1, 1)


def test_a_session_of_a_deactivated_person_opens_nothing() -> None:
    alice = made("alice@example.org")
    client = Client()
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    key = client.session.session_key
    people.deactivate_user(user=alice, actor=None)
    assert not Session.objects.filter(session_key=key).exists()


def test_the_last_administrator_stays() -> None:
    first = made("first@example.org", Role.ADMINISTRATOR)
    with pytest.raises(RefusedError, match="last administrator"):
        people.deactivate_user(user=first, actor=None)
    second = made("second@example.org", Role.ADMINISTRATOR)
    assert not people.deactivate_user(user=first, actor=second).is_active


def test_memberships_are_granted_changed_and_revoked() -> None:
    alice, system = made("alice@example.org", Role.ADMINISTRATOR), AISystem.objects.create(name="Digit reader")
    for role in (Role.CONTRIBUTOR, Role.CONTRIBUTOR, Role.MANAGER):
        membership = people.grant_membership(system=system, role=role, actor=alice, user=alice)
    assert membership.role == Role.MANAGER
    team = Team.objects.create(name="Team")
    people.grant_membership(system=system, role=Role.CONTRIBUTOR, actor=alice, team=team)
    people.revoke_membership(membership=membership, actor=alice)
    assert [row.team for row in Membership.objects.all()] == [team]
    assert kinds()[1:] == ["membership.granted", "membership.changed", "membership.granted", "membership.revoked"]


def test_a_membership_is_of_one_person_or_one_team() -> None:
    alice, system = made("alice@example.org"), AISystem.objects.create(name="Digit reader")
    with pytest.raises(RefusedError, match="either"):
        people.grant_membership(system=system, role=Role.MANAGER, actor=alice)


# Principals


def draft(identifier: str, display: str = "") -> PrincipalDraft:
    return PrincipalDraft(identifier=identifier, display=display or identifier, kind="IAMUser")


def test_a_principal_is_stored_once_under_a_pseudonym_of_its_own_key() -> None:
    first = people.principals_for(drafts=[draft("arn:alice", "alice"), draft("arn:bob"), draft("arn:alice", "again")])
    second = people.principal_for(draft=draft("arn:alice", "later"))
    assert Principal.objects.count() == 2
    assert second == first["arn:alice"]
    assert second.display == "alice"
    assert people.is_pseudonym_of(principal=second, identifier="arn:alice")
    assert not people.is_pseudonym_of(principal=second, identifier="arn:bob")
    assert "alice" not in second.pseudonym


def test_equal_names_in_two_installations_have_different_pseudonyms() -> None:
    before = people.principal_for(draft=draft("arn:alice")).pseudonym
    Principal.objects.all().delete()
    assert people.principal_for(draft=draft("arn:alice")).pseudonym != before


def test_a_thousand_principals_take_a_handful_of_statements(django_assert_max_num_queries: object) -> None:
    drafts = [draft(f"arn:user/{n}") for n in range(1200)]
    with django_assert_max_num_queries(20):  # type: ignore[operator]  # pytest-django's fixture
        found = people.principals_for(drafts=drafts)
    assert len(found) == 1200


def test_erasing_a_principal_leaves_the_ledger_intact() -> None:
    admin = made("admin@example.org", Role.ADMINISTRATOR)
    system = AISystem.objects.create(name="Digit reader")
    principal = people.principal_for(draft=draft("arn:alice", "Alice Example"))
    ledger.record_bulk(
        kind="import.published", subject=system, rows=[principal.pseudonym.encode()], payload={}, actor=admin,
        system=system,
    )  # fmt: skip
    ledger.seal()
    erased = people.erase_principal(principal=principal, actor=admin)
    ledger.seal()
    assert (erased.identifier, erased.commitment_key, erased.display) == (None, None, "")
    assert not people.is_pseudonym_of(principal=erased, identifier="arn:alice")
    assert erased.pseudonym == principal.pseudonym
    assert kinds()[-1] == "principal.erased"
    assert ledger.verify().is_intact
    assert people.principal_for(draft=draft("arn:alice")) != erased


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("giver", list(Role))
def test_nobody_gives_a_role_that_is_not_theirs_to_give(giver: Role, role: Role) -> None:
    """By whatever act: a new account, another role, a place on an AI system."""
    actor, system = made("giver@example.org", giver), AISystem.objects.create(name="Digit reader")
    taker = made("taker@example.org", Role.CONTRIBUTOR if role != Role.CONTRIBUTOR else Role.OFFICER)
    made("other@example.org", Role.ADMINISTRATOR)
    acts: tuple[Callable[[], object], ...] = (
        lambda: people.create_user(email="new@example.org", name="N", role=role, password=None, actor=actor),
        lambda: people.change_role(user=taker, role=role, actor=actor),
        lambda: people.grant_membership(system=system, role=role, actor=actor, user=taker),
    )
    for act in acts:
        if role in GRANTS.get(giver, frozenset()):
            act()
            continue
        with pytest.raises(RefusedError, match="may not give this role"):
            act()
    stands = User.objects.get(email="taker@example.org").role
    assert (stands == role) is (giver == Role.ADMINISTRATOR)
    assert (Membership.objects.count(), User.objects.count()) == ((1, 4) if giver == Role.ADMINISTRATOR else (0, 3))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
def test_nobody_makes_themselves_an_administrator(role: Role) -> None:
    somebody = made("somebody@example.org", role)
    with pytest.raises(RefusedError, match="may not give this role"):
        people.change_role(user=somebody, role=Role.ADMINISTRATOR, actor=somebody)
    assert User.objects.get().role == role
