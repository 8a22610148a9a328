"""Handling labels: the rules as data, held against what each label says."""

from __future__ import annotations

import pytest

from compliance.types.handling import RULES, HandlingLabel, Recipient
from compliance.types.states import Role

L = HandlingLabel


def test_every_label_has_a_rule() -> None:
    assert set(RULES) == set(HandlingLabel)


def test_auditors_never_get_privileged_files_and_machines_get_none() -> None:
    assert Role.AUDITOR not in RULES[L.PRIVILEGED].download
    assert all(Role.COLLECTOR not in rule.download for rule in RULES.values())
    assert RULES[L.NDA].asks


@pytest.mark.parametrize(
    ("label", "recipient", "region", "may"),
    [
        (L.NONE, Recipient(), "", True),
        (L.INTERNAL, Recipient(under_nda=True, region="EU"), "EU", False),
        (L.NDA, Recipient(), "", False),
        (L.NDA, Recipient(under_nda=True), "", True),
        (L.REGION, Recipient(region="eu "), "EU", True),
        (L.REGION, Recipient(region="US"), "EU", False),
        (L.REGION, Recipient(), "", False),
        (L.PRIVILEGED, Recipient(under_nda=True, region="EU"), "EU", False),
        (L.EXPORT_REVIEW, Recipient(under_nda=True, region="EU"), "EU", False),
    ],
)
def test_what_a_pack_for_an_outsider_may_speak_of(
    label: HandlingLabel, recipient: Recipient, region: str, may: bool
) -> None:
    assert recipient.may_know_of(label, region=region) is may
