"""AI systems, the models in them, and the data they were made from."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.applicability import LegalRole, RiskClass, Standing
from compliance.types.handling import HandlingLabel
from compliance.types.states import ModelOrigin


class AISystem(Record):
    """The unit of rights: what a team runs and an audit looks at."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    description = models.TextField(_("description"), blank=True)
    owner = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="owned_systems"
    )
    is_demonstration = models.BooleanField(_("demonstration data"), default=False)
    handling = enum_field(_("handling label"), HandlingLabel, default=HandlingLabel.NONE)
    region = models.CharField(_("region"), max_length=64, blank=True)
    legal_roles = models.JSONField(_("roles of the organisation"), default=list, blank=True)
    risk_class = enum_field(_("class"), RiskClass, default=RiskClass.NOT_ASSESSED)
    is_systemic = models.BooleanField(_("general-purpose model with systemic risk"), null=True, blank=True)
    on_market_since = models.DateField(_("first on the market"), null=True, blank=True)
    standing_reason = models.TextField(_("on what role and class rest"), blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def standing(self) -> Standing:
        """Role and class as the organisation states them; Assay makes no legal classification."""
        return Standing(
            roles=frozenset(LegalRole(role) for role in self.legal_roles),
            risk_class=RiskClass(self.risk_class),
            is_systemic=self.is_systemic,
            on_market_since=self.on_market_since,
        )


class AIModel(Record):
    """A model under one name; its versions carry the digests."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(_("name"), max_length=200)
    purpose = models.TextField(_("purpose"), blank=True)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["system", "name"], name="model_name_once_per_system")]

    def __str__(self) -> str:
        return self.name


class ModelVersion(RetainedRecord):
    """One artefact, known by the SHA-256 of its bytes."""

    model = models.ForeignKey(AIModel, on_delete=models.PROTECT, related_name="versions")
    label = models.CharField(_("version"), max_length=100)
    digest = digest_field(_("SHA-256"), blank=False)
    architecture_digest = digest_field(_("architecture digest"))
    size = models.BigIntegerField(_("size in bytes"), default=0)
    format = models.CharField(_("format"), max_length=64, blank=True)
    origin = enum_field(_("origin"), ModelOrigin, default=ModelOrigin.UNKNOWN)
    supplier = models.CharField(_("supplier"), max_length=200, blank=True)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="model_versions"
    )
    registered_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ("model__name", "label")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "digest"], name="model_version_once_per_digest"),
            models.UniqueConstraint(fields=["model", "label"], name="model_version_once_per_label"),
        ]
        indexes: ClassVar = [models.Index(fields=["digest"])]

    def __str__(self) -> str:
        return f"{self.model.name} {self.label}"


class Dataset(Record):
    """A data set under one name."""

    system = models.ForeignKey(AISystem, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["system", "name"], name="dataset_once_per_system")]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(RetainedRecord):
    """The state of a data set, known by the Merkle root of its manifest."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    label = models.CharField(_("version"), max_length=100)
    manifest_root = digest_field(_("manifest root"), blank=False)
    file_count = models.BigIntegerField(_("files"), default=0)
    size = models.BigIntegerField(_("size in bytes"), default=0)
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="dataset_versions"
    )
    trained = models.ManyToManyField(ModelVersion, related_name="training_data", blank=True)
    registered_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        ordering = ("dataset__name", "label")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "manifest_root"], name="dataset_version_once_per_root")
        ]

    def __str__(self) -> str:
        return f"{self.dataset.name} {self.label}"
