"""Teams: the list, making one, its members and what it may see."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.models import Team, User
from compliance.rights import Verb, may, visible
from compliance.services import teams
from compliance.services.errors import RefusedError
from compliance.types.states import RemediationState, Role
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.remediation_forms import put_rows

_OPEN = Q(remediation_items__isnull=False) & ~Q(remediation_items__state=RemediationState.CLOSED)
ROWS = Team.objects.annotate(
    people=Count("members", distinct=True), open_items=Count("remediation_items", filter=_OPEN, distinct=True)
).order_by("name", "pk")
COLUMNS = (
    Column(lazy("team"), lambda row: row.name),
    Column(lazy("members"), lambda row: "; ".join(one.name for one in row.members.all())),
    Column(lazy("open remediation items"), lambda row: row.open_items),
    Column(lazy("identifier"), lambda row: str(row.uuid)),
)
MEMBER_COLUMNS = (
    Column(lazy("person"), lambda row: row.name),
    Column(lazy("role"), lambda row: row.get_role_display()),
    Column(lazy("active"), lambda row: row.is_active),
    Column(lazy("identifier"), lambda row: str(row.uuid)),
)


class TeamForm(forms.Form):
    """The name of a team."""

    name = forms.CharField(label=lazy("Name"), max_length=200)


class MemberForm(forms.Form):
    """Somebody to put on a team."""

    person = forms.ModelChoiceField(label=lazy("Person"), queryset=User.objects.none(), to_field_name="uuid")

    def __init__(self, *, team: Team, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a form's data is a mapping or None
        people = User.objects.filter(is_active=True, owner=None).exclude(role__in=[Role.AUDITOR, Role.COLLECTOR])
        put_rows(self, "person", people.exclude(teams=team).order_by("name"))


class LeavingForm(forms.Form):
    """Somebody to take off a team."""

    person = forms.ModelChoiceField(label=lazy("Person"), queryset=User.objects.none(), to_field_name="uuid")


@guarded(Verb.VIEW_PEOPLE)
def team_list(request: Request) -> HttpResponseBase:
    """All teams; `?export=` as a file."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("teams", _("Teams"), COLUMNS, rows.prefetch_related("members")))
    may_manage = may(request.user, Verb.MANAGE_PEOPLE)
    context = {
        "page": page_of(request, rows),
        "form": TeamForm() if may_manage else None,
        "columns": [
            {"label": _("Team")},
            {"label": _("Members"), "numeric": True},
            {"label": _("Open remediation items"), "numeric": True},
        ],
        "trail": [{"label": _("People"), "url": reverse("people")}, {"label": _("Teams")}],
    }
    return render(request, "compliance/team_list.html", context)


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def team_new(request: Request) -> HttpResponse:
    """Make a team."""
    form = TeamForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Give the team a name of at most 200 characters."))
        team = teams.create(name=form.cleaned_data["name"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect("team-list")
    say(request, _("The team is there; put people on it."))
    return redirect("team-detail", team.uuid)


@guarded(Verb.VIEW_PEOPLE)
def team_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One team: who is in it, and the AI systems it is on; `?export=` gives its members as a file."""
    team = found(request, Team.objects.all(), uuid)
    members = team.members.order_by("name", "pk")
    if wanted(request):
        return exported(request, table_of("team", team.name, MEMBER_COLUMNS, members))
    may_manage = may(request.user, Verb.MANAGE_PEOPLE)
    context = {
        "team": team,
        "members": page_of(request, members),
        "memberships": team.memberships.select_related("system").order_by("system__name"),
        "may_manage": may_manage,
        "add": MemberForm(team=team) if may_manage else None,
        "rename": TeamForm(initial={"name": team.name}) if may_manage else None,
        "columns": [{"label": _("Person")}, {"label": _("Role")}, {"label": _("Take off")}],
        "trail": [
            {"label": _("People"), "url": reverse("people")},
            {"label": _("Teams"), "url": reverse("team-list")},
            {"label": team.name},
        ],
    }
    return render(request, "compliance/team_detail.html", context)


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def team_rename(request: Request, uuid: UUID) -> HttpResponse:
    """Another name."""
    team, form = found(request, Team.objects.all(), uuid), TeamForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Give the team a name of at most 200 characters."))
        teams.rename(team=team, name=form.cleaned_data["name"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The team is renamed."))
    return redirect("team-detail", uuid)


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def team_join(request: Request, uuid: UUID) -> HttpResponse:
    """Put somebody on the team."""
    team = found(request, Team.objects.all(), uuid)
    form = MemberForm(team=team, data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose somebody who works here and is not on the team yet."))
        teams.add_member(team=team, user=form.cleaned_data["person"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("%s is on the team, and may see what the team may.") % form.cleaned_data["person"].name)
    return redirect("team-detail", uuid)


@guarded(Verb.MANAGE_PEOPLE, methods=("POST",))
def team_leave(request: Request, uuid: UUID) -> HttpResponse:
    """Take somebody off the team."""
    team = found(request, Team.objects.all(), uuid)
    form = LeavingForm(request.POST)
    put_rows(form, "person", User.objects.filter(teams=team))
    if form.is_valid():
        teams.remove_member(team=team, user=form.cleaned_data["person"], actor=request.user)
        say(request, _("%s is no longer on the team.") % form.cleaned_data["person"].name)
    else:
        refuse(request, RefusedError(_("Choose somebody who is on the team.")))
    return redirect("team-detail", uuid)


urls = [
    path("teams/", team_list, name="team-list"),
    path("teams/new/", team_new, name="team-new"),
    path("teams/<uuid:uuid>/", team_detail, name="team-detail"),
    path("teams/<uuid:uuid>/rename/", team_rename, name="team-rename"),
    path("teams/<uuid:uuid>/join/", team_join, name="team-join"),
    path("teams/<uuid:uuid>/leave/", team_leave, name="team-leave"),
]
