"""Every address × every role: who gets in, what exists for whom, and that a refusal changes nothing.

The walk is made from the URL configuration, so an address that names no verb, or a parameter without an own and a
foreign record in `routes_world`, fails here. What is expected comes from `compliance.rights.TABLE` and house rules.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from knox.models import AuthToken

from compliance.management.commands.print_rights import rights_document
from compliance.management.routes import Gate, Route, routes
from compliance.models import User
from compliance.rights import TABLE, Verb
from compliance.services import people
from compliance.types.states import Role
from tests.compliance.conftest import World, person
from tests.compliance.routes_world import Known, Places, places

PUBLIC = {
    "sign-in": "nobody is signed in before it",
    "account_login": "allauth's name of the same page",
    "account_inactive": "says that the access has ended",
    "mfa_authenticate": "open only after the right password; then asks for the second factor",
    "mfa_login_webauthn": "signs in by a passkey",
    "openid_connect_login": "leads to the provider; 404 where none is set",
    "openid_connect_callback": "the provider's answer, bound to the session by its state",
    "socialaccount_login_cancelled": "says that the sign-in was broken off",
    "account_reset_password": "the password is forgotten",
    "account_reset_password_done": "says the same whether or not there is such an account",
    "account_reset_password_from_key": "guarded by a one-time key in the address",
    "account_reset_password_from_key_done": "says that the password is set",
    "sign-out": "ends whatever session there is",
    "first-admin": "guarded by a one-time token in the address",
    "calendar-feed": "guarded by a secret in the address, and holds what its person may see then",
    "stored-file": "guarded by a signed ticket that ends after a minute, and by what its person may then",
    "verify": "anybody who was handed a pack may check it",
    "api-verify": "as the page",
    "healthz": "asked by load balancers; says nothing but that the process is up",
    "readyz": "asked by load balancers; says which part is not ready",
}
SEES_EVERY_SYSTEM = {Role.ADMINISTRATOR, Role.OFFICER, Role.MANAGER}
READS_NOTHING = {Role.COLLECTOR}
ANSWERED = {200, 201, 202, 204, 302, 303, 400, 409, 422}
LEADS_ON = {
    "evidence-download",
    "pack-download",
    "pack-files",
    "pack-marks",
}  # to the signed address without cookies, from which the file comes
# Pages about one's own sign-in: they ask for the password first, and a passkey is nobody else's.
ASKS_FIRST = {
    "account_reauthenticate", "account_change_password", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
    "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes",
    "mfa_add_webauthn", "mfa_list_webauthn",
}  # fmt: skip
ONES_OWN = {
    "mfa_remove_webauthn", "mfa_edit_webauthn", "api-tokens-detail", "remediation-filter-delete", "api-saved-filters-detail",
    "notice-read", "api-notices-detail", "api-notices-read",
}  # fmt: skip
NEEDS_CATALOGUE = {"api-remediation-figures-estimate"}  # tells of the shipped playbook, which these tests do not load
NAMES_MORE = {"question-detach", "remediation-milestone"}  # a link or milestone in the body; the walk sends none
METHODS = ("GET", "POST", "DELETE")
WRITE = re.compile(r"^\s*(INSERT|UPDATE|DELETE)\b(?!.*(django_session|axes_))", re.IGNORECASE)
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
GUARDED = [route for route in routes() if route.gate in {Gate.PAGE, Gate.ENDPOINT}]


@pytest.fixture
def known(world: World, officer: User, contributor: User) -> Places:
    return places(world, officer, contributor)


@pytest.fixture
def staff(world: World, collector: User, administrator: User, officer: User) -> dict[Role, User]:
    """One person of each role; contributor, auditor and collector are on the first system alone."""
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=None, user=collector)
    return {Role(user.role): user for user in User.objects.filter(is_active=True)}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of refusals are the point here; their log lines are not."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def named(route: Route, records: Known) -> UUID | str | int | None:
    """The record that stands for the address's parameter: that of the longest name that the address begins with."""
    fitting = [name for name in records if route.name == name or route.name.startswith(f"{name}-")]
    return records[max(fitting, key=len)] if fitting else None


