"""Unmatched records: names in job events that are bound to nothing wait here for a person, who may save a rule."""

from __future__ import annotations

from operator import attrgetter, itemgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, label
from compliance.models import AISystem, BindingRule, DatasetVersion, ModelVersion
from compliance.rights import Asker, Verb, may, systems_for, visible
from compliance.selectors.unmatched_page import (
    decided_groups,
    groups_page,
    in_words,
    rules,
    targets,
    unmatched_count,
    unmatched_groups,
)
from compliance.services import bindings
from compliance.services.bindings import Learned
from compliance.services.errors import RefusedError
from compliance.types.bindings import BoundBy, Named
from compliance.web.base import PER_PAGE, Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import day_input

NOT_OURS = "not-ours"
TABLE = (
    Column(_("name in the log"), itemgetter("name")),
    Column(_("digest in the log"), itemgetter("name_digest")),
    Column(_("what it names"), lambda row: label(Named(row["named"]))),
    Column(_("AI system"), itemgetter("system__name")),
    Column(_("events"), itemgetter("events")),
    Column(_("first (UTC)"), itemgetter("first")),
    Column(_("last (UTC)"), itemgetter("last")),
)
RULE_TABLE = (
    Column(_("names that begin with"), attrgetter("prefix")),
    Column(_("what it names"), methodcaller("get_named_display")),
    Column(_("AI system"), attrgetter("system.name")),
    Column(_("stand for"), lambda row: row.model_version or row.dataset_version or _("none of ours")),
    Column(_("reason"), attrgetter("reason")),
    Column(_("for jobs from"), attrgetter("applies_from")),
    Column(_("for jobs to"), attrgetter("applies_to")),
    Column(_("bindings"), attrgetter("holding")),
    Column(_("saved by"), attrgetter("made_by")),
    Column(_("saved at (UTC)"), attrgetter("created_at")),
    Column(_("withdrawn at (UTC)"), attrgetter("withdrawn_at")),
    Column(_("withdrawn by"), attrgetter("withdrawn_by")),
    Column(_("identifier"), attrgetter("uuid")),
)


class WhichForm(forms.Form):
    """Which name: an AI system, what it names, the name and the digest in the log."""

    system = forms.ModelChoiceField(queryset=AISystem.objects.none(), to_field_name="uuid", widget=forms.HiddenInput())
    named = forms.ChoiceField(choices=choices(Named), widget=forms.HiddenInput())
    name = forms.CharField(max_length=1000, strip=False, widget=forms.HiddenInput())
    digest = forms.CharField(max_length=128, required=False, widget=forms.HiddenInput())

    def __init__(self, *, asker: Asker, data: Any) -> None:
        super().__init__(data)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.BIND_EVENTS)


class DecideForm(forms.Form):
    """What a name stands for, and whether a rule is saved."""

    target = forms.ChoiceField(label=_("It is"))
    reason = forms.CharField(
        label=_("Reason"), max_length=2000, required=False, help_text=_("Needed for “none of ours”.")
    )
    save_rule = forms.BooleanField(
        label=_("Save a rule for names that begin so"), required=False,
        help_text=_("It binds what waits and what later imports bring."),
    )  # fmt: skip
    begins = forms.CharField(label=_("Names that begin with"), max_length=1000, required=False)
    applies_from = forms.DateField(
        label=_("For jobs from"), widget=day_input(), required=False,
        help_text=_("An address stays while its content changes: say for which days the rule holds."),
    )  # fmt: skip
    applies_to = forms.DateField(label=_("For jobs to"), widget=day_input(), required=False)

    def __init__(
        self, *, options: list[tuple[str, str]], data: Any = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["target"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "—"), *options, (NOT_OURS, _("none of ours"))]


@guarded(Verb.VIEW)
def unmatched_list(request: Request) -> HttpResponseBase:
    """Names that wait, the most frequent first; and those of which a person said what they are."""
    text = request.GET.get("q", "")[:200]
    if wanted(request):
        groups = unmatched_groups(request.user, text=text)
        return exported(request, table_of("unmatched", gettext("Unmatched records"), TABLE, groups))
    page = Paginator(range(unmatched_count(request.user, text=text)), PER_PAGE).get_page(request.GET.get("page"))
    start = max(page.start_index() - 1, 0)
    shown = groups_page(request.user, text=text, start=start, stop=page.end_index())
    context = {
        "page": page,
        "lines": in_words(shown),
        "text": text,
        "may_bind": may(request.user, Verb.BIND_EVENTS),
        "decided": [_said(row) for row in decided_groups(request.user)[:20]],
        "columns": [
            {"label": _("As the log names it")},
            {"label": _("What it names")},
            {"label": _("Events"), "numeric": True},
            {"label": _("Might be")},
        ],
        "trail": [
            {"label": _("Job log"), "url": reverse("job-log")},
            {"label": _("Checks"), "url": reverse("check-list")},
            {"label": _("Unmatched records")},
        ],
    }
    return render(request, "compliance/unmatched_list.html", context)


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """One name with what a person said of it."""
    version = f"{row['model_version__model__name'] or row['dataset_version__dataset__name'] or ''} "
    version += row["model_version__label"] or row["dataset_version__label"] or ""
    target = str(label(BoundBy.NOT_OURS)) if row["bound_by"] == BoundBy.NOT_OURS else version.strip()
    return {**row, "target": target, "kind": label(Named(row["named"])), "system_uuid": row["system__uuid"]}


