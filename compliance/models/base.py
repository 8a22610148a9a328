"""What every record has."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, longest
from compliance.types.states import RetentionClass

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Record(models.Model):
    """A row with an identity that outlives its database."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(_("recorded at"), auto_now_add=True)

    class Meta:
        abstract = True


class RetainedRecord(Record):
    """A record under retention: kept for its class's time, and longer under a legal hold."""

    retention_class = models.CharField(
        _("retention"), max_length=32, choices=choices(RetentionClass), default=RetentionClass.STANDARD
    )
    legal_hold = models.BooleanField(_("legal hold"), default=False)

    class Meta:
        abstract = True


def enum_field(
    label: str | _StrPromise, kind: type[StrEnum], *, default: StrEnum | None = None, blank: bool = False
) -> models.CharField[str, str]:
    """A CharField over one of our enumerations."""
    if default is None:
        return models.CharField(label, max_length=longest(kind), choices=choices(kind), blank=blank)
    return models.CharField(label, max_length=longest(kind), choices=choices(kind), default=default, blank=blank)


def digest_field(label: str | _StrPromise, *, blank: bool = True, unique: bool = False) -> models.CharField[str, str]:
    """A lower-case hexadecimal SHA-256."""
    return models.CharField(label, max_length=64, blank=blank, unique=unique)
