"""What a pack has to say against itself: limits and gaps of the document, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.packs.wording import code_point

Row = dict[str, Any]


def not_independent(doc: Row) -> list[int]:
    """Numbers of the questions whose answer nobody but a party to it approved."""
    return [q["number"] for q in doc["questions"] if (q["answer"] or {}).get("not_independent")]


def figure_rules(doc: Row) -> list[Row]:
    """The rules of the figures that are printed, and no others."""
    used = {figure["rule"] for question in doc["questions"] for figure in question.get("figures", ())}
    return [rule for rule in doc.get("figure_rules", ()) if rule["id"] in used]


def _named(numbers: Sequence[int]) -> str:
    told = ngettext("question %(numbers)s", "questions %(numbers)s", len(numbers))
    return told % {"numbers": get_text_list([str(n) for n in numbers], _("and"))}


def _question_limits(doc: Row) -> list[str]:
    said = []
    silent = [q["number"] for q in doc["questions"] if not q["answer"]]
    if silent:
        said.append(_("Not answered: %(questions)s.") % {"questions": _named(silent)})
    pending = [q["number"] for q in doc["questions"] if q["answer"] and q["answer"]["state"] != "approved"]
    if pending:
        said.append(_("Answered but not approved: %(questions)s.") % {"questions": _named(pending)})
    alone = not_independent(doc)
    if alone:
        said.append(
            _("Not independently approved: %(questions)s. Nobody but a party to the answer could approve it.")
            % {"questions": _named(alone)}
        )
    contradicted = [q["number"] for q in doc["questions"] if q["contradictions"]]
    if contradicted:
        said.append(
            _("The records contradict the answer to %(questions)s; what they say is printed with the answer.")
            % {"questions": _named(contradicted)}
        )
    return said


def _log_limits(doc: Row) -> list[str]:
    log, said = doc["job_log"], []
    if not log["recorded"]:
        said.append(_("No fine-tune job event was recorded for the period. No record is not the same as no job."))
    if log["rejected"]:
        said.append(
            ngettext(
                "%(n)d log record was rejected and is not counted.",
                "%(n)d log records were rejected and are not counted.",
                log["rejected"],
            )
            % {"n": log["rejected"]}
        )
    if doc["entitlements"]["state"] == "not_assessed":
        said.append(doc["entitlements"]["statement"])
    said += _completeness_limits(doc)
    gaps = doc["entitlements"].get("reading", {}).get("not_assessed", ())
    return said + [_("Who could submit, not assessed: %(document)s. %(effect)s") % gap for gap in gaps]


def _completeness_limits(doc: Row) -> list[str]:
    """What the three figures leave open, one sentence each; documents of earlier versions have none."""
    told = doc.get("completeness") or {}
    if told.get("state") == "not_assessed":
        return [told["statement"]]
    reading = told.get("reading")
    if reading is None:
        return []
    said = [_("Coverage of the job log: %s") % gap for gap in reading["gaps"]]
    if reading["digests"]["verdict"] != "confirmed":
        said.append(_("Integrity of the log files: %s.") % reading["integrity"])
    if reading["exceptions"]:
        said.append(
            ngettext(
                "%(n)d exception to the completeness of the job log is open.",
                "%(n)d exceptions to the completeness of the job log are open.",
                reading["exceptions"],
            )
            % {"n": reading["exceptions"]}
        )
    return said


def _supplier_limits(doc: Row) -> list[str]:
    """What third parties leave open, one sentence each."""
    told = doc.get("suppliers") or {"records": [], "unrecorded": []}
    said = [_("Third party %(name)s: %(gap)s") % one for one in told["records"] if one["open_days"]]
    unmet = sum(
        1 for one in told["records"] for row in one["customer_controls"] if not row["controls"] and not row["note"]
    )
    if unmet:
        said.append(
            ngettext(
                "%(n)d control that a third party's report expects of its customers is met by nothing.",
                "%(n)d controls that third parties' reports expect of their customers are met by nothing.",
                unmet,
            )
            % {"n": unmet}
        )
    return said + [
        _("Named by an inherited model, and not on record as a third party: %s.") % name for name in told["unrecorded"]
    ]


def unprintable(replaced: set[str]) -> list[str]:
    """That characters of the record cannot be printed or seen, and stand as their code points. replaced: those."""
    if not replaced:
        return []
    shown = ", ".join(code_point(character) for character in sorted(replaced)[:5])
    told = ngettext(
        "A character that the fonts of this pack do not have, or that nobody could see, stands as its code point: "
        "%(shown)s. The attached data hold it as it is.",
        "Characters that the fonts of this pack do not have, or that nobody could see, stand as their code points: %(n)d "
        "different ones, such as %(shown)s. The attached data hold them as they are.",
        len(replaced),
    )
    return [told % {"n": len(replaced), "shown": shown}]


def limits(doc: Row, counts: Sequence[tuple[str, str, int]]) -> list[str]:
    """All of them, in the order in which a pack lists them. counts: (state, its words, cells) of the coverage."""
    by_state = {state: count for state, _label, count in counts}
    said = _question_limits(doc)
    if not doc["models"]:
        said.append(_("No model version is on record: nothing was tested."))
    untested = by_state["not_covered"] + by_state["failed"] + by_state["stale"]
    if untested:
        said.append(
            _(
                "%(n)d of %(all)d pairs of model version and sub-technique were not tested, failed or are out of date; "
                "of these this pack says nothing."
            )
            % {"n": untested, "all": sum(by_state.values())}
        )
    said += _log_limits(doc) + _supplier_limits(doc)
    drafts = sum(control["draft_mappings"] for control in doc["reference_controls"])
    if drafts:
        told = ngettext(
            "%(n)d mapping to other frameworks is a draft and counts for nothing.",
            "%(n)d mappings to other frameworks are drafts and count for nothing.",
            drafts,
        )
        said.append(told % {"n": drafts})
    if doc["ledger"]["unsealed"]:
        said.append(
            ngettext(
                "%(n)d ledger event was not yet sealed into a block when this data was frozen.",
                "%(n)d ledger events were not yet sealed into a block when this data was frozen.",
                doc["ledger"]["unsealed"],
            )
            % {"n": doc["ledger"]["unsealed"]}
        )
    return said
