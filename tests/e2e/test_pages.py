"""Every page there is, in a real browser: it answers, complains of nothing, is usable wide, narrow, dark and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from compliance.management.routes import Gate, routes
from compliance.rights import TABLE
from compliance.types.states import Role
from tests.conftest import NewInstallation
from tests.e2e.conftest import AUDITOR, DEMO_SECONDS, OFFICER, PASSWORD, Demonstration, copied, sign_in, with_passwords
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(DEMO_SECONDS + 300),  # whichever test comes first waits for the one run of the demonstration
]
Axe = Callable[["Page"], list[str]]
ADMINISTRATOR = "aino.virtanen@example.org"
SAMPLES = Path(__file__).parents[1] / "samples"
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 360, "height": 740}
SCROLLS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
NO_PAGE = {  # addresses that answer a GET with something else than a page
    "population-rows", "summary-download",  # files
    "api-verify",  # answers POST alone
    "choices",  # options for a field that somebody types in
    "evidence-download", "pack-download", "engagement-list-file", "work-paper-export",
    "pack-receipt", "pack-files", "pack-marks", "trail-checkpoint-file", "trail-proof",
    "job-progress", "scan-progress", "import-progress",
    "disposal-certificate", "disposal-paper", "stored-file", "calendar-feed",
    "healthz", "readyz", "sign-out", "sign-in", "first-admin",
    # tests/e2e/test_sign_in.py walks the pages of the sign-in: they lead on, or need a provider, a key or a password first
    "account_login", "mfa_authenticate", "mfa_login_webauthn", "openid_connect_login", "openid_connect_callback",
    "account_reset_password_from_key", "account_reauthenticate", "account_change_password", "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes", "mfa_add_webauthn", "mfa_list_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn",
}  # fmt: skip
# One record for each page about one: what its address names.
SUBJECTS = {
    "assessment-detail": "SELECT uuid FROM compliance_assessment",
    "question-detail": "SELECT uuid FROM compliance_assessment",
    "engagement-detail": "SELECT uuid FROM compliance_engagement",
    "engagement-requests": "SELECT uuid FROM compliance_engagement",
    "engagement-ask": "SELECT uuid FROM compliance_engagement",
    "request-detail": "SELECT uuid FROM compliance_auditrequest",
    "request-change": "SELECT uuid FROM compliance_auditrequest",
    "work-paper-note": "SELECT uuid FROM compliance_workpapernote",
    "engagement-reads": "SELECT uuid FROM compliance_engagement",
    "engagement-testing": "SELECT uuid FROM compliance_engagement",
    "control-test-detail": "SELECT uuid FROM compliance_controltest",
    "control-test-change": "SELECT uuid FROM compliance_controltest",
    "control-test-finding": "SELECT uuid FROM compliance_controltest",
    "sampled-instance-detail": "SELECT uuid FROM compliance_sampledinstance",
    "population-detail": "SELECT uuid FROM compliance_population",
    "audit-finding-detail": "SELECT uuid FROM compliance_auditfinding",
    "audit-finding-change": "SELECT uuid FROM compliance_auditfinding",
    "engagement-change": "SELECT uuid FROM compliance_engagement",
    "evidence-detail": "SELECT uuid FROM compliance_evidence WHERE filename = 'records.json'",
    "job-event": "SELECT uuid FROM compliance_jobevent ORDER BY id",
    "model-version": "SELECT uuid FROM compliance_modelversion WHERE origin = 'inherited'",
    "dataset-version": "SELECT uuid FROM compliance_datasetversion",
    "finding-detail": "SELECT uuid FROM compliance_finding WHERE title LIKE 'All comparing%' AND state = 'not-satisfied'",
    "remediation-open": "SELECT uuid FROM compliance_finding WHERE title LIKE 'Loading%'",
    "remediation-item": "SELECT uuid FROM compliance_remediationitem",
    "remediation-replan": "SELECT uuid FROM compliance_remediationitem",
    "remediation-revise": "SELECT uuid FROM compliance_remediationitem",
    "remediation-work": "SELECT uuid FROM compliance_remediationitem",
    "playbook-open": "SELECT uuid FROM compliance_aisystem",
    "team-detail": "SELECT uuid FROM compliance_team",
    "bulk-edit": "SELECT uuid FROM compliance_bulkedit",
    "summary-detail": "SELECT uuid FROM compliance_remediationsummary",
    "acceptance-new": "SELECT uuid FROM compliance_finding WHERE title LIKE 'Loading%'",
    "acceptance-detail": "SELECT uuid FROM compliance_riskacceptance",
    "waiver-detail": "SELECT uuid FROM compliance_waiver",
    "closing-detail": "SELECT uuid FROM compliance_closing",
    "pack-detail": "SELECT uuid FROM compliance_evidencepack",
    "completeness-system": "SELECT uuid FROM compliance_aisystem",
    "log-statements": "SELECT uuid FROM compliance_aisystem",
    "job-detail": "SELECT uuid FROM compliance_job",
    "import-detail": "SELECT uuid FROM scanning_import",
    "import-mapping": "SELECT i.uuid FROM scanning_import i JOIN compliance_evidence e ON e.id = i.evidence_id"
    " WHERE e.filename = 'gateway.csv'",
    "column-mapping-detail": "SELECT uuid FROM scanning_columnmapping",
    "assessment-oscal": "SELECT uuid FROM compliance_assessment",
    "assessment-compare": "SELECT uuid FROM compliance_assessment",
    "assessment-pre-audit": "SELECT uuid FROM compliance_assessment",
    "evidence-describe": "SELECT uuid FROM compliance_evidence WHERE filename = 'records.json'",
    "machine-detail": "SELECT uuid FROM compliance_user WHERE owner_id IS NOT NULL",
    "machine-token": "SELECT uuid FROM compliance_user WHERE owner_id IS NOT NULL",
    "supplier-detail": "SELECT uuid FROM compliance_supplier",
    "supplier-review": "SELECT uuid FROM compliance_supplier",
    "check-run": "SELECT uuid FROM compliance_checkrun",
    "check-run-exceptions": "SELECT uuid FROM compliance_checkrun",
    "access-review-detail": "SELECT uuid FROM compliance_accessreview",
    "framework-detail": "SELECT key FROM compliance_framework ORDER BY key",
    "scan-detail": "SELECT uuid FROM scanning_scan WHERE verdict = 'evidence_found'",
    "reference-bank-detail": "SELECT sha256 FROM compliance_evidence JOIN scanning_referencebank"
    " ON evidence_id = compliance_evidence.id",
    "catalogue-control": "SELECT control_id FROM compliance_referencecontrol ORDER BY control_id",
    "control-detail": "SELECT uuid FROM compliance_implementedcontrol ORDER BY id",
    "control-change": "SELECT uuid FROM compliance_implementedcontrol ORDER BY id",
    "mapping-add": "SELECT control_id FROM compliance_referencecontrol ORDER BY control_id",
    "mapping-revise": "SELECT uuid FROM compliance_mappingpair ORDER BY id",
    "calendar-change": "SELECT key FROM compliance_businesscalendar",
    "webhook-detail": "SELECT uuid FROM compliance_webhookendpoint",
    "retention-revise": "SELECT key FROM compliance_retentionterms ORDER BY key",
    "rehash-run": "SELECT uuid FROM compliance_rehashrun",
    "disposal-detail": "SELECT uuid FROM compliance_disposalrun",
    "system-detail": "SELECT uuid FROM compliance_aisystem",
    "system-standing": "SELECT uuid FROM compliance_aisystem",
    "system-relevance": "SELECT uuid FROM compliance_aisystem",
    "system-matrix": "SELECT uuid FROM compliance_aisystem",
    "statement-detail": "SELECT key FROM compliance_framework WHERE key LIKE 'iso-iec-%' ORDER BY key",
    "statement-version": "SELECT uuid FROM compliance_statementversion",
    "control-adopt": "SELECT control_id FROM compliance_referencecontrol ORDER BY control_id",
}
MORE = {
    "the board": ("remediation-list", "?view=board"),
    "the data sets": ("model-list", "?view=data"),
    "the playbook": ("remediation-open", "?playbook=1"),
    "an open finding of a person": ("finding-list", "?state=all&severity=high"),
    "a list that nothing fits": ("evidence-list", "?q=nothing-has-this-name"),
    "a job log that nothing fits": ("job-log", "?q=nothing-has-this-name"),
    "coverage that nothing fits": ("coverage", "?q=nothing-has-this-name"),
    "the stale cells": ("coverage", "?state=stale"),
}
PAGES = [route.name for route in routes() if route.gate in (Gate.PAGE, Gate.PUBLIC) and route.name not in NO_PAGE
         and (route.gate is Gate.PUBLIC or "GET" in route.verbs)]  # fmt: skip
WALK = [*((name, name, "") for name in PAGES), *((what, name, query) for what, (name, query) in MORE.items())]
EMPTY = ["/", "/assessments/", "/evidence/", "/job-log/", "/models/", "/models/?view=data", "/scans/", "/findings/",
         "/remediation/", "/remediation/?view=board", "/packs/", "/imports/", "/jobs/", "/catalogue/",
         "/coverage/", "/scans/compare/", "/controls/", "/tests/", "/populations/", "/audit-findings/",
         "/systems/", "/statements/", "/engagements/", "/requests/", "/inbox/", "/time-limits/", "/time-limits/calendars/",
         "/time-limits/nightly/"]  # fmt: skip
FIRST_PERSON = f"""
from compliance.services import people
from compliance.types.states import Role
people.create_user(email="first@example.org", name="First Person", role=Role(ROLE), password={PASSWORD!r}, actor=None)
"""


def furnish(installation: Installation) -> None:
    """What the demonstration has none of: who can submit and its review, what logs deliver, checks, an unknown log."""
    documents = [SAMPLES / "aws_iam" / "bundle.json", SAMPLES / "aws_logging" / "bundle.json"]
    installation.succeed("ingest", *(str(path) for path in documents))
    installation.manage("ingest", str(SAMPLES / "generic_log" / "gateway.csv"))  # is refused: it needs a mapping
    installation.manage("rehash", "--all")
    installation.manage("check_events")  # ends with 1 where an event does not hold
    installation.python(
        "import json\n"
        "from datetime import date\n"
        "from compliance.models import EntitlementReading, User\n"
        "from compliance.models import Framework\n"
        "from compliance.services import access_reviews, statements\n"
        "from compliance.types.statements import Decision, Implementation, Inclusion\n"
        "from scanning.ingest.log_mapping import mapping_from_json\n"
        "from scanning.services import column_mappings\n"
        "officer = User.objects.get(email='mara.lindqvist@example.org')\n"
        "access_reviews.open_review(reading=EntitlementReading.objects.latest('pk'), reviewer=officer,\n"
        "    due_on=date(2099, 1, 1), removals_due_on=date(2099, 2, 1), actor=officer)\n"
        "iso = Framework.objects.get(key='iso-iec-42001-2023')\n"
        "statements.decide(framework=iso, system=None, actor=officer, decisions=[\n"
        "    Decision(requirement_id=one, inclusion=Inclusion.INCLUDED, reason='Asked for.',\n"
        "        implementation=Implementation.PLANNED) for one in iso.facts['statement_ids']])\n"
        "statements.approve(framework=iso, system=None, note='', actor=User.objects.filter(role='manager')[0])\n"
        "from compliance.models import AISystem, Engagement, ImplementedControl\n"
        "from tests.compliance.routes_world import tested\n"
        "Engagement.objects.update(period_start=date(2026, 1, 1))\n"
        "tested({'engagement': Engagement.objects.all()[0].uuid, 'api-controls': ImplementedControl.objects.all()[0].uuid})\n"
        "from datetime import UTC, datetime\n"
        "from io import BytesIO\n"
        "from compliance.models import Evidence\n"
        "from compliance.services import disposals, retention\n"
        "from compliance.services import evidence as evidences\n"
        "old = evidences.receive(system=AISystem.objects.all()[0], stream=BytesIO(b'old'), filename='old.txt',\n"
        "    title='Log of 2015', received_by=officer)\n"
        "Evidence.objects.filter(pk=old.pk).update(created_at=datetime(2015, 3, 1, tzinfo=UTC))\n"
        "disposals.propose(actor=None)\n"
        "retention.place_hold(title='Claim 12', reason='Announced.', system=AISystem.objects.all()[0], actor=officer)\n"
        "from compliance.services import audit_requests\n"
        "draft = audit_requests.RequestDraft(title='Who may submit a job', text='The list as of June.', owner=officer,\n"
        "    due_on=date(2026, 1, 1))\n"
        "request = audit_requests.ask(engagement=Engagement.objects.all()[0], draft=draft, actor=officer)\n"
        "audit_requests.reply(request=request, text='It follows.', actor=officer)\n"
        "from tests.compliance.routes_world import noted\n"
        "from compliance.models import RemediationItem\n"
        "from tests.compliance.routes_world import decided\n"
        "decided(RemediationItem.objects.all()[0], officer)\n"
        "noted(Engagement.objects.all()[0])\n"
        "from tests.compliance.suppliers_on_record import asked, reviewed\n"
        "reviewed(AISystem.objects.all()[0], officer, customer_controls=[asked('Tokens are rotated.')])\n"
        "from compliance.models import RemediationItem\n"
        "from compliance.services import bulk_edits, leases, remediation_comments, remediation_summaries\n"
        "from compliance.types.bulk_edits import Changes\n"
        "remediation_comments.write(item=RemediationItem.objects.all()[0], text='Retraining has begun.', actor=officer)\n"
        "bulk_edits.draft(items=RemediationItem.objects.all(), changes=Changes(owner=officer.pk), actor=officer)\n"
        "leases.run_here(job=remediation_summaries.request(month=date(2026, 1, 1), actor=officer, dispatch=False))\n"
        "from tests.compliance.routes_world import limited\n"
        "limited(officer, User.objects.filter(role='administrator')[0])\n"
        "from compliance.models import RemediationItem\n"
        "from tests.compliance.plans_on_record import staffed\n"
        "from tests.compliance.records import worked\n"
        "item = RemediationItem.objects.all()[0]\n"
        "staffed(item.owner, User.objects.filter(role='administrator')[0])\n"
        "worked(item, item.owner, '0.5')\n"
        "from compliance.services import machines\n"
        "from compliance.types.states import Role\n"
        "machines.create(name='Log forwarder', role=Role.COLLECTOR, owner=officer, systems=[AISystem.objects.all()[0]],\n"
        "    actor=User.objects.filter(role='administrator')[0])\n"
        f"given = json.load(open({str(SAMPLES / 'generic_log' / 'mapping_csv.json')!r}))\n"
        "column_mappings.make(name='Gateway', mapping=mapping_from_json(given), columns=['When', 'What'], actor=officer)\n"
    )


@dataclass(slots=True)
class Walker:
    """Somebody signed in, and what their browser complained of."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Opens an address; it has to answer 200 and to leave the console silent."""
        self.complaints.clear()
        answer = self.page.goto(f"{self.site.url}{path}")
        assert answer is not None
        assert answer.status == 200, f"{path} answers {answer.status}"
        assert self.complaints == []


