"""Who answers a question, who stands in for them, who reviews it, and by when."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import Answer, AnswerRevision, User
from compliance.rights import Verb, may, systems_for
from compliance.services import ledger
from compliance.services.answers import has_worked_on, locked, snapshot
from compliance.services.errors import RefusedError


def _refuse_writer(answer: Answer, user: User) -> None:
    system = answer.assessment.system
    if not systems_for(user, Verb.WRITE_ANSWER).filter(pk=system.pk).exists():
        raise RefusedError(
            _("%(name)s may not write answers for %(system)s: choose an officer, or a contributor on that system.")
            % {"name": user.name, "system": system.name}
        )


def _refuse_reviewer(answer: Answer, user: User, *, writers: set[User]) -> None:
    if not may(user, Verb.APPROVE_ANSWER):
        raise RefusedError(_("%s may not approve answers: choose an officer or a manager.") % user.name)
    if user in writers or has_worked_on(answer, user):
        raise RefusedError(_("%s works on this answer; a second person has to review it.") % user.name)


def _keep(answer: Answer, *, act: str, actor: User, comment: str) -> None:
    """Save who does what; the words stay, so the version does too."""
    answer.save(update_fields=["assignee", "delegate", "reviewer", "due_on"])
    AnswerRevision.objects.create(
        answer=answer, version=answer.version, act=act, actor=actor, snapshot=snapshot(answer), comment=comment
    )
    people = {"assignee": answer.assignee, "delegate": answer.delegate, "reviewer": answer.reviewer}
    ledger.record(
        kind=f"answer.{act}",
        subject=answer,
        payload={
            **{place: str(user.uuid) if user else "" for place, user in people.items()},
            "due_on": answer.due_on.isoformat() if answer.due_on else "",
            "version": answer.version,
        },
        actor=actor,
        system=answer.assessment.system,
    )


def _in_words(answer: Answer) -> str:
    nobody = _("nobody")
    told = _("Assignee %(assignee)s, delegate %(delegate)s, reviewer %(reviewer)s, due %(due)s.")
    return told % {
        "assignee": answer.assignee or nobody,
        "delegate": answer.delegate or nobody,
        "reviewer": answer.reviewer or nobody,
        "due": answer.due_on.isoformat() if answer.due_on else _("on no day"),
    }


@transaction.atomic
def assign(
    *,
    answer: Answer,
    assignee: User | None,
    delegate: User | None,
    reviewer: User | None,
    due_on: date | None,
    actor: User,
) -> Answer:
    """Say who answers, who stands in, who reviews and by when; the same again is no act."""
    fresh = locked(answer)
    wanted = (assignee, delegate, reviewer, due_on)
    if wanted == (fresh.assignee, fresh.delegate, fresh.reviewer, fresh.due_on):
        return fresh
    if delegate and not assignee:
        raise RefusedError(_("A delegate stands in for an assignee: name the assignee too."))
    if delegate and delegate == assignee:
        raise RefusedError(_("The delegate is the assignee: name another person, or none."))
    writers = {user for user in (assignee, delegate) if user}
    for user in writers:
        _refuse_writer(fresh, user)
    if reviewer:
        _refuse_reviewer(fresh, reviewer, writers=writers)
    fresh.assignee, fresh.delegate, fresh.reviewer, fresh.due_on = wanted
    _keep(fresh, act="assigned", actor=actor, comment=_in_words(fresh))
    return fresh


@transaction.atomic
def delegate(*, answer: Answer, to: User | None, actor: User) -> Answer:
    """Hand the writing to somebody, or take it back; the assignee alone does so, and still answers for it."""
    fresh = locked(answer)
    if fresh.assignee != actor:
        raise RefusedError(_("Only the assignee hands an answer to a delegate."))
    if to == fresh.delegate:
        return fresh
    if to == actor or (to and to == fresh.reviewer):
        raise RefusedError(_("Choose somebody who neither is the assignee nor reviews the answer."))
    if to:
        _refuse_writer(fresh, to)
    fresh.delegate = to
    _keep(fresh, act="delegated", actor=actor, comment=_in_words(fresh))
    return fresh
