"""From context to PDF/A-3a and PDF/UA-1, the same bytes for the same input. Call it in the isolated child only.

Nothing is fetched: pictures come from a dictionary in memory, fonts from the bundled folder, every other address fails.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import io
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pikepdf
from django.template import Context, Engine
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError
from weasyprint import HTML, Attachment
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from compliance.packs.context import PackContext
from compliance.packs.order import AttachedFile, Composed
from compliance.packs.wording import FONTS
from compliance.types.drafts import Progress, Told
from compliance.types.pack_layouts import SUMMARY_PAGES, Layout, PageSize

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "packs" / "pdf"
_PICTURE_SIDE = 560
_LARGEST_PICTURE = 2048
_UA_METADATA = b"""<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category><pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description></rdf:RDF>"""


class RenderError(ValueError):
    """The pages cannot be made from this document; the message says why."""


class _PackFetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint ships no types
    """Serves exactly the given addresses; any other one ends the rendering."""

    def __init__(self, known: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=("pack",), allow_redirects=False, fail_on_errors=True)
        self._known = known

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        if url not in self._known:
            raise FatalURLFetchingError(f"the page asks for {url}, which is no part of the pack")
        return URLFetcherResponse(url, self._known[url], {"Content-Type": "image/png"})


class _Complaints(logging.Handler):
    """What WeasyPrint would only log: a chart that could not be drawn, a link that leads nowhere."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextlib.contextmanager
def nothing_left_out() -> Iterator[None]:
    """Raises RenderError where WeasyPrint left something out and would have gone on; a pack is whole or it is not made."""
    complaints, logger = _Complaints(), logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    try:
        yield
    except FatalURLFetchingError as error:
        raise RenderError(str(error)) from error
    finally:
        logger.removeHandler(complaints)
    if complaints.said:
        raise RenderError(f"the pages would not be whole: {complaints.said[0]}")


def _enlarged(name: str, encoded: str) -> bytes:
    """The picture as RGB, enlarged by a whole factor without smoothing, so that single pixels stay squares on paper."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)), formats=["PNG"]) as picture:
            if max(picture.size) > _LARGEST_PICTURE:
                raise RenderError(
                    f"picture {name} has {picture.size} pixels, at most {_LARGEST_PICTURE} a side are taken"
                )
            flat = Image.new("RGB", picture.size, "white")
            layered = picture.convert("RGBA")
            flat.paste(layered, mask=layered.getchannel("A"))
    except RenderError:
        raise
    # Pillow refuses too many pixels by an error of its own, which is neither OSError nor ValueError.
    except (ValueError, UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise RenderError(f"picture {name} is no readable PNG") from error
    factor = max(1, _PICTURE_SIDE // max(flat.size))
    large = flat.resize((flat.width * factor, flat.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    large.save(buffer, "PNG")
    return buffer.getvalue()


def _fonts(folder: Path) -> FontConfiguration:
    """A font set of the bundled files alone. Whatever else the machine has installed is not looked at."""
    config = folder / "fonts.conf"
    config.write_text(f"<fontconfig><dir>{FONTS}</dir><cachedir>{folder}</cachedir></fontconfig>", encoding="utf-8")
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(config)
    try:
        return FontConfiguration()
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


_TEMPLATE = {Layout.FULL: "pack.html", Layout.SUMMARY: "summary.html", Layout.CHANGES: "changes.html"}
# A summary that would take more pages than it may is set with fewer rows, and says of how many.
_FEW = (12, 6, 3)
MOST_PAGES = 2_000


def html_of(context: PackContext, few: int = _FEW[0], on_progress: Told | None = None) -> str:
    """The pack as one HTML text. few: rows of each list of a summary; on_progress is told of each chapter."""
    given = {
        "pack": context,
        "few": f":{few}",
        "page_size": context.order.get("page_size", PageSize.A4),
        "on_chapter": on_progress,
    }
    return template_html(_TEMPLATE[context.layout], given)


def htmls_of(context: PackContext, on_progress: Told | None = None) -> tuple[str, ...]:
    """The pack as HTML; of a summary, with fewer and fewer rows of each list, for it has to be short."""
    lengths = _FEW if context.layout == Layout.SUMMARY else _FEW[:1]
    return tuple(html_of(context, few, on_progress) for few in lengths)


def most_pages_of(context: PackContext) -> int:
    """How long its layout may be."""
    return SUMMARY_PAGES if context.layout == Layout.SUMMARY else MOST_PAGES


def template_html(name: str, context: Mapping[str, Any]) -> str:
    """One of the pack's templates with its context."""
    engine = Engine(
        dirs=[str(TEMPLATES)],
        libraries={
            "i18n": "django.templatetags.i18n",
            "assay_charts": "compliance.templatetags.assay_charts",
            "assay_pack": "compliance.templatetags.assay_pack",
            "figures": "compliance.templatetags.figures",
            "record": "compliance.templatetags.record",
        },
    )
    return engine.get_template(name).render(Context(dict(context)))


def render_pages(html: str, *, identifier: bytes) -> bytes:
    """Pages with the pack's fonts that need no picture and carry no attachment, as PDF/A-3a. Raises RenderError."""
    with tempfile.TemporaryDirectory() as folder, nothing_left_out():
        document = HTML(string=html, base_url=None, url_fetcher=_PackFetcher({})).render(
            font_config=_fonts(Path(folder)), pdf_variant="pdf/a-3a"
        )
        _mark_as_accessible(document)
        content = bytes(document.write_pdf(pdf_variant="pdf/a-3a", pdf_identifier=identifier))
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return _saved(pdf)


