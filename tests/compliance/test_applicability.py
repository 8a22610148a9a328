"""Which legal requirement applies to which system, as a table; and what is not stated is never taken for an answer."""

from __future__ import annotations

from datetime import date

import pytest

from compliance.oscal.catalog_files import read_catalog
from compliance.types.applicability import Applicability, Applies, LegalRole, RiskClass, Standing, applicability

pytestmark = pytest.mark.sqlite_only
TODAY = date(2026, 11, 27)
HIGH = {"annex-iii": "2027-12-02", "annex-i": "2028-08-02"}
GPAI = {"new": "2025-08-02", "older": "2027-08-02"}
A = Applies


def of(role: str = "", risk: str = "not-assessed", *, systemic: bool | None = None, since: str = "") -> Standing:
    return Standing(
        roles=frozenset({LegalRole(role)} if role else ()),
        risk_class=RiskClass(risk),
        is_systemic=systemic,
        on_market_since=date.fromisoformat(since) if since else None,
    )


@pytest.mark.parametrize(
    ("applies_to", "applies_from", "standing", "state", "since"),
    [
        ("", {}, of(), A.APPLIES, None),
        ("all", {"all": "2025-02-02"}, of(), A.APPLIES, "2025-02-02"),
        ("all", {"all": "2027-02-02"}, of(), A.NOT_YET, "2027-02-02"),
        ("provider-high-risk", HIGH, of("provider", "high-risk-annex-iii"), A.NOT_YET, "2027-12-02"),
        ("provider-high-risk", HIGH, of("provider", "high-risk-annex-i"), A.NOT_YET, "2028-08-02"),
        ("provider-high-risk", {}, of("provider", "high-risk-annex-i"), A.APPLIES, None),
        ("provider-high-risk", HIGH, of("deployer", "high-risk-annex-iii"), A.DOES_NOT_APPLY, None),
        ("provider-high-risk", HIGH, of("provider", "minimal"), A.DOES_NOT_APPLY, None),
        ("provider-high-risk", HIGH, of("provider", "transparency"), A.DOES_NOT_APPLY, None),
        ("provider-high-risk", HIGH, of("provider"), A.NOT_ASSESSED, None),
        ("provider-high-risk", HIGH, of("", "high-risk-annex-iii"), A.NOT_ASSESSED, None),
        ("provider-high-risk", HIGH, of("deployer"), A.DOES_NOT_APPLY, None),
        ("provider-high-risk", HIGH, of("", "minimal"), A.DOES_NOT_APPLY, None),
        ("deployer-high-risk", HIGH, of("deployer", "high-risk-annex-iii"), A.NOT_YET, "2027-12-02"),
        ("deployer-high-risk", HIGH, of("provider", "high-risk-annex-iii"), A.DOES_NOT_APPLY, None),
        ("gpai-provider", GPAI, of("gpai-provider"), A.APPLIES, "2025-08-02"),
        ("gpai-provider", GPAI, of("gpai-provider", since="2024-05-01"), A.NOT_YET, "2027-08-02"),
        ("gpai-provider", GPAI, of("gpai-provider", since="2025-08-02"), A.APPLIES, "2025-08-02"),
        ("gpai-provider", GPAI, of("deployer"), A.DOES_NOT_APPLY, None),
        ("gpai-provider", GPAI, of(), A.NOT_ASSESSED, None),
        ("gpai-systemic", GPAI, of("gpai-provider", systemic=True), A.APPLIES, "2025-08-02"),
        ("gpai-systemic", GPAI, of("gpai-provider", systemic=False), A.DOES_NOT_APPLY, None),
        ("gpai-systemic", GPAI, of("gpai-provider"), A.NOT_ASSESSED, None),
        ("operator-of-something", {}, of("provider", "minimal"), A.NOT_ASSESSED, None),
    ],
)
def test_it_follows_from_role_class_and_day(
    applies_to: str, applies_from: dict[str, str], standing: Standing, state: Applies, since: str | None
) -> None:
    found = applicability(applies_to, applies_from, standing, on=TODAY)
    assert found == Applicability(state=state, since=date.fromisoformat(since) if since else None)


def test_an_article_applies_from_its_day_on() -> None:
    provider = of("provider", "high-risk-annex-iii")
    assert applicability("provider-high-risk", HIGH, provider, on=date(2027, 12, 1)).state is A.NOT_YET
    assert applicability("provider-high-risk", HIGH, provider, on=date(2027, 12, 2)).state is A.APPLIES


def test_every_shipped_legal_reference_can_be_assessed() -> None:
    every = Standing(
        roles=frozenset(LegalRole), risk_class=RiskClass.HIGH_RISK_ANNEX_III, is_systemic=True, on_market_since=None
    )
    articles = [pair for pair in read_catalog().pairs if pair.framework == "eu-ai-act"]
    states = {
        applicability(pair.facts["applies_to"], pair.facts["applies_from"], every, on=date(2030, 1, 1)).state
        for pair in articles
    }
    assert states == {A.APPLIES}
