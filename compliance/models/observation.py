"""Observations: what one producer saw, once, unchanged; and the job log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field, enum_field
from compliance.types.erased_names import is_erased
from compliance.types.states import ActionClass, Method, Outcome, Severity


class Observation(RetainedRecord):
    """One thing one scan or import saw. Immutable; identified by its source and fingerprint."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="observations")
    source_uuid = models.UUIDField(_("scan or import"))
    fingerprint = digest_field(_("fingerprint"), blank=False)
    producer = models.CharField(_("producer"), max_length=100)
    producer_version = models.CharField(_("producer version"), max_length=64, blank=True)
    rule = models.CharField(_("rule"), max_length=200)
    title = models.CharField(_("title"), max_length=500)
    description = models.TextField(_("description"))
    method = enum_field(_("method"), Method)
    verdict = models.CharField(_("verdict"), max_length=32)
    severity = enum_field(_("severity"), Severity, blank=True)
    native_severity = models.CharField(_("the producer's severity"), max_length=64, blank=True)
    techniques = models.JSONField(_("ATLAS techniques"), default=list)
    asset_kind = models.CharField(_("asset kind"), max_length=64)
    asset_name = models.CharField(_("asset"), max_length=500)
    asset_digest = digest_field(_("asset SHA-256"))
    model_version = models.ForeignKey(
        "compliance.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="observations"
    )
    location = models.CharField(_("location"), max_length=1000, blank=True)
    facts = models.JSONField(_("facts"), default=dict)
    raw_sha256 = digest_field(_("raw record SHA-256"))
    observed_at = models.DateTimeField(_("observed at"), null=True, blank=True)
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="observations"
    )
    # Filled when the words of the report were purged: what it counts as under the root of its import since.
    purged_leaf = digest_field(_("SHA-256 that stands for the purged words"))

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source_uuid", "fingerprint"], name="observation_once_per_source")
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="observation_latest"),
            models.Index(fields=["asset_digest"]),
            models.Index(fields=["system", "verdict"]),
            models.Index(fields=["system", "fingerprint"]),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_purged(self) -> bool:
        """Whether the words of the report that it was read from went in a disposal."""
        return bool(self.purged_leaf)


class JobEvent(RetainedRecord):
    """One event of a fine-tune job, as an audit log told it."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="job_events")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="job_events")
    source_uuid = models.UUIDField(_("import"))
    fingerprint = digest_field(_("fingerprint"), blank=False)
    source = models.CharField(_("source"), max_length=64)
    source_event_id = models.CharField(_("the source's id"), max_length=300, blank=True)
    locator = models.CharField(_("place in the file"), max_length=300, blank=True)
    raw = models.JSONField(_("record, secrets removed"), default=dict)
    raw_sha256 = digest_field(_("raw record SHA-256"), blank=False)
    occurred_at = models.DateTimeField(_("occurred at"))
    actor = models.ForeignKey(
        "compliance.Principal", on_delete=models.PROTECT, null=True, blank=True, related_name="job_events"
    )
    session = models.CharField(_("session"), max_length=500, blank=True)
    on_behalf_of = models.CharField(_("on behalf of"), max_length=500, blank=True)
    names_committed = models.BooleanField(_("session and on behalf of are signed by commitments"), default=False)
    role = models.CharField(_("role used"), max_length=500, blank=True)
    execution_role = models.CharField(_("runs as"), max_length=500, blank=True)
    action = models.CharField(_("operation"), max_length=200)
    action_class = enum_field(_("act"), ActionClass)
    outcome = enum_field(_("outcome"), Outcome)
    outcome_detail = models.CharField(_("outcome in the source's words"), max_length=500, blank=True)
    source_address = models.CharField(_("source address"), max_length=200, blank=True)
    account = models.CharField(_("account"), max_length=200, blank=True)
    region = models.CharField(_("region"), max_length=64, blank=True)
    job_id = models.CharField(_("job"), max_length=500, blank=True)
    job_name = models.CharField(_("job name"), max_length=300, blank=True)
    job_key = digest_field(_("which job it is, whoever tells of it"))
    inputs = models.JSONField(_("inputs"), default=list)
    base_model = models.CharField(_("base model"), max_length=500, blank=True)
    output_uri = models.CharField(_("output"), max_length=1000, blank=True)
    output_model = models.CharField(_("output model"), max_length=500, blank=True)
    unknown_fields = models.JSONField(_("not given by the source"), default=list)
    redacted_fields = models.JSONField(_("removed on import"), default=list)
    origins = models.JSONField(_("where each field was taken from"), default=dict)
    # Filled when the record as it was read was purged: what the event counts as under the root of its import since.
    purged_leaf = digest_field(_("SHA-256 that stands for the purged record"))

    class Meta:
        ordering = ("-occurred_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "fingerprint"], name="job_event_once_per_system")
        ]
        indexes: ClassVar = [
            models.Index(fields=["-occurred_at", "-id"]),
            models.Index(fields=["evidence", "occurred_at"], name="job_event_of_file"),
            models.Index(
                fields=["system", "action_class", "outcome", "occurred_at", "actor", "job_key", "source", "role"],
                name="job_event_counted",
            ),
            models.Index(fields=["source_uuid"]),
            models.Index(fields=["job_key"]),
            models.Index(fields=["output_model"], condition=~models.Q(output_model=""), name="job_event_made"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.job_name}"

    @property
    def is_purged(self) -> bool:
        """Whether the record as it was read went in a disposal."""
        return bool(self.purged_leaf)

    @property
    def names_somebody_erased(self) -> bool:
        """Whether a person was erased whom the record, as it was read, may name."""
        erased = self.actor is not None and self.actor.erased_at is not None
        return erased or is_erased(self.session) or is_erased(self.on_behalf_of)
