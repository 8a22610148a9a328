"""Forms of third parties: a review with its complementary customer controls, and the filter of their list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Evidence, ImplementedControl, ModelVersion, SupplierReview
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.types.suppliers import CustomerControlDraft, Opinion, ReportType
from compliance.web.choosing import Choosing, ChoosingSome, choosing
from compliance.web.forms import day_input

EMPTY_ROWS = 3


def _text(label: Any, *, rows: int = 3, required: bool = True, help_text: Any = "") -> forms.CharField:
    area = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, widget=area, required=required, help_text=help_text)


class SupplierFilterForm(forms.Form):
    """Filters of the list."""

    q = forms.CharField(label=_("Name"), required=False, max_length=200)
    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none(), required=False)

    def __init__(self, *, asker: Asker, data: Any) -> None:
        super().__init__(data)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = visible(AISystem.objects.all(), asker)


class SupplierForm(forms.Form):
    """What a third party provides, and what was found when its report was read."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    name = forms.CharField(label=_("Third party"), max_length=200)
    provides = _text(_("What they provide"), help_text=_("The model, service or data, and what of it you rely on."))
    model_versions = ChoosingSome("model-version", label=_("Model versions that come from them"), required=False)
    report_type = forms.ChoiceField(label=_("Report"), choices=choices(ReportType), initial=ReportType.SOC_2_TYPE_2)
    issuer = forms.CharField(label=_("Issued by"), max_length=200, required=False, help_text=_("The auditor or body."))
    period_start = forms.DateField(
        label=_("Report's period from"), widget=day_input(), required=False,
        help_text=_("Leave it empty where the report speaks of one day alone."),
    )  # fmt: skip
    period_end = forms.DateField(label=_("Report's period to, or as of"), widget=day_input(), required=False)
    opinion = forms.ChoiceField(label=_("Opinion"), choices=choices(Opinion))
    exceptions = _text(
        _("Exceptions"),
        required=False,
        help_text=_("Those that matter to you, with their page; or that it names none."),
    )
    gap_measures = _text(
        _("What covers the days that the report leaves open"), required=False, rows=2,
        help_text=_("A bridge letter, own monitoring. The gap itself is computed."),
    )  # fmt: skip
    conclusion = _text(
        _("What follows"), rows=2, help_text=_("Whether you rely on it, and what you do instead if not.")
    )
    evidence = Choosing("evidence", label=_("The report, kept as evidence"), required=False)
    reviewed_on = forms.DateField(label=_("Reviewed on"), widget=day_input())

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={"reviewed_on": timezone.localdate(), **(initial or {})})
        versions = visible(ModelVersion.objects.select_related("model__system"), asker)
        choosing(self, "model_versions").offer(versions.order_by("-pk"))
        choosing(self, "evidence").offer(visible(Evidence.objects.select_related("system"), asker))
        systems = self.fields["system"]
        assert isinstance(systems, forms.ModelChoiceField)
        systems.queryset = systems_for(asker, Verb.REVIEW_SUPPLIER)
        if len(systems.queryset) == 1:
            systems.initial = systems.queryset[0]

    @property
    def given(self) -> dict[str, Any]:
        """The fields as the service takes them."""
        given = dict(self.cleaned_data)
        given |= {"report_type": ReportType(given["report_type"]), "opinion": Opinion(given["opinion"])}
        return given | {"model_versions": list(given["model_versions"].select_related("model"))}


class CustomerControlForm(forms.Form):
    """One complementary customer control; a row without words is left out."""

    reference = forms.CharField(label=_("Id in the report"), max_length=100, required=False)
    statement = _text(_("What the report expects of you"), rows=2, required=False)
    controls = forms.ModelMultipleChoiceField(
        label=_("Own controls that meet it"), queryset=ImplementedControl.objects.none(), to_field_name="uuid", required=False,
        widget=forms.SelectMultiple(attrs={"size": 4}),
    )  # fmt: skip
    note = forms.CharField(label=_("Or why none is needed"), required=False)

    def __init__(self, *args: Any, controls: Any, **options: Any) -> None:  # Django's formsets hand over as they like
        super().__init__(*args, **options)
        field = self.fields["controls"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = controls

    def clean(self) -> dict[str, Any]:
        """Controls or a note belong to a statement."""
        given = super().clean() or {}
        if not given.get("statement") and any(given.get(name) for name in ("reference", "controls", "note")):
            self.add_error("statement", _("Say what the report expects."))
        return given

    @property
    def draft(self) -> CustomerControlDraft | None:
        """The row; None where it says nothing."""
        given = self.cleaned_data
        if not given.get("statement"):
            return None
        controls = tuple(str(control.uuid) for control in given["controls"])
        return CustomerControlDraft(
            reference=given["reference"], statement=given["statement"], controls=controls, note=given["note"]
        )


CustomerControlForms = forms.formset_factory(CustomerControlForm, extra=EMPTY_ROWS, max_num=200, absolute_max=200)


class EndForm(forms.Form):
    """When a third party was used last."""

    ended_on = forms.DateField(label=_("Used until"), widget=day_input())


_KEPT: tuple[str, ...] = (
    "provides", "report_type", "issuer", "period_start", "period_end", "opinion", "exceptions", "gap_measures", "conclusion",
)  # fmt: skip


def initial_of(review: SupplierReview) -> dict[str, Any]:
    """What the next review begins with: what the last one said."""
    said: dict[str, Any] = {name: getattr(review, name) for name in _KEPT}
    supplier = review.supplier
    return said | {
        "system": supplier.system,
        "name": supplier.name,
        "model_versions": [version.uuid for version in review.model_versions.all()],
        "evidence": review.evidence.uuid if review.evidence else None,
    }


def rows_of(review: SupplierReview) -> list[dict[str, Any]]:
    """The complementary controls that the next review begins with."""
    return [
        {
            "reference": row.reference,
            "statement": row.statement,
            "note": row.note,
            "controls": [control.uuid for control in row.controls.all()],
        }
        for row in review.customer_controls.all()
    ]
