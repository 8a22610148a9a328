"""One question of an assessment: write, attach, submit, decide."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import Answer, Assessment, EvidenceLink
from compliance.rights import Verb, may, visible
from compliance.selectors.assessment_page import question_page
from compliance.services import answers, evidence
from compliance.services.errors import RefusedError
from compliance.types.states import AnswerState
from compliance.web.base import Request, found, guarded, refuse, say, uuid_of
from compliance.web.forms import AnswerForm, AttachForm, DecisionForm, NameFindingForm

ASSESSMENTS = Assessment.objects.select_related("system", "technique")


def _answer(request: Request, uuid: UUID, number: int) -> Answer:
    assessment = found(request, ASSESSMENTS, uuid)
    answer = assessment.answers.select_related("question", "assessment__system").filter(question__number=number).first()
    if answer is None:
        raise Http404
    return answer


def _asked(answer: Answer) -> list[dict[str, str]]:
    """The structured claims that a question asks for."""
    claims: list[dict[str, str]] = answer.question.facts.get("claims", [])
    return claims


def _form(answer: Answer) -> AnswerForm:
    claims = {f"{AnswerForm.CLAIM_PREFIX}{key}": value for key, value in answer.claims.items()}
    written = {"value": answer.value, "statement": answer.statement, "reason": answer.reason, "version": answer.version}
    return AnswerForm(asked=_asked(answer), initial={**written, **claims})


def _render(request: Request, answer: Answer, form: AnswerForm, status: int = 200) -> HttpResponse:
    assessment, user = answer.assessment, request.user
    is_open = not assessment.is_frozen
    content = question_page(assessment, answer.question.number)
    context = {
        "assessment": assessment,
        "content": content,
        "form": form,
        "attach": AttachForm(asker=user, system=assessment.system),
        "name_finding": NameFindingForm(asker=user, system=assessment.system),
        "decision": DecisionForm(),
        "gaps": answers.gaps(answer) if answer.value else [],
        "may_write": is_open and may(user, Verb.WRITE_ANSWER),
        "may_submit": is_open
        and may(user, Verb.WRITE_ANSWER)
        and answer.state in {AnswerState.DRAFT, AnswerState.RETURNED},
        "may_decide": is_open and may(user, Verb.APPROVE_ANSWER) and answer.state == AnswerState.SUBMITTED,
        "findings": visible(answer.findings.all(), user),
        "trail": [
            {"label": _("Assessments"), "url": reverse("assessment-list")},
            {"label": assessment.title, "url": reverse("assessment-detail", args=[assessment.uuid])},
            {"label": _("Question %d") % answer.question.number},
        ],
    }
    return render(request, "compliance/question_detail.html", context, status=status)


@guarded(Verb.VIEW)
def question_detail(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """The question, its answer, and what the evidence says."""
    answer = _answer(request, uuid, number)
    return _render(request, answer, _form(answer))


@guarded(Verb.WRITE_ANSWER, methods=("POST",))
def question_write(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Save the answer as a draft."""
    answer = _answer(request, uuid, number)
    form = AnswerForm(asked=_asked(answer), data=request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            answers.write(
                answer=answer,
                value=given["value"],
                statement=given["statement"],
                reason=given["reason"],
                claims=form.claims,
                actor=request.user,
                expected_version=given["version"],
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The answer is saved as a draft."))
            return redirect("question-detail", uuid, number)
    return _render(request, answer, form, status=422)


def _act(request: Request, uuid: UUID, number: int, act: Callable[[Answer], object], done: str) -> HttpResponse:
    """One verb on the answer, then back to its page."""
    try:
        act(_answer(request, uuid, number))
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    return redirect("question-detail", uuid, number)


@guarded(Verb.WRITE_ANSWER, methods=("POST",))
def question_submit(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Send for review."""
    done = _("The answer is in review; a second person decides it.")
    return _act(request, uuid, number, lambda answer: answers.submit(answer=answer, actor=request.user), done)


@guarded(Verb.APPROVE_ANSWER, methods=("POST",))
def question_approve(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Approve as a second person."""
    comment = request.POST.get("comment", "")[:5000]
    done = _("The answer is approved.")
    return _act(
        request,
        uuid,
        number,
        lambda answer: answers.approve(answer=answer, actor=request.user, comment=comment),
        done,
    )


@guarded(Verb.APPROVE_ANSWER, methods=("POST",))
def question_return(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Return to the author with a word."""
    comment = request.POST.get("comment", "")[:5000]
    done = _("The answer went back to its author.")
    return _act(
        request,
        uuid,
        number,
        lambda answer: answers.send_back(answer=answer, actor=request.user, comment=comment),
        done,
    )


@guarded(Verb.LINK_EVIDENCE, methods=("POST",))
def question_attach(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Attach evidence already collected."""
    answer = _answer(request, uuid, number)
    form = AttachForm(asker=request.user, system=answer.assessment.system, data=request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose a piece of evidence to attach.")))
        return redirect("question-detail", uuid, number)
    given = form.cleaned_data
    return _act(
        request,
        uuid,
        number,
        lambda target: evidence.link(evidence=given["evidence"], target=target, actor=request.user, note=given["note"]),
        _("The evidence is attached."),
    )


@guarded(Verb.LINK_EVIDENCE, methods=("POST",))
def question_detach(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Take evidence away from an open answer."""
    answer = _answer(request, uuid, number)
    entry = found(request, EvidenceLink.objects.filter(answer=answer), uuid_of(request.POST.get("link")))
    return _act(
        request,
        uuid,
        number,
        lambda _answer: evidence.unlink(entry=entry, actor=request.user),
        _("The evidence is no longer attached."),
    )


@guarded(Verb.WRITE_ANSWER, methods=("POST",))
def question_finding(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Name the finding that explains a partly or no."""
    answer = _answer(request, uuid, number)
    form = NameFindingForm(asker=request.user, system=answer.assessment.system, data=request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose a finding to name.")))
        return redirect("question-detail", uuid, number)
    finding = form.cleaned_data["finding"]
    return _act(
        request,
        uuid,
        number,
        lambda target: answers.link_finding(answer=target, finding=finding, actor=request.user),
        _("The finding is named in the answer."),
    )


_BASE = "assessments/<uuid:uuid>/questions/<int:number>/"
urls = [
    path(_BASE, question_detail, name="question-detail"),
    path(f"{_BASE}write/", question_write, name="question-write"),
    path(f"{_BASE}submit/", question_submit, name="question-submit"),
    path(f"{_BASE}approve/", question_approve, name="question-approve"),
    path(f"{_BASE}return/", question_return, name="question-return"),
    path(f"{_BASE}attach/", question_attach, name="question-attach"),
    path(f"{_BASE}detach/", question_detach, name="question-detach"),
    path(f"{_BASE}finding/", question_finding, name="question-finding"),
]
