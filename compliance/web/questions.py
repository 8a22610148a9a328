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
from compliance.selectors.assessment_page import QuestionPage, question_page
from compliance.services import answer_work, answers, evidence
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.states import AnswerState
from compliance.web.answer_conflict import side_by_side
from compliance.web.answer_forms import AloneForm, AssignForm, DecisionForm, DelegateForm
from compliance.web.base import Request, found, guarded, refuse, say, uuid_of
from compliance.web.forms import AnswerForm, AttachForm, NameFindingForm

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


def _rights(request: Request, answer: Answer, page: QuestionPage) -> dict[str, object]:
    """What the person in front may do with the answer as it stands, and why an approval no longer holds."""
    user, is_open = request.user, not answer.assessment.is_frozen
    writes = is_open and may(user, Verb.WRITE_ANSWER)
    in_review = is_open and answer.state == AnswerState.SUBMITTED
    decides = in_review and may(user, Verb.APPROVE_ANSWER)
    has_worked = decides and answers.has_worked_on(answer, user)
    stale = page.other_evidence or page.unjustified
    return {
        "may_write": writes,
        "may_submit": writes and (answer.state in {AnswerState.DRAFT, AnswerState.RETURNED} or bool(stale)),
        "may_decide": decides and not has_worked and answer.reviewer in {None, user},
        "may_decide_alone": has_worked and not answers.other_deciders(answer),
        "waits_for_second": has_worked,
        "may_assign": is_open and may(user, Verb.ASSIGN_ANSWER),
        "may_delegate": writes and answer.assignee == user,
    }


def _render(request: Request, answer: Answer, form: AnswerForm, conflict: ConflictError | None = None) -> HttpResponse:
    """The page; 422 with a wrong form, 409 when somebody else wrote meanwhile."""
    assessment, user = answer.assessment, request.user
    content = question_page(assessment, answer.question.number)
    if content is None:
        raise Http404
    contradicted = bool(content.says.contradictions)
    context = {
        "assessment": assessment,
        "content": content,
        "form": form,
        "conflict": conflict,
        "both": side_by_side(conflict, form) if conflict else [],
        "both_columns": [{"label": _("Field")}, {"label": _("Saved meanwhile")}, {"label": _("Yours, not saved")}],
        "attach": AttachForm(asker=user, system=assessment.system),
        "name_finding": NameFindingForm(asker=user, system=assessment.system),
        "decision": DecisionForm(contradicted=contradicted),
        "alone": AloneForm(contradicted=contradicted),
        "assign": AssignForm(answer=content.answer),
        "hand_over": DelegateForm(answer=content.answer),
        "gaps": answers.gaps(answer) if answer.value else [],
        "findings": visible(answer.findings.all(), user),
        "trail": [
            {"label": _("Assessments"), "url": reverse("assessment-list")},
            {"label": assessment.title, "url": reverse("assessment-detail", args=[assessment.uuid])},
            {"label": _("Question %d") % answer.question.number},
        ],
        **_rights(request, content.answer, content),
    }
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "compliance/question_detail.html", context, status=status)


@guarded(Verb.VIEW)
def question_detail(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """The question, its answer, and what the evidence says."""
    answer = _answer(request, uuid, number)
    return _render(request, answer, _form(answer))


@guarded(Verb.WRITE_ANSWER, methods=("POST",))
def question_write(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Save the answer as a draft; where somebody else wrote meanwhile, show both and keep what was typed."""
    answer = _answer(request, uuid, number)
    form = AnswerForm(asked=_asked(answer), data=request.POST)
    if not form.is_valid():
        return _render(request, answer, form)
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
    except ConflictError as error:
        kept = request.POST.copy()
        kept["version"] = str(error.version)  # whoever saves now has seen both
        form = AnswerForm(asked=_asked(answer), data=kept)
        form.is_valid()
        form.add_error(None, str(error))
        return _render(request, answer, form, conflict=error)
    except RefusedError as error:
        form.add_error(None, str(error))
        return _render(request, answer, form)
    say(request, _("The answer is saved as a draft."))
    return redirect("question-detail", uuid, number)


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


def _text(request: Request, name: str) -> str:
    """What somebody typed into a short field, as far as it is kept."""
    return request.POST.get(name, "")[:5000]


@guarded(Verb.APPROVE_ANSWER, methods=("POST",))
def question_approve(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Approve as a second person, over a contradiction with a reason."""
    comment, why = _text(request, "comment"), _text(request, "justification")
    return _act(
        request,
        uuid,
        number,
        lambda answer: answers.approve(answer=answer, actor=request.user, comment=comment, justification=why),
        _("The answer is approved."),
    )


@guarded(Verb.APPROVE_ANSWER, methods=("POST",))
def question_approve_alone(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Approve where nobody else can, with the reason that the pack prints."""
    reason, why = _text(request, "reason"), _text(request, "justification")
    return _act(
        request,
        uuid,
        number,
        lambda answer: answers.approve_alone(answer=answer, actor=request.user, reason=reason, justification=why),
        _("The answer is approved, and marked “not independently approved”."),
    )


@guarded(Verb.ASSIGN_ANSWER, methods=("POST",))
def question_assign(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Say who answers, who stands in, who reviews and by when."""
    form = AssignForm(answer=_answer(request, uuid, number), data=request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose people from the lists and a day from the calendar.")))
        return redirect("question-detail", uuid, number)
    given = form.cleaned_data
    return _act(
        request,
        uuid,
        number,
        lambda answer: answer_work.assign(
            answer=answer,
            assignee=given["assignee"],
            delegate=given["delegate"],
            reviewer=given["reviewer"],
            due_on=given["due_on"],
            actor=request.user,
        ),
        _("Who does what is on record."),
    )


@guarded(Verb.WRITE_ANSWER, methods=("POST",))
def question_delegate(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Hand the writing to somebody, as the assignee."""
    form = DelegateForm(answer=_answer(request, uuid, number), data=request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose a person from the list.")))
        return redirect("question-detail", uuid, number)
    to = form.cleaned_data["delegate"]
    return _act(
        request,
        uuid,
        number,
        lambda answer: answer_work.delegate(answer=answer, to=to, actor=request.user),
        _("Who writes the answer is on record."),
    )


@guarded(Verb.APPROVE_ANSWER, methods=("POST",))
def question_return(request: Request, uuid: UUID, number: int) -> HttpResponse:
    """Return to the author with a word."""
    comment = _text(request, "comment")
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
    path(f"{_BASE}approve-alone/", question_approve_alone, name="question-approve-alone"),
    path(f"{_BASE}assign/", question_assign, name="question-assign"),
    path(f"{_BASE}delegate/", question_delegate, name="question-delegate"),
    path(f"{_BASE}return/", question_return, name="question-return"),
    path(f"{_BASE}attach/", question_attach, name="question-attach"),
    path(f"{_BASE}detach/", question_detach, name="question-detach"),
    path(f"{_BASE}finding/", question_finding, name="question-finding"),
]
