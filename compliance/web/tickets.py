"""The ticket of a remediation item in another tool."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import RemediationItem
from compliance.rights import Verb
from compliance.services import tickets
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, refuse, say


class TicketForm(forms.Form):
    """Key and address; both empty takes the ticket away."""

    ticket_key = forms.CharField(
        label=_("Ticket"), required=False, max_length=tickets.MOST_KEY, help_text=_("Its key, such as SEC-142.")
    )
    ticket_url = forms.CharField(label=_("Address"), required=False, max_length=tickets.MOST_URL)


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_ticket(request: Request, uuid: UUID) -> HttpResponse:
    """Name the ticket, or take it away."""
    item = found(request, RemediationItem.objects.select_related("system"), uuid)
    form = TicketForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(gettext("The key has at most 100 characters, the address at most 500."))
        given = form.cleaned_data
        tickets.link(item=item, key=given["ticket_key"], url=given["ticket_url"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The ticket is noted."))
    return redirect("remediation-item", item.uuid)


urls = [path("remediation/<uuid:uuid>/ticket/", remediation_ticket, name="remediation-ticket")]
