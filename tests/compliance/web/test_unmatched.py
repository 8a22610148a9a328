"""Unmatched records: what waits, what it might be, a person's word, and the rule that is saved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import BindingRule, JobEvent, User
from compliance.selectors.unmatched_page import unmatched_count, unmatched_groups
from compliance.services import bindings
from compliance.types.bindings import BoundBy, Named
from compliance.web.base import PER_PAGE
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
LIST, DECIDE = reverse("unmatched-list"), reverse("unmatched-decide")
DATA = "s3://training/data"


@pytest.fixture
def waiting(world: World) -> World:
    """Three jobs whose base model and data set wait, in each of both systems."""
    for assessment in (world.assessment, world.other_assessment):
        bindings.bind_new(system=assessment.system)
    return world


def names(client: Client, query: str = "") -> list[tuple[str, int]]:
    return [(line.name, line.events) for line in client.get(f"{LIST}?{query}").context["lines"]]


def which(world: World, named: Named = Named.DATASET, name: str = DATA) -> dict[str, str]:
    return {"system": str(world.assessment.system.uuid), "named": named.value, "name": name, "digest": ""}


def test_names_wait_once_with_all_their_events(waiting: World, browse: Browse, contributor: User) -> None:
    assert names(browse(contributor)) == [("digits-base", 3), (DATA, 3)]
    assert names(browse(contributor), "q=base") == [("digits-base", 3)]


def test_the_page_counts_and_dates_what_an_export_would_hold(waiting: World, browse: Browse, contributor: User) -> None:
    groups = list(unmatched_groups(contributor))
    shown = browse(contributor).get(LIST).context
    assert shown["page"].paginator.count == unmatched_count(contributor) == len(groups) == 2
    assert [(line.name, line.first, line.last) for line in shown["lines"]] == [
        (group["name"], group["first"], group["last"]) for group in groups
    ]
    assert unmatched_count(contributor, text="base") == 1


def test_others_names_do_not_exist(waiting: World, browse: Browse, contributor: User, officer: User) -> None:
    assert len(names(browse(officer))) == 4
    sent = which(waiting) | {"system": str(waiting.other_assessment.system.uuid), "target": "not-ours", "reason": "x"}
    assert browse(contributor).post(DECIDE, sent).status_code == 422


def test_a_version_with_the_same_words_is_suggested_and_not_bound(
    waiting: World, browse: Browse, officer: User
) -> None:
    lines = {line.name: line for line in browse(officer).get(LIST).context["lines"] if line.system == "Digit reader"}
    assert [one.title for one in lines["digits-base"].suggestions] == ["digits-base 1", "digits 2"]
    assert lines[DATA].suggestions == ()


def test_a_person_decides_and_saves_a_rule(waiting: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    form = client.get(DECIDE, which(waiting) | {"suggested": str(waiting.dataset.uuid)})
    assert form.context["form"].initial["begins"] == DATA
    sent = which(waiting) | {
        "target": str(waiting.dataset.uuid), "save_rule": "on", "begins": "s3://training/", "applies_from": "2026-01-01",
    }  # fmt: skip
    assert "3 places are bound." in client.post(DECIDE, sent, follow=True).text
    rule = BindingRule.objects.get()
    assert (rule.prefix, rule.dataset_version, rule.made_by) == ("s3://training/", waiting.dataset, contributor)
    assert names(client) == [("digits-base", 3)]
    assert "digits-train 2026-02" in client.get(reverse("binding-rule-list")).text


def test_a_rule_is_withdrawn_on_its_page(waiting: World, browse: Browse, contributor: User) -> None:
    rule = bindings.save_rule(
        system=waiting.assessment.system, named=Named.DATASET, prefix=DATA, target=waiting.dataset, reason="",
        applies_from=None, applies_to=None, actor=contributor,
    )  # fmt: skip
    client = browse(contributor)
    assert names(client) == [("digits-base", 3)]
    client.post(reverse("binding-rule-withdraw", args=[rule.uuid]))
    assert len(names(client)) == 2
    assert "withdrawn" in client.get(reverse("binding-rule-list")).text


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"target": ""}, "This field is required"),
        ({"target": "not-ours"}, "Say why it is none of ours"),
        ({"target": "not-ours", "reason": "x", "save_rule": "on", "begins": "s3"}, "three characters"),
    ],
)
def test_what_makes_no_sense_binds_nothing(
    waiting: World, browse: Browse, contributor: User, sent: dict[str, str], words: str
) -> None:
    answer = browse(contributor).post(DECIDE, which(waiting) | sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert len(names(browse(contributor))) == 2


def test_what_a_person_said_can_be_taken_back(waiting: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    client.post(DECIDE, which(waiting) | {"target": "not-ours", "reason": "A playground."})
    page = client.get(LIST)
    assert [row["target"] for row in page.context["decided"]] == ["None of ours, says a person"]
    client.post(reverse("unmatched-reopen"), which(waiting))
    assert len(names(client)) == 2


def test_without_a_name_the_page_says_where_to_choose(world: World, browse: Browse, contributor: User) -> None:
    assert "No name is chosen" in browse(contributor).get(DECIDE).text
    assert "Nothing waits" in browse(contributor).get(LIST).text


def test_an_auditor_sees_what_waits_and_cannot_decide(waiting: World, browse: Browse, auditor: User) -> None:
    assert len(names(browse(auditor))) == 2
    assert "unmatched/decide" not in browse(auditor).get(LIST).text
    assert browse(auditor).get(DECIDE).status_code == 403


def test_the_event_and_the_versions_show_what_is_bound(waiting: World, browse: Browse, officer: User) -> None:
    bindings.decide(
        system=waiting.assessment.system, named=Named.DATASET, name=DATA, name_digest="", target=waiting.dataset,
        reason="", actor=officer,
    )  # fmt: skip
    bindings.decide(
        system=waiting.assessment.system, named=Named.BASE, name="digits-base", name_digest="", target=waiting.base,
        reason="", actor=officer,
    )  # fmt: skip
    client = browse(officer)
    event = client.get(reverse("job-event", args=[waiting.events[0].uuid]))
    assert {row.bound_by for row in event.context["content"].bindings} == {BoundBy.PERSON}
    assert "digits-train 2026-02" in event.text
    for name, version in (("model-version", waiting.base), ("dataset-version", waiting.dataset)):
        page = client.get(reverse(name, args=[version.uuid]))
        assert len(page.context["content"].jobs) == 3
        assert "fine-tune-0" in page.text


def test_the_list_takes_the_same_queries_however_long(
    waiting: World, browse: Browse, officer: User, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    for event in records.log_events(waiting.assessment.system, waiting.log, 30, tag="more"):
        JobEvent.objects.filter(pk=event.pk).update(base_model=f"hub/{event.job_name}")
    bindings.bind_new(system=waiting.assessment.system)
    assert len(names(client)) == PER_PAGE
    assert client.get(LIST).context["page"].paginator.count == 34
    assert count_queries(lambda: client.get(LIST)) <= few