def _attachments(files: Sequence[AttachedFile], at: datetime, fetcher: _PackFetcher) -> list[Attachment]:
    """Their entries alone: `_resaved` puts the bytes in, so that they are never held unpacked."""
    return [
        Attachment(
            file_obj=io.BytesIO(),
            url_fetcher=fetcher,
            name=file.name,
            description=file.description,
            created=at,
            modified=at,
            relationship=file.relationship,
        )
        for file in sorted(files, key=lambda file: file.name)
    ]


def _mark_as_accessible(document: Any) -> None:
    """WeasyPrint writes the mark of one standard only; this adds PDF/UA's beside PDF/A's."""
    write = document.metadata.generate_rdf_metadata

    def with_ua(*arguments: object) -> bytes:
        return bytes(write(*arguments)).replace(b"</rdf:RDF>", _UA_METADATA)

    document.metadata.generate_rdf_metadata = with_ua


def _saved(pdf: pikepdf.Pdf) -> bytes:
    """The bytes, with labels that count pages as they are printed, in objects that readers find quickly."""
    pdf.Root.PageLabels = pikepdf.Dictionary(Nums=pikepdf.Array([0, pikepdf.Dictionary(S=pikepdf.Name.D)]))
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True, preserve_pdfa=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return buffer.getvalue()


def _resaved(content: bytes, files: Sequence[AttachedFile]) -> bytes:
    """Written anew by pikepdf: attachments with their bytes, listed once, kinds as given."""
    kinds = {file.name: file for file in files}
    with pikepdf.open(io.BytesIO(content)) as pdf:
        specs = pdf.Root.Names.EmbeddedFiles.Names[1::2]
        for spec in specs:
            file = kinds[str(spec.UF)]
            spec.AFRelationship = pikepdf.Name("/" + file.relationship)
            spec.EF.F.write(file.packed, filter=pikepdf.Name.FlateDecode)
            spec.EF.F.Subtype = pikepdf.Name("/" + file.media_type)
            spec.EF.F.Params.Size = file.size
            del spec.EF.F.Params.CheckSum  # MD5; the manifest holds the SHA-256
        pdf.Root.AF = pikepdf.Array(list(specs))
        # WeasyPrint gives all pages one list of fonts and drawings; whoever verifies then goes through all of it for each page.
        pdf.remove_unreferenced_resources()
        return _saved(pdf)


class _PageCount(logging.Handler):
    """Says which page is being laid out, as WeasyPrint tells its log; of how many from the second round on."""

    def __init__(self, on_progress: Told) -> None:
        super().__init__(level=logging.INFO)
        self._on_progress = on_progress
        self._page = 0
        self._pages: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        step = str(record.msg)
        if step.startswith("Step 5") and "Repagination" in step:
            self._pages, self._page = self._page, 0
        elif step.startswith("Step 5") and isinstance(record.args, tuple) and isinstance(record.args[0], int):
            self._page = record.args[0]
            total = self._pages if self._pages and self._page < self._pages else None
            self._on_progress(Progress(stage=_("Pages"), done=self._page, total=total))
        elif step.startswith("Step 6"):
            self._on_progress(Progress(stage=_("Writing the PDF"), done=0))


@contextlib.contextmanager
def _pages_told(on_progress: Told | None) -> Iterator[None]:
    if on_progress is None:
        yield
        return
    on_progress(Progress(stage=_("Pages"), done=0))
    counter, logger = _PageCount(on_progress), logging.getLogger("weasyprint.progress")
    level, propagates = logger.level, logger.propagate
    logger.addHandler(counter)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # not every page is a line on stderr
    try:
        yield
    finally:
        logger.removeHandler(counter)
        logger.setLevel(level)
        logger.propagate = propagates


def _laid_out(composed: Composed, fetcher: _PackFetcher, fonts: FontConfiguration) -> Any:
    """The document in pages. Raises RenderError where it is longer than its layout may be."""
    for html in composed.htmls:
        page = HTML(string=html, base_url=None, url_fetcher=fetcher)
        document = page.render(font_config=fonts, pdf_variant="pdf/a-3a")
        if len(document.pages) <= composed.most_pages:
            return document
    raise RenderError(f"it would have {len(document.pages)} pages, and may have {composed.most_pages}")


def _drawn(composed: Composed, on_progress: Told | None) -> bytes:
    """The pages as WeasyPrint writes them. What it laid them out from is gone when this returns."""
    pictures = {f"pack:picture/{name}": _enlarged(name, png) for name, png in composed.pictures.items()}
    fetcher = _PackFetcher(pictures)
    with tempfile.TemporaryDirectory() as folder, nothing_left_out(), _pages_told(on_progress):
        document = _laid_out(composed, fetcher, _fonts(Path(folder)))
        document.metadata.attachments = _attachments(composed.files, composed.at, fetcher)
        _mark_as_accessible(document)
        return bytes(
            document.write_pdf(pdf_variant="pdf/a-3a", pdf_identifier=composed.identifier, uncompressed_pdf=True)
        )


def render_pdf(composed: Composed, *, on_progress: Told | None = None) -> bytes:
    """The unsigned PDF with its files embedded; on_progress is told of each page. Raises RenderError."""
    content = _drawn(composed, on_progress)
    gc.collect()  # boxes of pages name each other
    return _resaved(content, composed.files)
