"""Forms of auditors' requests: what is asked, a reply with a move and evidence, an edited list, and the filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, label
from compliance.models import AuditRequest, Engagement, Evidence, ImplementedControl, User
from compliance.rights import Asker, visible
from compliance.services.audit_requests import RequestDraft, possible_owners
from compliance.types.audit_requests import RequestState, RequestStep
from compliance.types.states import EvidenceState, Role
from compliance.web.choosing import ChoosingSome, choosing
from compliance.web.forms import day_input

MOST_PIECES = 50


class RequestFilterForm(forms.Form):
    """Filters of the lists."""

    q = forms.CharField(label=_("Title, words or number"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *choices(RequestState)])
    mine = forms.BooleanField(label=_("Mine"), required=False)
    overdue = forms.BooleanField(label=_("Overdue"), required=False)


class RequestForm(forms.Form):
    """What is asked for; the owner is asked of the organisation alone."""

    title = forms.CharField(label=_("Title"), max_length=300)
    text = forms.CharField(
        label=_("Request"), widget=forms.Textarea(attrs={"rows": 5}), required=False, max_length=20_000,
        help_text=_("What is needed, of which period, in which form."),
    )  # fmt: skip
    controls = forms.ModelMultipleChoiceField(
        label=_("Controls"), queryset=ImplementedControl.objects.none(), to_field_name="uuid", required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )  # fmt: skip
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=User.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("nobody yet"),
    )
    due_on = forms.DateField(label=_("Due on"), widget=day_input(), required=False)

    def __init__(self, *, engagement: Engagement, asker: Asker, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        own = ImplementedControl.objects.filter(system__in=engagement.systems.all(), retired_on=None)
        querysets = {"controls": visible(own, asker), "owner": possible_owners(engagement)}
        for name, rows in querysets.items():
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows
        if isinstance(asker, User) and asker.role == Role.AUDITOR:
            del self.fields["owner"]

    def draft(self, request: AuditRequest | None) -> RequestDraft:
        """What was typed as the service takes it; an owner who was not asked for stays."""
        given = self.cleaned_data
        owner = given.get("owner", request.owner if request is not None else None)
        return RequestDraft(
            title=given["title"],
            text=given["text"],
            controls=list(given["controls"]),
            owner=owner,
            due_on=given["due_on"],
        )


def initial_of(request: AuditRequest) -> dict[str, Any]:
    """What the form says when a request is changed."""
    return {
        "title": request.title,
        "text": request.text,
        "controls": [control.uuid for control in request.controls.all()],
        "owner": request.owner.uuid if request.owner else None,
        "due_on": request.due_on,
    }


class ReplyForm(forms.Form):
    """Words, a move, and evidence."""

    text = forms.CharField(
        label=_("Reply"), widget=forms.Textarea(attrs={"rows": 5}), required=False, max_length=20_000
    )
    to = forms.ChoiceField(label=_("Move to"), required=False)
    evidence = ChoosingSome(
        "evidence",
        label=_("Evidence to hand over"),
        required=False,
        help_text=_("The audit team sees it from then on."),
    )

    def __init__(self, *, steps: Sequence[RequestStep], asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        pieces = Evidence.objects.select_related("system").exclude(state=EvidenceState.REJECTED)
        choosing(self, "evidence").offer(visible(pieces, asker))
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("stay as it is")), *((step.after.value, label(step.after)) for step in steps)]

    def clean_evidence(self) -> list[Evidence]:
        """The pieces that are chosen."""
        pieces = list(self.cleaned_data["evidence"])
        if len(pieces) > MOST_PIECES:
            raise forms.ValidationError(_now("Hand over at most %d pieces at once.") % MOST_PIECES)
        return pieces

    @property
    def move_to(self) -> RequestState | None:
        """The state that was chosen, if one was."""
        chosen = self.cleaned_data.get("to")
        return RequestState(chosen) if chosen else None


class ListFileForm(forms.Form):
    """An edited list."""

    file = forms.FileField(label=_("Edited list"), help_text=_("The XLSX that was exported here, with your changes."))
