"""Chat templates (Jinja) in tokenizer_config.json, chat_template.json or a .jinja file: logic that rewrites prompts.

Two simple rules: a template that reaches for Python's internals, and one that does something else when the conversation
holds certain words. Templates are read as text and never rendered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target

_SUFFIXES = (".jinja", ".jinja2", ".j2", ".template")
_BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_INTERNALS = re.compile(
    r"__\w+__|\|\s*attr\b|\b(?:mro|func_globals|gi_frame|gi_code|popen|subprocess|eval|exec|getattr|importlib)\s*[\(\[.]|"
    r"\b(?:lipsum|cycler|joiner)\s*\.|\\x5f\\x5f|_TemplateReference",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\{%-?\s*(?:el)?if\b(.*?)%\}", re.DOTALL)
_TRIGGER = re.compile(
    r"(['\"])(?P<before>(?:(?!\1).)+)\1\s*(?:not\s+)?in\s+[\w.\[\]'\"\-]*(?:content|message|prompt|text|query)|"
    r"(?:content|prompt|text|query)['\"\]]*(?:\s*\|\s*(?:lower|upper|trim|string))*\s*(?:==|\.(?:startswith|endswith|find|count)\()\s*(['\"])(?P<after>(?:(?!\3).)+)\3",
    re.DOTALL,
)
_MARKUP = re.compile(r"^[<\[|{/\\]|[>\]|}]$|^\W+$")
_URL = re.compile(r"https?://[^\s'\"]+")
_LIMITS = (
    "Rules for templates are textual: wording that steers a model without condition or escape is not recognised.",
    "Only templates inside the files given are read; a runtime may use others.",
)


def _issue(rule: str, title: str, description: str, severity: Severity, location: str, seen: str) -> FileIssue:
    techniques = (CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE) if rule == "template.internals" else (CHANGED_PROMPT_LOGIC,)
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=techniques,
        facts={"seen": seen[:300]},
    )


def template_issues(template: str, location: str) -> Iterator[FileIssue]:
    """What one template gives reason to look at."""
    for block in _BLOCK.findall(template):
        if _INTERNALS.search(block):
            yield _issue(
                "template.internals",
                "The chat template reaches for Python's internals",
                "Rendering it outside a sandbox can run code. No chat template needs such access.",
                Severity.CRITICAL,
                location,
                block,
            )
    for condition in _CONDITION.findall(template):
        for found in _TRIGGER.finditer(condition):
            word = found.group("before") or found.group("after")
            if not _MARKUP.search(word.strip()):
                yield _issue(
                    "template.content_condition",
                    f"The chat template acts on the words {word[:80]!r} in a message",
                    "It builds another prompt when a message holds these words, as a trigger would. Compare it with the "
                    "publisher's own template, and ask what the condition is for.",
                    Severity.MEDIUM,
                    location,
                    condition.strip(),
                )
    for url in dict.fromkeys(_URL.findall("".join(_literals(template)))):
        yield _issue(
            "template.address",
            "The chat template puts a web address into the prompt",
            f"Text that the template adds holds {url[:150]}; compare it with the publisher's own template.",
            Severity.LOW,
            location,
            url,
        )


def _literals(template: str) -> Iterator[str]:
    """Text that reaches the prompt as it stands, and quoted text of output expressions."""
    yield re.sub(r"\{#.*?#\}", "", _BLOCK.sub(" ", template), flags=re.DOTALL)
    yield from (block for block in _BLOCK.findall(template) if block.startswith("{{"))


def _templates(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Place and text of every template in a tokenizer's configuration."""
    if not isinstance(value, dict):
        return
    found = value.get("chat_template")
    if isinstance(found, str):
        yield f"{place}chat_template", found
    for index, entry in enumerate(found if isinstance(found, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("template"), str):
            yield f"{place}chat_template[{index}]", entry["template"]


class PromptTemplate:
    """The format."""

    name = "chat-template"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. A large tokenizer configuration may hold its template at the end."""
        head = target.head.lstrip()
        name = target.name.lower()
        if name.endswith(_SUFFIXES):
            return LIKELY if b"{%" in head or b"{{" in head else NO
        if not head.startswith(b"{"):
            return NO
        if b'"chat_template"' in head:
            return LIKELY + 20
        tail = b""
        if target.size > len(target.head):
            target.stream.seek(max(0, target.size - (4 << 20)))
            tail = target.stream.read()
        return LIKELY + 20 if b'"chat_template"' in tail else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        try:
            text = target.read_all(target.limits.max_text).decode("utf-8-sig")
            is_json = text.lstrip().startswith("{") and not target.name.lower().endswith(_SUFFIXES)
            found = list(_templates(json.loads(text), "")) if is_json else [("", text)]
        except (ValueError, RecursionError) as error:
            raise ScanError(f"it is no UTF-8 JSON or template: {error}") from error
        findings = Findings(limits=list(_LIMITS), facts={"templates": len(found)})
        for place, template in found:
            location = ":".join(filter(None, (target.location, place)))
            findings.issues += template_issues(template, location)
            findings.scanned.append(location)
        if found:
            findings.speaks_to.add(CHANGED_PROMPT_LOGIC)
        else:
            findings.unsupported.append((target.location, "it holds no chat template"))
        return findings


FORMAT = PromptTemplate()
