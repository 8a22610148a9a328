"""All answers in one list: whose they are, by when, and how far they came."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Answer
from compliance.rights import Verb, visible
from compliance.selectors.answer_list import AnswerFilter, answer_list
from compliance.web.answer_forms import AnswerFilterForm
from compliance.web.base import Request, guarded, page_of
from compliance.web.exports import Column, Table, exported, table_of, wanted


def assessment_tabs(active: str) -> list[dict[str, object]]:
    """The lists of assessments, of answers, and of the reader's own answers."""
    places = (
        ("assessments", _("Assessments"), reverse("assessment-list")),
        ("answers", _("Answers"), reverse("answer-list")),
        ("mine", _("My answers"), f"{reverse('answer-list')}?who={AnswerFilterForm.ME}"),
    )
    return [{"label": label, "url": url, "active": name == active} for name, label, url in places]


def _asked(form: AnswerFilterForm) -> AnswerFilter:
    given = form.cleaned_data
    return AnswerFilter(
        whose=given.get("who", ""),
        state=given.get("state", ""),
        assessment=given["assessment"].uuid if given.get("assessment") else None,
        overdue_on=timezone.localdate() if given.get("overdue") else None,
    )


def _table(rows: QuerySet[Answer]) -> Table:
    columns = (
        Column(_("question"), lambda answer: answer.question.text),
        Column(_("assessment"), lambda answer: answer.assessment.title),
        Column(_("AI system"), lambda answer: answer.assessment.system.name),
        Column(_("state"), lambda answer: answer.get_state_display()),
        Column(_("answer"), lambda answer: answer.get_value_display() if answer.value else ""),
        Column(_("assignee"), lambda answer: answer.assignee or ""),
        Column(_("delegate"), lambda answer: answer.delegate or ""),
        Column(_("reviewer"), lambda answer: answer.reviewer or ""),
        Column(_("due on"), lambda answer: answer.due_on),
        Column(_("identifier"), lambda answer: str(answer.uuid)),
    )
    return table_of("answers", _("Answers"), columns, rows.iterator(chunk_size=500))


@guarded(Verb.VIEW)
def answers_shown(request: Request) -> HttpResponseBase:
    """Answers that the asker may see, due first; `?who=me` shows their own."""
    form = AnswerFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    asked = _asked(form)
    rows = visible(Answer.objects.all(), request.user)
    shown = answer_list(rows, asked, request.user)
    if wanted(request):
        return exported(request, _table(shown), form)
    is_mine = asked == AnswerFilter(whose=AnswerFilterForm.ME)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": asked != AnswerFilter(),
        "is_mine": is_mine,
        "tabs": assessment_tabs("mine" if is_mine else "answers"),
        "columns": [
            {"label": _("Question")},
            {"label": _("Assessment")},
            {"label": _("State")},
            {"label": _("Answer")},
            {"label": _("Assignee")},
            {"label": _("Reviewer")},
            {"label": _("Due on")},
        ],
    }
    return render(request, "compliance/answer_list.html", context)


urls = [path("assessments/answers/", answers_shown, name="answer-list")]
