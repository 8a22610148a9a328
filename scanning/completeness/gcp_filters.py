"""Whether a filter of Google Cloud's log router takes the Data Access entries of Vertex AI, as far as that can be told.

Read is a part of the Logging query language: LOG_ID("…"), logName and protoPayload.serviceName with "=" or ":", NOT (or "-"),
parentheses, and lists of AND (a line break is one) or of OR. Everything else, AND beside OR without parentheses too, is not
evaluated: the answer is then None, and nothing that stands on it counts as delivered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_LOG, _SERVICE = "cloudaudit.googleapis.com/data_access", "aiplatform.googleapis.com"
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<log_id>log_id\s*\(\s*"(?P<id>[^"\\]*)"\s*\))
      | (?P<field>[A-Za-z][\w.]*)\s*(?P<operator>[=:])\s*"(?P<value>[^"\\]*)"
      | (?P<word>AND|OR|NOT)\b
      | (?P<mark>[()\-])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*")
Answer = bool | None


class _NotEvaluatedError(Exception):
    """The filter says something that is not read here."""


def takes(text: str, *, project: str) -> Answer:
    """Whether the filter takes every such entry of a project (True), none (False), or what cannot be told (None)."""
    if not text.strip():
        return True
    try:
        parser = _Parser(_tokens(_COMMENT.sub("", text)), project)
        found = parser.expression()
        parser.end()
    except _NotEvaluatedError:
        return None
    return found


def sink_takes(sink: Mapping[str, Any], *, project: str) -> Answer:
    """Whether a sink delivers every such entry: its filter takes them, and none of its exclusions that are on does."""
    if sink.get("disabled"):
        return False
    included = takes(str(sink.get("filter") or ""), project=project)
    left_out = [
        takes(str(one.get("filter") or ""), project=project)
        for one in sink.get("exclusions") or ()
        if isinstance(one, dict) and not one.get("disabled")
    ]
    if included is False or True in left_out:
        return False
    return None if included is None or None in left_out else True


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise _NotEvaluatedError(text[at : at + 40])
        if token["word"] and token["word"] != token["word"].upper():
            raise _NotEvaluatedError(token["word"])  # operators are upper-case; anything else is a word to search for
        found.append(token)
        at = token.end()
    return found


class _Parser:
    """Over the tokens of one filter."""

    def __init__(self, tokens: Sequence[re.Match[str]], project: str) -> None:
        self._tokens, self._project, self._at = tokens, project, 0

    def _next(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, *, word: str = "", mark: str = "") -> bool:
        token = self._next()
        if token is None or (token["word"] if word else token["mark"]) != (word or mark):
            return False
        self._at += 1
        return True

    def end(self) -> None:
        """Nothing may be left."""
        if self._next() is not None:
            raise _NotEvaluatedError("something is left")

    def expression(self) -> Answer:
        """Terms that are all joined by AND, or all by OR."""
        terms, joined = [self._term()], set()
        while (token := self._next()) is not None and token["mark"] != ")":
            joined.add("OR" if self._is(word="OR") else "AND")
            self._is(word="AND")
            terms.append(self._term())
        if len(joined) > 1:
            raise _NotEvaluatedError("AND beside OR")
        return _any(terms) if joined == {"OR"} else _all(terms)

    def _term(self) -> Answer:
        if self._is(word="NOT") or self._is(mark="-"):
            found = self._term()
            return None if found is None else not found
        if self._is(mark="("):
            found = self.expression()
            if not self._is(mark=")"):
                raise _NotEvaluatedError("a parenthesis is open")
            return found
        token = self._next()
        if token is None or not (token["log_id"] or token["field"]):
            raise _NotEvaluatedError("a comparison is missing")
        self._at += 1
        return self._comparison(token)

    def _comparison(self, token: re.Match[str]) -> Answer:
        if token["log_id"]:
            return str(token["id"]).casefold() == _LOG
        held = {
            "logname": f"projects/{self._project}/logs/{_LOG.replace('/', '%2f')}",
            "protopayload.servicename": _SERVICE,
        }.get(token["field"].casefold())
        if held is None:
            return None
        wanted = token["value"].casefold()
        return held == wanted if token["operator"] == "=" else wanted in held


def _all(answers: Sequence[Answer]) -> Answer:
    if False in answers:
        return False
    return None if None in answers else True


def _any(answers: Sequence[Answer]) -> Answer:
    if True in answers:
        return True
    return None if None in answers else False