def address(route: Route, records: Known) -> str | None:
    """The address with its parameters filled in; None where no such record is known."""
    parameters = [name for _kind, name in PARAMETER.findall(route.path)]
    value = named(route, records)
    if not parameters:
        return reverse(route.name)
    if value is None:
        return None
    return reverse(route.name, kwargs={name: 1 if name == "number" else value for name in parameters})


def ask(
    client: Client, method: str, url: str, *, endpoint: bool, data: dict[str, Any] | None = None
) -> tuple[Any, list[str]]:
    """The answer, of a page to the fields of a form if any, and the statements that wrote to the record; all is undone."""
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        if endpoint:
            response = client.generic(method, url, "{}", content_type="application/json")
        elif data is not None:
            response = client.post(url, data)
        else:
            response = client.generic(method, url)
        if getattr(response, "streaming", False):
            response.getvalue()  # read to its end: closing it would close the database connection of the test
        transaction.set_rollback(True)
    return response, [query["sql"][:120] for query in queries.captured_queries if WRITE.match(query["sql"])]


def walk(
    client: Client, records: Known, *, over: list[Route] = GUARDED, methods: tuple[str, ...] = METHODS
) -> Iterator[tuple[Route, str, str, Any, list[str]]]:
    """Every method of every guarded address that names one of these records, or none at all."""
    for route in over:
        url = address(route, records)
        if url is None:
            continue
        for method in methods:
            yield route, method, url, *ask(client, method, url, endpoint=route.gate is Gate.ENDPOINT)


def expected(route: Route, method: str, role: Role, *, foreign: bool) -> set[int]:
    """Status codes that house rules and the table of rights allow here."""
    if method not in route.verbs:
        return {403, 405} if route.gate is Gate.ENDPOINT else {405}
    verb = route.verbs[method]
    if verb is None or role not in TABLE[verb]:
        return {403}
    if "<" in route.path and (role in READS_NOTHING or (foreign and role not in SEES_EVERY_SYSTEM)):
        return {404}
    if route.name in ONES_OWN | NEEDS_CATALOGUE:
        return {404}
    if route.name in ASKS_FIRST or (method == "GET" and route.name in LEADS_ON):
        return {302}
    return {200} if method == "GET" else ANSWERED | ({404} if route.name in NAMES_MORE else set())


def wrong(client: Client, role: Role, records: Known, *, foreign: bool) -> list[str]:
    """One line for each answer that is not as expected, and for each refusal that wrote something."""
    lines = []
    over = [route for route in GUARDED if "<" in route.path] if foreign else GUARDED
    for route, method, url, response, writes in walk(client, records, over=over):
        wanted = expected(route, method, role, foreign=foreign)
        if response.status_code not in wanted:
            lines.append(f"{role} {method} {url}: {response.status_code}, not {sorted(wanted)}")
        if response.status_code in {401, 403, 404, 405} and writes:
            lines.append(f"{role} {method} {url}: refused, and yet wrote {writes}")
    return lines


def with_token(user: User) -> Client:
    _token, secret = AuthToken.objects.create(user=user)
    return Client(raise_request_exception=False, headers={"authorization": f"Token {secret}"})


