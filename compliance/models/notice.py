"""What people are told: their inbox, what they chose to be told, how their mail fares, and their calendar's address."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.notices import HowOften, MailTimes, NoticeKind


class Notice(Record):
    """One line in somebody's inbox: about one record, or, with a count above one, about several of a kind.

    key: what makes it one notice however often it is told. It names its subject and never says what stands there: title and
    link are looked up when it is shown or mailed, with the rights of that moment. place: where a line about several leads.
    """

    user = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="notices")
    kind = enum_field(_("about"), NoticeKind)
    key = models.CharField(_("key"), max_length=150)
    subject_type = models.CharField(_("kind of record"), max_length=60, blank=True)
    subject_uuid = models.UUIDField(_("record"), null=True, blank=True)
    count = models.PositiveIntegerField(_("how many"), default=1)
    place = models.CharField(_("place"), max_length=200, blank=True)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="told_once_of_a_thing")]
        indexes: ClassVar = [
            models.Index(fields=["user", "read_at"], name="notice_unread"),
            models.Index(fields=["user", "-created_at", "-id"], name="notice_latest"),
            models.Index(fields=["user"], condition=models.Q(mailed_at__isnull=True), name="notice_to_be_mailed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class NoticeChoice(Record):
    """What somebody wants to be told, and how often by mail. Without a row: everything, by mail once a day from 7 o'clock."""

    user = models.OneToOneField("compliance.User", on_delete=models.PROTECT, related_name="notice_choice")
    how_often = enum_field(_("mail"), HowOften, default=HowOften.DAILY)
    hour = models.PositiveSmallIntegerField(_("from"), default=7)
    weekday = models.PositiveSmallIntegerField(_("day of the week"), default=0)
    not_mailed = models.JSONField(_("not by mail"), default=list)
    not_shown = models.JSONField(_("not in the inbox"), default=list)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.how_often}"

    def times(self) -> MailTimes:
        """When mail may go."""
        return MailTimes(how_often=HowOften(self.how_often), hour=self.hour, weekday=self.weekday)


class MailState(Record):
    """How somebody's mail fares: when the last message went, and, where the next one fails, since when and why."""

    user = models.OneToOneField("compliance.User", on_delete=models.PROTECT, related_name="mail_state")
    last_sent_at = models.DateTimeField(_("last message"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failed tries"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    retry_at = models.DateTimeField(_("next try"), null=True, blank=True)
    error = models.CharField(_("kind of error"), max_length=100, blank=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.failures}"


class CalendarFeed(Record):
    """The secret address of somebody's calendar; only its digest is kept."""

    user = models.OneToOneField("compliance.User", on_delete=models.PROTECT, related_name="calendar_feed")
    secret_sha256 = digest_field(_("digest of the secret"), blank=False, unique=True)
    everything = models.BooleanField(_("all open work"), default=False)
    renewed_at = models.DateTimeField(_("made"))
    last_read_at = models.DateTimeField(_("last read"), null=True, blank=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.user_id}"
