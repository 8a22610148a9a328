"""The organisation's own controls, and every version of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.controls import ControlAct, ControlBasis, ControlNature, ControlTerms, ControlType, FrameworkId


class ImplementedControl(RetainedRecord):
    """A control as this organisation runs it on one AI system, as it stands; tests and conclusions attach here.

    `references` are the reference controls it is adopted or adapted from; what each version said is in `versions`.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="controls")
    control_id = models.CharField(_("own id"), max_length=32)
    title = models.CharField(_("title"), max_length=300)
    basis = enum_field(_("adopted or adapted"), ControlBasis, default=ControlBasis.ADOPTED)
    references = models.ManyToManyField("compliance.ReferenceControl", related_name="implementations")
    statement = models.TextField(_("statement"))
    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="owned_controls")
    performer = models.CharField(_("performed by"), max_length=200)
    frequency = models.CharField(_("frequency"), max_length=64)
    scope = models.TextField(_("scope"), blank=True)
    systems = models.JSONField(_("systems in scope"), default=list, blank=True)
    accounts = models.JSONField(_("accounts in scope"), default=list, blank=True)
    nature = enum_field(_("manual, automated or IT-dependent"), ControlNature)
    control_type = enum_field(_("preventive, detective or corrective"), ControlType)
    is_key = models.BooleanField(_("key control"), default=False)
    effective_from = models.DateField(_("effective from"))
    version = models.PositiveIntegerField(_("version"), default=1)
    retired_on = models.DateField(_("retired on"), null=True, blank=True)

    class Meta:
        ordering = ("control_id", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "control_id"], name="control_id_once_per_system")
        ]

    def __str__(self) -> str:
        return f"{self.control_id} {self.title}"

    @property
    def terms(self) -> ControlTerms:
        """What the control says now; reads its references and requirements."""
        return ControlTerms(
            control_id=self.control_id,
            title=self.title,
            basis=ControlBasis(self.basis),
            statement=self.statement,
            performer=self.performer,
            frequency=self.frequency,
            scope=self.scope,
            systems=tuple(self.systems),
            accounts=tuple(self.accounts),
            nature=ControlNature(self.nature),
            control_type=ControlType(self.control_type),
            is_key=self.is_key,
            effective_from=self.effective_from,
            references=tuple(one.control_id for one in self.references.all()),
            requirements=tuple(
                FrameworkId(framework=one.framework.key, requirement=one.requirement_id)
                for one in self.requirements.all()
            ),
        ).tidied()


class ControlRequirement(Record):
    """An id of a framework that an own control answers to, by the organisation's own statement."""

    control = models.ForeignKey(ImplementedControl, on_delete=models.CASCADE, related_name="requirements")
    framework = models.ForeignKey("compliance.Framework", on_delete=models.PROTECT, related_name="implementations")
    requirement_id = models.CharField(_("requirement"), max_length=100)

    class Meta:
        ordering = ("framework__key", "requirement_id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["control", "framework", "requirement_id"], name="control_requirement_once_per_control"
            )
        ]

    def __str__(self) -> str:
        return f"{self.framework.key} {self.requirement_id}"


class ControlVersion(Record):
    """What a control said from one act on; never changed."""

    control = models.ForeignKey(ImplementedControl, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField(_("version"))
    act = enum_field(_("act"), ControlAct)
    reason = models.TextField(_("reason"), blank=True)
    terms = models.JSONField(_("as it stood"))
    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("control", "-version")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["control", "version"], name="control_version_once_per_control")
        ]

    def __str__(self) -> str:
        return f"{self.control_id} v{self.version} {self.act}"
