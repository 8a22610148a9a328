"""Signing in with a password and a code; changing factors; what a second factor does when a role needs one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from axes.models import AccessAttempt
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from compliance.models import RowChange, User
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.states import Role

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.ERROR)
    cache.clear()  # allauth counts requests there, for all tests of this process together
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def pia(db: None) -> User:
    return people.create_user(email="pia@example.org", name="Pia", role=Role.OFFICER, password=PASSWORD, actor=None)


def signed_in(user: User) -> Client:
    client = Client()
    answer = client.post("/sign-in/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"] == reverse("overview")
    return client


def confirmed(user: User) -> Client:
    """Signed in, and the password typed again."""
    client = signed_in(user)
    assert client.post(reverse("account_reauthenticate"), {"password": PASSWORD}).status_code == 302
    return client


def code_of(secret: str, *, ahead: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def add_app(client: Client) -> str:
    """Adds an authenticator app by the page; gives its secret."""
    page: Any = client.get(reverse("mfa_activate_totp"))
    secret = str(page.context["form"].secret)
    answer = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    return secret


def second_step(user: User) -> Client:
    """After the right password, before the code."""
    client = Client()
    answer = client.post("/sign-in/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"] == reverse("mfa_authenticate")
    return client


def test_a_code_of_the_app_opens_what_the_password_alone_does_not(pia: User) -> None:
    secret = add_app(confirmed(pia))
    client = second_step(pia)
    assert client.get(reverse("overview")).status_code == 302
    assert "Six digits" in client.get(reverse("mfa_authenticate")).content.decode()
    assert client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})["Location"] == reverse("overview")
    assert client.get(reverse("overview")).status_code == 200


def test_a_code_of_the_app_works_once_in_every_process(pia: User) -> None:
    secret = add_app(confirmed(pia))
    code = code_of(secret)
    assert second_step(pia).post(reverse("mfa_authenticate"), {"code": code}).status_code == 302
    cache.clear()  # as another web process, which knows nothing of the first
    again = second_step(pia).post(reverse("mfa_authenticate"), {"code": code})
    assert "wrong, used or expired" in again.content.decode()


def test_a_code_of_the_time_to_come_is_not_taken(pia: User) -> None:
    secret = add_app(confirmed(pia))
    answer = second_step(pia).post(reverse("mfa_authenticate"), {"code": code_of(secret, ahead=1)})
    assert answer.status_code == 200


def test_a_recovery_code_opens_the_account_once(pia: User) -> None:
    client = confirmed(pia)
    add_app(client)
    shown: Any = client.get(reverse("mfa_view_recovery_codes"))
    code = shown.context["unused_codes"][0]
    hidden: Any = client.get(reverse("mfa_view_recovery_codes"))
    assert code in shown.content.decode()
    assert code not in hidden.content.decode()
    assert second_step(pia).post(reverse("mfa_authenticate"), {"code": code}).status_code == 302
    assert second_step(pia).post(reverse("mfa_authenticate"), {"code": code}).status_code == 200


def test_wrong_codes_pause_the_account_like_wrong_passwords(pia: User) -> None:
    secret = add_app(confirmed(pia))
    client = second_step(pia)
    answers = [client.post(reverse("mfa_authenticate"), {"code": "000000"}) for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert (answers[0].status_code, answers[-1].status_code) == (200, 429)
    assert client.post(reverse("mfa_authenticate"), {"code": code_of(secret)}).status_code == 429
    assert Client().post("/sign-in/", {"login": pia.email, "password": PASSWORD}).status_code == 429


def test_wrong_codes_and_wrong_passwords_count_together(pia: User) -> None:
    add_app(confirmed(pia))
    half = settings.AXES_FAILURE_LIMIT // 2
    client = second_step(pia)
    for _ in range(half):
        client.post(reverse("mfa_authenticate"), {"code": "000000"})
    answers = [Client().post("/sign-in/", {"login": pia.email, "password": "wrong"}) for _ in range(half)]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize("page", ["account_reauthenticate", "account_change_password"])
def test_a_password_cannot_be_guessed_behind_the_sign_in(pia: User, page: str) -> None:
    client, word = signed_in(pia), {"password": "wrong", "oldpassword": "wrong", "password1": "x", "password2": "x"}
    answers = []
    for _ in range(settings.AXES_FAILURE_LIMIT):
        cache.clear()
        answers.append(client.post(reverse(page), word).status_code)
    assert answers[-1] == 429


def test_what_was_typed_is_not_kept_with_the_attempt(pia: User) -> None:
    add_app(confirmed(pia))
    second_step(pia).post(reverse("mfa_authenticate"), {"code": "424242"})
    Client().post("/sign-in/", {"login": pia.email, "password": "hush hush"})
    kept = " ".join(AccessAttempt.objects.values_list("post_data", flat=True))
    assert kept
    assert "424242" not in kept
    assert "hush" not in kept


@pytest.mark.parametrize(
    "page", ["mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"]
)
def test_factors_change_only_after_the_password_again(pia: User, page: str) -> None:
    client = signed_in(pia)
    Authenticator.objects.create(user=pia, type="recovery_codes", data={"seed": "x", "used_mask": 0})
    asked: list[Any] = [client.get] if page == "mfa_view_recovery_codes" else [client.get, client.post]
    for ask in asked:
        assert ask(reverse(page))["Location"].startswith(reverse("account_reauthenticate"))
    assert not Authenticator.objects.exclude(type="recovery_codes").exists()


def test_removing_the_app_asks_first_and_takes_the_recovery_codes_with_it(pia: User) -> None:
    client = confirmed(pia)
    add_app(client)
    early = signed_in_with_code_later(pia)
    assert early.post(reverse("mfa_deactivate_totp"))["Location"].startswith(reverse("account_reauthenticate"))
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert not Authenticator.objects.exists()


def signed_in_with_code_later(user: User) -> Client:
    """A session from before, without the password typed again."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_secrets_are_neither_in_the_database_nor_in_the_notes_of_changes(pia: User) -> None:
    client = confirmed(pia)
    secret = add_app(client)
    codes: Any = client.get(reverse("mfa_view_recovery_codes"))
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes.context["unused_codes"])
    changes = RowChange.objects.filter(table_name="mfa_authenticator")
    assert {change.operation for change in changes} >= {"INSERT"}
    assert {change.actor for change in changes} == {str(pia.uuid)}
    assert not any(secret in str(vars(change)) for change in changes)


