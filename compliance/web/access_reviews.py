"""Access reviews: opened on a reading, decided principal by principal or in bulk, completed; and whether removals happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.choices import label as word
from compliance.models import AccessReview, AccessReviewLine, EntitlementReading, User
from compliance.rights import TABLE, Asker, Verb, may, systems_for
from compliance.selectors.access_review_page import (
    WAITING,
    ReviewFilter,
    confirmations,
    review_figures,
    review_lines,
    reviews,
)
from compliance.selectors.entitlement_page import readings
from compliance.services import access_reviews
from compliance.services.errors import RefusedError
from compliance.types.access_reviews import Decision
from compliance.types.entitlements import Reach
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, Table, exported, table_of, wanted
from compliance.web.forms import day_input

PER_PAGE = 300
_ANY = ("", _("any"))
ROWS = AccessReview.objects.select_related("system", "reviewer", "reading", "opened_by")
REVIEW_TABLE = (
    Column(_("AI system"), attrgetter("system.name")),
    Column(_("reading as of (UTC)"), attrgetter("reading.as_of")),
    Column(_("population"), attrgetter("population")),
    Column(_("reviewer"), attrgetter("reviewer")),
    Column(_("opened by"), attrgetter("opened_by")),
    Column(_("opened (UTC)"), attrgetter("created_at")),
    Column(_("due on"), attrgetter("due_on")),
    Column(_("removals due on"), attrgetter("removals_due_on")),
    Column(_("decided"), attrgetter("decided_count")),
    Column(_("completed (UTC)"), attrgetter("completed_at")),
    Column(_("statement"), attrgetter("statement")),
    Column(_("identifier"), attrgetter("uuid")),
)


class ReadingChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A reading by system and day."""

    def label_from_instance(self, obj: Any) -> str:
        """The reading in words."""
        return gettext("%(system)s, as of %(day)s") % {
            "system": obj.system.name,
            "day": f"{obj.as_of:%Y-%m-%d %H:%M} UTC",
        }


class OpenForm(forms.Form):
    """A new review."""

    reading = ReadingChoice(
        label=_("Reading"), queryset=EntitlementReading.objects.none(), to_field_name="uuid",
        help_text=_("Its principals are frozen as the population of the review."),
    )  # fmt: skip
    reviewer = forms.ModelChoiceField(
        label=_("Reviewer"), queryset=User.objects.none(), help_text=_("Only this person decides and completes it.")
    )
    due_on = forms.DateField(label=_("Review due on"), widget=day_input())
    removals_due_on = forms.DateField(
        label=_("Removals due on"),
        widget=day_input(),
        help_text=_("By then a later document must no longer list them."),
    )

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        reading, reviewer = self.fields["reading"], self.fields["reviewer"]
        if isinstance(reading, forms.ModelChoiceField):
            systems = systems_for(asker, Verb.REVIEW_ACCESS)
            reading.queryset = readings(asker).filter(system__in=systems)
        if isinstance(reviewer, forms.ModelChoiceField):
            reviewer.queryset = User.objects.filter(is_active=True, role__in=TABLE[Verb.REVIEW_ACCESS])


class LineFilter(forms.Form):
    """Filters of the lines of a review."""

    q = forms.CharField(label=_("Who, permission or platform"), required=False, max_length=200)
    decision = forms.ChoiceField(
        label=_("Decision"), required=False, choices=[_ANY, (WAITING, _("not decided")), *choices(Decision)]
    )
    reach = forms.ChoiceField(label=_("How far away"), required=False, choices=[_ANY, *choices(Reach)])
    used = forms.ChoiceField(
        label=_("Submitted in the year"), required=False, choices=[_ANY, ("yes", _("yes")), ("no", _("no"))]
    )

    @property
    def asked(self) -> ReviewFilter:
        """What the form asks for; a field that makes no sense is left out."""
        given = self.cleaned_data
        return ReviewFilter(
            text=given.get("q", ""),
            decision=given.get("decision", ""),
            reach=given.get("reach", ""),
            used=given.get("used", ""),
        )