def with_session(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


# The configuration itself --------------------------------------------------------------------------------------------


def test_every_address_names_its_verbs_or_is_public_for_a_reason() -> None:
    found = routes()
    assert [route.path for route in found if route.gate is Gate.MISSING] == []
    assert {route.name for route in found if route.gate is Gate.PUBLIC} == set(PUBLIC)
    assert [f"{method} {route.path}" for route in found for method, verb in route.verbs.items() if verb is None] == []


def test_no_two_addresses_share_a_name() -> None:
    names = [route.name for route in routes() if route.name]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


@pytest.mark.django_db
def test_every_parameter_has_an_own_and_a_foreign_record(known: Places) -> None:
    shared = {name for name in known.own if name not in known.foreign}
    assert [route.name for route in GUARDED if address(route, known.own) is None] == []
    unknown = [route.name for route in GUARDED if address(route, known.foreign) is None]
    assert [name for name in unknown if not any(name == kind or name.startswith(f"{kind}-") for kind in shared)] == []


def test_every_verb_is_granted_to_somebody_and_no_role_is_empty() -> None:
    assert set(TABLE) == set(Verb)
    assert all(TABLE.values())
    assert set().union(*TABLE.values()) == set(Role)


# The walk ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_the_table_grants_on_its_own_records(
    known: Places, staff: dict[Role, User], role: Role
) -> None:
    assert wrong(with_session(staff[role]), role, known.own, foreign=False) == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_foreign_records_do_not_exist_for_whom_they_do_not_concern(
    known: Places, staff: dict[Role, User], role: Role
) -> None:
    assert wrong(with_session(staff[role]), role, known.foreign, foreign=True) == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_a_token_opens_the_endpoints_that_a_session_opens(known: Places, staff: dict[Role, User], role: Role) -> None:
    client, lines = with_token(staff[role]), []
    endpoints = [route for route in GUARDED if route.gate is Gate.ENDPOINT]
    for route, method, url, response, writes in walk(client, known.own, over=endpoints, methods=("GET", "POST")):
        if response.status_code not in expected(route, method, role, foreign=False):
            lines.append(f"{method} {url}: {response.status_code}")
        if response.status_code in {401, 403, 404, 405} and writes:
            lines.append(f"{method} {url}: refused, and yet wrote {writes}")
    assert lines == []


@pytest.mark.django_db
def test_a_token_opens_no_page_and_no_method_but_get_and_post_is_answered(
    known: Places, staff: dict[Role, User]
) -> None:
    pages = [route for route in GUARDED if route.gate is Gate.PAGE]
    opened = walk(with_token(staff[Role.OFFICER]), known.own, over=pages, methods=("GET",))
    assert {response.status_code for _route, _method, _url, response, _writes in opened} == {302}
    client = with_session(staff[Role.OFFICER])
    for route, method, url, response, writes in walk(client, known.own, methods=("PUT", "PATCH")):
        assert response.status_code in expected(route, method, Role.OFFICER, foreign=False), f"{method} {url}"
        assert not writes


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["nobody", "deactivated with a session", "deactivated with a token"])
def test_nobody_gets_in_without_an_active_account(known: Places, contributor: User, who: str) -> None:
    gone = person("Gone Officer", Role.OFFICER)
    client = {"nobody": with_session(None), "deactivated with a session": with_session(gone)}.get(who) or with_token(
        gone
    )
    User.objects.filter(pk=gone.pk).update(is_active=False)  # not by the service, which would end session and token too
    lines = []
    for route, method, url, response, writes in walk(client, known.own):
        turned_away = (
            response.status_code == 401
            if route.gate is Gate.ENDPOINT
            else response.status_code == 302 and response["Location"].startswith(reverse("sign-in"))
        )
        if not turned_away or writes:
            lines.append(f"{method} {url}: {response.status_code} {writes}")
    assert lines == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.AUDITOR, Role.COLLECTOR])
def test_no_list_names_a_foreign_record(known: Places, staff: dict[Role, User], role: Role) -> None:
    client = with_session(staff[role])
    identifiers = {str(value) for value in known.foreign.values()}
    named_there = []
    for route in GUARDED:
        if "GET" in route.verbs and "<" not in route.path:
            answer: Any = client.get(reverse(route.name))
            body = (answer.getvalue() if answer.streaming else answer.content).decode("utf-8", "replace")
            named_there += [f"{route.path}: {identifier}" for identifier in identifiers if identifier in body]
    assert named_there == []


@pytest.mark.django_db
def test_an_ended_engagement_shows_nothing(known: Places, world: World, auditor: User) -> None:
    auditor.engagements.update(expires_at="2026-01-02T00:00:00Z")
    client = with_session(auditor)
    for name, record in (("evidence-detail", "evidence"), ("assessment-detail", "assessment"), ("pack-detail", "pack")):
        assert client.get(reverse(name, args=[known.own[record]])).status_code == 404


def test_the_printed_table_of_rights_is_in_step() -> None:
    printed = (Path(__file__).parents[2] / "docs" / "rights.md").read_text(encoding="utf-8")
    assert printed == rights_document(), "run: manage.py print_rights > docs/rights.md"
