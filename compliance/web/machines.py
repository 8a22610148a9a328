"""Machines: accounts that send by token, the people who answer for them, and their tokens."""

from __future__ import annotations

from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from compliance.choices import label
from compliance.models import AISystem, TokenScope, User
from compliance.rights import SERVICE_ROLES, Verb, may, visible
from compliance.services import machines, tokens
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.choosing import ChoosingSome, choosing
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.token_forms import made

MACHINES = User.objects.filter(owner__isnull=False).select_related("owner").prefetch_related("memberships__system")
TABLE = (
    Column(_("machine"), attrgetter("name")),
    Column(_("role"), lambda row: row.get_role_display()),
    Column(_("answers for it"), attrgetter("owner.name")),
    Column(_("AI systems"), lambda row: "; ".join(m.system.name for m in row.memberships.all())),
    Column(_("access ended (UTC)"), attrgetter("deactivated_at")),
    Column(_("identifier"), attrgetter("uuid")),
)


class MachineForm(forms.Form):
    """A new machine's account."""

    name = forms.CharField(
        label=_("Name"), max_length=200, help_text=_("For example: CloudTrail forwarder, Frankfurt.")
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role.value, label(role)) for role in sorted(SERVICE_ROLES)],
        initial=Role.COLLECTOR.value,
        help_text=_("A collector hands in documents and reads nothing."),
    )
    owner = forms.ModelChoiceField(
        label=_("Who answers for it"), queryset=User.objects.filter(is_active=True, owner__isnull=True)
    )
    systems = ChoosingSome("system", label=_("AI systems"), required=False)

    def __init__(self, *, data: Any, owner: User) -> None:
        super().__init__(data, initial={"owner": owner.pk})
        choosing(self, "systems").offer(AISystem.objects.order_by("name"))


class OwnerForm(forms.Form):
    """Another person who answers for a machine."""

    owner = MachineForm.base_fields["owner"]


@guarded(Verb.VIEW_PEOPLE)
def machine_list(request: Request) -> HttpResponseBase:
    """Every machine that has or had access."""
    rows = visible(MACHINES, request.user)
    if wanted(request):
        return exported(request, table_of("machines", str(_("Machines")), TABLE, rows))
    columns = [{"label": one} for one in (_("Machine"), _("Role"), _("Answers for it"), _("AI systems"), _("Access"))]
    context = {"page": page_of(request, rows), "columns": columns, "may_manage": may(request.user, Verb.MANAGE_PEOPLE)}
    return render(request, "compliance/machine_list.html", context)


@guarded(Verb.MANAGE_PEOPLE, methods=("GET", "HEAD", "POST"))
def machine_new(request: Request) -> HttpResponse:
    """Add a machine."""
    form = MachineForm(data=request.POST or None, owner=request.user)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"role": Role(form.cleaned_data["role"])}
        try:
            machine = machines.create(**given, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            return redirect("machine-detail", machine.uuid)
    trail = [{"label": _("Machines"), "url": reverse("machine-list")}, {"label": _("Add a machine")}]
    return render(request, "compliance/machine_new.html", {"form": form, "trail": trail})


@guarded(Verb.VIEW_PEOPLE)
def machine_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One machine and its tokens."""
    machine = found(request, MACHINES, uuid)
    context = {
        "machine": machine,
        "tokens": AuthToken.objects.filter(user=machine).select_related("scope").order_by("-created"),
        "may_manage": may(request.user, Verb.MANAGE_PEOPLE) and machine.is_active,
        "owner_form": OwnerForm(initial={"owner": machine.owner_id}),
        "trail": [{"label": _("Machines"), "url": reverse("machine-list")}, {"label": machine.name}],
    }
    return render(request, "compliance/machine_detail.html", context)


@guarded(Verb.MANAGE_PEOPLE, methods=("GET", "HEAD", "POST"))
def machine_token(request: Request, uuid: UUID) -> HttpResponse:
    """Make a token of the machine's, shown once."""
    machine = found(request, MACHINES, uuid)
    here = reverse("machine-detail", args=[machine.uuid])
    trail: list[Any] = [{"label": _("Machines"), "url": reverse("machine-list")}, {"label": machine.name, "url": here}]
    return made(request, owner=machine, trail=[*trail, {"label": _("New token")}])


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def machine_token_end(request: Request, uuid: UUID) -> HttpResponse:
    """End a token of the machine's."""
    machine = found(request, MACHINES, uuid)
    own = TokenScope.objects.filter(token__user=machine, token__token_key=request.POST.get("token", ""))
    for scope in visible(own, request.user):
        tokens.revoke(scope=scope, actor=request.user)
        say(request, str(_("The token is ended.")))
    return redirect("machine-detail", machine.uuid)


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def machine_owner(request: Request, uuid: UUID) -> HttpResponse:
    """Name another person who answers for it."""
    machine, form = found(request, MACHINES, uuid), OwnerForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(str(_("Name a person with access who answers for the machine.")))
        machines.hand_over(machine=machine, owner=form.cleaned_data["owner"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    return redirect("machine-detail", machine.uuid)


urls = [
    path("people/machines/", machine_list, name="machine-list"),
    path("people/machines/new/", machine_new, name="machine-new"),
    path("people/machines/<uuid:uuid>/", machine_detail, name="machine-detail"),
    path("people/machines/<uuid:uuid>/tokens/new/", machine_token, name="machine-token"),
    path("people/machines/<uuid:uuid>/tokens/end/", machine_token_end, name="machine-token-end"),
    path("people/machines/<uuid:uuid>/owner/", machine_owner, name="machine-owner"),
]
