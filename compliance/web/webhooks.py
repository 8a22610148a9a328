"""Webhooks: other programs that are told of events, and what was delivered to each."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import WebhookDelivery, WebhookEndpoint
from compliance.rights import Verb, visible
from compliance.services import webhooks
from compliance.services.errors import RefusedError
from compliance.types.notices import DeliveryState, EventFamily
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

ROWS = (
    WebhookEndpoint.objects.select_related("made_by")
    .annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING)),
        given_up=Count("deliveries", filter=Q(deliveries__state=DeliveryState.GIVEN_UP)),
    )
    .order_by("name", "pk")
)
TABLE = (
    Column(_("webhook"), attrgetter("name")),
    Column(_("address"), attrgetter("url")),
    Column(_("events"), lambda row: "; ".join(row.families)),
    Column(_("active"), attrgetter("is_active")),
    Column(_("waiting"), attrgetter("waiting")),
    Column(_("given up"), attrgetter("given_up")),
    Column(_("last delivery (UTC)"), attrgetter("last_success_at")),
    Column(_("identifier"), attrgetter("uuid")),
)
DELIVERY_TABLE = (
    Column(_("event"), attrgetter("event.kind")),
    Column(_("at (UTC)"), attrgetter("event.created_at")),
    Column(_("subject's identifier"), attrgetter("event.subject_uuid")),
    Column(_("state"), methodcaller("get_state_display")),
    Column(_("tries"), attrgetter("attempts")),
    Column(_("answer"), attrgetter("status")),
    Column(_("what went wrong"), attrgetter("error")),
    Column(_("delivered (UTC)"), attrgetter("delivered_at")),
    Column(_("message id"), attrgetter("uuid")),
)


class WebhookForm(forms.Form):
    """A webhook."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("For example: ticket system."))
    url = forms.CharField(
        label=_("Address"), max_length=500,
        help_text=_("Begins with https:// and leads to a public network. Events are sent there by POST."),
    )  # fmt: skip
    families = forms.MultipleChoiceField(
        label=_("Events about"), choices=choices(EventFamily), widget=forms.CheckboxSelectMultiple()
    )

    @property
    def draft(self) -> webhooks.EndpointDraft:
        """As the service takes it."""
        given = self.cleaned_data
        families = [EventFamily(family) for family in given["families"]]
        return webhooks.EndpointDraft(name=given["name"], url=given["url"], families=families)


class WebhookChangeForm(WebhookForm):
    """The same, with a switch."""

    is_active = forms.BooleanField(
        label=_("Active"),
        required=False,
        help_text=_("While it is off no event is queued for it, and what waits is kept."),
    )


class DeliveryFilterForm(forms.Form):
    """Deliveries in one state."""

    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *choices(DeliveryState)])


@guarded(Verb.MANAGE_WEBHOOKS)
def webhook_list(request: Request) -> HttpResponseBase:
    """Every webhook, with what waits for it."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("webhooks", gettext("Webhooks"), TABLE, rows))
    columns = [
        {"label": _("Webhook")},
        {"label": _("Events")},
        {"label": _("Waiting"), "numeric": True},
        {"label": _("Given up"), "numeric": True},
        {"label": _("Last delivery")},
    ]
    return render(request, "compliance/webhook_list.html", {"page": page_of(request, rows), "columns": columns})


def _trail(*more: object) -> list[Any]:
    return [{"label": _("Webhooks"), "url": reverse("webhook-list")}, *({"label": one} for one in more)]


def _shown_once(request: Request, made: webhooks.Made) -> HttpResponse:
    shown = {"endpoint": made.endpoint, "secret": made.secret, "trail": _trail(made.endpoint.name)}
    response = render(request, "compliance/webhook_made.html", shown)
    response["Cache-Control"] = "no-store"
    return response


@guarded(Verb.MANAGE_WEBHOOKS, methods=("GET", "HEAD", "POST"))
def webhook_new(request: Request) -> HttpResponse:
    """Define a webhook; its secret is shown on this answer alone."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _shown_once(request, webhooks.define(draft=form.draft, actor=request.user))
        except RefusedError as error:
            form.add_error(None, str(error))
    shown = {"form": form, "trail": _trail(_("New webhook"))}
    return render(request, "compliance/webhook_new.html", shown, status=422 if form.errors else 200)


@guarded(Verb.MANAGE_WEBHOOKS, methods=("GET", "HEAD", "POST"))
def webhook_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One webhook with its deliveries; the form changes it."""
    endpoint = found(request, ROWS, uuid)
    start = {name: getattr(endpoint, name) for name in ("name", "url", "families", "is_active")}
    form = WebhookChangeForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            webhooks.change(
                endpoint=endpoint, draft=form.draft, is_active=form.cleaned_data["is_active"], actor=request.user
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The webhook is changed."))
            return redirect("webhook-detail", uuid)
    return _detail(request, endpoint, form)


def _detail(request: Request, endpoint: WebhookEndpoint, form: WebhookChangeForm) -> HttpResponseBase:
    asked = DeliveryFilterForm(request.GET)
    state = asked.cleaned_data.get("state") if asked.is_valid() else ""
    every = visible(WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event"), request.user)
    rows = every.filter(state=state) if state else every
    if wanted(request):
        return exported(request, table_of("deliveries", gettext("Deliveries"), DELIVERY_TABLE, rows), asked)
    context = {
        "endpoint": endpoint,
        "form": form,
        "filter": asked,
        "active": bool(state),
        "total": every.count(),
        "page": page_of(request, rows),
        "trail": _trail(endpoint.name),
        "columns": [
            {"label": _("Event")},
            {"label": _("State")},
            {"label": _("Tries"), "numeric": True},
            {"label": _("Answer")},
            {"label": _("Next or last try")},
            {"label": _("Act"), "hidden": True},
        ],
    }
    return render(request, "compliance/webhook_detail.html", context, status=422 if form.errors else 200)


@guarded(Verb.MANAGE_WEBHOOKS, methods=("POST",))
def webhook_secret(request: Request, uuid: UUID) -> HttpResponse:
    """A new secret, shown on this answer alone."""
    endpoint = found(request, WebhookEndpoint.objects.all(), uuid)
    return _shown_once(request, webhooks.renew_secret(endpoint=endpoint, actor=request.user))


@guarded(Verb.MANAGE_WEBHOOKS, methods=("POST",))
def webhook_again(request: Request, uuid: UUID) -> HttpResponse:
    """Queue all that was given up."""
    endpoint = found(request, WebhookEndpoint.objects.all(), uuid)
    try:
        webhooks.send_all_again(endpoint=endpoint, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("All that was given up is queued again."))
    return redirect("webhook-detail", uuid)


@guarded(Verb.MANAGE_WEBHOOKS, methods=("POST",))
def delivery_again(request: Request, uuid: UUID) -> HttpResponse:
    """Queue one delivery again."""
    delivery = found(request, WebhookDelivery.objects.select_related("endpoint"), uuid)
    try:
        webhooks.send_again(delivery=delivery, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The delivery is queued again, under the same message id."))
    return redirect("webhook-detail", delivery.endpoint.uuid)


urls = [
    path("webhooks/", webhook_list, name="webhook-list"),
    path("webhooks/new/", webhook_new, name="webhook-new"),
    path("webhooks/<uuid:uuid>/", webhook_detail, name="webhook-detail"),
    path("webhooks/<uuid:uuid>/secret/", webhook_secret, name="webhook-secret"),
    path("webhooks/<uuid:uuid>/again/", webhook_again, name="webhook-again"),
    path("webhooks/deliveries/<uuid:uuid>/again/", delivery_again, name="delivery-again"),
]
