"""What runs in the isolated child (`python -m compliance.packs.certificate_child`): draws the certificate of a disposal run.

Django is set up for templates and texts only: no table, no project settings. All that is printed stands in the request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings

from compliance.isolation.child import BadInputError, Report, serve
from compliance.packs.render import RenderError, render_pages, template_html

_TEMPLATE = "disposal_certificate.html"


def _handle(request: dict[str, Any], _report: Report) -> dict[str, Any]:
    settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    try:
        html = template_html(_TEMPLATE, {**request["document"], "page_size": request["page_size"]})
        content = render_pages(html, identifier=request["identifier"].encode())
    except (RenderError, KeyError, TypeError) as error:
        raise BadInputError(f"the certificate cannot be drawn: {error}.") from error
    Path(request["out"]).write_bytes(content)
    return {"size": len(content)}


if __name__ == "__main__":
    serve(_handle)
