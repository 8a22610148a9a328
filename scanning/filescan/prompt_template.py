"""Files beside a language model: chat templates (in tokenizer_config.json, .jinja, YAML), tokenizers and configurations."""

from __future__ import annotations

import json
from collections.abc import Iterator

from scanning.filescan import template_rules, tokenizer_rules
from scanning.filescan.base import CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target

_SUFFIXES = (".jinja", ".jinja2", ".j2", ".template")
_YAML = (".yaml", ".yml")
_TAIL = 4 << 20


def _templates(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Place and text of every template in a tokenizer's configuration."""
    if not isinstance(value, dict):
        return
    found = value.get("chat_template")
    if isinstance(found, str):
        yield f"{place}chat_template", found
    if isinstance(found, dict):
        yield from (
            (f"{place}chat_template.{name[:60]}", text) for name, text in found.items() if isinstance(text, str)
        )
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("template"), str):
            yield f"{place}chat_template[{index}]", entry["template"]


def _document(target: Target) -> object:
    try:
        return json.loads(target.read_all(target.limits.max_tokenizer).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ScanError(f"it is no UTF-8 JSON: {error}") from error


class PromptTemplate:
    """A template, bare or within a configuration."""

    name = "chat-template"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. A large tokenizer configuration may hold its template at the end."""
        head = target.head.lstrip()
        name = target.name.lower()
        if name.endswith((*_SUFFIXES, *_YAML)):
            is_template = name.endswith(_SUFFIXES) or (b"chat_template" in head and (b"{%" in head or b"{{" in head))
            return LIKELY if is_template and head and b"\0" not in head else NO
        if not head.startswith(b"{"):
            return NO
        if b'"chat_template"' in head:
            return LIKELY + 20
        tail = b""
        if target.size > len(target.head):
            target.stream.seek(max(0, target.size - _TAIL))
            tail = target.stream.read()
        return LIKELY + 20 if b'"chat_template"' in tail else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat. YAML is searched as the text it is."""
        findings = Findings(limits=list(template_rules.LIMITS))
        if target.head.lstrip().startswith((b"{%", b"{{", b"{#")) or target.name.lower().endswith((*_SUFFIXES, *_YAML)):
            try:
                found = [("", target.read_all(target.limits.max_text).decode("utf-8-sig"))]
            except UnicodeDecodeError as error:
                raise ScanError(f"it is no UTF-8 text: {error}") from error
        else:
            document = _document(target)
            found = list(_templates(document, ""))
            findings.issues += tokenizer_rules.document_issues(document, target.location)
        for place, template in found:
            if len(template) > target.limits.max_text:
                findings.skipped.append((target.place(place), "the template is longer than any that is read"))
                continue
            location = ":".join(filter(None, (target.location, place)))
            findings.issues += template_rules.template_issues(template, location)
            findings.scanned.append(location)
        findings.facts = {"templates": len(found)}
        if found:
            findings.speaks_to.add(CHANGED_PROMPT_LOGIC)
        else:
            findings.unsupported.append((target.location, "it holds no chat template"))
        return findings


class HubDocument:
    """tokenizer.json, tokenizer_config.json, special_tokens_map.json, config.json: no template in it."""

    name = "tokenizer"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head.lstrip()
        return LIKELY - 5 if head.startswith(b"{") and any(mark in head for mark in tokenizer_rules.MARKS) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        document = _document(target)
        findings = Findings(scanned=[target.location], limits=list(tokenizer_rules.LIMITS))
        findings.speaks_to |= {CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE}
        findings.issues = tokenizer_rules.document_issues(document, target.location)
        if isinstance(document, dict):
            findings.facts = {"keys": sorted(str(key)[:60] for key in document)[:60]}
        return findings


FORMAT = PromptTemplate()
TOKENIZER = HubDocument()
