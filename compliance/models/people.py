"""People, teams, who may see what, and the principals that logs name."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.scopes import Scope
from compliance.types.states import Role


class UserManager(BaseUserManager["User"]):
    """Makes people who sign in by e-mail address."""

    def create_user(self, *, email: str, name: str, role: Role, password: str | None = None) -> User:
        """A saved user; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), name=name, role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Addresses are compared without case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person, or a machine that sends evidence. Deactivated when they leave, never deleted."""

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    role = enum_field(_("role"), Role)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    language = models.CharField(_("language"), max_length=16, default="en")
    is_active = models.BooleanField(_("active"), default=True)
    is_demonstration = models.BooleanField(_("demonstration person"), default=False)
    created_at = models.DateTimeField(_("recorded at"), default=timezone.now, editable=False)
    deactivated_at = models.DateTimeField(_("deactivated at"), null=True, blank=True)
    # Who answers for a machine's account; nobody for a person's.
    owner = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="machines")

    objects: ClassVar[UserManager] = UserManager()
    token_scope: Scope | None = None  # of the token by which this request came; set by compliance.api.authentication

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_machine(self) -> bool:
        """Whether this account sends by token only and is never signed in to."""
        return self.owner_id is not None or self.role == Role.COLLECTOR

    def get_full_name(self) -> str:
        """Name as shown to people."""
        return self.name


class Team(Record):
    """People who share a membership."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    members = models.ManyToManyField(User, related_name="teams", blank=True)

    def __str__(self) -> str:
        return self.name


class Membership(Record):
    """Puts a person or a team on an AI system."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships")
    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="memberships")
    role = enum_field(_("role"), Role)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="membership_person_or_team",
                condition=models.Q(user__isnull=False, team__isnull=True)
                | models.Q(user__isnull=True, team__isnull=False),
            ),
            models.UniqueConstraint(fields=["user", "system"], name="membership_once_per_person"),
            models.UniqueConstraint(fields=["team", "system"], name="membership_once_per_team"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team} · {self.system}"


class Principal(Record):
    """Somebody or something that a log names. Erasable: the ledger knows only the pseudonym.

    The pseudonym is HMAC-SHA-256(key, identifier). Destroying key, identifier and display leaves every hash that
    was computed over the pseudonym valid, and nobody can find the person behind it.
    """

    pseudonym = models.CharField(_("pseudonym"), max_length=64, unique=True)
    commitment_key = models.BinaryField(_("commitment key"), null=True)
    identifier = models.TextField(_("identifier"), null=True, unique=True)  # noqa: DJ001 - null once erased, unique
    display = models.CharField(_("shown as"), max_length=512, blank=True)
    kind = models.CharField(_("kind"), max_length=64, blank=True)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    class Meta:
        ordering = ("display",)

    def __str__(self) -> str:
        return self.display or f"{_('erased')} {self.pseudonym[:16]}"
