"""The parts of an example freeze that auditors ask for: assertion, audits, applicability, findings, custody. All fictional."""

from __future__ import annotations

from typing import Any

from compliance.selectors.assertion import assertion_words, meaning_of_freezing
from compliance.types.pack_layouts import ChangeStatement, Later
from tests.compliance.packs.example_freeze import INA, LEILA, SUBTECHNIQUES, TOMASZ, WEI, example_freeze, sha, uid


def _audit_finding(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "uuid": uid(f"audit-finding-{number}"), "number": number, "engagement": "External audit 2026", "prior": False,
        "control": "C-03 Trigger inversion before release", "title": "Two releases left without a scan",
        "condition": "Of 25 releases sampled, 2 had no scan before the release.",
        "criteria": "Each model version is scanned before it is released.", "cause": "The pipeline allows a manual release.",
        "effect": "A manipulated version could be served.", "rating": "Moderate", "severity": "medium",
        "repeats": "", "state": "accepted", "issued_at": "2026-10-25T09:00:00Z", "agreement": "agree",
        "response": "We close the manual path.", "action": "Remove the manual release", "action_owner": "陳偉 (Chén Wěi)",
        "action_due": "2026-12-11", "item": uid("item"), "closed_at": None,
        "history": [
            {"at": "2026-10-25T09:00:00Z", "act": "issue", "after": "issued", "words": "", "by": LEILA["name"]},
            {"at": "2026-10-28T09:00:00Z", "act": "respond", "after": "answered", "words": "", "by": TOMASZ["name"]},
        ],
        **changes,
    }  # fmt: skip


def _custody(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    by = f"{WEI['name']} ({WEI['role']})"
    return [
        {"at": evidence["collected_at"], "act": "received", "by": by, "position": 11},
        {"at": "2026-10-19T09:00:00Z", "act": evidence["state"], "by": f"{INA['name']} ({INA['role']})", "position": None},
    ]  # fmt: skip


def _test_of_control() -> dict[str, Any]:
    return {
        "uuid": uid("control-test"), "engagement": "External audit 2026", "kind": "operation",
        "procedure": "Compare the day of each release with the day of the scan of the same weights.",
        "period_start": "2026-07-01", "period_end": "2026-09-30", "conclusion": "not_effective",
        "statement": "Two of 25 releases had no scan before them.", "population": 41, "root": sha("population"),
        "seeds": ["2026-10-12 Leila"], "instances": 25, "exceptions": 2, "upper_limit": "23.1", "preparer": LEILA["name"],
        "reviewer": "Rhea Reviewer", "released_at": "2026-10-24T09:00:00Z",
    }  # fmt: skip


def _audits() -> dict[str, Any]:
    engagements = [
        {
            "uuid": uid("engagement"), "title": "External audit 2026", "kind": "customer", "criteria": "Supplier code",
            "edition": "4", "entity": "Norðurljós Imaging ehf.", "as_of": None, "period_start": "2026-07-01",
            "period_end": "2026-09-30", "exclusions": "Models under research.", "accounts": ["123456789012"], "regions": [],
        }
    ]  # fmt: skip
    statements = [
        {
            "uuid": uid("soa"), "framework": "ISO/IEC 42001 Annex A", "edition": "2023", "of": "Digit reader", "version": 2,
            "sha256": sha("soa"), "approved_by": TOMASZ["name"], "approved_at": "2026-10-02T09:00:00Z",
            "lines": [
                {"id": "A.7.5", "inclusion": "included", "reason": "Provenance of training data.",
                 "implementation": "partly", "controls": ["C-03 v2"]},
                {"id": "A.10.4", "inclusion": "excluded", "reason": "We sell to no customer of this kind.",
                 "implementation": "not-stated", "controls": []},
            ],
        }
    ]  # fmt: skip
    return {"engagements": engagements, "statements": statements}


def audited(document: Any = None) -> Any:
    """A freeze document (the example unless one is given) with everything that freezes hold for auditors."""
    whole: dict[str, Any] = {**(document or example_freeze())}
    against = {
        "BDM-03": [SUBTECHNIQUES[0]],
        "BDM-07": [SUBTECHNIQUES[0], SUBTECHNIQUES[1]],
        "BDM-15": list(SUBTECHNIQUES[:2]),
    }
    whole["reference_controls"] = [
        {**one, "techniques": against.get(one["id"], [])} for one in whole["reference_controls"]
    ]
    whole["implemented_controls"] = [
        {**one, "control_id": "C-03", "auditors_tests": [_test_of_control()]} for one in whole["implemented_controls"]
    ]
    whole["evidence"] = [
        {**one, "handling": "none", "supersedes": None, "custody": _custody(one)} for one in whole["evidence"]
    ]
    whole["assertion"] = {
        "statements": assertion_words(), "by": INA, "at": whole["frozen_at"],
        "meaning": meaning_of_freezing(),
    }  # fmt: skip
    whole |= _audits()
    known = {one["uuid"] for one in whole["remediation"]}
    whole["audit_findings"] = [
        _audit_finding(1, item=uid("item") if uid("item") in known else None),
        _audit_finding(
            2, engagement="External audit 2025", prior=True, state="closed", item=None, title="Access list out of date",
            closed_at="2026-09-01T09:00:00Z", agreement="partly",
        ),
    ]  # fmt: skip
    whole["dataset_checks"] = [
        {"uuid": uid(f"check {n}"), "dataset": one["uuid"], "at": f"2026-08-0{n}T08:00:00Z", "matches": n == 1,
         "found_root": sha(f"found {n}"), "added": 0, "removed": 0, "changed": n - 1, "by": f"{WEI['name']} ({WEI['role']})"}
        for one in whole["datasets"] for n in (1, 2)
    ]  # fmt: skip
    return whole


def later(events: int = 7) -> Later:
    """What was recorded after the freeze."""
    acts: Any = [
        {"kind": kind, "count": n, "first": "2026-11-02T10:01:00Z", "last": "2026-11-02T10:04:00Z"}
        for kind, n in (("evidence.received", events - 1), ("finding.concluded", 1))
    ]
    found: Any = {
        "title": "A new base model brings a changed chat template", "asset": "digits-base 1.4", "severity": "high",
        "state": "not-satisfied", "at": "2026-11-02T10:03:00Z",
    }  # fmt: skip
    return {
        "until": "2026-11-02T10:05:00Z", "events": events, "acts": acts, "findings": [found], "findings_total": 1,
    }  # fmt: skip


def statement() -> ChangeStatement:
    """What management states about the time since a pack."""
    return {
        "since_pack": uid("earlier pack"), "since_number": 1, "since_sha256": sha("earlier"),
        "since_issued_at": "2026-10-05T09:00:00Z", "starts": "2026-10-01", "ends": "2026-11-01",
        "changes": "digits-cnn 2026.10 took the place of 2026.09 on 20 October 2026.",
        "incidents": "None is known to us.", "signer": {"name": TOMASZ["name"], "role": TOMASZ["role"]},
        "signed_at": "2026-11-02T10:05:00Z",
    }  # fmt: skip
