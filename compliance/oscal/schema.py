"""The shape of OSCAL documents, by oscal-bindings (OSCAL 1.2.3)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

JSON = dict[str, Any]


class OscalError(ValueError):
    """The document is not one that may be handed out; the message names the place."""


def check_schema(document: JSON) -> None:
    """Raise OscalError where the document is not of OSCAL's shape.

    The library is loaded at the first use, for it takes seconds and 60 MB that most processes never need.
    """
    bindings = import_module("oscal_bindings")
    pydantic = import_module("pydantic")
    (model,) = document
    shape = getattr(bindings, f"{model.title().replace('-', '')}Document")
    try:
        shape.model_validate(document)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(step) for step in first["loc"])
        raise OscalError(f"{place}: {first['msg']}") from error
