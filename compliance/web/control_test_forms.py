"""Forms of the pages on tests of controls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices, label
from compliance.models import (
    CheckRun,
    ControlTest,
    Engagement,
    Evidence,
    ImplementedControl,
    Population,
    SampledInstance,
)
from compliance.rights import Asker, visible
from compliance.services.control_tests import ControlTestPlan
from compliance.services.samples import ResultDraft, SamplePlan
from compliance.types.checks import CheckRule
from compliance.types.testing import (
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestMethod,
    ControlTestState,
    InstanceResult,
    Selection,
    SourceCheck,
)
from compliance.web.choosing import Choosing, choosing
from compliance.web.forms import day_input

ANY = ("", _("any"))
_LETTERED = re.compile(r"([A-Z][0-9]?)\s*[:.)]\s*(\S.*)")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def attributes_in(text: str) -> tuple[Attribute, ...]:
    """One attribute a line, "A: what is asked"; a line without a letter gets the next that is free."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    matches = [_LETTERED.fullmatch(line) for line in lines]
    free = (letter for letter in _LETTERS if letter not in {match[1] for match in matches if match})
    found = [
        Attribute(match[1], match[2]) if match else Attribute(next(free, "Z"), line)
        for match, line in zip(matches, lines, strict=True)
    ]
    return tuple(found)


def numbers_in(text: str) -> dict[str, int]:
    """“name: number”, one a line. Raises ValidationError."""
    sizes = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, mark, number = line.rpartition(":")
        if not mark or not number.strip().isdecimal():
            raise ValidationError(gettext("Write “stratum: number” on each line, not “%s”.") % line[:60])
        sizes[name.strip()] = int(number)
    return sizes


def _result(one: Mapping[str, Any]) -> str:
    """A check of a run by its name, with what it found."""
    return f"{label(CheckRule(one['rule']))}. {one['statement']}"


class ControlTestFilterForm(forms.Form):
    """Filters of the list of tests."""

    q = forms.CharField(label=_("Control or procedure"), required=False, max_length=200)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[ANY, *choices(ControlTestKind)])
    state = forms.ChoiceField(label=_("State"), required=False, choices=[ANY, *choices(ControlTestState)])
    engagement = forms.UUIDField(required=False, widget=forms.HiddenInput())


class ControlTestForm(forms.Form):
    """What a test is to ask, of which population, over which days."""

    kind = forms.ChoiceField(label=_("Kind"), choices=choices(ControlTestKind))
    procedure = forms.CharField(
        label=_("Procedure"), widget=forms.Textarea(attrs={"rows": 5}), max_length=20_000,
        help_text=_("What you do, so that somebody else can repeat it."),
    )  # fmt: skip
    methods = forms.MultipleChoiceField(
        label=_("Methods"), choices=choices(ControlTestMethod), widget=forms.CheckboxSelectMultiple(),
        help_text=_("“Operating effectively” cannot rest on inquiry alone."),
    )  # fmt: skip
    attributes = forms.CharField(
        label=_("Attributes"), widget=forms.Textarea(attrs={"rows": 4}), max_length=10_000,
        help_text=_("What is asked of each instance, one a line: “A: Approved before the start”."),
    )  # fmt: skip
    period_start = forms.DateField(label=_("Covers from"), widget=day_input())
    period_end = forms.DateField(label=_("Covers to"), widget=day_input())
    population = forms.ModelChoiceField(
        label=_("Population"), queryset=Population.objects.none(), to_field_name="uuid", required=False,
        help_text=_("Frozen before a seed is typed. It can be named later."),
    )  # fmt: skip
    check_run = forms.ModelChoiceField(
        label=_("Run of the checks"), queryset=CheckRun.objects.none(), to_field_name="uuid", required=False,
        help_text=_("Where checks looked at every event of the period."),
    )  # fmt: skip
    check_rules = forms.MultipleChoiceField(
        label=_("Checks of the whole population"), choices=[], required=False, widget=forms.CheckboxSelectMultiple()
    )

    def __init__(
        self,
        *,
        asker: Asker,
        engagement: Engagement,
        control: ImplementedControl,
        data: Any = None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial)
        population, run, rules = (self.fields[name] for name in ("population", "check_run", "check_rules"))
        runs = visible(CheckRun.objects.filter(system=control.system, finished_at__isnull=False), asker)
        if isinstance(population, forms.ModelChoiceField) and isinstance(run, forms.ModelChoiceField):
            population.queryset = Population.objects.filter(engagement=engagement, system=control.system)
            run.queryset = runs
        latest = runs.first()
        if isinstance(rules, forms.MultipleChoiceField):
            rules.choices = [(one["rule"], _result(one)) for one in latest.results] if latest else []
        if latest is None:
            del self.fields["check_run"], self.fields["check_rules"]

    @classmethod
    def initial_of(cls, test: ControlTest) -> dict[str, Any]:
        """A test as the form shows it."""
        return {
            "kind": test.kind,
            "procedure": test.procedure,
            "methods": test.methods,
            "attributes": "\n".join(f"{one.key}: {one.asks}" for one in test.attributes),
            "period_start": test.period_start,
            "period_end": test.period_end,
            "population": test.population.uuid if test.population else None,
            "check_run": test.check_run.uuid if test.check_run else None,
            "check_rules": test.check_rules,
        }

    @property
    def plan(self) -> ControlTestPlan:
        """The plan, once the form is valid."""
        given = self.cleaned_data
        return ControlTestPlan(
            kind=ControlTestKind(given["kind"]),
            procedure=given["procedure"],
            methods=tuple(map(ControlTestMethod, given["methods"])),
            attributes=attributes_in(given["attributes"]),
            period_start=given["period_start"],
            period_end=given["period_end"],
            population=given["population"],
            check_run=given.get("check_run"),
            check_rules=tuple(given.get("check_rules") or ()),
        )


