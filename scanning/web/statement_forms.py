"""The forms of a statement on what is in scope and what nothing logs: three lists of rows, of which empty ones are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from compliance.types.drafts import JSON

EMPTY_ROWS, MOST_ROWS = 2, 300
_CHOOSE = ("", _("choose"))


class WhoseForm(forms.Form):
    """Of what part the statement is, and who vouches for it."""

    scope = forms.CharField(
        label=_("Part of the organisation"), max_length=200, required=False,
        help_text=_("Leave it empty for all of it. A later statement of the same part replaces this one."),
    )  # fmt: skip
    stated_by = forms.CharField(
        label=_("Stated by"), max_length=200, help_text=_("Who vouches for it, by name or office.")
    )


class RowForm(forms.Form):
    """One line of a list. wanted: what a line that is not empty needs."""

    wanted: ClassVar[tuple[str, ...]] = ()

    def clean(self) -> dict[str, Any]:
        """All that is wanted, or nothing at all."""
        given = super().clean() or {}
        if any(given.values()):
            for name in self.wanted:
                if not given.get(name) and name not in self.errors:
                    self.add_error(name, _("Fill this in, or empty the whole line."))
        return given


class AccountForm(RowForm):
    """An account in scope."""

    wanted = ("platform", "id")
    platform = forms.ChoiceField(
        label=_("Platform"),
        required=False,
        choices=[
            _CHOOSE,
            ("aws", _("AWS account")),
            ("azure", _("Azure subscription")),
            ("gcp", _("Google Cloud project")),
        ],
    )
    id = forms.CharField(label=_("Its id"), max_length=200, required=False)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)


class ClusterForm(RowForm):
    """A cluster of Kubernetes and its audit log."""

    wanted = ("name", "audit_log")
    name = forms.CharField(label=_("Cluster"), max_length=200, required=False)
    audit_log = forms.ChoiceField(
        label=_("Its audit log is"),
        required=False,
        choices=[
            _CHOOSE,
            ("delivered", _("delivered")),
            ("not delivered", _("not delivered")),
            ("unknown", _("unknown")),
        ],
    )
    level = forms.ChoiceField(
        label=_("Level of its policy"),
        required=False,
        choices=[("", _("not known")), *((name, name) for name in ("None", "Metadata", "Request", "RequestResponse"))],
    )
    note = forms.CharField(label=_("Note"), max_length=300, required=False)


class NotLoggedForm(RowForm):
    """A source of jobs that nothing logs."""

    wanted = ("source", "what")
    source = forms.CharField(label=_("Source"), max_length=200, required=False)
    what = forms.CharField(label=_("What no log shows"), max_length=500, required=False)
    instead = forms.CharField(label=_("What is kept instead"), max_length=500, required=False)


ROW_FORMS: Mapping[str, type[RowForm]] = {"accounts": AccountForm, "clusters": ClusterForm, "not_logged": NotLoggedForm}
WORDS = {
    "accounts": (
        _("Accounts, subscriptions and projects in scope"),
        _(
            "Where the platform’s own list is on record too, both count, and an account that the list says is closed stays so."
        ),
    ),
    "clusters": (
        _("Clusters of Kubernetes"),
        _("No cluster says which others there are, so they are in scope by a statement alone."),
    ),
    "not_logged": (
        _("What nothing logs"),
        _(
            "Jobs that a scheduler starts inside a HyperPod cluster, training on own machines, services without an audit log."
        ),
    ),
}
RowFormSet: TypeAlias = "forms.BaseFormSet[RowForm]"


@dataclass(frozen=True, slots=True)
class RowList:
    """One list as the page shows it."""

    key: str
    title: object
    lead: object
    formset: RowFormSet


def _formset(key: str, data: QueryDict | None, rows: list[JSON]) -> RowFormSet:
    make = forms.formset_factory(
        ROW_FORMS[key], extra=EMPTY_ROWS, max_num=MOST_ROWS, absolute_max=MOST_ROWS, validate_max=True
    )
    return make(data, initial=rows, prefix=key)


def lists(data: QueryDict | None, before: Mapping[str, list[JSON]]) -> list[RowList]:
    """The three lists: as they were sent, else as they were stated last."""
    return [RowList(key, *WORDS[key], _formset(key, data, before.get(key, []))) for key in ROW_FORMS]


def sent_rows(data: QueryDict) -> dict[str, list[JSON]]:
    """What was typed so far, unchecked, with an empty line where one was left: for a page that only offers more lines."""
    found: dict[str, list[JSON]] = {}
    for key, form in ROW_FORMS.items():
        told = data.get(f"{key}-TOTAL_FORMS", "0")
        count = min(int(told), MOST_ROWS) if told.isascii() and told.isdigit() else 0
        rows = [{name: data.get(f"{key}-{n}-{name}", "") for name in form.base_fields} for n in range(count)]
        found[key] = [row for row in rows if any(row.values())]
    return found


def stated_rows(formset: RowFormSet) -> list[JSON]:
    """The lines that are not empty, checked."""
    return [dict(form.cleaned_data) for form in formset if any(form.cleaned_data.values())]
