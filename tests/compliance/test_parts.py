"""Every part renders as the accessibility rules and the content policy want it, whatever text it is given."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import override_settings
from django.urls import path

from tests.compliance.parts_sample import DIGEST, HOSTILE, SOURCE, AnswerForm, context, rendered, request

PARTS = Path(__file__).resolve().parents[2] / "templates" / "parts"
urlpatterns = [
    path("", lambda _: None, name="overview"),  # type: ignore[arg-type,return-value]  # named, never opened
    path("out/", lambda _: None, name="sign-out"),  # type: ignore[arg-type,return-value]
]
pytestmark = [pytest.mark.sqlite_only, pytest.mark.usefixtures("own_addresses")]
VOID = {"input", "link", "meta", "br", "path", "rect", "use", "img", "hr"}


@pytest.fixture
def own_addresses() -> Iterator[None]:
    """The parts are tested without the pages that use them."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


class Reader(HTMLParser):
    """Start tags with their attributes, and whether every tag is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture(scope="module")
def sample() -> str:
    with override_settings(ROOT_URLCONF=__name__):
        return rendered()


@pytest.fixture(scope="module")
def read(sample: str) -> Reader:
    return Reader(sample)


def test_the_sample_shows_every_part() -> None:
    files = {path.stem.replace("_", "-") for path in PARTS.glob("[a-z]*.html")}
    nested = {"breadcrumb", "pagination", "form-field"}  # shown by page-header, table and form-fields
    assert files - nested - set(re.findall(r"<c-([\w-]+)", SOURCE)) == set()


def test_every_part_says_what_it_takes() -> None:
    assert [path.name for path in PARTS.glob("*.html") if "{% comment %}" not in path.read_text("utf-8")] == []


def test_every_prop_has_a_default_of_its_own() -> None:
    """Cotton does not isolate: a prop without a default would take the page's variable of the same name."""
    wrong = []
    for part in PARTS.glob("[a-z]*.html"):
        source = part.read_text("utf-8")
        declared = set(re.findall(r"[\s:]([a-z_]+)=", (re.search(r"<c-vars(.*?)/>", source, re.DOTALL) or [""])[0]))
        used = set(re.findall(r"\{% (?:el)?if (?:not )?([a-z_]+) ", source)) - {"forloop", "request", "layout"}
        made = set(re.findall(r" (?:as|with|for) ([a-z_]+)", source)) | {"slot"}
        wrong += [f"{part.name}: {name}" for name in used - declared - made]
    assert wrong == []


PART_TAG = re.compile(r"<c-([\w-]+)((?:\s+:?[\w-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*/?>")
TEMPLATES = sorted((PARTS.parent).rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PARTS.parent)))
def test_pages_give_parts_only_what_they_take(path: Path) -> None:
    """A misspelt prop would be dropped without a word."""
    unknown = []
    source = re.sub(r"\{% comment %\}.*?\{% endcomment %\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    found = PART_TAG.findall(source)
    assert len(found) == len(re.findall(r"<c-\w", source)), (
        "a part's tag is written in a way that cotton would not read"
    )
    for name, attributes in found:
        if name in {"slot", "vars"}:
            continue
        part = (PARTS / f"{name.replace('-', '_')}.html").read_text("utf-8")
        declared = re.search(r"<c-vars(.*?)/>", part, re.DOTALL)
        props = set(re.findall(r"[\s:]([a-z_]+)=", declared.group(1))) if declared else set()
        given = re.findall(r"\s:?([\w-]+)(?=[=\s]|$)", re.sub(r"\"[^\"]*\"|'[^']*'", "''", attributes))
        unknown += [f"<c-{name} {prop}=" for prop in given if prop not in props]
    assert unknown == []


def test_tags_are_closed_where_they_were_opened(read: Reader) -> None:
    assert (read.wrong, read.open) == ([], [])


def test_no_style_handler_or_script_stands_in_the_page(read: Reader) -> None:
    inline = [
        (t, n) for t, attributes in read.tags for n in attributes if n == "style" or n.startswith(("on", "hx-on"))
    ]
    assert inline == []
    assert [a for a in read.all("script") if not a.get("src", "").startswith("/static/")] == []
    assert read.all("style") == []


def test_hostile_text_stays_text(sample: str) -> None:
    assert HOSTILE not in sample
    assert sample.count("&lt;script&gt;") >= 6


def test_ids_are_unique(read: Reader) -> None:
    ids = Counter(attributes["id"] for _, attributes in read.tags if "id" in attributes)
    assert [name for name, times in ids.items() if times > 1] == []


def test_references_point_at_something(read: Reader) -> None:
    ids = {attributes.get("id") for _, attributes in read.tags}
    named = [
        name
        for _, attributes in read.tags
        for key in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "data-announce")
        for name in attributes.get(key, "").split()
    ]
    assert [name for name in named if name not in ids] == []


def test_every_field_has_a_label(read: Reader) -> None:
    labelled = {attributes.get("for") for attributes in read.all("label")}
    fields = [a for a in read.all("input", "select", "textarea") if a.get("type") not in {"hidden", "submit"}]
    assert [a for a in fields if a.get("id") not in labelled and "aria-label" not in a] == []


def test_table_heads_have_a_scope_and_tables_a_caption(read: Reader) -> None:
    assert [a for a in read.all("th") if a.get("scope") not in {"col", "row"}] == []
    assert len(read.all("caption")) == len(read.all("table"))


def test_tables_lie_in_named_groups_that_the_keyboard_reaches(read: Reader) -> None:
    groups = [a for a in read.all("div") if a.get("class") == "table-scroll"]
    assert len(groups) == len(read.all("table"))
    assert all(a["role"] == "group" and a["tabindex"] == "0" and a["aria-label"] for a in groups)


