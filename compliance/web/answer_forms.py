"""Forms of who answers, who reviews and by when; of a lonely approval; and the filters of the list of answers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Answer, Assessment, User
from compliance.rights import TABLE, Asker, Verb, visible
from compliance.types.states import AnswerState, Role
from compliance.web.forms import day_input


def writers_for(system: AISystem) -> QuerySet[User]:
    """People who may write answers of a system: officers, and the contributors who are on it."""
    everywhere = [role.value for role in TABLE[Verb.WRITE_ANSWER] if role is not Role.CONTRIBUTOR]
    active = User.objects.filter(is_active=True)
    here = active.filter(role=Role.CONTRIBUTOR)
    on_it = here.filter(memberships__system=system) | here.filter(teams__memberships__system=system)
    return active.filter(role__in=everywhere) | active.filter(pk__in=on_it.values("pk"))


def reviewers() -> QuerySet[User]:
    """People who may approve answers."""
    return User.objects.filter(is_active=True, role__in=[role.value for role in TABLE[Verb.APPROVE_ANSWER]])


def _person(label: Any, help_text: Any = "") -> forms.ModelChoiceField[User]:
    return forms.ModelChoiceField(
        label=label, queryset=User.objects.none(), to_field_name="uuid", required=False, help_text=help_text,
        empty_label=_("nobody"),
    )  # fmt: skip


def _offer(field: forms.Field, rows: QuerySet[User]) -> None:
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = rows


class AssignForm(forms.Form):
    """Who answers, who stands in, who reviews, and by when."""

    assignee = _person(_("Assignee"), _("Answers for the answer."))
    delegate = _person(_("Delegate"), _("Writes it for the assignee."))
    reviewer = _person(_("Reviewer"), _("Decides it, and nobody else; leave empty for any officer or manager."))
    due_on = forms.DateField(label=_("Due on"), widget=day_input(), required=False)

    def __init__(self, *, answer: Answer, data: Any = None) -> None:
        named = {name: getattr(answer, name) for name in ("assignee", "delegate", "reviewer")}
        super().__init__(
            data,
            initial={name: user.uuid if user else None for name, user in named.items()} | {"due_on": answer.due_on},
        )
        writers = writers_for(answer.assessment.system)
        _offer(self.fields["assignee"], writers)
        _offer(self.fields["delegate"], writers)
        _offer(self.fields["reviewer"], reviewers())


class DelegateForm(forms.Form):
    """To whom the assignee hands the writing."""

    delegate = _person(_("Delegate"), _("Writes the answer for you; you still answer for it."))

    def __init__(self, *, answer: Answer, data: Any = None) -> None:
        super().__init__(data, initial={"delegate": answer.delegate.uuid if answer.delegate else None})
        taken = [user.pk for user in (answer.assignee, answer.reviewer) if user]
        _offer(self.fields["delegate"], writers_for(answer.assessment.system).exclude(pk__in=taken))


class DecisionForm(forms.Form):
    """A reviewer's word, and the reason for approving over a contradiction where there is one."""

    comment = forms.CharField(
        label=_("Comment"), widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=5_000
    )
    justification = forms.CharField(
        label=_("Why it is approved although the record contradicts it"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=5_000,
        help_text=_("Needed for an approval. It is kept with the answer and printed in the pack."),
    )

    def __init__(self, *, contradicted: bool, data: Any = None) -> None:
        super().__init__(data)
        if not contradicted:
            del self.fields["justification"]


class AloneForm(forms.Form):
    """The approval of somebody who has nobody else to approve."""

    reason = forms.CharField(
        label=_("Why nobody else can approve"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=5_000,
        help_text=_("Printed on the pack, which is marked “not independently approved”."),
    )
    justification = forms.CharField(
        label=_("Why it is approved although the record contradicts it"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5_000,
    )

    def __init__(self, *, contradicted: bool, data: Any = None) -> None:
        super().__init__(data)
        if not contradicted:
            del self.fields["justification"]


class AnswerFilterForm(forms.Form):
    """Filters of the list of answers."""

    ANYBODY, ME, ASSIGNEE, REVIEWER, NOBODY = "", "me", "assignee", "reviewer", "nobody"

    who = forms.ChoiceField(
        label=_("Whose"),
        required=False,
        choices=[
            (ANYBODY, _("anybody’s")),
            (ME, _("mine")),
            (ASSIGNEE, _("mine to answer")),
            (REVIEWER, _("mine to review")),
            (NOBODY, _("assigned to nobody")),
        ],
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *choices(AnswerState)])
    assessment = forms.ModelChoiceField(
        label=_("Assessment"), queryset=Assessment.objects.none(), to_field_name="uuid", required=False,
        empty_label=_("any"),
    )  # fmt: skip
    overdue = forms.BooleanField(label=_("Overdue only"), required=False)

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["assessment"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = visible(Assessment.objects.all(), asker)
