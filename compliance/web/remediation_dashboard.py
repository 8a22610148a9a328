"""The dashboard of remediation: figures as charts with tables, each number a link to its rows, all of it as files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import AISystem
from compliance.rights import Asker, Verb, visible
from compliance.selectors.remediation_dashboard import Dashboard, dashboard, rows_of
from compliance.selectors.remediation_figures import PERIODS
from compliance.types.figures import Figure
from compliance.web.base import Request, guarded
from compliance.web.choosing import QuickSelect
from compliance.web.exports import Table, exported, wanted
from compliance.web.remediation_list import tabs_of

USUAL_PERIOD = 90


class DashboardForm(forms.Form):
    """Over which period, and of which AI system."""

    days = forms.TypedChoiceField(label=gettext_lazy("Period"), coerce=int, required=False)
    system = forms.ModelChoiceField(
        label=gettext_lazy("AI system"),
        queryset=AISystem.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=gettext_lazy("all"),
        widget=QuickSelect(),
    )

    def __init__(self, *, asker: Asker, data: Any) -> None:
        given = data.copy()
        given.setdefault("days", str(USUAL_PERIOD))
        super().__init__(given)
        days, system = self.fields["days"], self.fields["system"]
        if isinstance(days, forms.ChoiceField):
            days.choices = [(str(n), _("the last %d days") % n) for n in PERIODS]
        if isinstance(system, forms.ModelChoiceField):
            system.queryset = visible(AISystem.objects.all(), asker).order_by("name")


@guarded(Verb.VIEW_FIGURES)
def remediation_dashboard(request: Request) -> HttpResponseBase:
    """What is open, what came and went, what it takes and when it may be done."""
    form = DashboardForm(asker=request.user, data=request.GET)
    form.is_valid()
    given = form.cleaned_data
    system = given.get("system")
    days = given.get("days") or USUAL_PERIOD
    today = timezone.localdate()
    content = dashboard(request.user, today=today, days=days, system=system.uuid if system else None)
    if wanted(request):
        return exported(request, _table(content, request.GET.get("figure", "")), form)
    context = {
        "content": content,
        "form": form,
        "active": days != USUAL_PERIOD or system is not None,
        "today": today,
        "system": system,
        "slip_columns": _slip_columns(),
        "tabs": tabs_of("dashboard", request.user),
    }
    return render(request, "compliance/remediation_dashboard.html", context)


def _slip_columns() -> list[dict[str, object]]:
    return [
        {"label": _("Remediation item")},
        {"label": _("Due before")},
        {"label": _("Due on")},
        {"label": _("Days later"), "numeric": True},
        {"label": _("Why")},
        {"label": _("Decided by")},
    ]


def _table(content: Dashboard, key: str) -> Table:
    """One figure as it stands on the page; without a name all of them, a number a line."""
    if not key:
        heads = (_("figure"), _("line"), _("column"), _("value"), _("unit"))
        return Table(name="remediation-figures", title=_("Figures of remediation"), heads=heads, rows=_all(content))
    figure = content.figure(key)
    if figure is None:
        raise Http404
    return _one(figure)


def _all(content: Dashboard) -> list[tuple[object, ...]]:
    """Every number, and the outlook at the end."""
    outlook = content.outlook
    told = outlook.refusal or outlook.method
    ahead = [
        (_("Forecast"), _("All that is open is done in half of the trials by"), told, outlook.median, _("day")),
        (_("Forecast"), _("All that is open is done in 85 of 100 trials by"), told, outlook.likely, _("day")),
    ]
    return [*rows_of(content.figures), *ahead]


def _one(figure: Figure) -> Table:
    rows = [(row.label, *(cell.value for cell in row.cells)) for row in figure.rows]
    return Table(name=f"remediation-{figure.key}", title=figure.title, heads=(figure.head, *figure.series), rows=rows)


urls = [path("remediation/dashboard/", remediation_dashboard, name="remediation-dashboard")]
