"""What people are told of a stage before they choose it: what it needs, what it costs, to what it speaks."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scanning.detectors.registry import DETECTORS, DetectorEntry

NEEDS: dict[str, Promise] = {
    "images": gettext_lazy("held-out images"),
    "suspects": gettext_lazy("suspicious inputs"),
    "training": gettext_lazy("the training images"),
    "base": gettext_lazy("the model it is made from"),
}
_SECONDS = gettext_lazy("seconds for a small model")
_ONE_PASS = gettext_lazy("about as long as one pass over the training images")
COST: dict[str, Promise] = {
    "identity": _SECONDS,
    "head_statistics": gettext_lazy("less than a second"),
    "activation_clustering": _ONE_PASS,
    "spectral_signatures": _ONE_PASS,
    "max_margin": _SECONDS,
    "strip": _SECONDS,
    "parameter_scaling": _SECONDS,
    "neural_cleanse": gettext_lazy("a minute or so for a small model"),
}


def stage_words(name: str, entry: DetectorEntry) -> str:
    """ "Needs held-out images. Takes a minute or so for a small model. Speaks to AML.T0018.000." """
    needs = _(" and ").join(str(NEEDS.get(need, need)) for need in entry.needs)
    said = [_("Needs %s.") % needs if needs else _("Needs the model alone.")]
    if name in COST:
        said.append(_("Takes %s.") % COST[name])
    return " ".join([*said, _("Speaks to %s.") % ", ".join(entry.speaks_to)])


def stage_choices() -> list[tuple[str, SafeString]]:
    """Every stage with its label and what there is to know before it is chosen."""
    shape = '{} <span class="choice-words">{}</span>'
    return [(name, format_html(shape, entry.label, stage_words(name, entry))) for name, entry in DETECTORS.items()]
