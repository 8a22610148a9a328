"""For whom a pack is made, where that is somebody outside: what they may not know of, and who stays named to them."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.choices import label as words
from compliance.models import Freeze
from compliance.packs.order import PackOrder
from compliance.selectors.handling import is_anything_labelled, left_out
from compliance.services import freeze_documents
from compliance.services.errors import RefusedError
from compliance.types.handling import HandlingLabel, Recipient
from compliance.types.pack_layouts import Layout


def check(*, freeze: Freeze, recipient: Recipient, layout: Layout, named_because: str) -> None:
    """Raises RefusedError where no pack of the layout can be made for the recipient."""
    if layout is Layout.CHANGES and not named_because.strip():
        raise RefusedError(
            _("A statement of changes stands on who signs it: say why that person is named to external recipients.")
        )
    _left_out(freeze, recipient)


def tell(order: PackOrder, *, freeze: Freeze, recipient: Recipient) -> None:
    """Write into the order for whom it is, and what they may not know of by the labels as they are now."""
    order["recipient"] = recipient.name
    if kept_back := _left_out(freeze, recipient):
        order["left_out"] = kept_back


def _left_out(freeze: Freeze, recipient: Recipient) -> dict[str, HandlingLabel]:
    """Evidence of which a pack for the recipient may not speak, by the labels as they are now.

    Raises RefusedError where figures, findings or registers rest on such evidence: they cannot be told without it.
    """
    if not is_anything_labelled(freeze.assessment.system):
        return {}
    document = freeze_documents.read(freeze=freeze)
    found = left_out([record["uuid"] for record in document["evidence"]], recipient)
    resting = {source["evidence"] for source in document["job_log"]["sources"]}
    resting |= {seen["evidence"] for finding in document["findings"] for seen in finding["observations"]}
    wrong = sorted(uuid for uuid in found if uuid in resting)
    if wrong:
        labels = ", ".join(sorted({str(words(found[uuid])) for uuid in wrong}))
        told = ngettext(
            "No pack can be made for this recipient: the job log or findings rest on %(n)d piece of evidence "
            "labelled %(labels)s. Change the label, or name a recipient to whom it allows it.",
            "No pack can be made for this recipient: the job log or findings rest on %(n)d pieces of evidence "
            "labelled %(labels)s. Change the labels, or name a recipient to whom they allow it.",
            len(wrong),
        )
        raise RefusedError(told % {"n": len(wrong), "labels": labels})
    return found