def _target(system: AISystem, named: Named, text: str) -> ModelVersion | DatasetVersion | None:
    """What the form chose; None for "none of ours"."""
    if text == NOT_OURS:
        return None
    if named is Named.DATASET:
        return DatasetVersion.objects.select_related("dataset").get(dataset__system=system, uuid=text)
    return ModelVersion.objects.select_related("model").get(model__system=system, uuid=text)


def _decide(request: Request, which: dict[str, Any], given: dict[str, Any]) -> str:
    """Bind the name, and save the rule that was asked for; the word of success."""
    system, named = which["system"], Named(which["named"])
    target = _target(system, named, given["target"])
    learned = Learned(prefix=given["begins"], applies_from=given["applies_from"], applies_to=given["applies_to"])
    count = bindings.decide(
        system=system,
        named=named,
        name=which["name"],
        name_digest=which["digest"],
        target=target,
        reason=given["reason"],
        actor=request.user,
        learned=learned if given["save_rule"] else None,
    )
    return ngettext("%d place is bound.", "%d places are bound.", count) % count


@guarded(Verb.BIND_EVENTS, methods=("GET", "HEAD", "POST"))
def unmatched_decide(request: Request) -> HttpResponse:
    """Say what one name stands for."""
    sent: QueryDict = request.POST if request.method == "POST" else request.GET
    which = WhichForm(asker=request.user, data=sent)
    context: dict[str, Any] = {"which": None, "form": None, "trail": _trail(gettext("Decide"))}
    if not which.is_valid():
        return render(request, "compliance/unmatched_decide.html", context, status=422 if request.POST else 200)
    asked = which.cleaned_data
    options = targets(asked["system"], Named(asked["named"]), request.user)
    start = {"target": request.GET.get("suggested", ""), "begins": asked["name"]}
    form = DecideForm(options=options, data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            done = _decide(request, asked, form.cleaned_data)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, done)
            return redirect("unmatched-list")
    context |= {"which": which, "asked": asked, "kind": label(Named(asked["named"])), "form": form}
    return render(request, "compliance/unmatched_decide.html", context, status=422 if form.errors else 200)


def _trail(last: str) -> list[dict[str, str]]:
    return [{"label": gettext("Unmatched records"), "url": reverse("unmatched-list")}, {"label": last}]


@guarded(Verb.BIND_EVENTS, methods=("POST",))
def unmatched_reopen(request: Request) -> HttpResponse:
    """Take back what a person said of a name."""
    which = WhichForm(asker=request.user, data=request.POST)
    if not which.is_valid():
        refuse(request, RefusedError(gettext("Choose the name that is to be opened again.")))
        return redirect("unmatched-list")
    asked = which.cleaned_data
    bindings.reopen(
        system=asked["system"],
        named=Named(asked["named"]),
        name=asked["name"],
        name_digest=asked["digest"],
        actor=request.user,
    )
    say(request, gettext("What was said of the name is taken back."))
    return redirect("unmatched-list")


@guarded(Verb.VIEW)
def binding_rule_list(request: Request) -> HttpResponseBase:
    """Saved rules."""
    rows = rules(request.user)
    if wanted(request):
        return exported(request, table_of("binding-rules", gettext("Saved rules"), RULE_TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_bind": may(request.user, Verb.BIND_EVENTS),
        "columns": [
            {"label": _("Names that begin with")},
            {"label": _("Stand for")},
            {"label": _("For jobs")},
            {"label": _("Bindings"), "numeric": True},
            {"label": _("State")},
        ],
        "trail": _trail(gettext("Saved rules")),
    }
    return render(request, "compliance/binding_rule_list.html", context)


@guarded(Verb.BIND_EVENTS, methods=("POST",))
def binding_rule_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Withdraw a rule."""
    rule = found(request, visible(BindingRule.objects.all(), request.user), uuid)
    try:
        bindings.withdraw_rule(rule=rule, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The rule is withdrawn; what it bound is matched anew without it."))
    return redirect("binding-rule-list")


urls = [
    path("unmatched/", unmatched_list, name="unmatched-list"),
    path("unmatched/decide/", unmatched_decide, name="unmatched-decide"),
    path("unmatched/reopen/", unmatched_reopen, name="unmatched-reopen"),
    path("unmatched/rules/", binding_rule_list, name="binding-rule-list"),
    path("unmatched/rules/<uuid:uuid>/withdraw/", binding_rule_withdraw, name="binding-rule-withdraw"),
]
