"""Samples: drawn by a seed, extended; and each instance by itself, from one to the next by the keyboard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import ControlTest, SampledInstance
from compliance.rights import Verb, may
from compliance.selectors import control_test_page as pages
from compliance.services import control_tests, samples
from compliance.services.errors import RefusedError
from compliance.types.testing import ControlTestState, PopulationKind, SourceCheck
from compliance.web.base import Request, found, guarded, refuse, say
from compliance.web.control_test_forms import ExtendForm, InstanceForm, NamedInstanceForm, SourceForm
from compliance.web.control_tests import ROWS, draw_form, trail_of

INSTANCES = SampledInstance.objects.select_related(
    "test__engagement", "test__control__system", "test__population", "sample", "replaces", "voided_by",
    "source_checked_by",
)  # fmt: skip


def _words(form: Any) -> str:
    """What is wrong with a form, in one line."""
    return " ".join(str(error) for errors in form.errors.values() for error in errors)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def control_test_draw(request: Request, uuid: UUID) -> HttpResponse:
    """Draw the sample by the typed seed, or choose its rows."""
    test = found(request, ROWS, uuid)
    form = draw_form(test, request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_words(form))
        sample = samples.draw(test=test, plan=form.plan, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Draw %(n)d is on record, with %(size)d rows.") % {"n": sample.number, "size": sample.size})
    return redirect("control-test-detail", uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def control_test_extend(request: Request, uuid: UUID) -> HttpResponse:
    """Take further rows from the same ranking."""
    test = found(request, ROWS, uuid)
    draw = pages.current_draw(test)
    form = ExtendForm(strata=list(draw.sizes) if draw else [], data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_words(form))
        given = form.cleaned_data
        sizes = {given.get("stratum", ""): given["more"]}
        samples.extend(test=test, sizes=sizes, reason=given["reason"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    return redirect("control-test-detail", uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def control_test_add(request: Request, uuid: UUID) -> HttpResponse:
    """Add an instance that the auditor names."""
    test = found(request, ROWS, uuid)
    form = NamedInstanceForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_words(form))
        instance = control_tests.add_instance(test=test, **form.cleaned_data, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect("control-test-detail", uuid)
    return redirect("sampled-instance-detail", instance.uuid)


@guarded(Verb.VIEW)
def sampled_instance_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One instance with its row, the way to its source, and its results."""
    instance = found(request, INSTANCES, uuid)
    return _page(request, instance, InstanceForm(instance=instance, asker=request.user))


def _page(request: Request, instance: SampledInstance, form: InstanceForm) -> HttpResponse:
    test = instance.test
    before, after, place, count = pages.neighbours(test, instance)
    is_open = test.state == ControlTestState.OPEN and instance.voided_at is None
    told = {"check": instance.source_check, "note": instance.source_note}
    context = {
        "instance": instance,
        "test": test,
        "form": form,
        "groups": [[form[f"{kind}_{one.key}"] for kind in ("result", "note", "evidence")] for one in test.attributes],
        "results": instance.results.select_related("evidence", "decided_by"),
        "source": SourceForm(initial=told),
        "record_url": _record_url(test, instance),
        "before": before,
        "after": after,
        "place": place,
        "count": count,
        "may_test": may(request.user, Verb.TEST_CONTROLS) and is_open,
        "trail": [*trail_of(test), {"label": instance.row_id}],
    }
    return render(request, "compliance/sampled_instance.html", context)


def _record_url(test: ControlTest, instance: SampledInstance) -> str:
    """The page of the record that the row copies; "" where it is a line of a list."""
    kind = PopulationKind(instance.sample.population.kind) if instance.sample else None
    name = pages.RECORD_PAGES.get(kind) if kind else None
    return reverse(name, args=[instance.row_id]) if name else ""


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def sampled_instance_record(request: Request, uuid: UUID) -> HttpResponse:
    """Keep the results of an instance and go on to the next that waits."""
    instance = found(request, INSTANCES, uuid)
    form = InstanceForm(instance=instance, asker=request.user, data=request.POST)
    if not form.is_valid():
        return _page(request, instance, form)
    try:
        samples.record_results(instance=instance, results=form.results, actor=request.user)
    except RefusedError as error:
        form.add_error(None, str(error))
        return _page(request, instance, form)
    return _onward(request, instance)


def _onward(request: Request, instance: SampledInstance) -> HttpResponse:
    following = pages.next_waiting(instance.test, instance)
    if request.POST.get("then") == "stay":
        return redirect("sampled-instance-detail", instance.uuid)
    if following is None:
        say(request, _("Every instance has its results."))
        return redirect("control-test-detail", instance.test.uuid)
    return redirect("sampled-instance-detail", following.uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def sampled_instance_void(request: Request, uuid: UUID) -> HttpResponse:
    """Take an instance out, with a reason; the next in rank takes its place."""
    instance = found(request, INSTANCES, uuid)
    try:
        successor = samples.void(instance=instance, reason=request.POST.get("reason", "")[:5_000], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect("sampled-instance-detail", uuid)
    if successor is None:
        say(request, _("The instance is void; no further row takes its place."))
        return redirect("control-test-detail", instance.test.uuid)
    say(request, _("The instance is void; this is the next in its ranking."))
    return redirect("sampled-instance-detail", successor.uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def sampled_instance_source(request: Request, uuid: UUID) -> HttpResponse:
    """Note that an instance was held against its source."""
    instance = found(request, INSTANCES, uuid)
    form = SourceForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Say whether the instance agrees with its source."))
        check = SourceCheck(form.cleaned_data["check"])
        samples.check_source(instance=instance, check=check, note=form.cleaned_data["note"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    return redirect("sampled-instance-detail", uuid)


urls = [
    path("tests/<uuid:uuid>/draw/", control_test_draw, name="control-test-draw"),
    path("tests/<uuid:uuid>/extend/", control_test_extend, name="control-test-extend"),
    path("tests/<uuid:uuid>/add/", control_test_add, name="control-test-add"),
    path("instances/<uuid:uuid>/", sampled_instance_detail, name="sampled-instance-detail"),
    path("instances/<uuid:uuid>/record/", sampled_instance_record, name="sampled-instance-record"),
    path("instances/<uuid:uuid>/void/", sampled_instance_void, name="sampled-instance-void"),
    path("instances/<uuid:uuid>/source/", sampled_instance_source, name="sampled-instance-source"),
]
