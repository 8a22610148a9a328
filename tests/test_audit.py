"""The audit never says "none known" about packages it could not ask about."""

from __future__ import annotations

import pytest

from tests.audit import Audit, conclude, read

pytestmark = pytest.mark.sqlite_only

UNASKED = {"name": "idna", "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.4)"}
FINE = {"name": "six", "version": "1.17.0", "vulns": []}
BAD = {"name": "idna", "version": "3.4", "vulns": [{"id": "CVE-2024-3651", "fix_versions": ["3.7"]}]}


def test_a_known_vulnerability_fails_and_names_the_fix() -> None:
    code, line = conclude(read({"dependencies": [FINE, BAD]}), required=False)
    assert code == 1
    assert "idna 3.4: CVE-2024-3651, fixed in 3.7" in line


def test_packages_that_were_not_asked_about_are_named() -> None:
    code, line = conclude(read({"dependencies": [FINE, UNASKED]}), required=False)
    assert (code, line.endswith("(no such release on PyPI): idna")) == (0, True)


def test_an_unreachable_database_is_said_and_fails_only_where_required() -> None:
    nothing = read({"dependencies": [UNASKED]})
    assert nothing == Audit((), 0, ("idna",))
    assert conclude(nothing, required=False)[0] == 0
    assert conclude(nothing, required=True)[0] == 3
    assert "NOT DONE" in conclude(nothing, required=False)[1]
