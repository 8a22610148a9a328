"""The whole API under requests made up from its own description, as each role: no server error, no foreign object.

schemathesis makes the requests: bodies, queries and files within the description and outside it. An address about a
record names the own one, the foreign one or none by turns. `ASSAY_API_EXAMPLES` sets how many per endpoint and role;
`make bench-api` makes hundreds.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID

import pytest
import schemathesis
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok

from compliance.management.routes import Route, routes
from compliance.models import User
from compliance.types.states import Role
from tests.compliance.conftest import World
from tests.compliance.routes_world import Known, Places, places
from tests.compliance.test_routes import named, with_session

EXAMPLES = int(os.environ.get("ASSAY_API_EXAMPLES", "1"))
SEES_EVERYTHING = {Role.ADMINISTRATOR, Role.OFFICER, Role.MANAGER}
ENDPOINTS = {route.path: route for route in routes() if route.path.startswith("api/v1/")}
NOWHERE = UUID(int=7)


@pytest.fixture
def known(world: World, officer: User, contributor: User) -> Places:
    return places(world, officer, contributor)


@pytest.fixture
def staff(known: Places, collector: User, administrator: User) -> dict[Role, User]:
    """One person of each role."""
    return {Role(user.role): user for user in User.objects.filter(is_active=True)}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals are the point here; their log lines are not."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def operations(client: Client, administrator: User) -> list[APIOperation[Any, Any, Any, Any]]:
    """Every operation of the API's description."""
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    described = client.get(reverse("api-schema"), headers={"accept": "application/vnd.oai.openapi+json"})
    schema = schemathesis.openapi.from_dict(json.loads(described.content))
    schema.config.generation.update(modes=list(GenerationMode), allow_x00=True)
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def route_of(operation: APIOperation[Any, Any, Any, Any]) -> Route:
    """The address in the URL configuration that an operation describes."""
    shape = re.sub(r"\{\w+\}", "<>", str(operation.path)).lstrip("/")
    return next(route for path, route in ENDPOINTS.items() if re.sub(r"<[^>]+>", "<>", path) == shape)


def path_of(case: Case, route: Route, records: Known | None) -> str:
    """The address, about a record of these, or about none where there are none."""
    value = named(route, records) if records is not None else NOWHERE
    return re.sub(r"\{\w+\}", str(value or NOWHERE), str(case.operation.path))


def body_of(case: Case) -> tuple[bytes, str]:
    """The bytes of the request's body, and their media type."""
    if isinstance(case.body, bytes):
        return case.body, case.media_type or "application/octet-stream"
    try:
        return json.dumps(case.body, default=str).encode("utf-8", "surrogatepass"), "application/json"
    except (TypeError, ValueError):
        return str(case.body).encode("utf-8", "surrogatepass"), case.media_type or "text/plain"


def send(client: Client, case: Case, url: str) -> tuple[int, str, str]:
    """Status, text of the answer, and what was sent; whatever the request wrote is undone."""
    body, media_type = body_of(case)
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    with transaction.atomic():
        response: Any = client.generic(case.method, url, body, content_type=media_type, query_params=query)
        text = (response.getvalue() if response.streaming else response.content).decode("utf-8", "replace")
        transaction.set_rollback(True)
    return response.status_code, text, f"{url} {query} {body!r}"


def faults(client: Client, role: Role, known: Places, case: Case, records: Known | None) -> tuple[int, list[str]]:
    """The status of the answer to one request, and what is wrong with it."""
    status, text, sent = send(client, case, path_of(case, route_of(case.operation), records))
    found = [f"{role} {case.method} {sent[:1000]}: {status} {text[:200]}"] if status >= 500 else []
    if role not in SEES_EVERYTHING:
        told = [str(one) for one in known.foreign.values() if len(str(one)) > 30 and str(one) in text]
        found += [f"{role} {case.method} {sent[:500]} tells of {one}" for one in told if one not in sent]
    return status, found


@pytest.mark.django_db
@pytest.mark.timeout(3600 if EXAMPLES > 5 else 300)
@pytest.mark.parametrize("role", list(Role))
def test_no_request_fails_the_server_or_finds_a_foreign_object(
    operations: list[APIOperation[Any, Any, Any, Any]], known: Places, staff: dict[Role, User], role: Role
) -> None:
    assert connection.in_atomic_block
    client = with_session(staff[role])
    wrong: list[str] = []
    answered: Counter[int] = Counter()
    assert len(operations) > 150

    def hold(operation: APIOperation[Any, Any, Any, Any]) -> None:
        whose = st.sampled_from([known.own, known.foreign, None])

        @seed(20261127)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(), records=whose)
        def tried(case: Case, records: Known | None) -> None:
            status, found = faults(client, role, known, case, records)
            answered[status // 100] += 1
            wrong.extend(found)

        cast(Any, tried)()

    for operation in operations:
        hold(operation)
    assert wrong == []
    assert answered[4] > answered.total() / 10
    if role in SEES_EVERYTHING:  # the requests got somewhere
        assert answered[2] > answered.total() / 10
