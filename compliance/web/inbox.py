"""One's inbox, what one is told and how often, and the address of one's calendar."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from compliance.choices import choices
from compliance.models import CalendarFeed, MailState, Notice, NoticeChoice
from compliance.rights import Verb, may, visible
from compliance.selectors import inbox as reading
from compliance.services import calendar_feeds, inbox
from compliance.services.errors import RefusedError
from compliance.types.notices import HowOften, MailTimes, NoticeKind
from compliance.web.base import Request, found, guarded, page_of, public, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

KINDS = choices(NoticeKind)
TABLE = (
    Column(_("told (UTC)"), lambda line: line.notice.created_at),
    Column(_("about"), lambda line: line.notice.get_kind_display()),
    Column(_("what"), lambda line: line.title),
    Column(_("how many"), lambda line: line.notice.count),
    Column(_("due on"), lambda line: line.notice.due_on),
    Column(_("read (UTC)"), lambda line: line.notice.read_at),
    Column(_("mailed (UTC)"), lambda line: line.notice.mailed_at),
)
_MOST_EXPORTED = 10_000
WEEKDAYS = tuple(
    enumerate((_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday")))
)


class InboxFilterForm(forms.Form):
    """Unread lines, or all; of one kind."""

    show = forms.ChoiceField(label=_("Show"), required=False, choices=[("", _("unread")), ("all", _("all"))])
    kind = forms.ChoiceField(label=_("About"), required=False, choices=[("", _("any")), *KINDS])


class ChoiceForm(forms.Form):
    """What somebody wants to be told, and how often by mail."""

    how_often = forms.ChoiceField(
        label=_("Mail"), choices=choices(HowOften), help_text=_("One message holds all there is; none is sent without.")
    )
    hour = forms.TypedChoiceField(
        label=_("From"), coerce=int, choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        help_text=_("By your own clock, for mail once a day or once a week."),
    )  # fmt: skip
    weekday = forms.TypedChoiceField(label=_("On"), coerce=int, choices=WEEKDAYS, help_text=_("For mail once a week."))
    mailed = forms.MultipleChoiceField(
        label=_("By mail"), choices=KINDS, required=False, widget=forms.CheckboxSelectMultiple()
    )
    shown = forms.MultipleChoiceField(
        label=_("As unread in the inbox"), choices=KINDS, required=False, widget=forms.CheckboxSelectMultiple()
    )

    @property
    def times(self) -> MailTimes:
        """When mail may go."""
        given = self.cleaned_data
        return MailTimes(how_often=HowOften(given["how_often"]), hour=given["hour"], weekday=given["weekday"])

    def kinds(self, field: str) -> list[NoticeKind]:
        """The kinds that are ticked."""
        return [NoticeKind(kind) for kind in self.cleaned_data[field]]


@guarded(Verb.OWN_NOTICES)
def inbox_page(request: Request) -> HttpResponseBase:
    """What one is told, the newest first; unread lines unless all are asked for."""
    form = InboxFilterForm(request.GET)
    form.is_valid()
    given, rows = form.cleaned_data, visible(reading.inbox(request.user), request.user)
    total = rows.count()
    if given.get("show") != "all":
        rows = rows.filter(read_at=None)
    if given.get("kind"):
        rows = rows.filter(kind=given["kind"])
    if wanted(request):
        shown = reading.lines(rows[:_MOST_EXPORTED], request.user)
        return exported(request, table_of("inbox", gettext("Inbox"), TABLE, shown), form)
    page = page_of(request, rows)
    context = {
        "page": page,
        "lines": reading.lines(page.object_list, request.user),
        "total": total,
        "unread": reading.unread(request.user),
        "mail": MailState.objects.filter(user=request.user, failures__gt=0).first(),
        "form": form,
        "active": bool(given.get("show") or given.get("kind")),
        "columns": [{"label": _("What")}, {"label": _("About")}, {"label": _("When")}, {"label": _("Done")}],
    }
    return render(request, "compliance/inbox.html", context)


@guarded(Verb.OWN_NOTICES, methods=("POST",))
def notice_read(request: Request, uuid: UUID) -> HttpResponse:
    """Mark one line as read, or as unread again."""
    notice = found(request, Notice.objects.all(), uuid)
    if notice.read_at is None:
        inbox.mark_read(user=request.user, notices=[notice.uuid])
    else:
        inbox.mark_unread(user=request.user, notice=notice.uuid)
    return redirect(f"{reverse('inbox')}{'?show=all' if notice.read_at else ''}")


@guarded(Verb.OWN_NOTICES, methods=("POST",))
def inbox_read(request: Request) -> HttpResponse:
    """Mark everything as read."""
    inbox.mark_read(user=request.user)
    say(request, gettext("Everything is marked as read."))
    return redirect("inbox")


@guarded(Verb.OWN_NOTICES, methods=("GET", "HEAD", "POST"))
def notice_choices(request: Request) -> HttpResponse:
    """What one is told, and how often by mail; and the calendar."""
    choice = NoticeChoice.objects.filter(user=request.user).first() or NoticeChoice(user=request.user)
    start = {
        "how_often": choice.how_often,
        "hour": choice.hour,
        "weekday": choice.weekday,
        "mailed": [kind.value for kind in NoticeKind if kind.value not in choice.not_mailed],
        "shown": [kind.value for kind in NoticeKind if kind.value not in choice.not_shown],
    }
    form = ChoiceForm(request.POST) if request.method == "POST" else ChoiceForm(initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            inbox.choose(user=request.user, times=form.times, mailed=form.kinds("mailed"), shown=form.kinds("shown"))
        except RefusedError as error:
            refuse(request, error)
        else:
            say(request, gettext("Your choice counts from now on."))
            return redirect("notice-choices")
    trail = [{"label": _("Inbox"), "url": reverse("inbox")}, {"label": _("What you are told")}]
    feed = CalendarFeed.objects.filter(user=request.user).first()
    may_lead = may(request.user, Verb.OPEN_REMEDIATION)
    shown = {"form": form, "trail": trail, "feed": feed, "may_lead": may_lead}
    return render(request, "compliance/notice_choices.html", shown, status=422 if form.errors else 200)


# The calendar ---------------------------------------------------------------------------------------------------------


@guarded(Verb.OWN_NOTICES, methods=("POST",))
def calendar_renew(request: Request) -> HttpResponse:
    """A new address, shown on this answer alone."""
    everything = request.POST.get("everything") == "on" and may(request.user, Verb.OPEN_REMEDIATION)
    secret = calendar_feeds.renew(user=request.user, everything=everything)
    address = request.build_absolute_uri(reverse("calendar-feed", args=[secret]))
    trail = [
        {"label": _("Inbox"), "url": reverse("inbox")},
        {"label": _("What you are told"), "url": reverse("notice-choices")},
        {"label": _("Calendar")},
    ]
    response = render(request, "compliance/calendar_made.html", {"address": address, "trail": trail})
    response["Cache-Control"] = "no-store"
    return response


@guarded(Verb.OWN_NOTICES, methods=("POST",))
def calendar_end(request: Request) -> HttpResponse:
    """No address leads to one's calendar any more."""
    calendar_feeds.end(user=request.user)
    say(request, gettext("The address of your calendar leads nowhere from now on."))
    return redirect("notice-choices")


@public
@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The calendar behind a secret address; what is no such address, or was one, answers 404."""
    feed = calendar_feeds.feed_behind(secret)
    if feed is None:
        raise Http404
    response = HttpResponse(calendar_feeds.written(feed), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="assay.ics"'
    response["Cache-Control"] = "private, no-store"
    return response


urls = [
    path("inbox/", inbox_page, name="inbox"),
    path("inbox/read/", inbox_read, name="inbox-read"),
    path("inbox/<uuid:uuid>/read/", notice_read, name="notice-read"),
    path("inbox/choices/", notice_choices, name="notice-choices"),
    path("inbox/calendar/", calendar_renew, name="calendar-renew"),
    path("inbox/calendar/end/", calendar_end, name="calendar-end"),
    path("calendar/<str:secret>.ics", calendar_feed, name="calendar-feed"),
]
