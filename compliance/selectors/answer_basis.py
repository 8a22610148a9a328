"""What an approval rests on: the exact pieces of evidence, and what became of them since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from compliance.models import Answer, Evidence, EvidenceLink
from compliance.types.states import AnswerState, EvidenceState

Basis = list[list[str]]


def with_basis(rows: QuerySet[Answer]) -> QuerySet[Answer]:
    """Answers with all that `basis_of` and `basis_changes` read, in three queries however many there are."""
    newer = Prefetch("superseded_by", queryset=Evidence.objects.only("uuid", "title", "supersedes").order_by("pk"))
    held = Evidence.objects.prefetch_related(newer)
    links = EvidenceLink.objects.select_related("linked_by").prefetch_related(Prefetch("evidence", queryset=held))
    return rows.prefetch_related(Prefetch("evidence_links", queryset=links))


def successor_of(evidence: Evidence) -> Evidence | None:
    """The piece that superseded it, if any."""
    return next(iter(evidence.superseded_by.all()), None)


def basis_of(links: Iterable[EvidenceLink]) -> Basis:
    """The evidence as it stands, by uuid: [uuid, sha256, state, successor or "", version of its description]."""
    rows = []
    for link in links:
        piece, newer = link.evidence, successor_of(link.evidence)
        successor, described = str(newer.uuid) if newer else "", str(piece.description_version)
        rows.append([str(piece.uuid), piece.sha256, piece.state, successor, described])
    return sorted(rows)


def basis_changes(answer: Answer) -> tuple[str, ...]:
    """Where the evidence of an approved answer is not what was approved, one sentence each; () for any other answer."""
    if answer.state != AnswerState.APPROVED:
        return ()
    then = {row[0]: row for row in answer.approved_on}
    links = {str(link.evidence.uuid): link.evidence for link in answer.evidence_links.all()}
    told = [
        _("“%s” was attached after the approval.") % piece.title for uuid, piece in links.items() if uuid not in then
    ]
    gone = sorted(then.keys() - links.keys())
    if gone:
        titles = dict(Evidence.objects.filter(uuid__in=gone).values_list("uuid", "title"))
        told += [_("“%s” was taken away after the approval.") % title for title in sorted(titles.values())]
    for uuid in sorted(then.keys() & links.keys()):
        told += _since(links[uuid], then[uuid])
    return tuple(told)


def _since(piece: Evidence, then: list[str]) -> list[str]:
    """What became of one piece since it was approved as `then`."""
    _uuid, sha256, state, newer, described = (*then, "0")[:5]  # approvals of earlier versions know no description
    told = []
    if piece.sha256 != sha256:
        told.append(_("“%s” is another file than the one approved.") % piece.title)
    if str(piece.description_version) != described:
        told.append(_("“%s” is described otherwise since the approval.") % piece.title)
    if piece.state == EvidenceState.REJECTED != state:
        told.append(
            _("“%(title)s” was rejected after the approval: %(why)s")
            % {"title": piece.title, "why": piece.rejection or _("no reason is on record.")}
        )
    now = successor_of(piece)
    if now is not None and str(now.uuid) != newer:
        told.append(
            _("“%(title)s” was superseded after the approval by “%(newer)s”.")
            % {"title": piece.title, "newer": now.title}
        )
    return told


def unjustified(answer: Answer, contradictions: Sequence[str]) -> tuple[str, ...]:
    """What the record says against an approved answer that its approval did not speak of; () for any other answer."""
    if answer.state != AnswerState.APPROVED:
        return ()
    return tuple(told for told in contradictions if told not in answer.justified)
