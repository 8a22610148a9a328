"""Selects come out as Django's own templates write them."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, get_default_renderer

from compliance.web.form_renderer import FormRenderer

pytestmark = pytest.mark.sqlite_only
CHOICES: list[Any] = [
    ("", "any"), ('a<"', "x & <b>y</b>"), (2, "two"), ("Group <1>", [("1", "one"), (True, "yes")]), ("Empty", []),
]  # fmt: skip


@pytest.mark.parametrize("value", ["", 'a<"', 2, "2", None, "not offered", True])
@pytest.mark.parametrize("widget", [forms.Select, forms.SelectMultiple, forms.NullBooleanSelect])
def test_a_select_is_written_as_django_writes_it(widget: type[forms.Select], value: Any) -> None:
    attrs = {"class": 'form-select "wide"', "required": True, "hidden": False, "data-n": 3}
    select = widget(attrs=attrs) if widget is forms.NullBooleanSelect else widget(attrs=attrs, choices=CHOICES)
    given = [value] if widget is forms.SelectMultiple else value
    own = select.render('na"me', given, renderer=FormRenderer())
    assert own == select.render('na"me', given, renderer=DjangoTemplates())
    assert "<select" in own


def test_pages_use_it_and_other_widgets_are_django_s() -> None:
    assert isinstance(get_default_renderer(), FormRenderer)
    assert forms.TextInput().render("q", "x<") == forms.TextInput().render("q", "x<", renderer=DjangoTemplates())
