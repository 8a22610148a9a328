"""What runs in the isolated child (`python -m compliance.packs.summary_child`): draws a monthly summary of remediation.

Django is set up for templates and texts only: no table, no project settings. All that is printed stands in the request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings

from compliance.isolation.child import BadInputError, Report, serve
from compliance.packs.render import RenderError, render_pages, template_html
from compliance.types.figures import from_document

_TEMPLATE = "remediation_summary.html"


def summary_html(document: dict[str, Any], page_size: str) -> str:
    """The summary as one HTML text."""
    figures = {part: [from_document(figure) for figure in document[part]] for part in ("of_month", "as_made")}
    return template_html(_TEMPLATE, {"summary": {**document, **figures}, "page_size": page_size})


def _handle(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    try:
        content = render_pages(
            summary_html(request["document"], request["page_size"]), identifier=request["identifier"].encode()
        )
    except (RenderError, KeyError, TypeError) as error:
        raise BadInputError(f"the summary cannot be drawn: {error}.") from error
    Path(request["out"]).write_bytes(content)
    return {"size": len(content)}


if __name__ == "__main__":
    serve(_handle)
