"""What is decided about risks: their moves, acceptances with an end, waivers of scanner rules, and closings."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.risk_life import LIVE, AgreementState, ClosingState
from compliance.types.risk_transitions import RiskAct
from compliance.types.states import RiskState


class _Agreement(RetainedRecord):
    """Something that one person asks for, another decides, and that is over after its last day."""

    state = enum_field(_("state"), AgreementState, default=AgreementState.REQUESTED)
    reason = models.TextField(_("rationale"))
    ends_on = models.DateField(_("last day"))
    requested_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.TextField(_("note of the decision"), blank=True)
    ended_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        """Whether its last day is past, though nobody wrote that down yet."""
        return self.state in LIVE and self.ends_on < timezone.localdate()

    @property
    def state_now(self) -> AgreementState:
        """The state that counts today: what is past its last day has expired."""
        return AgreementState.EXPIRED if self.is_over else AgreementState(self.state)


class RiskAcceptance(_Agreement):
    """Agreed, or asked for, to live with a risk until a day. review_on: when to look at it again before that."""

    risk = models.ForeignKey("compliance.Risk", on_delete=models.PROTECT, related_name="acceptances")
    controls = models.ManyToManyField("compliance.ImplementedControl", related_name="compensates", blank=True)
    compensation = models.TextField(_("how these controls compensate"), blank=True)
    review_on = models.DateField(_("review on"))
    reviewed_at = models.DateTimeField(_("last reviewed"), null=True)
    reviewed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("ends_on", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["risk"], condition=models.Q(state__in=sorted(LIVE)), name="risk_acceptance_one_live"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["state", "ends_on"], name="risk_acceptance_by_end")]

    def __str__(self) -> str:
        return f"{self.risk}: {self.ends_on}"

    @property
    def is_review_due(self) -> bool:
        """Whether it is in force and its review is due."""
        return self.state_now == AgreementState.APPROVED and self.review_on <= timezone.localdate()


class Waiver(_Agreement):
    """A rule of a scanner that Assay does not count until a day. assets: a pattern of names, "*" standing for anything."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="waivers")
    producer = models.CharField(_("scanner"), max_length=100)
    rule = models.CharField(_("rule"), max_length=200)
    assets = models.CharField(_("assets"), max_length=500, blank=True)

    class Meta:
        ordering = ("ends_on", "pk")
        indexes: ClassVar = [models.Index(fields=["system", "state", "ends_on"], name="waiver_in_force")]

    def __str__(self) -> str:
        return f"{self.producer}: {self.rule}"


class RiskMove(Record):
    """One act on a risk, with what was said; never changed."""

    risk = models.ForeignKey("compliance.Risk", on_delete=models.PROTECT, related_name="moves")
    act = enum_field(_("act"), RiskAct)
    before = enum_field(_("from"), RiskState, blank=True)
    after = enum_field(_("to"), RiskState)
    words = models.TextField(_("what was said"), blank=True)
    acceptance = models.ForeignKey(RiskAcceptance, on_delete=models.PROTECT, null=True, related_name="moves")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("risk", "created_at", "pk")

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class Closing(RetainedRecord):
    """That work, or a risk nobody had to work on, can be closed on new evidence; a person who did not do it decides.

    item: the work, None where the risk has none; basis: one entry a finding, as compliance.services.closing_basis writes them;
    asked_by: None where Assay proposed it.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="closings")
    item = models.ForeignKey("compliance.RemediationItem", on_delete=models.PROTECT, null=True, related_name="closings")
    risks = models.ManyToManyField("compliance.Risk", related_name="closings")
    state = enum_field(_("state"), ClosingState, default=ClosingState.PROPOSED)
    basis = models.JSONField(_("new evidence"), default=list)
    observation = models.ForeignKey("compliance.Observation", on_delete=models.PROTECT, null=True, related_name="+")
    asked_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    note = models.TextField(_("note of the decision"), blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["item"],
                condition=models.Q(state=ClosingState.PROPOSED, item__isnull=False),
                name="closing_one_proposed",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["system", "state", "-created_at"], name="closing_waiting")]

    def __str__(self) -> str:
        return f"{self.item or self.system}"
