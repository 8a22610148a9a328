"""Every page and list of a large record (tests.bench.large_record): times with one and five clients, queries, memory.

`ASSAY_BENCH_SHARE` grows the record to a part of its sizes, for a first look.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from compliance.management.routes import Gate, Route, routes
from tests.bench import page_times
from tests.conftest import Database, NewInstallation
from tests.e2e.conftest import AUDITOR, DEMO_SECONDS, OFFICER
from tests.e2e.test_pages import ADMINISTRATOR, NO_PAGE, SUBJECTS, furnish
from tests.installations import Installation, running_site

SHARE = os.environ.get("ASSAY_BENCH_SHARE", "1")
MEDIAN, P95, P95_SQLITE, QUESTION, QUERIES, MEMORY_MIB = 0.150, 0.400, 0.800, 0.500, 20, 300
WORKERS = 2  # as many as `serve` starts
QUESTION_PAGES = {"question-detail"}
PEOPLE = (
    OFFICER,
    ADMINISTRATOR,
    AUDITOR,
)  # whoever of them comes first and may see a page asks for it, and the auditor
# What answers with a file, or with the API's own description, is no list.
NOT_MEASURED = {*NO_PAGE, "api-schema", "api-docs"}
RECORDS = {
    "api-systems": "compliance_aisystem", "api-model-versions": "compliance_modelversion",
    "api-dataset-versions": "compliance_datasetversion", "api-techniques": "compliance_technique",
    "api-questions": "compliance_auditquestion", "api-reference-controls": "compliance_referencecontrol",
    "api-mappings": "compliance_mappingpair", "api-controls": "compliance_implementedcontrol",
    "api-assessments": "compliance_assessment", "api-answers": "compliance_answer", "api-evidence": "compliance_evidence",
    "api-job-events": "compliance_jobevent", "api-job-bindings": "compliance_jobbinding",
    "api-check-runs": "compliance_checkrun", "api-access-reviews": "compliance_accessreview",
    "api-completeness-readings": "compliance_completenessreading", "api-platform-documents": "compliance_platformdocument",
    "api-observations": "compliance_observation", "api-findings": "compliance_finding",
    "api-remediation-items": "compliance_remediationitem", "api-bulk-edits": "compliance_bulkedit",
    "api-remediation-comments": "compliance_remediationcomment", "api-saved-filters": "compliance_savedfilter",
    "api-sla-policies": "compliance_slapolicy", "api-business-calendars": "compliance_businesscalendar",
    "api-sla-clocks": "compliance_slaclock", "api-nightly-runs": "compliance_nightlyrun",
    "api-webhooks": "compliance_webhookendpoint", "api-webhook-deliveries": "compliance_webhookdelivery",
    "api-remediation-summaries": "compliance_remediationsummary",
    "api-packs": "compliance_evidencepack", "api-jobs": "compliance_job",
    "api-imports": "scanning_import", "api-column-mappings": "scanning_columnmapping", "api-scans": "scanning_scan",
    "api-reference-banks": "scanning_referencebank",
}  # fmt: skip
PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
ASKED = {  # the filters that people use on lists of this size
    "finding-list": ("?state=all", "?state=all&severity=high", "?q=pickle", "?page=900"),
    "job-log": ("?act=submit", "?q=train", "?outcome=denied", "?page=900"),
    "evidence-list": ("?q=log", "?page=90"),
    "remediation-list": ("?view=board", "?page=90", "?state=all&sort=-due", "?overdue=on", "?q=model"),
    "remediation-dashboard": ("?days=365",),
    "trail": ("?page=900",),
    "unmatched-list": ("?page=9",),
    "api-findings-list": ("?page=900",),
    "api-job-events-list": ("?page=900",),
}


def subject_of(route: Route) -> str | None:
    """The query for the record that an address names; None where nobody knows one."""
    if route.name in SUBJECTS:
        return SUBJECTS[route.name]
    for name, table in RECORDS.items():
        if route.name.startswith(f"{name}-"):
            return f"SELECT uuid FROM {table} ORDER BY id"
    return None


def addresses(installation: Installation) -> Iterator[tuple[str, str]]:
    """(name, path) of every address that answers a GET with a page or a list; path "" where no record is known."""
    for route in routes():
        if route.gate not in (Gate.PAGE, Gate.ENDPOINT) or "GET" not in route.verbs or route.name in NOT_MEASURED:
            continue
        path = f"/{route.path}".replace("<int:number>", "2")
        if PARAMETER.search(path):
            query = subject_of(route)
            found: list[Any] = installation.rows(f"{query} LIMIT 1") if query else []
            path = PARAMETER.sub(_shown(found[0][0]), path) if found else ""
        yield route.name, path
        for asked in ASKED.get(route.name, ()):
            yield route.name, path + asked


def readers_of(address: str, sessions: dict[str, str]) -> list[str]:
    """Who asks for the page there: the first who is shown it, and the auditor, whose scope is sought row by row."""
    shown: list[str] = []
    for email, session in sessions.items():
        if shown and email != AUDITOR:
            continue
        status = page_times.status_of(address, session)
        assert status < 500, f"{address} answers {status}"
        if status == page_times.A_FILE:
            return []
        if status == 200:
            shown.append(email)
    return shown


def _shown(subject: Any) -> str:
    text = str(subject)
    return str(UUID(text)) if re.fullmatch(r"[0-9a-f]{32}", text) else text


def prepared(installation: Installation) -> Installation:
    """The demonstration, what it has none of, and all of it many times."""
    installation.succeed("load_catalog")
    installation.manage("demo", "--json", timeout=DEMO_SECONDS)
    furnish(installation)
    installation.python(f"from tests.bench.large_record import main; main({SHARE})", timeout=3600)
    return installation


def misses(name: str, database: Database, one: page_times.Times, five: page_times.Times, queries: int) -> list[str]:
    """Which limits an address misses."""
    median = QUESTION if name in QUESTION_PAGES else MEDIAN
    p95 = max(median, P95) if database == "postgres" else P95_SQLITE
    found = [f"{queries} queries"] if queries > QUERIES else []
    for clients, times in (("one client", one), ("five clients", five)):
        if database == "postgres" and times.median > median:
            found.append(f"median {times.median * 1000:.0f} ms with {clients}")
        if times.p95 > p95:
            found.append(f"p95 {times.p95 * 1000:.0f} ms with {clients}")
    return found


def measured(installation: Installation, database: Database) -> tuple[list[str], float]:
    """(limits missed, MiB of the largest web worker); prints a line for each address."""
    sessions = {email: page_times.session_of(installation, email) for email in PEOPLE}
    missed: list[str] = []
    with running_site(installation, workers=WORKERS) as site:
        known = [
            (name, path, email)
            for name, path in addresses(installation)
            for email in ((readers_of(site.url + path, sessions) if path else []) or [""])
        ]
        asked = {
            email: page_times.queries_of(installation, email, [path for _, path, who in known if who == email])
            for email in sessions
        }
        print(f"{'milliseconds, then queries':78}{'one':>7}{'p95':>7}{'five':>7}{'p95':>7}")
        for name, path, email in known:
            if not email:
                print(
                    f"{path or name} not measured: {'a file, or nobody may see it' if path else 'no record of this kind'}"
                )
                continue
            # Whatever a process reads once, it has read then: asked one after the other, one process may answer them all.
            page_times.times_of(site.url + path, sessions[email], clients=2 * WORKERS, requests=2)
            one, five = (
                page_times.times_of(site.url + path, sessions[email], clients=clients, requests=requests)
                for clients, requests in ((1, 10), (5, 6))
            )
            over = misses(name, database, one, five, asked[email][path])
            named = f"{path} (auditor)" if email == AUDITOR else path
            missed += [f"{named}: {what}" for what in over]
            shown = "".join(f"{seconds * 1000:7.0f}" for times in (one, five) for seconds in (times.median, times.p95))
            print(f"{named[-78:]:78}{shown}{asked[email][path]:5d} {'MISSED' if over else ''}", flush=True)
        return missed, page_times.peak_of_workers(site.process)


@pytest.mark.bench
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_pages_of_a_large_record(new_installation: NewInstallation, database: Database) -> None:
    missed, peak = measured(prepared(new_installation(database, "filesystem")), database)
    print(f"largest web worker: {peak:.0f} MiB")
    assert peak < MEMORY_MIB
    assert missed == []
