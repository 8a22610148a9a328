"""What the tags and filters of the design system say to readers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from django import forms
from django.core.paginator import Paginator
from django.http import QueryDict
from django.template import Context, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import timezone as django_timezone

from compliance.templatetags import assay, words
from compliance.types.states import JobState
from compliance.types.verdicts import CoverageState, StageVerdict

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).resolve().parents[2]
SPRITE = set(
    re.findall(r'id="([\w-]+)"', (ROOT / "compliance/static/vendor/bootstrap-icons/icons.svg").read_text("utf-8"))
)
NOW = datetime(2026, 11, 22, 18, 55, tzinfo=UTC)
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Person:
    """A person as pages meet one."""

    role = "officer"

    def __init__(self, name: str) -> None:
        self.name = name

    def get_full_name(self) -> str:
        """The name."""
        return self.name

    def get_role_display(self) -> str:
        """The role as a word."""
        return "Compliance officer"


def asked(query: str) -> Context:
    return Context({"request": RequestFactory().get(f"/list/?{query}")})


@pytest.mark.parametrize("member", [m for kind in words.KNOWN_ENUMS for m in kind], ids=str)
def test_every_verdict_and_state_has_its_own_word(member: object) -> None:
    badge = assay.badge_of(member)
    assert str(badge.word)
    assert badge.icon in SPRITE


@pytest.mark.parametrize("kind", sorted(words.BADGES))
def test_words_of_one_kind_differ_without_their_colour(kind: str) -> None:
    spoken = [str(badge.word) for badge in words.BADGES[kind].values()]
    assert len(set(spoken)) == len(spoken)


def test_only_a_result_is_shown_in_the_colour_of_one() -> None:
    nothing_known = ("not_covered", "stale", "failed")
    assert {assay.badge_of(state, "coverage").tone for state in nothing_known}.isdisjoint({"good", "bad"})
    assert assay.badge_of(StageVerdict.INCONCLUSIVE).tone not in {"good", "bad"}
    assert assay.badge_of(CoverageState.COVERED).tone == "good"


def test_text_from_a_table_is_read_by_its_kind() -> None:
    assert str(assay.badge_of("failed", "job").word) == "Failed"
    assert assay.badge_of("running", "job") == assay.badge_of(JobState.RUNNING)


def test_a_value_outside_the_table_is_shown_in_no_colour_of_a_result() -> None:
    badge = assay.badge_of("half_done", "job")
    assert (badge.word, badge.tone) == ("half done", "void")


def test_nothing_concluded_is_said_in_words() -> None:
    assert str(assay.badge_of(None, "conclusion").word) == "Nothing concluded"


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(TemplateSyntaxError, match="'jobs' is unknown"):
        assay.badge_of("failed", "jobs")


def test_icons_are_decoration_unless_they_are_named() -> None:
    assert 'aria-hidden="true"' in assay.icon("lock")
    assert 'role="img" aria-label="Frozen &lt;1&gt;"' in assay.icon("lock", "Frozen <1>")


@pytest.mark.parametrize(
    ("value", "shown", "expected"),
    [
        (DIGEST, 16, "9f86 d081 884c 7d65"),
        (f"sha256:{DIGEST}", 16, "9f86 d081 884c 7d65"),
        ("abcde", 0, "abcd e"),
        ("", 16, ""),
        (None, 16, ""),
    ],
)
def test_digests_are_shown_in_groups_of_four(value: object, shown: int, expected: str) -> None:
    assert assay.digest_groups(value, shown) == expected


def test_a_whole_digest_loses_no_digit() -> None:
    assert assay.digest_bare(assay.digest_groups(DIGEST, 0)) == DIGEST


def test_short_ids_leave_out_hyphens() -> None:
    assert assay.short_id("0a1b2c3d-0000-0000-0000-000000000000") == "0a1b2c3d"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (42, "42 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (7_205, "2 h"),
        (349_200, "4 d 1 h"),
        (timedelta(minutes=3), "3 min"),
        (-200, "−3 min 20 s"),
        (None, ""),
        ("", ""),
    ],
)
def test_durations_name_their_two_largest_units(value: float | timedelta | None, expected: str) -> None:
    assert assay.duration(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0 B"), (312, "312 B"), (1434, "1.4 KiB"), (728_760_320, "695 MiB"), (5 * 1024**4, "5.0 TiB"), (None, "")],
)
def test_sizes_are_binary_and_exact_when_small(value: int | None, expected: str) -> None:
    assert assay.filesize(value) == expected


def test_counts_are_grouped_by_three() -> None:
    assert assay.count(1234567) == "1\u202f234\u202f567"
    assert assay.count(0) == "0"
    assert assay.count(None) == ""


@pytest.mark.parametrize(
    ("done", "total", "expected"), [(999, 1000, "99 %"), (0, 5, "0 %"), (3, None, ""), (None, 4, "")]
)
def test_per_cent_never_rounds_up_to_done(done: int | None, total: int | None, expected: str) -> None:
    assert assay.percent(done, total) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mara Lindqvist", "ML"),
        ("Ana de la Cruz", "AC"),
        ("aiko", "A"),
        ("a.b@example.org", "AE"),
        ("", ""),
        (None, ""),
    ],
)
def test_initials_are_first_and_last(name: object, expected: str) -> None:
    assert assay.initials(name) == expected


def test_people_are_named_with_their_role() -> None:
    assert assay.person_name(Person("Mara Lindqvist")) == "Mara Lindqvist"
    assert assay.person_role(Person("Mara Lindqvist")) == "Compliance officer"
    assert assay.person_name("Imported script") == "Imported script"
    assert (assay.person_name(None), assay.person_role(None)) == ("", "")


def test_moments_are_shown_in_the_readers_zone_and_say_it() -> None:
    with django_timezone.override("Europe/Berlin"):
        assert assay.moment(NOW) == "22 Nov 2026, 19:55 CET"


def test_plain_dates_have_no_time() -> None:
    assert assay.moment(date(2026, 12, 16)) == "16 Dec 2026"


def test_a_naive_time_says_that_its_zone_is_not_stated() -> None:
    naive = datetime(2026, 11, 22, 18, 55)  # noqa: DTZ001 - the case under test
    assert assay.moment(naive) == "22 Nov 2026, 18:55, zone not stated"
    assert assay.relative(naive) == ""


def test_machine_time_is_utc() -> None:
    assert assay.machine_time(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-22T18:55:00+00:00"
    assert assay.machine_time(date(2026, 12, 16)) == "2026-12-16"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(seconds=-20), "less than a minute ago"),
        (timedelta(seconds=20), "in less than a minute"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(hours=-3, minutes=-59), "3 hours ago"),
        (timedelta(days=5), "in 5 days"),
    ],
)
def test_relative_times_name_their_largest_unit(span: timedelta, expected: str) -> None:
    assert assay.relative(NOW + span, NOW) == expected


@pytest.mark.parametrize(("day", "expected"), [(22, "today"), (24, "in 2 days"), (21, "1 day ago")])
def test_relative_dates_count_days(day: int, expected: str) -> None:
    assert assay.relative(date(2026, 11, day), NOW) == expected


def test_a_query_keeps_the_other_parameters_and_goes_back_to_the_first_page() -> None:
    changed = QueryDict(assay.query_with(asked("state=open&state=new&page=4"), "sort", "-at").removeprefix("?"))
    assert changed == QueryDict("state=open&state=new&sort=-at")


def test_a_query_for_a_page_keeps_the_order() -> None:
    assert assay.query_with(asked("sort=at&page=4"), "page", 5) == "?sort=at&page=5"


def test_an_empty_value_leaves_the_parameter_out() -> None:
    assert assay.query_with(asked("sort=at"), "sort", "") == "?"


def test_a_query_without_a_request_changes_nothing() -> None:
    assert assay.query_with(Context({}), "page", 2) == "?"


def test_heads_say_the_order_and_reverse_it() -> None:
    columns: list[dict[str, object]] = [
        {"label": "Job", "sort": "name"},
        {"label": "At", "sort": "at", "numeric": True},
        {"label": "Acts"},
    ]
    name, at, acts = assay.table_heads(asked("sort=at"), columns)
    assert (name.direction, name.url) == ("", "?sort=name")
    assert (at.direction, at.url, at.numeric) == ("ascending", "?sort=-at", True)
    assert (acts.url, acts.direction) == ("", "")


def test_a_descending_head_goes_back_to_ascending() -> None:
    (head,) = assay.table_heads(asked("sort=-at"), [{"label": "At", "sort": "at"}])
    assert (head.direction, head.url) == ("descending", "?sort=at")


def test_many_pages_are_elided() -> None:
    page = Paginator(range(1000), 10).page(50)
    assert "".join(f"{number} " for number in assay.page_numbers(page)) == "1 … 48 49 50 51 52 … 100 "


class Sample(forms.Form):
    """One field of each layout."""

    title = forms.CharField(help_text="One line.", widget=forms.TextInput(attrs={"class": "wide"}))
    choice = forms.ChoiceField(choices=[("a", "A")])
    several = forms.MultipleChoiceField(choices=[("a", "A")], widget=forms.CheckboxSelectMultiple)
    agreed = forms.BooleanField()
    upload = forms.FileField()
    token = forms.CharField(widget=forms.HiddenInput)


def test_fields_are_laid_out_by_their_widget() -> None:
    kinds = [assay.widget_kind(field) for field in Sample()]
    assert kinds == ["text", "select", "group", "checkbox", "file", "hidden"]


def test_a_wrong_field_is_marked_and_described() -> None:
    html = assay.styled(Sample({})["title"])
    assert 'class="form-control wide is-invalid"' in html
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert 'aria-invalid="true"' in html


def test_a_field_that_was_not_sent_is_not_marked() -> None:
    assert "is-invalid" not in assay.styled(Sample()["choice"])


@pytest.mark.parametrize(("level", "tone"), [("success", "good"), ("error", "bad"), ("warning", "warn"), ("", "note")])
def test_messages_take_a_tone(level: str, tone: str) -> None:
    assert assay.message_tone(level) == tone


def test_templates_name_only_icons_that_are_in_the_sprite() -> None:
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for rule in (r'\{% icon "([\w-]+)"', r'\bicon="([\w-]+)"')
        for name in re.findall(rule, path.read_text("utf-8"))
    }
    assert named - SPRITE == set()