@guarded(Verb.VIEW)
def access_review_list(request: Request) -> HttpResponseBase:
    """Every review, latest first."""
    rows = reviews(request.user)
    if wanted(request):
        return exported(request, table_of("access-reviews", gettext("Access reviews"), REVIEW_TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "today": timezone.now().date(),
        "may_open": may(request.user, Verb.REVIEW_ACCESS) and readings(request.user).exists(),
        "columns": [
            {"label": _("AI system")},
            {"label": _("Population")},
            {"label": _("Reviewer")},
            {"label": _("Due")},
            {"label": _("Decided"), "numeric": True},
            {"label": _("State")},
        ],
        "trail": [{"label": _("Who can submit"), "url": reverse("entitlements")}, {"label": _("Access reviews")}],
    }
    return render(request, "compliance/access_review_list.html", context)


@guarded(Verb.REVIEW_ACCESS, methods=("GET", "HEAD", "POST"))
def access_review_new(request: Request) -> HttpResponse:
    """Open a review."""
    today = timezone.localdate()
    start = {
        "reading": request.GET.get("reading", ""),
        "reviewer": request.user,
        "due_on": today + timedelta(days=14),
        "removals_due_on": today + timedelta(days=30),
    }
    form = OpenForm(asker=request.user, data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            review = access_reviews.open_review(**form.cleaned_data, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The review is open; its population no longer changes."))
            return redirect("access-review-detail", review.uuid)
    trail = [{"label": gettext("Access reviews"), "url": reverse("access-review-list")}, {"label": gettext("Open")}]
    return render(request, "compliance/access_review_new.html", {"form": form, "trail": trail})


def _table(review: AccessReview, rows: QuerySet[AccessReviewLine]) -> Table:
    heads = (
        _("who"), _("identifier"), _("kind"), _("how far away"), _("ways"), _("platforms"), _("permissions"),
        _("last submitted (UTC)"), _("decision"), _("reason"), _("decided by"), _("decided at (UTC)"), _("removal"),
        _("as of (UTC)"), _("late"),
    )  # fmt: skip
    title = gettext("Access review of %s") % review.system.name
    return Table(name="access-review", title=title, heads=heads, rows=_rows(review, rows))


def _rows(review: AccessReview, rows: QuerySet[AccessReviewLine]) -> Iterator[tuple[object, ...]]:
    lines = list(rows)
    told = confirmations(review, lines)
    for line in lines:
        removal = told.get(line.pk)
        yield (
            str(line.principal),
            line.principal.identifier or "",
            line.principal.kind,
            line.get_reach_display(),
            line.ways,
            "; ".join(line.platforms),
            "; ".join(line.actions),
            line.last_submitted_at,
            line.get_decision_display(),
            line.reason,
            str(line.decided_by or ""),
            line.decided_at,
            str(word(removal.state)) if removal else "",
            removal.reading.as_of if removal and removal.reading else None,
            (gettext("yes") if removal.is_late else gettext("no")) if removal else "",
        )


@guarded(Verb.VIEW)
def access_review_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One review: progress, lines, decisions, and what later readings say of removals."""
    review = found(request, ROWS, uuid)
    form = LineFilter(request.GET)
    form.is_valid()
    rows = review_lines(review, form.asked)
    if wanted(request):
        return exported(request, _table(review, rows), form)
    page = page_of(request, rows, per=PER_PAGE)
    lines = list(page)
    told = confirmations(review, lines)
    may_decide = (
        review.completed_at is None and review.reviewer == request.user and may(request.user, Verb.REVIEW_ACCESS)
    )
    context = {
        "review": review,
        "figures": review_figures(review),
        "form": form,
        "active": form.asked != ReviewFilter(),
        "page": page,
        "lines": [{"row": line, "removal": told.get(line.pk), "word": _removal_word(told, line)} for line in lines],
        "may_decide": may_decide,
        "query": request.GET.urlencode(),
        "columns": [
            *([{"label": _("Choose")}] if may_decide else []),
            {"label": _("Who")},
            {"label": _("How far away")},
            {"label": _("Permissions")},
            {"label": _("Last submitted")},
            {"label": _("Decision")},
        ],
        "trail": [
            {"label": _("Who can submit"), "url": reverse("entitlements")},
            {"label": _("Access reviews"), "url": reverse("access-review-list")},
            {"label": review.system.name},
        ],
    }
    return render(request, "compliance/access_review_detail.html", context)


def _removal_word(told: dict[int, Any], line: AccessReviewLine) -> str:
    removal = told.get(line.pk)
    return str(word(removal.state)) if removal else ""


def _chosen(request: Request, review: AccessReview) -> list[AccessReviewLine]:
    """The lines that were ticked, or all that the filter shows."""
    if request.POST.get("whom") == "all":
        form = LineFilter(request.POST)
        form.is_valid()
        return list(review_lines(review, form.asked))
    return list(review.lines.filter(uuid__in=_uuids(request.POST.getlist("line"))))


def _uuids(texts: list[str]) -> list[UUID]:
    found_ones = []
    for text in texts:
        try:
            found_ones.append(UUID(text))
        except ValueError:
            continue
    return found_ones


@guarded(Verb.REVIEW_ACCESS, methods=("POST",))
def access_review_decide(request: Request, uuid: UUID) -> HttpResponse:
    """Keep or remove those that were chosen."""
    review = found(request, ROWS, uuid)
    named = request.POST.get("act", "")
    try:
        if named not in set(Decision):
            raise RefusedError(gettext("Choose keep or remove."))
        count = access_reviews.decide(
            review=review,
            lines=_chosen(request, review),
            decision=Decision(named),
            reason=request.POST.get("reason", "")[:2000],
            actor=request.user,
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, ngettext("%d principal is decided.", "%d principals are decided.", count) % count)
    query = request.POST.get("back", "")
    answer = redirect("access-review-detail", uuid)
    if query:
        answer["Location"] += f"?{query}"
    return answer


@guarded(Verb.REVIEW_ACCESS, methods=("POST",))
def access_review_complete(request: Request, uuid: UUID) -> HttpResponse:
    """Complete the review."""
    review = found(request, ROWS, uuid)
    statement = request.POST.get("statement", "")[:5000]
    try:
        access_reviews.complete(review=review, statement=statement, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(
            request,
            gettext("The review is completed and no longer changes. Import later documents to confirm removals."),
        )
    return redirect("access-review-detail", uuid)


urls = [
    path("access-reviews/", access_review_list, name="access-review-list"),
    path("access-reviews/new/", access_review_new, name="access-review-new"),
    path("access-reviews/<uuid:uuid>/", access_review_detail, name="access-review-detail"),
    path("access-reviews/<uuid:uuid>/decide/", access_review_decide, name="access-review-decide"),
    path("access-reviews/<uuid:uuid>/complete/", access_review_complete, name="access-review-complete"),
]
