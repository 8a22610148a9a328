"""What WeasyPrint alone takes for a page of HTML: `python -m tests.bench.packs_plain FILE`, as one JSON line."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from weasyprint import HTML
from weasyprint.urls import URLFetcher


class _Nothing(URLFetcher):
    """Fetches no picture: tables and text are what is measured."""

    def fetch(self, url: str, headers: object = None) -> object:
        raise ValueError(url)


def main(page: Path) -> None:
    """Draw the page and say what it took."""
    document = HTML(string=page.read_text(encoding="utf-8"), url_fetcher=_Nothing()).render()
    content = document.write_pdf()
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "cpu": round(used.ru_utime + used.ru_stime, 1),
        "megabytes": used.ru_maxrss * 1024 // 1_000_000,
        "pages": len(document.pages),
        "bytes": len(content),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
