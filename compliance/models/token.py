"""What a token may do, what it is called and when it was last used. Knox keeps its digest and its end."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record
from compliance.types.scopes import Scope


class TokenScope(Record):
    """A token's name and limits. It goes with its token; that it was made and ended stays in the trail."""

    token = models.OneToOneField("knox.AuthToken", on_delete=models.CASCADE, related_name="scope")
    name = models.CharField(_("name"), max_length=100)
    verbs = models.JSONField(_("verbs"), null=True)
    limits_systems = models.BooleanField(_("limited to systems"), default=False)
    systems = models.ManyToManyField("compliance.AISystem", related_name="+", blank=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    last_used_at = models.DateTimeField(_("last used at"), null=True)

    class Meta:
        ordering: ClassVar = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.name

    def limits(self) -> Scope:
        """As the rights read them."""
        systems = frozenset(self.systems.values_list("pk", flat=True)) if self.limits_systems else None
        return Scope(
            verbs=None if self.verbs is None else frozenset(self.verbs),
            systems=systems,
            until=self.token.expiry,
            token=self.token.token_key,
        )
