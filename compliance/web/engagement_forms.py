"""Forms of engagements: scope, team and dates; a move; the statement of independence; the filter of the list."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, label
from compliance.models import AISystem, Assessment, Engagement, EngagementMember, User
from compliance.rights import Asker, visible
from compliance.services.engagements import EngagementDraft
from compliance.types.engagements import PLANNED, EngagementKind, EngagementState, Step, TeamPart
from compliance.types.states import Role
from compliance.web.choosing import ChoosingSome, choosing
from compliance.web.forms import day_input
from compliance.web.remediation_forms import put_rows

TEAM_ROWS = 3


def _text(label: Any, *, rows: int = 3, help_text: Any = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, widget=area, required=False, help_text=help_text, max_length=20_000)


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    return forms.DateField(label=label, widget=day_input(), required=False, help_text=help_text)


class EngagementFilterForm(forms.Form):
    """Filters of the list."""

    q = forms.CharField(label=_("Title"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *choices(EngagementState)])


class EngagementForm(forms.Form):
    """What an audit is about and when."""

    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("For example: “External audit 2026”."))
    kind = forms.ChoiceField(label=_("Type"), choices=choices(EngagementKind), initial=EngagementKind.CUSTOMER)
    criteria = _text(_("Criteria"), rows=2, help_text=_("Against what the audit judges."))
    edition = forms.CharField(
        label=_("Edition"), max_length=100, required=False, help_text=_("For example: ISO/IEC 42001:2023.")
    )
    entity = forms.CharField(label=_("Entity"), max_length=200, required=False, help_text=_("Who is audited."))
    systems = ChoosingSome(
        "system", label=_("AI systems"), help_text=_("The team sees the records of these, and of no other.")
    )
    assessments = ChoosingSome("assessment", label=_("Assessments"), required=False)
    accounts = _text(_("Accounts in scope"), rows=2, help_text=_("One a line; leave it empty for all."))
    regions = _text(_("Regions in scope"), rows=2, help_text=_("One a line; leave it empty for all."))
    period_start = forms.DateField(label=_("Records from"), widget=day_input())
    period_end = forms.DateField(label=_("Records to"), widget=day_input(), help_text=_("The last day is included."))
    as_of = _day(_("As of"), _("Only for an audit that speaks of one day; it lies within the records’ days."))
    exclusions = _text(_("Exclusions"), help_text=_("What is left out, and why."))
    contact = forms.ModelChoiceField(
        label=_("Contact in the organisation"), queryset=User.objects.none(), required=False,
        help_text=_("Hears of requests that nobody owns yet."),
    )  # fmt: skip
    fieldwork_on = _day(_("Fieldwork from"))
    draft_on = _day(_("Draft report by"))
    response_on = _day(_("Management’s response by"))
    final_on = _day(_("Final report by"))
    follow_up_on = _day(_("Follow-up on"))
    expires_on = forms.DateField(
        label=_("Access ends after"), widget=day_input(), help_text=_("The last day of access, in UTC.")
    )

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        first = {"expires_on": timezone.localdate() + timedelta(days=90), "entity": settings.ORGANISATION}
        super().__init__(data, initial={**first, **(initial or {})})
        people = User.objects.filter(is_active=True).exclude(role__in=[Role.AUDITOR, Role.COLLECTOR])
        choosing(self, "systems").offer(visible(AISystem.objects.order_by("name"), asker))
        choosing(self, "assessments").offer(visible(Assessment.objects.order_by("-pk"), asker))
        put_rows(self, "contact", visible(people, asker))

    def draft(self, team: list[tuple[User, TeamPart]]) -> EngagementDraft:
        """The engagement as the service takes it."""
        given = dict(self.cleaned_data)
        last = given.pop("expires_on") + timedelta(days=1)
        given |= {name: given[name].splitlines() for name in ("accounts", "regions")}
        given |= {name: list(given[name]) for name in ("systems", "assessments")}
        given["kind"] = EngagementKind(given["kind"])
        return EngagementDraft(**given, team=team, expires_at=datetime.combine(last, time.min, UTC))


class MemberForm(forms.Form):
    """Somebody on the team; a row without a person is left out."""

    user = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.filter(is_active=True, role=Role.AUDITOR), required=False
    )
    part = forms.ChoiceField(label=_("Part"), choices=choices(TeamPart), initial=TeamPart.AUDITOR)


TeamForms = forms.formset_factory(MemberForm, extra=TEAM_ROWS, max_num=100, absolute_max=100)


def team_of(rows: Any) -> list[tuple[User, TeamPart]]:
    """The people named in valid rows of `TeamForms`."""
    given = [row.cleaned_data for row in rows if row.cleaned_data.get("user")]
    return [(one["user"], TeamPart(one["part"])) for one in given]


_KEPT = (
    "title", "kind", "criteria", "edition", "entity", "period_start", "period_end", "as_of", "exclusions", "contact", *PLANNED,
)  # fmt: skip


def initial_of(engagement: Engagement) -> dict[str, Any]:
    """What the form says when an engagement is changed."""
    said: dict[str, Any] = {name: getattr(engagement, name) for name in _KEPT}
    last = engagement.expires_at.astimezone(UTC) - timedelta(microseconds=1)
    return said | {
        "systems": [system.uuid for system in engagement.systems.all()],
        "assessments": [assessment.uuid for assessment in engagement.assessments.all()],
        "accounts": "\n".join(engagement.accounts),
        "regions": "\n".join(engagement.regions),
        "expires_on": last.date(),
    }


def team_initial(members: Any) -> list[dict[str, Any]]:
    """The rows of the team when an engagement is changed."""
    return [{"user": member.user_id, "part": member.part} for member in members]


class MoveForm(forms.Form):
    """The next state, and why where the audit goes back."""

    to = forms.ChoiceField(label=_("To"))
    reason = _text(_("Reason"), rows=2, help_text=_("Needed when the audit goes back."))

    def __init__(self, *, steps: tuple[Step, ...], data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(step.after.value, label(step.after)) for step in steps]


class IndependenceForm(forms.Form):
    """An auditor's own words."""

    statement = forms.CharField(
        label=_("Statement of independence"), widget=forms.Textarea(attrs={"rows": 4}), max_length=5_000,
        help_text=_("Of whom and what you are independent, and any threat to it with what was done about it."),
    )  # fmt: skip

    @classmethod
    def of(cls, member: EngagementMember | None) -> IndependenceForm | None:
        """The form for somebody on the team; None for anybody else."""
        return cls(initial={"statement": member.independence}) if member is not None else None
