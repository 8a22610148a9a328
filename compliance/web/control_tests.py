"""Tests of controls: planned, concluded, reviewed and released by auditors; read by the organisation once released."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices, conclusion_label
from compliance.models import ControlTest, SampledInstance
from compliance.rights import Verb, may, visible
from compliance.selectors import control_test_page as pages
from compliance.services import control_tests
from compliance.services.errors import RefusedError
from compliance.types.testing import BY_SEED, ControlTestConclusion, ControlTestKind, ControlTestState, InstanceResult
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.control_test_forms import (
    ConclusionForm,
    ControlTestFilterForm,
    ControlTestForm,
    DrawForm,
    ExtendForm,
    NamedInstanceForm,
    StartForm,
)
from compliance.web.exports import Column, Table, exported, table_of, wanted

ROWS = pages.ROWS
TABLE = (
    Column(gettext_lazy("control"), attrgetter("control.control_id")),
    Column(gettext_lazy("title"), attrgetter("control.title")),
    Column(gettext_lazy("AI system"), attrgetter("control.system.name")),
    Column(gettext_lazy("engagement"), attrgetter("engagement.title")),
    Column(gettext_lazy("kind"), methodcaller("get_kind_display")),
    Column(gettext_lazy("procedure"), attrgetter("procedure")),
    Column(gettext_lazy("from"), attrgetter("period_start")),
    Column(gettext_lazy("to"), attrgetter("period_end")),
    Column(gettext_lazy("instances"), attrgetter("chosen")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("conclusion"), pages.conclusion_words),
    Column(gettext_lazy("on what it rests"), attrgetter("statement")),
    Column(gettext_lazy("prepared by"), attrgetter("preparer")),
    Column(gettext_lazy("reviewed by"), attrgetter("reviewer")),
    Column(gettext_lazy("released (UTC)"), attrgetter("released_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def control_test_list(request: Request) -> HttpResponseBase:
    """Tests that exist for the asker, latest first."""
    form = ControlTestFilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    asked = pages.TestFilter(
        text=given.get("q", ""), kind=given.get("kind", ""), state=given.get("state", ""),
        engagement=given.get("engagement"),
    )  # fmt: skip
    rows = pages.control_tests(request.user, asked)
    if wanted(request):
        return exported(request, table_of("control-tests", _("Tests of controls"), TABLE, rows), form)
    context = {
        "page": page_of(request, rows),
        "total": visible(ControlTest.objects.all(), request.user).count(),
        "form": form,
        "active": asked != pages.TestFilter(),
        "may_test": may(request.user, Verb.TEST_CONTROLS),
        "columns": [
            {"label": _("Control")},
            {"label": _("Kind")},
            {"label": _("Covers")},
            {"label": _("Instances"), "numeric": True},
            {"label": _("State")},
            {"label": _("Conclusion")},
        ],
    }
    return render(request, "compliance/control_test_list.html", context)


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_test_new(request: Request) -> HttpResponse:
    """Plan a test: first of which control, then how."""
    named = {name: request.GET[name] for name in ("engagement", "control") if name in request.GET}
    start = StartForm(asker=request.user, data=named if len(named) == 2 else None, initial=named)
    trail = [{"label": _("Tests of controls"), "url": reverse("control-test-list")}, {"label": _("Plan a test")}]
    if not start.is_valid():
        return render(request, "compliance/control_test_new.html", {"start": start, "form": None, "trail": trail})
    engagement, control = start.cleaned_data["engagement"], start.cleaned_data["control"]
    days = {"period_start": engagement.period_start, "period_end": engagement.period_end}
    form = ControlTestForm(
        asker=request.user, engagement=engagement, control=control, data=request.POST or None, initial=days
    )
    if request.method == "POST" and form.is_valid():
        try:
            test = control_tests.plan(engagement=engagement, control=control, plan=form.plan, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The test is planned. Draw its sample, or add the instance that you follow."))
            return redirect("control-test-detail", test.uuid)
    context = {"start": start, "form": form, "control": control, "engagement": engagement, "trail": trail}
    return render(request, "compliance/control_test_new.html", context)


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_test_change(request: Request, uuid: UUID) -> HttpResponse:
    """Change an open test."""
    test = found(request, ROWS, uuid)
    form = ControlTestForm(
        asker=request.user, engagement=test.engagement, control=test.control, data=request.POST or None,
        initial=ControlTestForm.initial_of(test),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            control_tests.change(test=test, plan=form.plan, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            return redirect("control-test-detail", test.uuid)
    context = {"form": form, "test": test, "trail": [*trail_of(test), {"label": _("Change")}]}
    return render(request, "compliance/control_test_change.html", context)


def trail_of(test: ControlTest) -> list[dict[str, str]]:
    """The way to a test."""
    return [
        {"label": _("Tests of controls"), "url": reverse("control-test-list")},
        {"label": str(test), "url": reverse("control-test-detail", args=[test.uuid])},
    ]


# One test -----------------------------------------------------------------------------------------------------------


@guarded(Verb.VIEW)
def control_test_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One test: what is asked, of which rows, what was found, what follows."""
    test = found(request, ROWS, uuid)
    rows = pages.shown_instances(test).select_related("sample", "source_checked_by").prefetch_related("results")
    if wanted(request):
        return exported(request, _instances(test, rows))
    may_test = may(request.user, Verb.TEST_CONTROLS)
    page = page_of(request, rows)
    context = {
        "test": test,
        "figures": pages.figures(test),
        "words": pages.conclusion_words(test),
        "draws": (draws := test.samples.select_related("drawn_by", "population")),
        "redraws": max(0, sum(one.extends_id is None for one in draws) - 1),
        "checked": pages.checked_whole(test),
        "findings": visible(test.audit_findings.all(), request.user),
        "page": page,
        "lines": [(one, _results(test, one)) for one in page],
        "waiting": pages.next_waiting(test) if may_test and test.state == ControlTestState.OPEN else None,
        "may_test": may_test,
        "may_open": may(request.user, Verb.OPEN_REMEDIATION)
        and test.released_at is not None
        and test.conclusion == ControlTestConclusion.NOT_EFFECTIVE,
        "columns": _columns(test),
        "trail": trail_of(test),
        **(_forms(test) if may_test else {}),
    }
    return render(request, "compliance/control_test_detail.html", context)


