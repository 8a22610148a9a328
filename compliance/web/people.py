"""People: who has access, adding and deactivating."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, User
from compliance.rights import Verb, may, visible
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.choosing import ChoosingSome, choosing
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(_("name"), attrgetter("name")),
    Column(_("e-mail address"), attrgetter("email")),
    Column(_("role"), methodcaller("get_role_display")),
    Column(
        _("AI systems"),
        lambda row: "; ".join(one.system.name for one in row.memberships.all()),
    ),
    Column(_("last sign-in (UTC)"), attrgetter("last_login")),
    Column(_("has access"), attrgetter("is_active")),
    Column(_("since (UTC)"), attrgetter("created_at")),
    Column(_("access ended (UTC)"), attrgetter("deactivated_at")),
    Column(_("identifier"), attrgetter("uuid")),
)


class PersonForm(forms.Form):
    """A new person or machine."""

    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("E-mail address"), help_text=_("Used to sign in."))
    role = forms.ChoiceField(label=_("Role"), choices=choices(Role))
    password = forms.CharField(
        label=_("First password"),
        widget=forms.PasswordInput(render_value=False),
        required=False,
        help_text=_("At least twelve characters. Leave empty for a machine that only uses tokens."),
    )
    systems = ChoosingSome(
        "system",
        label=_("AI systems"),
        required=False,
        help_text=_("For contributors and collectors: the systems they work on."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        choosing(self, "systems").offer(AISystem.objects.order_by("name"))


@guarded(Verb.VIEW_PEOPLE)
def people_list(request: Request) -> HttpResponseBase:
    """Everyone who has or had access."""
    rows = visible(User.objects.prefetch_related("memberships__system"), request.user)
    if wanted(request):
        return exported(request, table_of("people", str(_("People")), TABLE, rows))
    columns = [
        {"label": _("Person")},
        {"label": _("Role")},
        {"label": _("AI systems")},
        {"label": _("Last sign-in")},
        {"label": _("Access")},
        {"label": _("Act"), "hidden": True},
    ]
    context = {
        "page": page_of(request, rows),
        "columns": columns,
        "may_manage": may(request.user, Verb.MANAGE_PEOPLE),
        "may_export": may(request.user, Verb.EXPORT_SUBJECT),
    }
    return render(request, "compliance/people.html", context)


@guarded(Verb.MANAGE_PEOPLE, methods=("GET", "HEAD", "POST"))
def people_new(request: Request) -> HttpResponse:
    """Add a person."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        role = Role(given["role"])
        try:
            user = people.create_user(
                email=given["email"],
                name=given["name"],
                role=role,
                password=given["password"] or None,
                actor=request.user,
            )
            for system in given["systems"]:
                people.grant_membership(system=system, role=role, actor=request.user, user=user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, str(_("The person can sign in now.")))
            return redirect("people")
    trail = [{"label": _("People"), "url": reverse("people")}, {"label": _("Add a person")}]
    return render(request, "compliance/people_new.html", {"form": form, "trail": trail})


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def people_deactivate(request: Request, uuid: UUID) -> HttpResponse:
    """End a person's access; what they did stays on record."""
    user = found(request, User.objects.all(), uuid)
    try:
        people.deactivate_user(user=user, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, str(_("The person's access has ended.")))
    return redirect("people")


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def people_link(request: Request, uuid: UUID) -> HttpResponse:
    """Make a link by which a person sets a new password, and show it once, on this answer alone."""
    user = found(request, User.objects.all(), uuid)
    try:
        link = people.sign_in_link(user=user, remove_factors="factors" in request.POST, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect("people")
    trail = [{"label": _("People"), "url": reverse("people")}, {"label": _("Sign-in link")}]
    response = render(request, "compliance/people_link.html", {"person": user, "link": link, "trail": trail})
    response["Cache-Control"] = "no-store"
    return response


urls = [
    path("people/", people_list, name="people"),
    path("people/new/", people_new, name="people-new"),
    path("people/<uuid:uuid>/link/", people_link, name="people-link"),
    path("people/<uuid:uuid>/deactivate/", people_deactivate, name="people-deactivate"),
]