def test_a_factor_that_was_encrypted_under_another_key_opens_nothing(pia: User) -> None:
    secret = add_app(confirmed(pia))
    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        client = Client()
        client.post("/sign-in/", {"login": pia.email, "password": PASSWORD})
        assert client.post(reverse("mfa_authenticate"), {"code": code_of(secret)}).status_code == 302
    Authenticator.objects.update(last_used_at=None)
    cache.clear()
    with override_settings(SECRET_KEY="another" * 10):
        client = Client()
        client.post("/sign-in/", {"login": pia.email, "password": PASSWORD})
        assert client.post(reverse("mfa_authenticate"), {"code": code_of(secret)}).status_code == 200


# A second factor where the role needs one ----------------------------------------------------------------------------


def test_a_role_that_needs_a_factor_adds_one_before_anything_else(pia: User) -> None:
    with override_settings(SECOND_FACTOR_ROLES={Role.OFFICER}):
        client = signed_in(pia)
        assert client.get(reverse("evidence-list"))["Location"] == reverse("mfa_index")
        assert client.get(reverse("api-evidence-list")).status_code == 403
        client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
        add_app(client)
        assert client.get(reverse("evidence-list")).status_code == 200
        refused = client.post(reverse("mfa_deactivate_totp"), {})
        assert "add another before" in refused.content.decode()
    assert Authenticator.objects.filter(type="totp").exists()


def test_other_roles_are_not_asked(pia: User) -> None:
    with override_settings(SECOND_FACTOR_ROLES={Role.ADMINISTRATOR}):
        assert signed_in(pia).get(reverse("evidence-list")).status_code == 200


# Sessions ------------------------------------------------------------------------------------------------------------


def test_a_changed_password_ends_the_other_sessions_and_not_this_one(pia: User) -> None:
    here, elsewhere = signed_in(pia), signed_in(pia)
    new = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
    assert here.post(reverse("account_change_password"), new)["Location"] == reverse("settings")
    assert here.get(reverse("overview")).status_code == 200
    assert elsewhere.get(reverse("overview")).status_code == 302


def test_deactivation_ends_a_session_and_its_second_step_at_once(pia: User) -> None:
    here = signed_in(pia)
    add_app(confirmed(pia))
    half_way = second_step(pia)
    secret_code = "000000"
    people.deactivate_user(user=pia, actor=None)
    assert here.get(reverse("overview")).status_code == 302
    assert half_way.post(reverse("mfa_authenticate"), {"code": secret_code}).status_code in {200, 302}
    assert half_way.get(reverse("overview")).status_code == 302


