"""Words of tests of controls."""

from __future__ import annotations

from django import template

from compliance.choices import label
from compliance.models import ControlTest
from compliance.selectors import control_test_page
from compliance.types.testing import ControlTestMethod

register = template.Library()


@register.filter
def conclusion_words(test: ControlTest) -> str:
    """What a test concludes, in the words that fit its kind."""
    return control_test_page.conclusion_words(test)


@register.filter
def method_words(test: ControlTest) -> str:
    """How a test looks at its control."""
    return ", ".join(str(label(ControlTestMethod(one))) for one in test.methods)
