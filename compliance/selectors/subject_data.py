"""All that is held on one person: found by the references that the tables have, so that a new table is in it by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.fields.related import ForeignKey

from compliance.models import JobEvent, PackHandover, Principal, RowChange, User

Subject = User | Principal
# Keys and digests of secrets tell nothing about a person, and would let whoever reads the export act as them.
SECRET = {"password", "commitment_key", "digest", "token_key", "salt", "session_data", "session_key"}
SECRET |= {"mfa.Authenticator.data", "socialaccount.SocialToken.token", "socialaccount.SocialToken.token_secret"}
SECRET |= {"compliance.WebhookEndpoint.sealed_secret", "compliance.CalendarFeed.secret_sha256"}
_SIGN_INS = ("axes.AccessAttempt", "axes.AccessFailureLog", "axes.AccessLog")


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of one table that have to do with the person, and in which part: the column that says so."""

    table: str
    part: str
    rows: QuerySet[Any]

    @property
    def name(self) -> str:
        """What the rows are called in an export."""
        return f"{self.table}.{self.part}"

    @property
    def columns(self) -> list[Field[Any, Any]]:
        """Every column that is no secret."""
        fields = self.rows.model._meta.concrete_fields
        return [field for field in fields if not {field.name, f"{self.table}.{field.name}"} & SECRET]

    def cells(self) -> Iterator[list[str]]:
        """The rows as text; references by the identifier of what they lead to."""
        links = [field.name for field in self.columns if isinstance(field, ForeignKey)]
        for row in self.rows.select_related(*links).order_by("pk").iterator(chunk_size=500):
            yield [_cell(row, field) for field in self.columns]


def _cell(row: Model, field: Field[Any, Any]) -> str:
    value = getattr(row, field.name)
    if value is None:
        return ""
    if isinstance(value, Model):
        return str(getattr(value, "uuid", value.pk))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def held_on(subject: Subject) -> Iterator[Held]:
    """Every table that refers to the person, then those that name them; tables without a row are left out."""
    for held in (*_references(subject), *_mentions(subject)):
        if held.rows.exists():
            yield held


def _references(subject: Subject) -> Iterator[Held]:
    for relation in subject._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or relation.related_model is None:
            continue
        model, field = relation.related_model, relation.remote_field
        if field is None or not isinstance(model, type):
            continue
        yield Held(model._meta.label, field.name, QuerySet(model).filter(**{field.name: subject.pk}).distinct())


def _mentions(subject: Subject) -> Iterator[Held]:
    """Tables that hold a name or an address in the clear, without a reference."""
    if isinstance(subject, Principal):
        names = [name for name in (subject.identifier, subject.display) if name]
        said = [Q(**{f"{column}__iexact": name}) for column in ("session", "on_behalf_of") for name in names]
        rows = JobEvent.objects.filter(reduce(or_, said, Q(pk=None))).exclude(actor=subject)
        yield Held("compliance.JobEvent", "named", rows)
        return
    for label in _SIGN_INS:
        yield Held(label, "username", QuerySet(apps.get_model(label)).filter(username__iexact=subject.email))
    yield Held(
        "compliance.RowChange", "actor", RowChange.objects.filter(actor__in=[str(subject.uuid), str(subject.pk)])
    )
    yield Held("compliance.PackHandover", "recipient", PackHandover.objects.filter(recipient__iexact=subject.name))


def live_sessions(user: User) -> int:
    """Sign-ins of the person that have not ended; each row is opaque and is read to know whose it is."""
    return sum(row.get_decoded().get("_auth_user_id") == str(user.pk) for row in Session.objects.iterator())


def identity(subject: Subject) -> dict[str, str]:
    """The person's own row, without secrets."""
    fields = [field for field in subject._meta.concrete_fields if field.name not in SECRET]
    return {field.name: _cell(subject, field) for field in fields}
