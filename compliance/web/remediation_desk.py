"""What people keep with a remediation item: comments, and attachments as evidence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import RemediationItem
from compliance.rights import Verb, may
from compliance.selectors.remediation_talk import talk
from compliance.services import evidence, remediation_comments
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, refuse, say
from compliance.web.forms import AttachForm

ROWS = RemediationItem.objects.select_related("system")


class CommentForm(forms.Form):
    """A comment."""

    text = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=remediation_comments.LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Stays as you write it. Everybody who sees the item can read it."),
    )


class AttachmentForm(forms.Form):
    """A file to keep as evidence and attach at once."""

    file = forms.FileField(label=gettext_lazy("File"), max_length=300, allow_empty_file=False)
    note = forms.CharField(label=gettext_lazy("What it shows"), required=False, max_length=1000)

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, auto_id="attachment_%s")


def desk_of(request: Request, item: RemediationItem) -> dict[str, Any]:
    """What the item's page shows of comments and attachments, and the forms that its reader may use."""
    may_link = may(request.user, Verb.ATTACH_TO_WORK)
    return {
        "talk": talk(item, request.user, everything=request.GET.get("comments") == "all"),
        "comment": CommentForm() if may(request.user, Verb.WORK_REMEDIATION) else None,
        "attach": AttachForm(asker=request.user, system=item.system) if may_link else None,
        "attachment": AttachmentForm() if may_link else None,
    }


def _back(item: RemediationItem, place: str) -> HttpResponse:
    return redirect(f"{reverse('remediation-item', args=[item.uuid])}#{place}")


def _first_error(form: forms.Form) -> RefusedError:
    return RefusedError(next(str(words) for errors in form.errors.values() for words in errors))


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_comment(request: Request, uuid: UUID) -> HttpResponse:
    """Write a comment."""
    item = found(request, ROWS, uuid)
    try:
        remediation_comments.write(item=item, text=request.POST.get("text", ""), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The comment is on record."))
    return _back(item, "comments")


@guarded(Verb.ATTACH_TO_WORK, methods=("POST",))
def remediation_attach(request: Request, uuid: UUID) -> HttpResponse:
    """Attach evidence already collected."""
    item = found(request, ROWS, uuid)
    form = AttachForm(asker=request.user, system=item.system, data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose a piece of evidence to attach."))
        given = form.cleaned_data
        evidence.link(evidence=given["evidence"], target=item, actor=request.user, note=given["note"])
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The evidence is attached."))
    return _back(item, "attachments")


@guarded(Verb.ATTACH_TO_WORK, methods=("POST",))
def remediation_upload(request: Request, uuid: UUID) -> HttpResponse:
    """Keep a file as evidence of the item's system, and attach it."""
    item = found(request, ROWS, uuid)
    form = AttachmentForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            raise _first_error(form)
        upload = form.cleaned_data["file"]
        evidence.attach_file(
            item=item,
            stream=upload.file,
            filename=upload.name,
            declared_type=upload.content_type or "",
            note=form.cleaned_data["note"],
            actor=request.user,
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The file is kept as evidence and attached."))
    return _back(item, "attachments")


urls = [
    path("remediation/<uuid:uuid>/comments/", remediation_comment, name="remediation-comment"),
    path("remediation/<uuid:uuid>/attach/", remediation_attach, name="remediation-attach"),
    path("remediation/<uuid:uuid>/upload/", remediation_upload, name="remediation-upload"),
]
