"""What somebody may not see, nobody writes into a record by naming it: fields of forms, of the API, and of plain posts.

Forms and serializers are found, not named: forms on the pages that show them, serializers by walking their classes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import pytest
from django.apps import apps
from django.db.models import Model, QuerySet
from django.test import Client
from django.urls import reverse
from rest_framework import serializers
from rest_framework.test import APIRequestFactory

from compliance.api.base import ScopedReference
from compliance.management.routes import Gate, Route, routes
from compliance.models import User
from compliance.rights import SYSTEM_PATH, visible
from compliance.types.states import Role
from compliance.web.choosing import KINDS
from tests.compliance.conftest import World
from tests.compliance.routes_world import Known, Places, places
from tests.compliance.test_routes import address, ask, with_session

SCOPED_ROLES = [Role.CONTRIBUTOR, Role.AUDITOR]
PAGES = [route for route in routes() if route.gate is Gate.PAGE and "GET" in route.verbs]
VOID = {"input", "br", "hr", "img", "meta", "link"}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of refusals are the point here; their log lines are not."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def known(world: World, officer: User, contributor: User) -> Places:
    return places(world, officer, contributor)


@pytest.fixture
def people_by_role(world: World, known: Places, contributor: User, auditor: User) -> dict[Role, User]:
    return {Role.CONTRIBUTOR: contributor, Role.AUDITOR: auditor}


def texts(client: Client, known: Known) -> Iterator[tuple[Route, str, str]]:
    """Route, address and text of every page about own records, or about none, that somebody is shown."""
    for route in PAGES:
        url = address(route, known)
        assert url is not None
        response: Any = client.get(url)
        if response.status_code == 200:
            raw = response.getvalue() if response.streaming else response.content
            yield route, url, raw.decode("utf-8", "replace")


# Pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("role", SCOPED_ROLES)
def test_no_page_about_an_own_record_names_a_foreign_one(
    known: Places, people_by_role: dict[Role, User], role: Role
) -> None:
    foreign = {str(value) for value in known.foreign.values()}
    shown = list(texts(with_session(people_by_role[role]), known.own))
    assert len(shown) > 30
    assert [(url, one) for _route, url, text in shown for one in foreign if one in text] == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", SCOPED_ROLES)
@pytest.mark.parametrize("kind", list(KINDS))
def test_no_choice_found_by_typing_is_foreign(
    known: Places, people_by_role: dict[Role, User], role: Role, kind: str
) -> None:
    text = with_session(people_by_role[role]).get(reverse("choices", args=[kind]), {"q": ""}).content.decode()
    assert [str(one) for one in known.foreign.values() if str(one) in text] == []


# Forms ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Form:
    """A form of a page as a browser would send it: its address, and the values of each field, chosen and offered."""

    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    offered: dict[str, list[str]] = field(default_factory=dict)


class FormReader(HTMLParser):
    """The forms of a page that post."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.forms = url, list[Form]()
        self._form: Form | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Forms, and the fields in them."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_post = given.get("method", "").lower() == "post"
            self._form = Form(urljoin(self.url, given.get("action") or self.url)) if is_post else None
            if self._form:
                self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "select":
            self._select = name
            form.offered.setdefault(name, [])
        elif tag == "option" and self._select:
            form.offered[self._select].append(given.get("value", ""))
            if "selected" in given:
                form.values.setdefault(self._select, []).append(given.get("value", ""))
        elif tag in {"input", "button"} and name:
            value, kind = given.get("value", ""), given.get("type", "text")
            if kind in {"checkbox", "radio", "hidden", "submit"}:
                form.offered.setdefault(name, []).append(value)
            if kind not in {"checkbox", "radio", "submit", "file"} or "checked" in given:
                form.values.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        """A form ends, or a select."""
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""


def forms_of(url: str, text: str) -> list[Form]:
    reader = FormReader(url)
    reader.feed(text)
    return reader.forms


def models_of(values: list[str]) -> list[type[Model]]:
    """The scoped models of which rows are offered."""
    uuids = [value for value in values if _is_uuid(value)]
    return [model for model in SCOPED if uuids and rows_of(model).filter(uuid__in=uuids).exists()]