class StartForm(forms.Form):
    """In which engagement, of which control."""

    engagement = forms.ModelChoiceField(label=_("Engagement"), queryset=Engagement.objects.none(), to_field_name="uuid")
    control = forms.ModelChoiceField(
        label=_("Control"), queryset=ImplementedControl.objects.none(), to_field_name="uuid"
    )

    def __init__(self, *, asker: Asker, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        engagement, control = self.fields["engagement"], self.fields["control"]
        if isinstance(engagement, forms.ModelChoiceField) and isinstance(control, forms.ModelChoiceField):
            engagement.queryset = visible(Engagement.objects.all(), asker)
            control.queryset = visible(ImplementedControl.objects.filter(retired_on=None), asker)
            if len(only := list(engagement.queryset[:2])) == 1:
                engagement.initial = only[0].uuid


class DrawForm(forms.Form):
    """Which rows, and how many."""

    selection = forms.ChoiceField(label=_("Chosen"), choices=choices(Selection))
    seed = forms.CharField(
        label=_("Seed"), max_length=64, required=False,
        help_text=_("Letters, digits and signs, typed now. It stays on this page for ever."),
    )  # fmt: skip
    confidence = forms.ChoiceField(
        label=_("Confidence"), required=False, initial="0.95",
        choices=[("0.90", "90 %"), ("0.95", "95 %"), ("0.99", "99 %")],
    )  # fmt: skip
    tolerable = forms.DecimalField(
        label=_("Tolerable rate in percent"), required=False, min_value=Decimal("0.1"), max_value=50, initial=5
    )
    expected = forms.IntegerField(label=_("Expected exceptions"), required=False, min_value=0, max_value=200, initial=0)
    expected_rate = forms.DecimalField(
        label=_("or expected rate in percent"), required=False, min_value=0, max_value=50
    )
    frequency = forms.ChoiceField(label=_("Frequency of the control"), required=False, choices=[])
    size = forms.IntegerField(label=_("Fixed size"), required=False, min_value=1, max_value=100_000)
    sizes = forms.CharField(
        label=_("Sizes by stratum"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("“stratum: number”, one a line. Without them every stratum gets the size of the plan."),
    )  # fmt: skip
    rows = forms.CharField(
        label=_("Rows"), required=False, max_length=100_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("By judgement or targeted: their identifiers, one a line."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For a choice by judgement, and whenever a sample is drawn already."),
    )  # fmt: skip

    def __init__(self, *, frequencies: Iterable[str], has_strata: bool, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["frequency"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", "—"), *((one, one) for one in frequencies)]
        if not has_strata:
            del self.fields["sizes"]

    def clean_sizes(self) -> dict[str, int]:
        """Stratum -> rows."""
        return numbers_in(self.cleaned_data["sizes"])

    @property
    def plan(self) -> SamplePlan:
        """The plan, once the form is valid."""
        given = self.cleaned_data
        selection = Selection(given["selection"])
        is_statistical = selection is Selection.STATISTICAL
        return SamplePlan(
            selection=selection,
            seed=given["seed"],
            confidence=Decimal(given["confidence"]) if is_statistical and given["confidence"] else None,
            tolerable=given["tolerable"] / 100 if is_statistical and given["tolerable"] is not None else None,
            expected=given["expected"] if is_statistical else None,
            expected_rate=_rate(given["expected_rate"]) if is_statistical else None,
            size=given["size"],
            sizes=given.get("sizes") or None,
            frequency=given["frequency"],
            rows=tuple(filter(None, map(str.strip, given["rows"].splitlines()))),
            reason=given["reason"],
        )


def _rate(percent: Decimal | None) -> Decimal | None:
    return percent / 100 if percent is not None else None


class ExtendForm(forms.Form):
    """Further rows of the same ranking."""

    more = forms.IntegerField(label=_("Further rows"), min_value=1, max_value=100_000)
    stratum = forms.ChoiceField(label=_("Stratum"), required=False, choices=[])
    reason = forms.CharField(label=_("Reason"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *, strata: Sequence[str], data: Any = None) -> None:
        super().__init__(data, prefix="extend")
        field = self.fields["stratum"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(one, one or "—") for one in strata]
        if list(strata) in ([], [""]):
            del self.fields["stratum"]


class NamedInstanceForm(forms.Form):
    """An instance that the auditor names."""

    name = forms.CharField(label=_("Instance"), max_length=300, help_text=_("As its source names it."))
    description = forms.CharField(label=_("Why this one"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, prefix="named")


class ConclusionForm(forms.Form):
    """What follows from a test."""

    conclusion = forms.ChoiceField(label=_("Conclusion"), choices=choices(ControlTestConclusion))
    statement = forms.CharField(
        label=_("On what it rests"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Read by the reviewer now, and by the organisation after the release."),
    )  # fmt: skip


class InstanceForm(forms.Form):
    """Results of one instance: a choice and a note for each attribute; and whether it agrees with its source."""

    def __init__(self, *, instance: SampledInstance, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        self.instance, self.asker = instance, asker
        known = {one.attribute: one for one in instance.results.all()}
        self.attributes = instance.test.attributes
        for one in self.attributes:
            self._add(one, known.get(one.key))

    def _add(self, one: Attribute, known: Any) -> None:
        self.fields[f"result_{one.key}"] = forms.ChoiceField(
            label=f"{one.key}: {one.asks}", choices=choices(InstanceResult), required=False,
            widget=forms.RadioSelect(), initial=known.result if known else None,
        )  # fmt: skip
        self.fields[f"note_{one.key}"] = forms.CharField(
            label=_("Note on %s") % one.key, required=False, max_length=5_000, initial=known.note if known else "",
            widget=forms.Textarea(attrs={"rows": 2}),
        )  # fmt: skip
        self.fields[f"evidence_{one.key}"] = Choosing("evidence", label=_("Evidence for %s") % one.key, required=False)
        evidence = choosing(self, f"evidence_{one.key}")
        evidence.offer(evidence_for(self.instance.test, self.asker), system=self.instance.test.control.system)
        evidence.initial = known.evidence.uuid if known and known.evidence else None

    @property
    def results(self) -> list[ResultDraft]:
        """The results that were chosen, once the form is valid."""
        given = self.cleaned_data
        return [
            ResultDraft(
                attribute=one.key,
                result=InstanceResult(given[f"result_{one.key}"]),
                note=given[f"note_{one.key}"],
                evidence=given[f"evidence_{one.key}"],
            )
            for one in self.attributes
            if given[f"result_{one.key}"]
        ]


def evidence_for(test: ControlTest, asker: Asker) -> QuerySet[Evidence]:
    """What may be named in a test: pieces of its AI system, as far as they exist for the asker."""
    rows = visible(Evidence.objects.filter(system=test.control.system_id), asker)
    return rows.select_related("system").order_by("-created_at")


class SourceForm(forms.Form):
    """Whether an instance agrees with the record in the source's own console."""

    check = forms.ChoiceField(
        label=_("The source’s own console"), choices=choices(SourceCheck), widget=forms.RadioSelect()
    )
    note = forms.CharField(
        label=_("What it shows"), required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial, prefix="source")
