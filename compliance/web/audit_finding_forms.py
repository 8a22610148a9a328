"""Forms of the pages on auditors' findings, and of the rules of an engagement that they follow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AttributeResult, AuditFinding, ControlTest, TestingScheme, User
from compliance.rights import Asker
from compliance.selectors.audit_finding_page import OPEN, exceptions_of
from compliance.services.audit_findings import AuditFindingDraft, Response
from compliance.services.control_tests import scheme_of
from compliance.types.states import Role, Severity
from compliance.types.testing import Agreement, AuditFindingState, FrequencySize, Rating
from compliance.web.choosing import Choosing, choosing
from compliance.web.control_test_forms import evidence_for
from compliance.web.forms import day_input


class AuditFindingFilterForm(forms.Form):
    """Filters of the list."""

    q = forms.CharField(label=_("Title or control"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("any")), (OPEN, _("not over")), *choices(AuditFindingState)]
    )
    engagement = forms.UUIDField(required=False, widget=forms.HiddenInput())


class ExceptionChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Exceptions by instance and attribute."""

    def label_from_instance(self, obj: Any) -> str:
        """The exception in words."""
        return gettext("%(row)s, attribute %(key)s: %(note)s") % {
            "row": obj.instance.row_id,
            "key": obj.attribute,
            "note": obj.note,
        }


def _text(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class AuditFindingForm(forms.Form):
    """A finding in the auditor's words."""

    title = forms.CharField(label=_("Title"), max_length=300, help_text=_("What is wrong, in one sentence."))
    condition = forms.CharField(label=_("Condition: what was found"), widget=_text(4), max_length=20_000)
    criteria = forms.CharField(label=_("Criteria: what should be"), widget=_text(4), max_length=20_000)
    cause = forms.CharField(label=_("Cause"), widget=_text(3), max_length=20_000, required=False)
    effect = forms.CharField(label=_("Effect"), widget=_text(3), max_length=20_000, required=False)
    rating = forms.ChoiceField(label=_("Rating"), choices=[])
    results = ExceptionChoice(
        label=_("Exceptions that it rests on"), queryset=AttributeResult.objects.none(), to_field_name="uuid",
        required=False, widget=forms.CheckboxSelectMultiple(),
    )  # fmt: skip

    def __init__(self, *, test: ControlTest, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        rating, results = self.fields["rating"], self.fields["results"]
        if isinstance(rating, forms.ChoiceField):
            rating.choices = [(one.word, one.word) for one in scheme_of(engagement=test.engagement).ratings]
        if isinstance(results, forms.ModelMultipleChoiceField):
            results.queryset = exceptions_of(test)
            if not results.queryset.exists():
                del self.fields["results"]

    @classmethod
    def initial_of(cls, row: AuditFinding) -> dict[str, Any]:
        """A draft as the form shows it."""
        told = {name: getattr(row, name) for name in ("title", "condition", "criteria", "cause", "effect", "rating")}
        return told | {"results": [one.uuid for one in row.results.all()]}

    @property
    def draft(self) -> AuditFindingDraft:
        """What was written, once the form is valid."""
        given = dict(self.cleaned_data)
        return AuditFindingDraft(results=tuple(given.pop("results", ())), **given)


class ResponseForm(forms.Form):
    """Management's response."""

    agreement = forms.ChoiceField(label=_("Management"), choices=choices(Agreement), widget=forms.RadioSelect())
    words = forms.CharField(label=_("Response"), widget=_text(4), max_length=20_000)
    action = forms.CharField(
        label=_("Action"), widget=_text(3), max_length=20_000, required=False,
        help_text=_("What will be done. Its first line becomes the title of a remediation item."),
    )  # fmt: skip
    owner = forms.ModelChoiceField(label=_("Who does it"), queryset=User.objects.none(), required=False)
    due_on = forms.DateField(label=_("By"), widget=day_input(), required=False)
    effort = forms.DecimalField(
        label=_("Effort in person-days"), min_value=Decimal(0), max_digits=7, decimal_places=2, required=False,
        help_text=_("Opens a remediation item for the action. Leave it empty where none is needed."),
    )  # fmt: skip

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        owner = self.fields["owner"]
        if isinstance(owner, forms.ModelChoiceField):
            owner.queryset = User.objects.filter(is_active=True).exclude(role__in=[Role.AUDITOR, Role.COLLECTOR])

    @classmethod
    def initial_of(cls, row: AuditFinding) -> dict[str, Any]:
        """The response as it was given before it was sent back."""
        return {
            "agreement": row.agreement, "words": row.response, "action": row.action, "owner": row.action_owner,
            "due_on": row.action_due_on,
        }  # fmt: skip

    @property
    def response(self) -> Response:
        """The response, once the form is valid."""
        given = dict(self.cleaned_data)
        return Response(agreement=Agreement(given.pop("agreement")), **given)


class WordsForm(forms.Form):
    """Reasons, in a sentence that the other side reads."""

    words = forms.CharField(label=_("In words"), widget=_text(3), max_length=20_000)


class FollowUpForm(forms.Form):
    """What the auditor found when looking again."""

    outcome = forms.ChoiceField(
        label=_("When looking again"), choices=[("open", _("Still open")), ("close", _("Done: close it"))],
        widget=forms.RadioSelect(),
    )  # fmt: skip
    words = forms.CharField(label=_("What was seen"), widget=_text(3), max_length=20_000)
    evidence = Choosing("evidence", label=_("Evidence"), required=False, help_text=_("Closing needs a piece."))

    def __init__(self, *, row: AuditFinding, asker: Asker, data: Any = None) -> None:
        super().__init__(data, auto_id="follow_up_%s")
        choosing(self, "evidence").offer(evidence_for(row.test, asker), system=row.test.control.system)


class SchemeForm(forms.Form):
    """Ratings and sizes of an engagement, one a line."""

    ratings = forms.CharField(
        label=_("Ratings"), widget=_text(5), max_length=5_000,
        help_text=_("“word: severity: what it means”, one a line. Severities: critical, high, medium, low, informational."),
    )  # fmt: skip
    sizes = forms.CharField(
        label=_("Instances by frequency"), widget=_text(7), max_length=5_000,
        help_text=_("“frequency: number”, one a line: your firm’s own table."),
    )  # fmt: skip

    @classmethod
    def initial_of(cls, scheme: TestingScheme) -> dict[str, str]:
        """A scheme as the form shows it."""
        ratings = (": ".join(filter(None, (one.word, one.severity, one.means))) for one in scheme.ratings)
        return {
            "ratings": "\n".join(ratings),
            "sizes": "\n".join(f"{one.frequency}: {one.size}" for one in scheme.sizes),
        }

    def clean_ratings(self) -> list[Rating]:
        """The rating scheme, in its order."""
        found = []
        for line in filter(None, map(str.strip, self.cleaned_data["ratings"].splitlines())):
            word, severity, means = [part.strip() for part in (line + "::").split(":", 2)]
            if severity.lower() not in set(Severity):
                raise forms.ValidationError(_("“%s” names no severity after the word.") % line[:60])
            found.append(Rating(word[:64], severity.lower(), means.rstrip(": ")))
        return found

    def clean_sizes(self) -> list[FrequencySize]:
        """The frequency table, in its order."""
        found = []
        for line in filter(None, map(str.strip, self.cleaned_data["sizes"].splitlines())):
            frequency, mark, number = line.rpartition(":")
            if not mark or not number.strip().isdecimal():
                raise forms.ValidationError(_("Write “frequency: number” on each line, not “%s”.") % line[:60])
            found.append(FrequencySize(frequency.strip()[:64], int(number)))
        return found