def _columns(test: ControlTest) -> list[dict[str, Any]]:
    return [
        {"label": _("Rank"), "numeric": True},
        {"label": _("Instance")},
        *({"label": one.key} for one in test.attributes),
        {"label": _("Source")},
    ]


def _results(test: ControlTest, instance: SampledInstance) -> list[Any]:
    """The results of an instance in the order of the attributes; None where there is none."""
    known = {result.attribute: result for result in instance.results.all()}
    return [known.get(one.key) for one in test.attributes]


def _forms(test: ControlTest) -> dict[str, Any]:
    """What the auditor may do now."""
    state = ControlTestState(test.state)
    draw = pages.current_draw(test)
    offered: dict[str, Any] = {"state": state}
    if state is ControlTestState.OPEN:
        offered |= {"named": NamedInstanceForm(), "conclude": _conclusion_form(test)}
        if test.population and test.population.frozen_at:
            offered["draw"] = draw_form(test)
            offered["plans"] = pages.sizes_for(test.population)
        if draw is not None and draw.selection in BY_SEED:
            offered["extend"] = ExtendForm(strata=list(draw.sizes))
    return offered


def draw_form(test: ControlTest, data: Any = None) -> DrawForm:
    """The form of a draw, for the table and strata of this test."""
    scheme = control_tests.scheme_of(engagement=test.engagement)
    strata = test.population.strata if test.population else {}
    return DrawForm(frequencies=[one.frequency for one in scheme.sizes], has_strata=bool(strata), data=data)


def _conclusion_form(test: ControlTest, data: Any = None) -> ConclusionForm:
    form = ConclusionForm(data)
    field = form.fields["conclusion"]
    words = [(one.value, conclusion_label(ControlTestKind(test.kind), one)) for one in ControlTestConclusion]
    field.choices = words  # type: ignore[attr-defined]  # a ChoiceField
    return form


def _instances(test: ControlTest, rows: Any) -> Table:
    """The sample as a file: a row for each instance, void ones included."""
    names = sorted({name for one in rows for name in one.row.get("fields", {})})
    heads = (
        _("rank"), _("stratum"), _("row"), *names,
        *(head for one in test.attributes for head in (f"{one.key}: {one.asks}", _("note on %s") % one.key)),
        _("held against the source"), _("what it showed"), _("held against it at (UTC)"), _("voided (UTC)"), _("why"),
        _("seed"), _("identifier"),
    )  # fmt: skip
    return Table(name="sample", title=str(test), heads=heads, rows=_lines(test, rows, names))


def _lines(test: ControlTest, rows: Any, names: list[str]) -> Iterator[tuple[object, ...]]:
    words = dict(choices(InstanceResult))
    for one in rows:
        told = [(words[result.result], result.note) if result else ("", "") for result in _results(test, one)]
        fields = one.row.get("fields", {})
        yield (
            one.rank, one.stratum, one.row_id, *(fields.get(name, "") for name in names),
            *(str(cell) for pair in told for cell in pair),
            one.get_source_check_display(), one.source_note, one.source_checked_at, one.voided_at, one.void_reason,
            one.sample.seed if one.sample else "", str(one.uuid),
        )  # fmt: skip


# Acts ---------------------------------------------------------------------------------------------------------------


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def control_test_conclude(request: Request, uuid: UUID) -> HttpResponse:
    """Conclude the test; its reviewer is asked next."""
    test = found(request, ROWS, uuid)
    form = _conclusion_form(test, request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose a conclusion and say on what it rests."))
        chosen = ControlTestConclusion(form.cleaned_data["conclusion"])
        control_tests.conclude(
            test=test, conclusion=chosen, statement=form.cleaned_data["statement"], actor=request.user
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Concluded. Another auditor of the engagement agrees or returns it."))
    return redirect("control-test-detail", uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def control_test_move(request: Request, uuid: UUID) -> HttpResponse:
    """Agree with, return or release a concluded test."""
    test, note = found(request, ROWS, uuid), request.POST.get("note", "")[:5_000]
    acts = {
        "agree": lambda: control_tests.agree(test=test, note=note, actor=request.user),
        "return": lambda: control_tests.give_back(test=test, note=note, actor=request.user),
        "release": lambda: control_tests.release(test=test, actor=request.user),
    }
    try:
        act = acts.get(request.POST.get("act", ""))
        if act is None:
            raise RefusedError(_("Choose to agree, to return or to release."))
        act()
    except RefusedError as error:
        refuse(request, error)
    return redirect("control-test-detail", uuid)


urls = [
    path("tests/", control_test_list, name="control-test-list"),
    path("tests/new/", control_test_new, name="control-test-new"),
    path("tests/<uuid:uuid>/", control_test_detail, name="control-test-detail"),
    path("tests/<uuid:uuid>/change/", control_test_change, name="control-test-change"),
    path("tests/<uuid:uuid>/conclude/", control_test_conclude, name="control-test-conclude"),
    path("tests/<uuid:uuid>/move/", control_test_move, name="control-test-move"),
]
