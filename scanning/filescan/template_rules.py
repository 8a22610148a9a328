"""Rules for chat templates (Jinja): logic that rewrites prompts. Templates are read as text and never rendered.

Looked for: a template that reaches for Python's internals, one that does something else when a message holds certain words, and
one that adds a web address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE

LIMITS = (
    "Rules for templates are textual: wording that steers a model without condition or escape is not recognised.",
    "Only templates inside the files given are read; a runtime may use others.",
)
_OPENING = re.compile(r"\{\{|\{%|\{#")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_INTERNALS = re.compile(
    r"__\w+__|\|\s*attr\b|\b(?:mro|func_globals|gi_frame|gi_code|popen|subprocess|eval|exec|getattr|importlib)\s*[\(\[.]|"
    r"\b(?:lipsum|cycler|joiner)\s*\.|\\x5f\\x5f|_TemplateReference",
    re.IGNORECASE,
)
_ALIAS = re.compile(r"\{%-?\s*set\s+(\w{1,60})\s*=[^%]{0,300}?(?:\.content|\[['\"]content['\"]\])")
_SOURCES = r"(?:content|prompt|text|query{aliases})"
_TRIGGER = (
    r"(['\"])(?P<before>(?:(?!\1).)+)\1\s*(?:not\s+)?in\s+(?:[\w.\[\]'\"\-]*[.\['\"])?{sources}\b|"
    r"\b{sources}['\"\]]*(?:\s*\|\s*(?:lower|upper|trim|string))*\s*(?:==|\.(?:startswith|endswith|find|count)\()\s*"
    r"(['\"])(?P<after>(?:(?!\3).)+)\3"
)
_MARKUP = re.compile(r"^[<\[|{/\\]|[>\]|}]$|^\W+$")
_URL = re.compile(r"https?://[^\s'\"]+")
_MOST_ALIASES = 50
_MOST_ISSUES = 50


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


def _parts(template: str) -> tuple[list[str], str]:
    """Blocks ({{ … }}, {% … %}) and the text between them, comments left out. Takes time in proportion to the length."""
    blocks: list[str] = []
    between: list[str] = []
    at = 0
    while (found := _OPENING.search(template, at)) is not None:
        between.append(template[at : found.start()])
        end = template.find(_CLOSING[found.group()], found.end())
        if end < 0:
            blocks.append(template[found.start() :])
            return blocks, " ".join(between)
        if found.group() != "{#":
            blocks.append(template[found.start() : end + 2])
        at = end + 2
    return blocks, " ".join([*between, template[at:]])


def _trigger(blocks: list[str]) -> re.Pattern[str]:
    """The pattern of a test on words in a message, by the names that the template gives to messages' contents."""
    aliases = {found.group(1) for block in blocks for found in _ALIAS.finditer(block[:2000])}
    names = "".join(f"|{re.escape(name)}" for name in sorted(aliases)[:_MOST_ALIASES])
    return re.compile(_TRIGGER.replace("{sources}", _SOURCES.replace("{aliases}", names)), re.DOTALL)


def template_issues(template: str, location: str) -> Iterator[FileIssue]:
    """What one template gives reason to look at; each rule is named so often at most as anyone would read it."""
    blocks, between = _parts(template)
    for block in [block for block in blocks if _INTERNALS.search(block)][:_MOST_ISSUES]:
        yield _issue(
            "template.internals",
            "The chat template reaches for Python's internals",
            "Rendering it outside a sandbox can run code. No chat template needs such access.",
            Severity.CRITICAL,
            location,
            block,
        )
    yield from list(_word_issues(blocks, location))[:_MOST_ISSUES]
    written = " ".join([between, *(block for block in blocks if block.startswith("{{"))])
    for url in list(dict.fromkeys(_URL.findall(written)))[:_MOST_ISSUES]:
        yield _issue(
            "template.address",
            "The chat template puts a web address into the prompt",
            f"Text that the template adds holds {url[:150]}; compare it with the publisher's own template.",
            Severity.LOW,
            location,
            url,
        )


def _word_issues(blocks: list[str], location: str) -> Iterator[FileIssue]:
    pattern = _trigger(blocks)
    for block in blocks:
        for found in pattern.finditer(block):
            word = found.group("before") or found.group("after")
            if not _MARKUP.search(word.strip()):
                yield _issue(
                    "template.content_condition",
                    f"The chat template acts on the words {word[:80]!r} in a message",
                    "It builds another prompt when a message holds these words, as a trigger would. Compare it with the "
                    "publisher's own template, and ask what the condition is for.",
                    Severity.MEDIUM,
                    location,
                    block.strip(),
                )