def test_there_is_one_first_heading_and_one_main(read: Reader) -> None:
    assert (len(read.all("h1")), len(read.all("main"))) == (1, 1)


def test_groups_of_links_have_names(read: Reader) -> None:
    names = [a.get("aria-label") for a in read.all("nav")]
    assert None not in names
    assert len(set(names)) == len(names)


def test_the_page_says_its_language_and_that_its_data_is_a_demonstration(read: Reader, sample: str) -> None:
    assert read.all("html")[0]["lang"] == "en"
    assert "Demonstration data" in sample


def test_without_demonstration_data_nothing_says_so() -> None:
    assert "Demonstration data" not in rendered(values={"demonstration": False})


def test_htmx_is_kept_within_the_content_policy(read: Reader) -> None:
    (config,) = [a["content"] for a in read.all("meta") if a.get("name") == "htmx-config"]
    for rule in ('"includeIndicatorStyles": false', '"allowEval": false', '"selfRequestsOnly": true'):
        assert rule in config


def test_forms_that_post_carry_a_token(sample: str) -> None:
    parts = re.findall(r'<form class="(?:confirm-panel|inline-form)".*?</form>', sample, re.DOTALL)
    assert parts
    assert all("csrfmiddlewaretoken" in form for form in parts)


def test_a_table_says_how_many_of_how_many(sample: str) -> None:
    assert "21–30 of 120 jobs" in sample
    assert "filtered from 5\u202f812" in sample
    assert 'aria-sort="descending"' in sample


def test_links_to_pages_keep_the_order(read: Reader) -> None:
    assert "?sort=-name&page=4" in [a.get("href") for a in read.all("a")]


def test_an_empty_list_shows_its_empty_state_instead_of_a_table() -> None:
    source = '<c-table caption="x" :page="none"><c-slot name="empty">Nothing yet</c-slot></c-table>'
    html = rendered(source, {"none": Paginator([], 5).page(1)})
    assert "Nothing yet" in html
    assert "<table" not in html


def test_a_list_of_one_page_has_no_page_links() -> None:
    assert rendered('<c-pagination :page="one" />', {"one": Paginator([1], 5).page(1)}).strip() == ""


def test_a_digest_shows_sixteen_digits_and_copies_all() -> None:
    html = rendered(f'<c-digest value="sha256:{DIGEST}" />')
    assert "9f86 d081 884c 7d65 …" in html
    assert f'data-copy="{DIGEST}"' in html


def test_a_verdict_is_word_icon_and_tone() -> None:
    html = rendered('<c-verdict value="no_evidence_at_power" kind="stage" />')
    assert "No evidence at stated power" in html
    assert "#check-circle" in html
    assert "tone-good" in html


def test_a_verdict_without_a_kind_takes_none_from_the_page() -> None:
    html = rendered('<c-verdict value="failed" kind="job" />', {"note": "stray", "title": "stray", "label": "stray"})
    assert "stray" not in html


def test_progress_of_unknown_length_has_no_value() -> None:
    bar = re.search(r"<progress[^>]*>", rendered('<c-progress-line label="Import" :done="5" unit="rows" />'))
    assert bar
    assert "value=" not in bar.group()


def test_progress_states_count_rate_and_what_is_left(sample: str) -> None:
    for words in ("412 of 1\u202f000 steps", "(41 %)", "21.4 a second", "about 28 s left", "1 min 30 s so far"):
        assert words in sample
    assert 'role="status" aria-live="polite"' in sample


def test_progress_in_bytes_reads_as_sizes() -> None:
    line = '<c-progress-line label="Import" bytes="True" :done="3145728" :total="6291456" :rate="1048576.4" />'
    html = " ".join(rendered(line).split())
    for words in ("3.0 MiB of 6.0 MiB", "(50 %)", "1.0 MiB a second"):
        assert words in html
    assert 'value="3145728" max="6291456"' in html


def test_errors_are_listed_with_links_to_their_fields(sample: str) -> None:
    assert '<a href="#id_answer_0">Answer — This field is required.</a>' in sample
    assert '<a href="#id_owner">Owner — This field is required.</a>' in sample


def test_a_form_without_errors_has_no_summary() -> None:
    assert rendered('<c-error-summary :form="fresh" />', {"fresh": AnswerForm()}).strip() == ""


def test_what_is_not_recorded_is_said() -> None:
    assert "not recorded" in rendered('<c-fact label="Supplier"></c-fact>')
    assert "not yet" in rendered('<c-when :at="None" />')
    assert ">15 Nov 2026</time>" in rendered(
        '<c-when :at="at" :day="True" />', {"at": datetime(2026, 11, 15, 9, 0, tzinfo=UTC)}
    )
    assert "unassigned" in rendered('<c-person :user="None" none="unassigned" />')


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_stand_without_a_context(name: str) -> None:
    html = render_to_string(f"{name}.html")
    assert len(Reader(html).all("h1")) == 1
    assert name[:3] in html


@pytest.mark.parametrize("name", ["account/login", "registration/logged_out", "registration/locked_out"])
def test_pages_of_the_gate_have_no_navigation(name: str) -> None:
    html = render_to_string(f"{name}.html", {"form": AnswerForm()}, request=request())
    assert 'aria-label="Main"' not in html
    assert Reader(html).wrong == []


def test_people_sign_out_by_post() -> None:
    html = rendered(
        values=context() | {"user": type("Someone", (), {"is_authenticated": True, "get_full_name": lambda _: "Ida"})()}
    )
    assert re.search(r'<form method="post" action="/out/"><input type="hidden" name="csrfmiddlewaretoken"', html)