def test_an_unused_session_ends(pia: User) -> None:
    client = signed_in(pia)
    client.get(reverse("overview"))
    session = client.session
    session["assay.seen"] = int(time.time()) - settings.SESSION_IDLE_SECONDS - 1
    session.save()
    answer = client.get(reverse("overview"))
    assert answer["Location"].startswith(reverse("sign-in"))
    assert "You were away" in client.get(answer["Location"]).content.decode()


def test_no_page_is_offered_for_signing_up_or_for_connecting_accounts() -> None:
    for address in ("/accounts/signup/", "/accounts/login/", "/signup/", "/accounts/social/connections/", "/admin/"):
        assert Client().get(address).status_code == 404


# Forgotten passwords -------------------------------------------------------------------------------------------------


def test_where_no_mail_leaves_the_page_says_what_to_do(pia: User) -> None:
    page = Client().get(reverse("account_reset_password"))
    assert "Ask an administrator for a link" in page.content.decode()
    assert Client().post(reverse("account_reset_password"), {"email": pia.email}).status_code == 200
    assert mail.outbox == []


@override_settings(MAIL_LEAVES=True)
def test_a_link_by_mail_sets_a_new_password_once_and_ends_every_session(pia: User) -> None:
    before = signed_in(pia)
    assert Client().post(reverse("account_reset_password"), {"email": pia.email.upper()}).status_code == 302
    (sent,) = mail.outbox
    assert sent.to == [pia.email]
    link = next(line for line in str(sent.body).splitlines() if line.startswith("http"))
    client = Client()
    form = client.get(link.partition("testserver")[2])["Location"]
    assert client.get(form).status_code == 200
    new = {"password1": "another long password", "password2": "another long password"}
    assert client.post(form, new)["Location"] == reverse("account_reset_password_from_key_done")
    assert before.get(reverse("overview")).status_code == 302
    assert "no longer works" in Client().get(link.partition("testserver")[2]).content.decode()
    pia.refresh_from_db()
    assert pia.check_password("another long password")


@override_settings(MAIL_LEAVES=True)
def test_who_has_an_account_cannot_be_asked_of_the_page(pia: User) -> None:
    answers = [
        Client().post(reverse("account_reset_password"), {"email": one}) for one in (pia.email, "no@example.org")
    ]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert [sent.to for sent in mail.outbox] == [[pia.email]]


@override_settings(MAIL_LEAVES=True)
def test_a_machine_gets_no_link(db: None) -> None:
    people.create_user(email="robot@example.org", name="Robot", role=Role.COLLECTOR, password=None, actor=None)
    Client().post(reverse("account_reset_password"), {"email": "robot@example.org"})
    assert mail.outbox == []


@override_settings(MAIL_LEAVES=True)
def test_a_person_is_told_by_mail_of_a_new_factor(pia: User, django_capture_on_commit_callbacks: Any) -> None:
    client = confirmed(pia)
    with django_capture_on_commit_callbacks(execute=True):
        add_app(client)
    assert "An authenticator app was added" in str(mail.outbox[-1].body)


def test_an_administrators_link_sets_a_password_and_removes_a_lost_phone(pia: User) -> None:
    add_app(confirmed(pia))
    session = signed_in_with_code_later(pia)
    link = people.sign_in_link(user=pia, remove_factors=True, actor=None)
    assert session.get(reverse("overview")).status_code == 302
    assert not Authenticator.objects.exists()
    client = Client()
    form = client.get(link.removeprefix(settings.BASE_URL))["Location"]
    client.post(form, {"password1": "another long password", "password2": "another long password"})
    pia.refresh_from_db()
    assert pia.check_password("another long password")


def test_no_link_is_made_to_a_machine_or_to_who_left(pia: User) -> None:
    people.deactivate_user(user=pia, actor=None)
    pia.refresh_from_db()
    with pytest.raises(RefusedError):
        people.sign_in_link(user=pia, remove_factors=False, actor=None)


def test_a_person_without_a_password_is_told_where_factors_are_set(db: None) -> None:
    user = people.create_user(email="sso@example.org", name="Sam", role=Role.OFFICER, password=None, actor=None)
    client = signed_in_with_code_later(user)
    assert client.get(reverse("mfa_activate_totp"))["Location"] == reverse("mfa_index")
    assert "set up second factors there" in client.get(reverse("mfa_index")).content.decode()
