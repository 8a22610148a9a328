"""Statements of applicability: what is in and out, with a reason, approved as a whole by somebody who did not write it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import AISystem, Framework, StatementLine, StatementVersion, User
from compliance.selectors.statement_page import StatementRow, as_json, statement_ids, statement_rows
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.statements import Decision, Inclusion

LONGEST_REASON = 5_000


@transaction.atomic
def decide(*, framework: Framework, system: AISystem | None, decisions: Iterable[Decision], actor: User) -> int:
    """Writes what is decided on ids; answers how many lines changed.

    Raises RefusedError, and writes nothing, for an unknown id, an inclusion or exclusion without a reason, or a line that
    somebody else wrote meanwhile.
    """
    rows = StatementLine.objects.select_for_update().filter(framework=framework, system=system)
    lines = {line.requirement_id: line for line in rows}
    changed = [line for one in decisions if (line := _changed(one, lines, framework, system)) is not None]
    for line in changed:
        line.version, line.written_by, line.written_at = line.version + 1, actor, timezone.now()
        line.save()
    if changed:
        payload = {
            "ids": [line.requirement_id for line in changed],
            "sha256": digest_of([_said(one) for one in changed]),
        }
        ledger.record(kind="statement.decided", subject=framework, payload=payload, actor=actor, system=system)
    return len(changed)


def _said(line: StatementLine) -> list[str]:
    return [line.requirement_id, str(line.inclusion), line.reason, str(line.implementation)]


def _changed(
    one: Decision, lines: dict[str, StatementLine], framework: Framework, system: AISystem | None
) -> StatementLine | None:
    """The line with what is decided, not saved; None where nothing differs."""
    if one.requirement_id not in statement_ids(framework):
        raise RefusedError(_("“%s” is none of the ids of this statement.") % one.requirement_id)
    line = lines.get(one.requirement_id) or StatementLine(
        framework=framework, system=system, requirement_id=one.requirement_id
    )
    before, reason = _said(line), one.reason.strip()
    after = [one.requirement_id, one.inclusion.value, reason, one.implementation.value]
    if before == after:
        return None
    if line.version != one.version:
        raise RefusedError(_("Somebody else decided on %s meanwhile; read it again, then save.") % one.requirement_id)
    if one.inclusion is not Inclusion.UNDECIDED and not reason:
        raise RefusedError(_("Give the reason why %s is included or excluded.") % one.requirement_id)
    if len(reason) > LONGEST_REASON:
        told = _("The reason on %(id)s is longer than %(n)d characters.")
        raise RefusedError(told % {"id": one.requirement_id, "n": LONGEST_REASON})
    line.inclusion, line.reason, line.implementation = one.inclusion, reason, one.implementation
    return line


@transaction.atomic
def approve(*, framework: Framework, system: AISystem | None, note: str, actor: User) -> StatementVersion:
    """The statement as it stands becomes a version that never changes.

    Raises RefusedError while an id is undecided, where the approver wrote one of the lines since the last version, and
    where nothing differs from it.
    """
    list(StatementLine.objects.select_for_update().filter(framework=framework, system=system))
    rows = statement_rows(framework, system, actor)
    last = StatementVersion.objects.filter(framework=framework, system=system).order_by("-version").first()
    _require_approvable(rows, last, actor)
    content = as_json(rows)
    digest = digest_of(content)
    if last and last.sha256 == digest:
        raise RefusedError(_("Nothing differs from version %d.") % last.version)
    version = StatementVersion.objects.create(
        framework=framework, system=system, version=last.version + 1 if last else 1, lines=content, sha256=digest,
        note=note.strip(), approved_by=actor,
    )  # fmt: skip
    payload = {"framework": framework.key, "version": version.version, "sha256": digest}
    ledger.record(kind="statement.approved", subject=version, payload=payload, actor=actor, system=system)
    return version


def _require_approvable(rows: Iterable[StatementRow], last: StatementVersion | None, actor: User) -> None:
    rows = list(rows)
    undecided = [row.requirement_id for row in rows if row.inclusion is Inclusion.UNDECIDED]
    if not rows:
        raise RefusedError(_("The statement has no ids; there is nothing to approve."))
    if undecided:
        told = ngettext(
            "%(n)d id is undecided, %(first)s; decide on it before the statement is approved.",
            "%(n)d ids are undecided, %(first)s first; decide on each before the statement is approved.",
            len(undecided),
        )
        raise RefusedError(told % {"n": len(undecided), "first": undecided[0]})
    written = [row.line for row in rows if row.line and (last is None or row.line.written_at > last.created_at)]
    if any(line.written_by_id == actor.pk for line in written):
        raise RefusedError(_("You wrote lines of this statement; a second person has to approve it."))
