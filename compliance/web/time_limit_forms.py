"""Forms of time limits and calendars."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, label
from compliance.models import AISystem, BusinessCalendar, SlaPolicy
from compliance.services.time_limits import MOST_HOLIDAYS, CalendarDraft
from compliance.types.business_time import Hours
from compliance.types.sla import MOST_HOURS, Limit, SlaUnit
from compliance.types.states import Severity
from compliance.web.choosing import ChoosingSome, choosing

DAYS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
_SPAN = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4]):([0-5]\d)")
_USUAL = "09:00-17:00"
# What the form begins with before there are limits: common in practice, and nobody's until somebody puts it in force.
_FIRST = {
    Severity.CRITICAL: (7, SlaUnit.DAYS),
    Severity.HIGH: (30, SlaUnit.DAYS),
    Severity.MEDIUM: (90, SlaUnit.DAYS),
    Severity.LOW: (180, SlaUnit.DAYS),
}


class LimitsForm(forms.Form):
    """A limit for each severity; one left empty has none."""

    near_percent = forms.IntegerField(
        label=_("Near from, in percent of the limit"), min_value=1, max_value=99, initial=80,
        help_text=_("From then on a finding is shown as near its limit, and whoever works on it is told."),
    )  # fmt: skip
    calendar = forms.ChoiceField(
        label=_("Calendar"), help_text=_("Working hours count by it, unless an AI system keeps a calendar of its own.")
    )
    reason = forms.CharField(
        label=_("Why"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed when limits change. The wordings before stay in the history."),
    )  # fmt: skip

    def __init__(self, *, now: SlaPolicy | None, calendars: dict[str, BusinessCalendar], data: Any = None) -> None:
        initial = {"near_percent": now.near_percent, "calendar": now.calendar_key} if now else {}
        super().__init__(data, initial=initial)
        field = self.fields["calendar"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(key, row.title) for key, row in calendars.items()]
        rest = dict(self.fields)
        self.fields.clear()
        for severity in Severity:
            self._add(severity, now)
        self.fields.update(rest)

    def _add(self, severity: Severity, now: SlaPolicy | None) -> None:
        limit = now.limit_of(severity) if now else None
        first = _FIRST.get(severity) if now is None else None
        amount, unit = (limit.amount, limit.unit) if limit else first or (None, SlaUnit.DAYS)
        name = label(severity)
        self.fields[f"{severity}_amount"] = forms.IntegerField(
            label=name, required=False, min_value=1, max_value=MOST_HOURS, initial=amount
        )
        self.fields[f"{severity}_unit"] = forms.ChoiceField(
            label=_("%s, counted in") % name, choices=choices(SlaUnit), initial=unit.value
        )

    @property
    def limits(self) -> list[Limit]:
        """Those that are stated."""
        given = self.cleaned_data
        return [
            Limit(severity=severity, amount=given[f"{severity}_amount"], unit=SlaUnit(given[f"{severity}_unit"]))
            for severity in Severity
            if given[f"{severity}_amount"]
        ]


class CalendarForm(forms.Form):
    """A wording of a calendar. Hours are typed as “09:00-12:30, 13:30-17:00”; a day without hours is free."""

    key = forms.SlugField(
        label=_("Key"),
        max_length=50,
        help_text=_("Small letters, digits and hyphens; it never changes. Such as berlin."),
    )
    title = forms.CharField(label=_("Name"), max_length=100)
    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"],
        initial="UTC",
    )
    holidays = forms.CharField(
        label=_("Holidays"), required=False, widget=forms.Textarea(attrs={"rows": 6}), max_length=20_000,
        help_text=_("One day on each line, as 2026-12-25. Nothing counts on these days."),
    )  # fmt: skip
    systems = ChoosingSome(
        "system",
        label=_("AI systems that keep it"),
        required=False,
        help_text=_("All others keep the calendar that the limits name."),
    )

    def __init__(self, *, now: BusinessCalendar | None = None, data: Any = None) -> None:
        super().__init__(data, initial=_initial(now) if now else {})
        choosing(self, "systems").offer(AISystem.objects.order_by("name"))
        if now is not None:
            del self.fields["key"]
        rest = {name: self.fields.pop(name) for name in ("holidays", "systems")}
        for n, day in enumerate(DAYS):
            self.fields[f"hours_{n}"] = forms.CharField(
                label=day, required=False, max_length=200, initial=_USUAL if now is None and n < 5 else "",
                help_text=_("Working hours, such as 09:00-12:30, 13:30-17:00; empty for a free day.") if n == 0 else "",
            )  # fmt: skip
        self.fields.update(rest)

    def clean(self) -> dict[str, Any]:
        """Hours and holidays as what they mean."""
        given = super().clean() or {}
        given["hours"] = [span for n in range(7) for span in self._hours(n, given.get(f"hours_{n}", ""))]
        given["days"] = self._days(given.get("holidays", ""))
        return given

    def _hours(self, weekday: int, text: str) -> list[Hours]:
        found = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = _SPAN.fullmatch(part)
            if match is None:
                self.add_error(f"hours_{weekday}", gettext("Write hours as 09:00-17:00, several with commas between."))
                return []
            start_hour, start_minute, end_hour, end_minute = map(int, match.groups())
            start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
            found.append(Hours(weekday=weekday, start=start, end=end))
        return found

    def _days(self, text: str) -> list[date]:
        days = []
        for line in filter(None, (line.strip() for line in text.splitlines())):
            try:
                days.append(date.fromisoformat(line))
            except ValueError:
                self.add_error("holidays", gettext("“%s” is no day: write it as 2026-12-25.") % line[:30])
                return []
        if len(days) > MOST_HOLIDAYS:
            self.add_error("holidays", gettext("A calendar has at most %d holidays.") % MOST_HOLIDAYS)
        return days

    @property
    def draft(self) -> CalendarDraft:
        """The wording as the service takes it."""
        given = self.cleaned_data
        return CalendarDraft(
            title=given["title"],
            zone=given["zone"],
            hours=given["hours"],
            holidays=given["days"],
            systems=tuple(given["systems"]),
        )


def _initial(now: BusinessCalendar) -> dict[str, Any]:
    hours = {f"hours_{n}": hours_text(now, n) for n in range(7)}
    return {
        "title": now.title, "zone": now.zone, "holidays": "\n".join(now.holidays), "systems": now.systems, **hours,
    }  # fmt: skip


def hours_text(calendar: BusinessCalendar, weekday: int) -> str:
    """The hours of one day as they are typed."""
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for day, start, end in calendar.hours if day == weekday)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
