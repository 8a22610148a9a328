"""What the endpoints of remediation items are sent."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ScopedReference, SystemReference
from compliance.choices import choices
from compliance.rights import Verb
from compliance.services.remediation import ItemPlan, MilestoneDraft, Origin
from compliance.types.drafts import JSON
from compliance.types.plans import GIVEN_REASONS, EffortUnit, Estimate, ItemSource
from compliance.types.states import RemediationState

_DAYS: dict[str, Any] = {"max_digits": 7, "decimal_places": 2}
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "default": ""}


def _person(**options: Any) -> Any:
    return serializers.SlugRelatedField(slug_field="uuid", queryset=m.User.objects.all(), **options)


def _team() -> Any:
    return serializers.SlugRelatedField(slug_field="uuid", queryset=m.Team.objects.all(), **_OPTIONAL)


class MilestoneDraftSerializer(serializers.Serializer[JSON]):
    """A step to be planned."""

    title = serializers.CharField(max_length=300)
    due_on = serializers.DateField()


class RemediationRequest(serializers.Serializer[JSON]):
    """A new item for one of: a finding, a control, a test, a line of a statement, or an answered finding of an auditor.

    `effort_planned` is the likely estimate; `effort_low` and `effort_high` are its bounds where they are known.
    """

    finding = ScopedReference(queryset=m.Finding.objects.select_related("system"), **_OPTIONAL)
    control = ScopedReference(queryset=m.ImplementedControl.objects.select_related("system"), **_OPTIONAL)
    control_test = ScopedReference(queryset=m.ControlTest.objects.select_related("control__system"), **_OPTIONAL)
    statement_line = ScopedReference(
        queryset=m.StatementLine.objects.filter(system__isnull=False).select_related("system", "framework"), **_OPTIONAL
    )
    audit_finding = ScopedReference(queryset=m.AuditFinding.objects.all(), **_OPTIONAL)
    title = serializers.CharField(max_length=300)
    description = serializers.CharField(**_TEXT)
    owner = _person()
    team = _team()
    work_role = serializers.CharField(max_length=100, **_TEXT)
    effort_planned = serializers.DecimalField(**_DAYS)
    effort_low = serializers.DecimalField(**_DAYS, **_OPTIONAL)
    effort_high = serializers.DecimalField(**_DAYS, **_OPTIONAL)
    due_on = serializers.DateField()
    milestones = MilestoneDraftSerializer(many=True, required=False, default=list)

    def validate(self, attrs: JSON) -> JSON:
        """Exactly one thing that it is for."""
        names = ("finding", "control", "control_test", "statement_line", "audit_finding")
        if sum(attrs[name] is not None for name in names) != 1:
            raise serializers.ValidationError(f"Name exactly one of {', '.join(names)}.")
        return attrs

    @property
    def plan(self) -> ItemPlan:
        """The plan as sent; a bound left out is the likely figure."""
        given: JSON = self.validated_data
        likely = given["effort_planned"]
        low, high = given["effort_low"], given["effort_high"]
        return ItemPlan(
            title=given["title"],
            description=given["description"],
            owner=given["owner"],
            team=given["team"],
            work_role=given["work_role"],
            due_on=given["due_on"],
            estimate=Estimate(low=likely if low is None else low, likely=likely, high=likely if high is None else high),
            milestones=[MilestoneDraft(**step) for step in given["milestones"]],
        )

    @property
    def origin(self) -> Origin:
        """What it is for, where that is no answered finding of an auditor."""
        given: JSON = self.validated_data
        if given["finding"] is not None:
            return Origin.of_finding(given["finding"])
        test, line = given["control_test"], given["statement_line"]
        control = test.control if test is not None else given["control"]
        return Origin(
            system=line.system if line is not None else control.system,
            source=ItemSource.CONTROL_GAP,
            control=control,
            control_test=test,
            statement_line=line,
        )


class PlaybookRequest(serializers.Serializer[JSON]):
    """Tasks of the playbook to open as items of an AI system."""

    system = SystemReference(queryset=m.AISystem.objects.all(), verb=Verb.OPEN_REMEDIATION)
    tasks = serializers.ListField(child=serializers.SlugField(max_length=64), allow_empty=False, max_length=50)
    owner = _person()
    team = _team()
    due_on = serializers.DateField()


class MoveRequest(serializers.Serializer[JSON]):
    """A new state of a remediation item."""

    state = serializers.ChoiceField(choices=choices(RemediationState))
    seen = serializers.ChoiceField(
        choices=choices(RemediationState),
        help_text="The state in which you saw it; where it is another one by now, the answer is 409 with both.",
        **_OPTIONAL,
    )


class AssignRequest(serializers.Serializer[JSON]):
    """Another owner. `version`: the one that was read, refused where it is another by now."""

    owner = _person()
    version = serializers.IntegerField(min_value=1, **_OPTIONAL)


class ReviseRequest(serializers.Serializer[JSON]):
    """Other words, team or role."""

    title = serializers.CharField(max_length=300)
    description = serializers.CharField(**_TEXT)
    team = _team()
    work_role = serializers.CharField(max_length=100, **_TEXT)
    version = serializers.IntegerField(min_value=1)


class PlanRequest(serializers.Serializer[JSON]):
    """Estimate of the whole, what remains, the due date, and why they change."""

    estimate_low = serializers.DecimalField(**_DAYS)
    estimate_likely = serializers.DecimalField(**_DAYS)
    estimate_high = serializers.DecimalField(**_DAYS)
    remaining = serializers.DecimalField(**_DAYS)
    due_on = serializers.DateField()
    reason = serializers.ChoiceField(choices=[reason.value for reason in GIVEN_REASONS])
    note = serializers.CharField(max_length=5_000, **_TEXT)
    version = serializers.IntegerField(min_value=1)


class BaselineRequest(serializers.Serializer[JSON]):
    """The scope of a baseline; its figures are those of the plan as it stands."""

    scope = serializers.CharField(max_length=20_000)


class BaselineDecisionRequest(serializers.Serializer[JSON]):
    """A decision on the proposed baseline."""

    approves = serializers.BooleanField()
    note = serializers.CharField(max_length=5_000, **_TEXT)


class WorkRequest(serializers.Serializer[JSON]):
    """Work that somebody did; oneself where no person is named."""

    amount = serializers.DecimalField(**_DAYS)
    unit = serializers.ChoiceField(choices=choices(EffortUnit), default=EffortUnit.DAYS.value)
    day = serializers.DateField()
    what = serializers.CharField(max_length=1_000)
    person = _person(**_OPTIONAL)
    work_role = serializers.CharField(max_length=100, **_TEXT)
    remaining = serializers.DecimalField(**_DAYS, **_OPTIONAL)


class DependencyRequest(serializers.Serializer[JSON]):
    """An item that has to be done before."""

    needs = ScopedReference(queryset=m.RemediationItem.objects.all())


class AttachmentRequest(serializers.Serializer[JSON]):
    """A file to keep as evidence of the item's AI system and attach at once, and what it shows."""

    file = serializers.FileField(max_length=300)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=1_000)
