"""Work-paper notes: an auditor's own, sealed under their passphrase. There is no endpoint: a token must not open them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.models import Engagement, WorkPaperKey, WorkPaperNote
from compliance.rights import Verb, visible
from compliance.services import work_papers
from compliance.services.errors import RefusedError
from compliance.services.work_papers import NoteText
from compliance.web import opened_notes
from compliance.web.base import Request, found, guarded, page_of, refuse, say

ROWS = WorkPaperNote.objects.select_related("engagement", "author").order_by("-changed_at", "-pk")


def _secret(label: Any, kind: str, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": kind}, render_value=False)
    return forms.CharField(label=label, widget=widget, max_length=1_000, strip=False, help_text=help_text)


def _compare(form: forms.Form, given: dict[str, Any]) -> None:
    if given.get("again") and given.get("passphrase") != given["again"]:
        form.add_error("again", _("The two differ."))


class KeyForm(forms.Form):
    """A passphrase for the first time, twice, and that its loss is understood."""

    passphrase = _secret(
        gettext_lazy("Passphrase"), "new-password", gettext_lazy("At least 15 characters: several words.")
    )
    again = _secret(gettext_lazy("Passphrase, again"), "new-password")
    understood = forms.BooleanField(
        label=gettext_lazy("I know that nobody can open my notes if I lose the passphrase.")
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        given = super().clean() or {}
        _compare(self, given)
        return given


class OpenForm(forms.Form):
    """The passphrase."""

    passphrase = _secret(gettext_lazy("Passphrase"), "current-password")


class PassphraseForm(forms.Form):
    """The passphrase and another one, twice."""

    old = _secret(gettext_lazy("Present passphrase"), "current-password")
    passphrase = _secret(gettext_lazy("New passphrase"), "new-password", gettext_lazy("At least 15 characters."))
    again = _secret(gettext_lazy("New passphrase, again"), "new-password")

    def clean(self) -> dict[str, Any]:
        """Both new ones are the same."""
        given = super().clean() or {}
        _compare(self, given)
        return given


class NoteForm(forms.Form):
    """A note, and in which engagement."""

    engagement = forms.ModelChoiceField(
        label=gettext_lazy("Engagement"), queryset=Engagement.objects.none(), to_field_name="uuid"
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=300)
    text = forms.CharField(
        label=gettext_lazy("Note"), widget=forms.Textarea(attrs={"rows": 14}), max_length=100_000, required=False
    )

    def __init__(self, *, rows: Any, note: WorkPaperNote | None, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["engagement"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows
        if note is not None:
            del self.fields["engagement"]


@dataclass(frozen=True, slots=True)
class Line:
    """A note in the list; said None while the notes are closed or where it does not open."""

    note: WorkPaperNote
    said: NoteText | None


def _answer(request: Request, name: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = render(request, name, context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _said(note: WorkPaperNote, data_key: bytes | None) -> NoteText | None:
    if data_key is None:
        return None
    try:
        return work_papers.read_note(note=note, data_key=data_key)
    except RefusedError:
        return None


@guarded(Verb.KEEP_NOTES)
def work_paper_list(request: Request) -> HttpResponse:
    """The own notes: opened, or as ciphertext with a form for the passphrase."""
    return _list(request, None)


def _list(request: Request, form: forms.Form | None) -> HttpResponse:
    data_key = opened_notes.data_key_of(request)
    has_key = WorkPaperKey.objects.filter(user=request.user).exists()
    page = page_of(request, visible(ROWS, request.user))
    if form is None and data_key is None:
        form = OpenForm() if has_key else KeyForm()
    context = {
        "page": page,
        "lines": [Line(note, _said(note, data_key)) for note in page],
        "is_open": data_key is not None,
        "has_key": has_key,
        "form": form,
        "columns": [{"label": _("Note")}, {"label": _("Engagement")}, {"label": _("Changed")}],
    }
    return _answer(request, "compliance/work_paper_list.html", context, status=422 if form and form.is_bound else 200)


def _closed(request: Request) -> HttpResponse:
    """What answers instead of an opened note while the notes are closed."""
    refuse(request, RefusedError(_("Open your notes first.")))
    return _list(request, None)


@guarded(Verb.KEEP_NOTES, methods=("POST",))
def work_paper_key(request: Request) -> HttpResponse:
    """Choose a passphrase for the first time."""
    return _opened(request, KeyForm(request.POST), work_papers.make_key)


@guarded(Verb.KEEP_NOTES, methods=("POST",))
def work_paper_open(request: Request) -> HttpResponse:
    """Open the notes with the passphrase."""
    return _opened(request, OpenForm(request.POST), work_papers.open_key)


def _opened(request: Request, form: forms.Form, key_of: Any) -> HttpResponse:
    if form.is_valid():
        try:
            data_key = key_of(user=request.user, passphrase=form.cleaned_data["passphrase"])
        except RefusedError as error:
            form.add_error("passphrase", str(error))
        else:
            response = redirect("work-paper-list")
            opened_notes.keep_open(request, response, data_key)
            return response
    return _list(request, form)


@guarded(Verb.KEEP_NOTES, methods=("GET", "HEAD", "POST"))
def work_paper_passphrase(request: Request) -> HttpResponse:
    """Change the passphrase."""
    form = PassphraseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            work_papers.change_passphrase(user=request.user, old=given["old"], new=given["passphrase"])
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("Your notes open with the new passphrase from now on."))
            return redirect("work-paper-list")
    trail = [{"label": _("Work papers"), "url": reverse("work-paper-list")}, {"label": _("Change the passphrase")}]
    status = 422 if request.method == "POST" else 200
    return _answer(request, "compliance/work_paper_passphrase.html", {"form": form, "trail": trail}, status=status)


@guarded(Verb.KEEP_NOTES, methods=("POST",))
def work_paper_close(request: Request) -> HttpResponse:
    """Close the notes."""
    response = redirect("work-paper-list")
    opened_notes.close(request, response)
    return response


@guarded(Verb.KEEP_NOTES, methods=("POST",))
def work_paper_forget(request: Request) -> HttpResponse:
    """Delete all own notes and the key."""
    count = work_papers.forget(user=request.user)
    say(request, ngettext("%d note and your key are deleted.", "%d notes and your key are deleted.", count) % count)
    response = redirect("work-paper-list")
    opened_notes.close(request, response)
    return response


@guarded(Verb.KEEP_NOTES)
def work_paper_export(request: Request) -> HttpResponse:
    """All own notes, opened, as one file."""
    data_key = opened_notes.data_key_of(request)
    if data_key is None:
        return _closed(request)
    try:
        content = work_papers.exported(notes=visible(ROWS, request.user), data_key=data_key)
    except RefusedError as error:
        refuse(request, error)
        return redirect("work-paper-list")
    headers = {"Content-Disposition": 'attachment; filename="work-papers.json"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/json", headers=headers)


@guarded(Verb.KEEP_NOTES, methods=("GET", "HEAD", "POST"))
def work_paper_new(request: Request) -> HttpResponse:
    """Write a note."""
    return _written(request, None)


@guarded(Verb.KEEP_NOTES, methods=("GET", "HEAD", "POST"))
def work_paper_note(request: Request, uuid: UUID) -> HttpResponse:
    """Read and rewrite a note."""
    return _written(request, found(request, ROWS, uuid))


def _written(request: Request, note: WorkPaperNote | None) -> HttpResponse:
    data_key = opened_notes.data_key_of(request)
    if data_key is None:
        return _closed(request)
    said = _said(note, data_key) if note is not None else None
    if note is not None and said is None:
        refuse(request, RefusedError(_("This note does not open: it was altered, or sealed under another key.")))
        return redirect("work-paper-list")
    initial = {"title": said.title, "text": said.text} if said else None
    rows = visible(Engagement.objects.all(), request.user)
    form = NoteForm(rows=rows, note=note, data=request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            if note is None:
                work_papers.write_note(**given, data_key=data_key, author=request.user)
            else:
                work_papers.rewrite_note(note=note, **given, data_key=data_key)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The note is sealed."))
            return redirect("work-paper-list")
    trail = [{"label": _("Work papers"), "url": reverse("work-paper-list")}, {"label": _("Note")}]
    context: dict[str, object] = {"form": form, "note": note, "trail": trail}
    status = 422 if request.method == "POST" else 200
    return _answer(request, "compliance/work_paper_note.html", context, status=status)


@guarded(Verb.KEEP_NOTES, methods=("POST",))
def work_paper_delete(request: Request, uuid: UUID) -> HttpResponse:
    """Delete one note for good."""
    work_papers.delete_note(note=found(request, ROWS, uuid))
    say(request, _("The note is deleted."))
    return redirect("work-paper-list")


urls = [
    path("work-papers/", work_paper_list, name="work-paper-list"),
    path("work-papers/key/", work_paper_key, name="work-paper-key"),
    path("work-papers/open/", work_paper_open, name="work-paper-open"),
    path("work-papers/passphrase/", work_paper_passphrase, name="work-paper-passphrase"),
    path("work-papers/close/", work_paper_close, name="work-paper-close"),
    path("work-papers/forget/", work_paper_forget, name="work-paper-forget"),
    path("work-papers/export/", work_paper_export, name="work-paper-export"),
    path("work-papers/new/", work_paper_new, name="work-paper-new"),
    path("work-papers/<uuid:uuid>/", work_paper_note, name="work-paper-note"),
    path("work-papers/<uuid:uuid>/delete/", work_paper_delete, name="work-paper-delete"),
]