@contextmanager
def walking(browser: Browser, site: Site, email: str) -> Iterator[Walker]:
    """Signs somebody in, for as long as the block lasts."""
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light", locale="en-GB")
    walker = Walker(context.new_page(), site)
    walker.page.on("pageerror", lambda error: walker.complaints.append(str(error)))
    walker.page.on("console", lambda line: walker.complaints.append(line.text) if line.type == "error" else None)
    sign_in(walker.page, site, email)
    yield walker
    context.close()


@pytest.fixture(scope="module")
def served(demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the demonstration, served for all tests of this module."""
    made = with_passwords(copied(demonstration.installation.var, tmp_path_factory.mktemp("pages") / "copy"))
    furnish(made)
    with running_site(made) as serving:
        yield serving


@pytest.fixture(scope="module")
def officer(browser: Browser, served: Site) -> Iterator[Walker]:
    with walking(browser, served, OFFICER) as walker:
        yield walker


@pytest.fixture(scope="module")
def administrator(browser: Browser, served: Site) -> Iterator[Walker]:
    with walking(browser, served, ADMINISTRATOR) as walker:
        yield walker


@pytest.fixture(scope="module")
def auditor(browser: Browser, served: Site) -> Iterator[Walker]:
    with walking(browser, served, AUDITOR) as walker:
        yield walker


def path_of(name: str, installation: Installation) -> str:
    """The address of a page, about a record of the demonstration where it is about one."""
    route = next(route for route in routes() if route.name == name)
    path = f"/{route.path}"
    if name in SUBJECTS:
        subject: Any = installation.rows(SUBJECTS[name])[0][0]
        for mark in ("<uuid:uuid>", "<str:control_id>", "<str:sha256>", "<str:key>", "<slug:key>"):
            path = path.replace(mark, str(UUID(subject)) if mark == "<uuid:uuid>" and mark in path else subject)
    return path.replace("<int:number>", "2")


def who_may_open(name: str) -> str:
    """The fixture of somebody whose role may open the page."""
    verb = next(route for route in routes() if route.name == name).verbs.get("GET")
    if verb is None or Role.OFFICER in TABLE[verb]:
        return "officer"
    return "administrator" if Role.ADMINISTRATOR in TABLE[verb] else "auditor"


def judged(walker: Walker, axe: Axe) -> dict[str, object]:
    """What is wrong with the page as it stands open: wide and light, dark, narrow, on paper."""
    page, found = walker.page, dict[str, object]()
    page.set_viewport_size(WIDE)
    found["wide"] = axe(page)
    page.emulate_media(color_scheme="dark")
    found["dark"] = axe(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    found["narrow"] = axe(page)
    found["scrolls sideways by"] = page.evaluate(SCROLLS)
    page.set_viewport_size(WIDE)
    page.emulate_media(media="print")
    found["without a heading on paper"] = not page.locator("main h1").first.is_visible()
    found["with the menu on paper"] = page.locator("#navigation").is_visible()
    page.emulate_media(media="screen")
    found["complaints"] = list(walker.complaints)
    return {what: value for what, value in found.items() if value}


@pytest.mark.parametrize(("name", "query"), [pytest.param(name, query, id=what) for what, name, query in WALK])
def test_page_is_usable(request: pytest.FixtureRequest, served: Site, axe: Axe, name: str, query: str) -> None:
    walker: Walker = request.getfixturevalue(who_may_open(name))
    walker.open(path_of(name, served.installation) + query)
    assert walker.page.title().endswith(" · Assay")
    assert walker.page.locator(".demonstration").is_visible()
    assert judged(walker, axe) == {}


def test_sign_in_is_usable(browser: Browser, served: Site, axe: Axe) -> None:
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    walker = Walker(context.new_page(), served)
    walker.open("/sign-in/")
    assert judged(walker, axe) == {}
    context.close()


def test_api_describes_itself_without_asking_anybody_else(officer: Walker) -> None:
    foreign: list[str] = []
    officer.page.on("request", lambda asked: foreign.append(asked.url) if officer.site.url not in asked.url else None)
    officer.open("/api/v1/docs/")
    officer.page.get_by_text(
        "/api/v1/access-reviews/", exact=True
    ).first.wait_for()  # the first; others are drawn on scrolling
    assert [url for url in foreign if not url.startswith("data:")] == []
    assert officer.complaints == []


def test_unknown_page_says_so_in_words(officer: Walker, axe: Axe) -> None:
    answer = officer.page.goto(f"{officer.site.url}/findings/{UUID(int=7)}/")
    assert answer is not None
    assert answer.status == 404
    officer.complaints.clear()
    assert judged(officer, axe) == {}


@pytest.mark.parametrize("role", ["officer", "administrator"])
def test_empty_lists_say_what_they_are_for(
    browser: Browser, axe: Axe, new_installation: NewInstallation, role: str
) -> None:
    empty = new_installation("sqlite", "filesystem")
    empty.python(FIRST_PERSON.replace("ROLE", repr(role)))
    silent: dict[str, object] = {}
    with running_site(empty) as site, walking(browser, site, "first@example.org") as walker:
        for path in EMPTY:
            walker.open(path)
            if not walker.page.locator(".empty-state").first.is_visible():
                silent[path] = walker.page.locator("main").inner_text()
            elif violations := axe(walker.page):
                silent[path] = violations
    assert silent == {}
