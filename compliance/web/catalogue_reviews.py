"""Reviews that a new release of ATLAS or of a framework asks for: the list, and closing one by name."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django.db.models import F
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import ControlReview
from compliance.rights import Verb, may
from compliance.services import control_reviews
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("control"), attrgetter("control.control_id")),
    Column(gettext_lazy("title"), attrgetter("control.title")),
    Column(gettext_lazy("release"), attrgetter("release")),
    Column(gettext_lazy("opened (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("changes"), lambda row: _changes(row.changes)),
    Column(gettext_lazy("conclusion"), attrgetter("note")),
    Column(gettext_lazy("closed by"), attrgetter("closed_by")),
    Column(gettext_lazy("closed (UTC)"), attrgetter("closed_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def _changes(changes: list[dict[str, str]]) -> str:
    """What the release changed, one change after the other."""
    return "; ".join(
        f"{one['kind'].replace('_', ' ')}: {one['id']} {one.get('field', '')} {_sides(one)}".rstrip() for one in changes
    )


def _sides(one: dict[str, str]) -> str:
    before, after = one.get("before"), one.get("after")
    return f"{before or '–'} → {after or '–'}" if before or after else ""


@guarded(Verb.VIEW)
def catalogue_reviews(request: Request) -> HttpResponseBase:
    """Controls that a release touches, open ones first."""
    rows = ControlReview.objects.select_related("control", "release", "closed_by").order_by(
        F("closed_at").desc(nulls_first=True), "-release__created_at", "control__control_id"
    )
    title = _("Controls to review")
    if wanted(request):
        return exported(request, table_of("controls-to-review", title, TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "title": title,
        "may_close": may(request.user, Verb.DECIDE_MAPPINGS),
        "trail": [{"label": _("Catalogue"), "url": reverse("catalogue")}, {"label": title}],
    }
    return render(request, "compliance/catalogue_reviews.html", context)


@guarded(Verb.DECIDE_MAPPINGS, methods=("POST",))
def catalogue_review_close(request: Request, uuid: UUID) -> HttpResponse:
    """Close a review, saying what follows."""
    review = get_object_or_404(ControlReview, uuid=uuid)
    try:
        control_reviews.close_review(review=review, note=request.POST.get("note", ""), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("Your conclusion is recorded."))
    return redirect("catalogue-reviews")


urls = [
    path("catalogue/reviews/", catalogue_reviews, name="catalogue-reviews"),
    path("catalogue/reviews/<uuid:uuid>/", catalogue_review_close, name="catalogue-review-close"),
]
