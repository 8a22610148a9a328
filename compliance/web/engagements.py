"""Engagements: the list, one audit as its room, opening and changing it, its moves, independence, and the end of access."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Engagement
from compliance.rights import Verb, may, visible
from compliance.selectors import engagement_page as pages
from compliance.services import engagements
from compliance.services.errors import RefusedError
from compliance.types.engagements import EngagementState
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.engagement_forms import (
    EngagementFilterForm,
    EngagementForm,
    IndependenceForm,
    MoveForm,
    TeamForms,
    initial_of,
    team_initial,
    team_of,
)
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("title"), attrgetter("title")),
    Column(gettext_lazy("type"), methodcaller("get_kind_display")),
    Column(gettext_lazy("criteria"), attrgetter("criteria")),
    Column(gettext_lazy("edition"), attrgetter("edition")),
    Column(gettext_lazy("entity"), attrgetter("entity")),
    Column(gettext_lazy("AI systems"), lambda row: "; ".join(map(str, row.systems.all()))),
    Column(gettext_lazy("as of"), attrgetter("as_of")),
    Column(gettext_lazy("records from"), attrgetter("period_start")),
    Column(gettext_lazy("records to"), attrgetter("period_end")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("people on the team"), attrgetter("on_team")),
    Column(gettext_lazy("access ends (UTC)"), attrgetter("expires_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW_ENGAGEMENTS)
def engagement_list(request: Request) -> HttpResponseBase:
    """Every audit that exists for the reader, newest first."""
    form = EngagementFilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    rows = visible(pages.LIST, request.user)
    shown = pages.engagement_list(rows, text=given.get("q", ""), state=given.get("state", ""))
    if wanted(request):
        return exported(request, table_of("engagements", _("Engagements"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": bool(given.get("q") or given.get("state")),
        "may_manage": may(request.user, Verb.MANAGE_ENGAGEMENTS),
        "columns": [
            {"label": _("Engagement")},
            {"label": _("AI systems")},
            {"label": _("Records")},
            {"label": _("State")},
            {"label": _("Team"), "numeric": True},
            {"label": _("Access ends")},
        ],
    }
    return render(request, "compliance/engagement_list.html", context)


@guarded(Verb.VIEW_ENGAGEMENTS)
def engagement_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One audit: scope, way, team and history."""
    engagement = found(request, pages.ONE, uuid)
    content = pages.engagement_page(engagement, request.user)
    context = {
        "engagement": engagement,
        "content": content,
        "may_test": may(request.user, Verb.TEST_CONTROLS),
        "may_manage": may(request.user, Verb.MANAGE_ENGAGEMENTS),
        "move": MoveForm(steps=content.steps) if content.steps else None,
        "independence": IndependenceForm.of(content.own),
        "trail": [{"label": _("Engagements"), "url": reverse("engagement-list")}, {"label": engagement.title}],
    }
    return render(request, "compliance/engagement_detail.html", context)


@guarded(Verb.MANAGE_ENGAGEMENTS, methods=("GET", "HEAD", "POST"))
def engagement_new(request: Request) -> HttpResponse:
    """Open an engagement."""
    return _stated(request, None)


@guarded(Verb.MANAGE_ENGAGEMENTS, methods=("GET", "HEAD", "POST"))
def engagement_change(request: Request, uuid: UUID) -> HttpResponse:
    """State scope, team, dates and end of access anew."""
    return _stated(request, found(request, pages.ONE, uuid))


def _stated(request: Request, engagement: Engagement | None) -> HttpResponse:
    data = request.POST or None
    form = EngagementForm(asker=request.user, data=data, initial=initial_of(engagement) if engagement else None)
    team = TeamForms(data, prefix="team", initial=team_initial(engagement.members.all()) if engagement else None)
    if request.method == "POST" and form.is_valid() and team.is_valid():
        draft = form.draft(team_of(team))
        try:
            if engagement is None:
                kept = engagements.open_engagement(draft=draft, actor=request.user)
            else:
                kept = engagements.change(engagement=engagement, draft=draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The team sees the chosen AI systems’ records from now on, and nothing else."))
            return redirect("engagement-detail", kept.uuid)
    title = _("Change %s") % engagement.title if engagement else _("Open an engagement")
    trail = [{"label": _("Engagements"), "url": reverse("engagement-list")}, {"label": title}]
    context = {"form": form, "team": team, "title": title, "trail": trail, "engagement": engagement}
    return render(request, "compliance/engagement_edit.html", context, status=422 if request.method == "POST" else 200)


@guarded(Verb.MOVE_ENGAGEMENT, methods=("POST",))
def engagement_move(request: Request, uuid: UUID) -> HttpResponse:
    """Move the audit on, or back with a reason."""
    engagement = found(request, Engagement.objects.all(), uuid)
    form = MoveForm(steps=pages.engagement_page(engagement, request.user).steps, data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose the state that the audit moves to."))
        given = form.cleaned_data
        to = EngagementState(given["to"])
        engagements.move(engagement=engagement, to=to, reason=given["reason"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The audit has moved on."))
    return redirect("engagement-detail", uuid)


@guarded(Verb.STATE_INDEPENDENCE, methods=("POST",))
def engagement_independence(request: Request, uuid: UUID) -> HttpResponse:
    """State the own independence."""
    engagement = found(request, Engagement.objects.all(), uuid)
    form = IndependenceForm(request.POST)
    try:
        statement = form.cleaned_data["statement"] if form.is_valid() else ""
        engagements.state_independence(engagement=engagement, statement=statement, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Your statement is on record, with your name and this moment."))
    return redirect("engagement-detail", uuid)


@guarded(Verb.MANAGE_ENGAGEMENTS, methods=("POST",))
def engagement_end(request: Request, uuid: UUID) -> HttpResponse:
    """End the team's access now."""
    engagements.end_access(engagement=found(request, Engagement.objects.all(), uuid), actor=request.user)
    say(request, _("The team has no access any more."))
    return redirect("engagement-detail", uuid)


urls = [
    path("engagements/", engagement_list, name="engagement-list"),
    path("engagements/new/", engagement_new, name="engagement-new"),
    path("engagements/<uuid:uuid>/", engagement_detail, name="engagement-detail"),
    path("engagements/<uuid:uuid>/change/", engagement_change, name="engagement-change"),
    path("engagements/<uuid:uuid>/move/", engagement_move, name="engagement-move"),
    path("engagements/<uuid:uuid>/independence/", engagement_independence, name="engagement-independence"),
    path("engagements/<uuid:uuid>/end-access/", engagement_end, name="engagement-end"),
]
