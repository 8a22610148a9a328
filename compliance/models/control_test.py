"""Tests of controls by the auditors of an engagement: what is asked, of which rows, what was found, what is concluded.

Nothing here exists for the organisation before the auditor released the test; `rights.visible` holds to that.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.testing import (
    FREQUENCY_SIZES,
    RATINGS,
    Attribute,
    ControlTestConclusion,
    ControlTestKind,
    ControlTestState,
    FrequencySize,
    InstanceResult,
    PopulationKind,
    Rating,
    Selection,
    SourceCheck,
)


class TestingScheme(Record):
    """How an engagement rates findings, and how many instances its firm tests of a control that runs so often."""

    __test__ = False  # no test of ours, whatever pytest makes of the name

    engagement = models.OneToOneField("compliance.Engagement", on_delete=models.PROTECT, related_name="testing_scheme")
    rating_words = models.JSONField(_("ratings"), default=list)
    frequency_sizes = models.JSONField(_("sizes by frequency"), default=list)

    def __str__(self) -> str:
        return str(self.engagement)

    @property
    def ratings(self) -> tuple[Rating, ...]:
        """The rating scheme, in its order."""
        return tuple(Rating(**one) for one in self.rating_words) or RATINGS

    @property
    def sizes(self) -> tuple[FrequencySize, ...]:
        """The frequency table, in its order."""
        return tuple(FrequencySize(**one) for one in self.frequency_sizes) or FREQUENCY_SIZES


class Population(RetainedRecord):
    """All rows from which a sample is drawn. Frozen once, with count and root in the ledger; then nothing changes.

    filters: what narrows the records held, by name; strata: value of the column `stratify_by` -> rows. The rows lie in the
    evidence storage, one canonical JSON object a line; source_*: the list that was handed in, for a population of that kind.
    """

    engagement = models.ForeignKey("compliance.Engagement", on_delete=models.PROTECT, related_name="populations")
    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="populations")
    title = models.CharField(_("title"), max_length=200)
    kind = enum_field(_("made of"), PopulationKind)
    filters = models.JSONField(_("filters"), default=dict)
    period_start = models.DateField(_("period from"))
    period_end = models.DateField(_("period to"))
    stratify_by = models.CharField(_("strata by column"), max_length=100, blank=True)
    source_name = models.CharField(_("file name of the list"), max_length=300, blank=True)
    source_storage = models.CharField(_("list kept as"), max_length=300, blank=True)
    source_sha256 = digest_field(_("SHA-256 of the list"))
    stated_count = models.PositiveBigIntegerField(_("rows, as stated"), null=True, blank=True)
    total_column = models.CharField(_("column of the control total"), max_length=100, blank=True)
    stated_total = models.CharField(_("control total, as stated"), max_length=100, blank=True)
    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, related_name="population")
    count = models.PositiveBigIntegerField(_("rows"), null=True)
    root = digest_field(_("Merkle root"))
    storage_name = models.CharField(_("rows kept as"), max_length=300, blank=True)
    sha256 = digest_field(_("SHA-256 of the rows"))
    total = models.CharField(_("control total, as counted"), max_length=100, blank=True)
    strata = models.JSONField(_("strata"), default=dict)
    frozen_at = models.DateTimeField(_("frozen"), null=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="population_period_in_order", condition=models.Q(period_end__gte=models.F("period_start"))
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def agrees(self) -> bool | None:
        """Whether count and control total are what was stated; None where nothing was."""
        stated = [
            *([self.stated_count == self.count] if self.stated_count is not None else []),
            *([self.stated_total == self.total] if self.stated_total else []),
        ]
        return all(stated) if stated else None


class ControlTest(RetainedRecord):
    """One test of an own control within an engagement. check_run, check_rules: checks that looked at the whole population."""

    engagement = models.ForeignKey("compliance.Engagement", on_delete=models.PROTECT, related_name="control_tests")
    control = models.ForeignKey("compliance.ImplementedControl", on_delete=models.PROTECT, related_name="control_tests")
    control_version = models.PositiveIntegerField(_("version of the control"))
    kind = enum_field(_("kind"), ControlTestKind)
    procedure = models.TextField(_("procedure"))
    methods = models.JSONField(_("methods"), default=list)
    asked = models.JSONField(_("attributes"), default=list)
    period_start = models.DateField(_("covers from"))
    period_end = models.DateField(_("covers to"))
    population = models.ForeignKey(
        Population, on_delete=models.PROTECT, null=True, blank=True, related_name="control_tests"
    )
    check_run = models.ForeignKey(
        "compliance.CheckRun", on_delete=models.PROTECT, null=True, blank=True, related_name="control_tests"
    )
    check_rules = models.JSONField(_("checks of the whole population"), default=list)
    preparer = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="prepared_tests")
    state = enum_field(_("state"), ControlTestState, default=ControlTestState.OPEN)
    conclusion = enum_field(_("conclusion"), ControlTestConclusion, blank=True)
    statement = models.TextField(_("on what the conclusion rests"), blank=True)
    concluded_at = models.DateTimeField(_("concluded"), null=True)
    reviewer = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="reviewed_tests")
    review_note = models.TextField(_("note of the reviewer"), blank=True)
    reviewed_at = models.DateTimeField(_("reviewed"), null=True)
    released_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(_("released"), null=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="control_test_period_in_order", condition=models.Q(period_end__gte=models.F("period_start"))
            ),
            models.CheckConstraint(
                name="control_test_reviewed_by_another",
                condition=models.Q(reviewer__isnull=True) | ~models.Q(reviewer=models.F("preparer")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.control.control_id} {self.get_kind_display()}"

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """What is asked of each instance, by letter."""
        return tuple(Attribute(**one) for one in self.asked)


class Sample(Record):
    """One choice of rows from a frozen population; never changed. A test's latest draw counts, with what extends it.

    sizes: stratum -> rows, {"": n} without strata; plan: confidence, rates, frequency, as they were asked for.
    """

    test = models.ForeignKey(ControlTest, on_delete=models.PROTECT, related_name="samples")
    population = models.ForeignKey(Population, on_delete=models.PROTECT, related_name="samples")
    number = models.PositiveIntegerField(_("draw"))
    extends = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="extensions")
    selection = enum_field(_("chosen by"), Selection)
    seed = models.CharField(_("seed"), max_length=64, blank=True)
    sizes = models.JSONField(_("sizes"), default=dict)
    plan = models.JSONField(_("plan"), default=dict)
    reason = models.TextField(_("reason"), blank=True)
    drawn_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("test", "number")
        constraints: ClassVar = [models.UniqueConstraint(fields=["test", "number"], name="sample_number_once")]

    def __str__(self) -> str:
        return f"{self.test} #{self.number}"

    @property
    def size(self) -> int:
        """Rows that were asked for."""
        return sum(self.sizes.values())


class SampledInstance(Record):
    """One row of a sample, or one that the auditor named, with its copy. replaces: the voided one whose place it takes."""

    test = models.ForeignKey(ControlTest, on_delete=models.PROTECT, related_name="instances")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, null=True, related_name="instances")
    stratum = models.CharField(_("stratum"), max_length=200, blank=True)
    rank = models.PositiveIntegerField(_("rank"))
    row_id = models.CharField(_("identifier of the row"), max_length=300)
    row = models.JSONField(_("row"), default=dict)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    voided_at = models.DateTimeField(_("voided"), null=True)
    voided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    void_reason = models.TextField(_("why it is void"), blank=True)
    source_check = enum_field(_("held against the source"), SourceCheck, blank=True)
    source_note = models.TextField(_("what the source showed"), blank=True)
    source_checked_at = models.DateTimeField(_("held against the source at"), null=True)
    source_checked_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("test", "stratum", "rank", "pk")
        indexes: ClassVar = [models.Index(fields=["test", "sample"])]

    def __str__(self) -> str:
        return self.row_id

    @property
    def gist(self) -> str:
        """The first values of the row, for lists."""
        cells = [str(value) for value in self.row.get("fields", {}).values() if value != ""]
        return ", ".join(cells[:3])[:120]


class AttributeResult(Record):
    """What one attribute of one instance showed."""

    instance = models.ForeignKey(SampledInstance, on_delete=models.PROTECT, related_name="results")
    attribute = models.CharField(_("attribute"), max_length=8)
    result = enum_field(_("result"), InstanceResult)
    note = models.TextField(_("note"), blank=True)
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="test_results"
    )
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(_("decided at"))

    class Meta:
        ordering = ("instance", "attribute")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["instance", "attribute"], name="attribute_once_per_instance")
        ]

    def __str__(self) -> str:
        return f"{self.attribute}: {self.get_result_display()}"
