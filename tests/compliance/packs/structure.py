"""What can be asserted of a PDF/A-3a and PDF/UA-1 file without veraPDF, before and after its seal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pikepdf

_MARKS = (rb'pdfaid:part="3"', rb'pdfaid:conformance="A"', rb'pdfuaid:part="1"')
_FONT_FILES = {"/FontFile", "/FontFile2", "/FontFile3"}


def elements(node: Any) -> Iterator[Any]:
    """Every element of a structure tree, without recursion: a tree may be deep."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, pikepdf.Array):
            waiting += list(one)
        elif isinstance(one, pikepdf.Dictionary):
            yield one
            waiting.append(one.get("/K", pikepdf.Array()))


def _dictionaries(pdf: pikepdf.Pdf) -> Iterator[Any]:
    return (one for one in pdf.objects if isinstance(one, pikepdf.Dictionary | pikepdf.Stream))


def _catalogue(pdf: pikepdf.Pdf, pages: int) -> Iterator[str]:
    root = pdf.Root
    told: dict[str, Callable[[], bool]] = {
        "not marked as tagged": lambda: bool(root.MarkInfo.Marked),
        "no language": lambda: str(root.Lang) == "en",
        "the title is not shown": lambda: bool(root.ViewerPreferences.DisplayDocTitle),
        "no structure tree": lambda: "/StructTreeRoot" in root,
        "not one output intent": lambda: len(root.OutputIntents) == 1,
        "no identifier in the trailer": lambda: len(pdf.trailer.ID) == 2,
        "encrypted": lambda: "/Encrypt" not in pdf.trailer,
        "pages have no labels": lambda: root.PageLabels.Nums[1].S == pikepdf.Name.D,
        "no bookmarks": lambda: len(root.Outlines.keys()) > 0,
        "XMP does not claim both standards": lambda: all(
            re.search(mark, root.Metadata.read_bytes()) for mark in _MARKS
        ),
        "another number of pages": lambda: len(pdf.pages) == pages,
    }
    for fault, holds in told.items():
        try:
            if not holds():
                yield fault
        except (AttributeError, KeyError, IndexError) as error:
            yield f"{fault}: {error}"


def _objects(pdf: pikepdf.Pdf) -> Iterator[str]:
    for one in _dictionaries(pdf):
        if one.get("/Type") == "/FontDescriptor" and not _FONT_FILES & set(one.keys()):
            yield f"font {one.get('/FontName')} is not embedded"
        if one.get("/S") in {"/JavaScript", "/Launch", "/GoToE", "/SubmitForm", "/ImportData"} or "/JS" in one:
            yield f"an action that runs: {one.get('/S')}"
    for figure in elements(pdf.Root.StructTreeRoot):
        if figure.get("/S") == "/Figure" and not str(figure.get("/Alt", "")).strip():
            yield "a figure without words"


def _files(pdf: pikepdf.Pdf) -> Iterator[str]:
    specs = [one for one in _dictionaries(pdf) if one.get("/Type") == "/Filespec"]
    listed = [spec.objgen for spec in pdf.Root.get("/AF", pikepdf.Array())]
    for spec in specs:
        if "/AFRelationship" not in spec or listed.count(spec.objgen) != 1:
            yield f"{spec.get('/UF')}: no relationship, or not listed once"
    if specs:
        names = [str(name) for name in pdf.Root.Names.EmbeddedFiles.Names[0::2]]
        if names != sorted(set(names)) or len(names) != len(specs):
            yield f"the tree of names is not sorted, or not whole: {names}"


def faults(content: pikepdf.Pdf, *, pages: int, is_sealed: bool) -> list[str]:
    """What is wrong with a document of so many pages, in sentences."""
    acting = {"/OpenAction", "/AA", "/OCProperties"} | (set() if is_sealed else {"/AcroForm"})
    found = [f"{key} in the catalogue" for key in acting & set(content.Root.keys())]
    if "/JavaScript" in content.Root.get("/Names", pikepdf.Dictionary()):
        found.append("scripts among the names")
    return [*found, *_catalogue(content, pages), *_objects(content), *_files(content)]
