"""The forms that open items from the playbook: for which AI system, then which tasks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, User
from compliance.rights import Asker, visible
from compliance.selectors.playbook import Task, open_items
from compliance.selectors.workers import workers_on
from compliance.web.choosing import Choosing, choosing
from compliance.web.forms import day_input
from compliance.web.remediation_forms import put_rows, team_field

WEEKS = 6  # the first guess of a due date


class OpeningForm(forms.Form):
    """For which AI system the tasks are opened."""

    system = Choosing("system", label=_("AI system"), empty_label=_("choose"))

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        choosing(self, "system").offer(visible(AISystem.objects.order_by("name"), asker))


class PlaybookForm(forms.Form):
    """Which tasks, for whom and by when."""

    tasks = forms.MultipleChoiceField(label=_("Tasks"), widget=forms.CheckboxSelectMultiple)
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=User.objects.none(),
        to_field_name="uuid",
        empty_label=_("choose"),
        help_text=_("One person who answers for them; each item can be given to another afterwards."),
    )
    team = team_field()
    due_on = forms.DateField(
        label=_("Due on"), widget=day_input(), help_text=_("The steps are spread over the time until then.")
    )

    def __init__(self, *, system: AISystem, tasks: Iterable[Task], data: Any = None) -> None:
        offered = [(task.key, task.title) for task in tasks]
        there = set(open_items(system).values_list("playbook_task", flat=True))
        first = {
            "due_on": timezone.localdate() + timedelta(weeks=WEEKS),
            "tasks": [key for key, _title in offered if key not in there],
        }
        super().__init__(data, initial=first)
        put_rows(self, "owner", workers_on(system))
        field = self.fields["tasks"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = offered
