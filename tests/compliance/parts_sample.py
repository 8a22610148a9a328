"""Every part of the design system once, with values as pages give them; test_parts.py and test_parts_in_browser.py use it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template import engines
from django.test import RequestFactory

HOSTILE = '<script>alert("x")</script>'
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class AnswerForm(forms.Form):
    """One field of each layout, with help."""

    title = forms.CharField(label="Title", help_text="One line.")
    owner = forms.ChoiceField(label="Owner", choices=[("", "Choose"), ("1", "Mara Lindqvist")])
    answer = forms.ChoiceField(label="Answer", choices=[("y", "Yes"), ("n", "No")], widget=forms.RadioSelect)
    reason = forms.CharField(label="Reason", required=False, widget=forms.Textarea)
    read = forms.BooleanField(label="I have read the record")
    hidden = forms.CharField(widget=forms.HiddenInput)


class UploadForm(forms.Form):
    """A form with a file."""

    file = forms.FileField(label="Evidence file", help_text="Any format.")


class FilterForm(forms.Form):
    """Filters of a list."""

    words = forms.CharField(label="Words", required=False)


def context() -> dict[str, object]:
    """What the sample page needs; one name is hostile on purpose."""
    at = datetime(2026, 11, 22, 18, 55, tzinfo=UTC)
    rows = [SimpleNamespace(name=f"job-{n:03}", at=at, steps=n * 1000) for n in range(120)]
    return {
        "navigation": [SimpleNamespace(name="overview", label="Overview", url="/", active=True)],
        "navigation_secondary": [SimpleNamespace(name="job-list", label="Jobs", url="/jobs/", active=False)],
        "demonstration": True,
        "organisation": HOSTILE,
        "hostile": HOSTILE,
        "at": at,
        "digest": DIGEST,
        "form": AnswerForm({"title": HOSTILE}),
        "upload": UploadForm({}),
        "filters": FilterForm({"words": HOSTILE}),
        "page": Paginator(rows, 10).page(3),
        "columns": [
            {"label": "Job", "sort": "name"},
            {"label": "Steps", "sort": "steps", "numeric": True},
            {"label": "State"},
            {"label": "Acts", "hidden": True},
        ],
        "trail": [{"label": "Assessments", "url": "/a/"}, {"label": "Question 2"}],
        "tabs": [{"label": "Questions", "url": "/q/", "active": True, "count": 0}, {"label": "Pack", "url": "/p/"}],
        "steps": [{"label": "Answer", "state": "done"}, {"label": "Review", "state": "current", "note": "1 of 4"}],
        "techniques": [{"label": "AML.T0018.000", "title": "Manipulate model", "url": "/t/"}],
        "versions": [{"label": HOSTILE, "cells": [{"state": "not_covered", "url": "/c/", "note": "never tested"}]}],
    }


SOURCE = """{% extends "base.html" %}{% load assay %}{% block title %}Sample{% endblock %}{% block main %}
<c-error-summary :form="form" />
<c-page-header :title="hostile" :trail="trail" lead="One sentence.">
  <c-slot name="state"><c-verdict value="evidence_found" kind="stage" note="power 0.9" /></c-slot>
  <c-slot name="actions"><a class="btn btn-primary" href="/x/">Open</a></c-slot>
</c-page-header>
<c-message tone="bad" title="Two submitters are not on the list" :live="True"><p>See the jobs.</p></c-message>
<c-stats label="Posture">
  <c-stat value="3 of 4" label="questions approved" url="/q/" note="1 contradicted" tone="bad" /></c-stats>
<c-tabs label="Assessment" :tabs="tabs" /><c-stepper label="Steps" :steps="steps" />
<c-section title="Coverage" id="coverage" lead="What was never tested is visible.">
  <c-slot name="actions"><a href="/h/">How</a></c-slot>
  <c-coverage-grid caption="Model versions against sub-techniques" :columns="techniques" :rows="versions" /></c-section>
<c-section title="Jobs" id="jobs">
  <c-filter-bar :form="filters" label="Filter jobs" clear_url="/jobs/" :active="True" />
  <c-table caption="Fine-tune jobs" :columns="columns" :page="page" :total="5812" unit="jobs">
    <c-slot name="tools"><c-export-links /></c-slot>
    {% for row in page %}<tr><th scope="row">{{ row.name }}</th><td class="numeric">{{ row.steps|count }}</td>
    <td><c-verdict value="running" kind="job" /></td>
    <td><c-confirm label="Cancel" title="Cancel this job?" action="/cancel/" button="Cancel job" tone="danger" :small="True">
    <p>What was read stays.</p></c-confirm></td></tr>{% endfor %}
  </c-table></c-section>
<c-section title="Running" id="running">
  <c-progress id="scan" poll="/poll/" every="1s">
  <c-progress-line label="Scan" stage="inverting triggers" :done="412" :total="1000"
  unit="steps" :rate="21.4" :remaining="27.5" :elapsed="90" /></c-progress></c-section>
<c-card title="Evidence" url="/e/" tone="warn"><c-facts :columns="True">
  <c-fact label="SHA-256"><c-digest value="{{ digest }}" :whole="True" /></c-fact>
  <c-fact label="Short"><c-digest value="{{ digest }}" /></c-fact>
  <c-fact label="Received"><c-when :at="at" /></c-fact><c-fact label="Checked"><c-when :at="None" /></c-fact>
  <c-fact label="Owner"><c-person :name="hostile" role="Officer" /></c-fact><c-fact label="Reviewer"><c-person /></c-fact>
  <c-fact label="Supplier"></c-fact><c-fact label="Source"><c-tag label="CloudTrail" /></c-fact></c-facts>
  <c-slot name="foot"><c-copy text="{{ digest }}" label="Copy identifier" /></c-slot></c-card>
<form method="post"><c-form-fields :form="form" />
  <c-toolbar label="Actions"><button class="btn btn-primary">Send</button>
  <c-slot name="end"><c-post-button action="/retry/" label="Try again" icon="arrow-repeat" /></c-slot></c-toolbar></form>
<form method="post" enctype="multipart/form-data"><c-dropzone :field="upload.file" />
  <c-dropzone name="pack" label="Evidence pack" help="A PDF." error="Choose a file." accept=".pdf" :multiple="True" /></form>
<c-section title="Story" id="story"><c-timeline label="Story">
  <c-event :at="at" :title="hostile" url="/s/" icon="flag-fill" tone="bad"
  who="Aiko Brandt"><p>It flips 97 % of held-out images.</p></c-event></c-timeline></c-section>
<c-section title="Packs" id="packs"><c-empty-state title="No packs yet" text="Freeze an assessment to issue one." url="/a/"
  action="Open an assessment" level="3" /></c-section>
{% endblock %}"""


def request(query: str = "sort=-name&page=3") -> HttpRequest:
    """A request for the sample page."""
    return RequestFactory().get(f"/sample/?{query}")


def rendered(source: str = SOURCE, values: dict[str, object] | None = None) -> str:
    """A template of parts as a page shows it."""
    return engines["django"].from_string(compiled(source)).render(context() | (values or {}), request())


def compiled(source: str) -> str:
    """Cotton's tags as Django's: the loader does this for files."""
    from django_cotton.compiler_regex import CottonCompiler

    return str(CottonCompiler().process(source))
