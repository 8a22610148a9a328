"""The shipped content: techniques, frameworks, reference controls, mappings and questions, by version."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.states import MappingState


class CatalogRelease(Record):
    """One version of one content file as it was loaded."""

    key = models.CharField(_("file"), max_length=100)
    version = models.CharField(_("version"), max_length=64)
    content_date = models.CharField(_("dated"), max_length=32, blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    sha256 = digest_field(_("SHA-256"), blank=False)
    content = models.JSONField(_("content"), default=dict)
    is_current = models.BooleanField(_("in force"), default=True)

    class Meta:
        ordering = ("key", "-created_at")
        constraints: ClassVar = [models.UniqueConstraint(fields=["key", "sha256"], name="catalog_release_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class Technique(Record):
    """An ATLAS technique or sub-technique: id, name and release kept together."""

    atlas_id = models.CharField(_("ATLAS id"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=200)
    atlas_release = models.CharField(_("ATLAS release"), max_length=32)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="subtechniques")
    summary = models.TextField(_("summary"))
    url = models.URLField(_("source"), blank=True)
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        ordering = ("atlas_id",)

    def __str__(self) -> str:
        return f"{self.atlas_id} {self.name}"


class Mitigation(Record):
    """An ATLAS mitigation and the techniques it is linked to upstream."""

    atlas_id = models.CharField(_("ATLAS id"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=200)
    summary = models.TextField(_("summary"))
    url = models.URLField(_("source"), blank=True)
    is_direct = models.BooleanField(_("linked upstream"), default=False)
    techniques = models.ManyToManyField(Technique, related_name="mitigations", blank=True)

    class Meta:
        ordering = ("atlas_id",)

    def __str__(self) -> str:
        return f"{self.atlas_id} {self.name}"


class CaseStudy(Record):
    """An ATLAS case study that uses the technique."""

    atlas_id = models.CharField(_("ATLAS id"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=300)
    facts = models.JSONField(_("facts"), default=dict)
    url = models.URLField(_("source"), blank=True)
    techniques = models.ManyToManyField(Technique, related_name="case_studies", blank=True)

    class Meta:
        ordering = ("atlas_id",)
        verbose_name_plural = "case studies"

    def __str__(self) -> str:
        return f"{self.atlas_id} {self.name}"


class TechniqueSection(Record):
    """One section of what Assay says about a technique: risk, detection, remediation …"""

    technique = models.ForeignKey(Technique, on_delete=models.PROTECT, related_name="sections")
    key = models.SlugField(_("key"), max_length=64)
    title = models.CharField(_("title"), max_length=200)
    position = models.PositiveSmallIntegerField(_("position"))
    content = models.JSONField(_("content"), default=dict)

    class Meta:
        ordering = ("technique", "position")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["technique", "key"], name="section_once_per_technique")
        ]

    def __str__(self) -> str:
        return self.title


class AuditQuestion(Record):
    """One of the questions that auditors ask about a technique. Its content names the computed sides and checks."""

    technique = models.ForeignKey(Technique, on_delete=models.PROTECT, related_name="questions")
    number = models.PositiveSmallIntegerField(_("number"))
    text = models.TextField(_("question"))
    guidance = models.TextField(_("good evidence for this is"))
    facts = models.JSONField(_("structured claims and pitfalls"), default=dict)

    class Meta:
        ordering = ("technique__atlas_id", "number")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["technique", "number"], name="question_number_once_per_technique")
        ]

    def __str__(self) -> str:
        return self.text


class Framework(Record):
    """A framework, law or standard in one edition."""

    key = models.SlugField(_("key"), max_length=64, unique=True)
    title = models.CharField(_("title"), max_length=300)
    licence = models.TextField(_("licence"), blank=True)
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        ordering = ("title",)

    def __str__(self) -> str:
        return self.title


class ReferenceControl(Record):
    """A shipped objective: a template for an organisation's own control."""

    control_id = models.CharField(_("control"), max_length=32, unique=True)
    title = models.CharField(_("title"), max_length=300)
    family = models.CharField(_("family"), max_length=100)
    objective = models.TextField(_("objective"))
    tier = models.CharField(_("tier"), max_length=16)
    is_key = models.BooleanField(_("key control"), default=False)
    control_type = models.CharField(_("preventive or detective"), max_length=32)
    nature = models.CharField(_("manual or automated"), max_length=32)
    frequency = models.CharField(_("frequency"), max_length=64)
    person_days = models.DecimalField(_("effort in person-days"), max_digits=6, decimal_places=1, default=0)
    facts = models.JSONField(_("population, tests, evidence, rule"), default=dict)
    questions = models.ManyToManyField(AuditQuestion, related_name="controls", blank=True)
    techniques = models.ManyToManyField(Technique, related_name="controls", blank=True)

    class Meta:
        ordering = ("control_id",)

    def __str__(self) -> str:
        return f"{self.control_id} {self.title}"


class MappingPair(Record):
    """A reference control against one requirement of a framework. Drafts are never counted; shipped ones have no author."""

    control = models.ForeignKey(ReferenceControl, on_delete=models.PROTECT, related_name="pairs")
    framework = models.ForeignKey(Framework, on_delete=models.PROTECT, related_name="pairs")
    requirement_id = models.CharField(_("requirement"), max_length=100)
    relation = models.CharField(_("relation"), max_length=32)
    strength = models.CharField(_("strength"), max_length=32)
    rationale = models.TextField(_("rationale"))
    checked = models.CharField(_("how the id was seen"), max_length=32)
    facts = models.JSONField(_("kind, note, applicability"), default=dict)
    state = enum_field(_("state"), MappingState, default=MappingState.DRAFT)
    author = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="written_pairs"
    )
    reason = models.TextField(_("why it is retired"), blank=True)
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        ordering = ("control", "framework", "requirement_id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["control", "framework", "requirement_id"], name="mapping_pair_once")
        ]

    def __str__(self) -> str:
        return f"{self.control.control_id} – {self.framework.key} {self.requirement_id}"