def rows_of(model: type[Model]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.objects.all()  # type: ignore[attr-defined]  # as every model of Assay's has them
    return rows


SCOPED = [apps.get_model(label) for label in SYSTEM_PATH if hasattr(apps.get_model(label), "uuid")]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def foreign_row(model: type[Model], user: User) -> str:
    """The uuid of a row that exists and not for this person; "" where there is none."""
    seen = visible(rows_of(model), user).values("pk")
    row = rows_of(model).exclude(pk__in=seen).order_by("pk").first()
    return str(getattr(row, "uuid", ""))


def refuses(answer: Any, name: str) -> bool:
    """Whether an answer turns the request away, or shows the form again with what is wrong with the field."""
    if answer.status_code in {200, 422}:
        return f'href="#id_{name}' in answer.content.decode()
    return answer.status_code in {302, 303, 400, 403, 404, 409}


@pytest.mark.django_db
@pytest.mark.parametrize("role", SCOPED_ROLES)
def test_no_form_takes_a_foreign_record(known: Places, people_by_role: dict[Role, User], role: Role) -> None:
    """Each field that offers records is sent with a foreign one of the same kind instead: nothing is written."""
    user = people_by_role[role]
    client, tried, wrong = with_session(user), set(), []
    for _route, url, text in texts(client, known.own):
        for form in forms_of(url, text):
            for name, offered in form.offered.items():
                for model in models_of(offered):
                    other = foreign_row(model, user)
                    if not other or (form.action, name, model) in tried:
                        continue
                    tried.add((form.action, name, model))
                    sent = {**form.values, name: [other]}
                    answer, writes = ask(client, "POST", form.action, endpoint=False, data=sent)
                    if writes or not refuses(answer, name):
                        wrong.append(f"{form.action} {name}={model.__name__}: {answer.status_code} {writes}")
    assert wrong == []
    assert tried or role is Role.AUDITOR


# The API --------------------------------------------------------------------------------------------------------------


def shapes(base: type[serializers.BaseSerializer[Any]]) -> Iterator[type[serializers.Serializer[Any]]]:
    """Every serializer of Assay's."""
    for one in base.__subclasses__():
        yield from shapes(one)
        if one.__module__.startswith(("compliance.", "scanning.")) and issubclass(one, serializers.Serializer):
            yield one


def references(user: User) -> Iterator[tuple[str, serializers.RelatedField[Any, Any, Any]]]:
    """Every field of a request by which a record is named, as it stands in a request of this person."""
    import compliance.urls  # noqa: F401  # loads every serializer

    request = APIRequestFactory().get("/")
    request.user = user
    for shape in sorted(set(shapes(serializers.BaseSerializer)), key=lambda one: (one.__module__, one.__name__)):
        for name, bound in shape(context={"request": request}).fields.items():
            relation = getattr(bound, "child_relation", bound)
            if isinstance(relation, serializers.RelatedField) and not relation.read_only:
                yield f"{shape.__name__}.{name}", relation


def named_by(relation: Any) -> type[Model]:
    """The model of the records that a field names."""
    model: type[Model] = relation.queryset.model
    return model


@pytest.mark.django_db
def test_each_reference_to_a_scoped_record_in_the_api_is_scoped(contributor: User) -> None:
    found = dict(references(contributor))
    assert len(found) > 20
    unscoped = {
        place: named_by(relation)._meta.label
        for place, relation in found.items()
        if not isinstance(relation, ScopedReference) and named_by(relation)._meta.label in SYSTEM_PATH
    }
    assert unscoped == {}


@pytest.mark.django_db
@pytest.mark.parametrize("role", SCOPED_ROLES)
def test_a_foreign_reference_is_as_unknown_as_none(known: Places, people_by_role: dict[Role, User], role: Role) -> None:
    user, tried = people_by_role[role], 0
    for place, relation in references(user):
        if isinstance(relation, ScopedReference):
            other = foreign_row(named_by(relation), user)
            for value in filter(None, (other, str(UUID(int=7)))):
                with pytest.raises(serializers.ValidationError) as refused:
                    relation.run_validation(value)
                assert "does_not_exist" in repr(refused.value.detail), place
                tried += value == other
    assert tried > 10
