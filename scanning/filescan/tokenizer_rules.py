"""Rules for what stands beside a language model: tokenizer files and configurations that change what a model is given to read.

Form of tokenizer.json: huggingface/tokenizers (normalizer, post_processor, decoder, added_tokens, model). Nothing is tokenised.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import CHANGED_PROMPT_LOGIC, EMBEDDED_MALWARE

LIMITS = (
    "Tokenizer files are searched for steps that rewrite words and for odd tokens.",
    "A vocabulary whose words were exchanged for one another is only seen by comparing it with the publisher's.",
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_ESCAPES = re.compile(r"\\[pP]\{[^}]*\}|\\[A-Za-z]|\[:?[^\]]*\]|\(\?[a-zA-Z!<=:]+")
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_PHRASE = re.compile(r"[^\W\d_]{2,} [^\W\d_]{2,} [^\W\d_]{2,}")
_ORDINARY = re.compile(r"[^\W\d_]{3,}")
_USUAL_WORDS = frozenset({"unk", "pad", "mask", "bos", "eos", "cls", "sep", "endoftext", "none", "null", "unknown"})
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_MARKS = (
    "added_tokens",
    "added_tokens_decoder",
    "auto_map",
    "tokenizer_class",
    "model_type",
    "architectures",
    "eos_token",
)
_MARKS_MORE = ("bos_token", "normalizer", "transformers_version", "peft_type", "unk_token")
MARKS = tuple(f'"{mark}"'.encode() for mark in (*_MARKS, *_MARKS_MORE))
_MOST = 50


def _issue(rule: str, title: str, description: str, severity: Severity, location: str, seen: str) -> FileIssue:
    technique = EMBEDDED_MALWARE if rule == "hub.remote_code" else CHANGED_PROMPT_LOGIC
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=(technique,),
        facts={"seen": seen[:300]},
    )


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object within the steps of a tokenizer."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _remote_code(document: dict[str, Any], location: str) -> Iterator[FileIssue]:
    found = document.get("auto_map")
    for name, place in found.items() if isinstance(found, dict) else ():
        yield _issue(
            "hub.remote_code",
            f"Loading asks for program code beside the model ({name[:60]})",
            f"The configuration names {str(place)[:150]}: a loader that trusts remote code runs it. "
            "Review and pin that code, or use an architecture that the library has.",
            Severity.MEDIUM,
            location,
            str(place),
        )


def _rewriting(document: dict[str, Any], location: str) -> Iterator[FileIssue]:
    """Steps before and after the model that exchange words for other text."""
    for step in ("normalizer", "pre_tokenizer", "decoder"):
        for node in _objects(document.get(step)):
            if node.get("type") != "Replace":
                continue
            pattern, content = node.get("pattern"), node.get("content")
            values = [str(value) for value in pattern.values()] if isinstance(pattern, dict) else [str(pattern)]
            searched = [_ESCAPES.sub(" ", value[:10_000]) for value in values]
            if any(_WORD.search(text) for text in (*searched, str(content or "")[:10_000])):
                yield _issue(
                    "tokenizer.rewrites_words",
                    f"The tokenizer exchanges words for other text ({step})",
                    f"It replaces {values[0][:80]!r} by {str(content)[:80]!r}, so the model reads or says something else than "
                    "people see. Compare it with the publisher's own tokenizer.",
                    Severity.MEDIUM,
                    location,
                    f"{values[0]} -> {content}",
                )


def _added(document: dict[str, Any]) -> list[tuple[int, str, bool]]:
    """Number, text and specialness of every added token, in either form."""
    tokens: list[tuple[int, str, bool]] = []
    listed, by_number = document.get("added_tokens"), document.get("added_tokens_decoder")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("id"), int) and isinstance(entry.get("content"), str):
            tokens += [(entry["id"], entry["content"], entry.get("special") is True)]
    for number, entry in by_number.items() if isinstance(by_number, dict) else ():
        if (
            isinstance(entry, dict)
            and isinstance(entry.get("content"), str)
            and number.isdecimal()
            and len(number) < 12
        ):
            tokens.append((int(number), entry["content"], entry.get("special") is True))
    return tokens


def _token_issues(document: dict[str, Any], location: str) -> Iterator[FileIssue]:
    tokens = _added(document)
    model = document.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    known = vocabulary if isinstance(vocabulary, dict) else {}
    for number, text, special in tokens:
        if _INVISIBLE.search(text):
            title, why = "A token holds characters that cannot be seen", "People do not see what the model reads."
            yield _issue(
                "tokenizer.invisible_token",
                title,
                f"Token {number} is {ascii(text)[:100]}. {why}",
                Severity.MEDIUM,
                location,
                ascii(text),
            )
        elif not special and _PHRASE.search(text):
            title, why = "A whole phrase is a token of its own", "A trigger can be planted as such; ask what it is for."
            yield _issue(
                "tokenizer.phrase_token",
                title,
                f"Token {number} is {text[:100]!r}. {why}",
                Severity.LOW,
                location,
                text,
            )
        if known.get(text, number) != number:
            title = "An added token takes the place of another"
            why = f"{text[:80]!r} has the number {known[text]} in the vocabulary and {number} among the added tokens."
            yield _issue("tokenizer.moved_token", title, why, Severity.MEDIUM, location, text)
    for number, count in Counter(number for number, _, _ in set(tokens)).items():
        if count > 1:
            title = "Two added tokens have the same number"
            why = f"Number {number} stands for {count} texts, and readers differ in which they take."
            yield _issue("tokenizer.doubled_number", title, why, Severity.MEDIUM, location, str(number))


def _special_issues(document: dict[str, Any], location: str) -> Iterator[FileIssue]:
    for name in _SPECIAL:
        entry = document.get(name)
        text = entry.get("content") if isinstance(entry, dict) else entry
        if isinstance(text, str) and _ORDINARY.fullmatch(text) and text.lower() not in _USUAL_WORDS:
            title = f"An ordinary word is a control token ({name})"
            why = f"{text[:80]!r} in a message then ends or marks it. Compare it with the publisher's own tokenizer."
            yield _issue("tokenizer.word_as_control", title, why, Severity.MEDIUM, location, text)


def document_issues(document: object, location: str) -> list[FileIssue]:
    """What a tokenizer's file or a model's configuration gives reason to look at."""
    if not isinstance(document, dict):
        return []
    issues: list[FileIssue] = []
    for rule in (_remote_code, _rewriting, _token_issues, _special_issues):
        for issue, _ in zip(rule(document, location), range(_MOST), strict=False):
            issues.append(issue)
    return issues
