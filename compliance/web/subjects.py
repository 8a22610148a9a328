"""People whom logs name: found by name or pseudonym, exported, erased; and the export of what is held on a user."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django import forms
from django.db.models import Q
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import Principal, User
from compliance.rights import Verb, may, visible
from compliance.selectors.file_answers import attachment
from compliance.services import people, subject_exports
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(_("shown as"), attrgetter("display")),
    Column(_("identifier in logs"), attrgetter("identifier")),
    Column(_("kind"), attrgetter("kind")),
    Column(_("pseudonym"), attrgetter("pseudonym")),
    Column(_("on record since (UTC)"), attrgetter("created_at")),
    Column(_("erased (UTC)"), attrgetter("erased_at")),
    Column(_("identifier"), attrgetter("uuid")),
)


class SubjectFilter(forms.Form):
    """Who is looked for."""

    q = forms.CharField(label=_("Name, identifier or pseudonym"), required=False, max_length=200)


@guarded(Verb.VIEW_SUBJECTS)
def subject_list(request: Request) -> HttpResponseBase:
    """People whom logs name, by name. How much anybody did is not shown here: nobody is compared with anybody."""
    form = SubjectFilter(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    rows = visible(Principal.objects.order_by("display", "pk"), request.user)
    total = rows.count()
    if text:
        rows = rows.filter(
            Q(display__icontains=text) | Q(identifier__icontains=text) | Q(pseudonym__startswith=text.lower())
        )
    if wanted(request):
        return exported(request, table_of("subjects", gettext("People named in logs"), TABLE, rows), form)
    context = {
        "page": page_of(request, rows),
        "total": total,
        "form": form,
        "active": bool(text),
        "may_export": may(request.user, Verb.EXPORT_SUBJECT),
        "may_erase": may(request.user, Verb.ERASE_SUBJECT),
        "trail": [{"label": _("People"), "url": reverse("people")}, {"label": _("Named in logs")}],
        "columns": [
            {"label": _("Person")},
            {"label": _("Pseudonym")},
            {"label": _("On record since")},
            {"label": _("Act"), "hidden": True},
        ],
    }
    return render(request, "compliance/subject_list.html", context)


def _sent(request: Request, subject: User | Principal, back: str) -> HttpResponseBase:
    try:
        made = subject_exports.export(
            subject=subject, actor=request.user, most_rows=subject_exports.MOST_ROWS_WHILE_WAITING
        )
    except RefusedError as error:
        refuse(request, error)
        return redirect(back)
    answer: FileResponse = attachment(made.stream, made.filename, media_type="application/zip")
    return answer


@guarded(Verb.EXPORT_SUBJECT, methods=("POST",))
def subject_export(request: Request, uuid: UUID) -> HttpResponseBase:
    """All that is held on somebody whom logs name."""
    return _sent(request, found(request, Principal.objects.all(), uuid), "subject-list")


@guarded(Verb.EXPORT_SUBJECT, methods=("POST",))
def people_export(request: Request, uuid: UUID) -> HttpResponseBase:
    """All that is held on a user."""
    return _sent(request, found(request, User.objects.all(), uuid), "people")


@guarded(Verb.ERASE_SUBJECT, methods=("POST",))
def subject_erase(request: Request, uuid: UUID) -> HttpResponse:
    """Destroy name and key of somebody whom logs name."""
    principal = found(request, Principal.objects.all(), uuid)
    try:
        people.erase_principal(principal=principal, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("Erased. A pseudonym stands where the name was; every chain and root is as it was."))
    return redirect("subject-list")


urls = [
    path("people/subjects/", subject_list, name="subject-list"),
    path("people/subjects/<uuid:uuid>/export/", subject_export, name="subject-export"),
    path("people/subjects/<uuid:uuid>/erase/", subject_erase, name="subject-erase"),
    path("people/<uuid:uuid>/export/", people_export, name="people-export"),
]
