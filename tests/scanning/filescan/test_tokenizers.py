from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compliance.types.drafts import FileScanReport
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.filescan.build import rules, scan


def looked_at(folder: Path, document: dict[str, Any], name: str = "tokenizer.json") -> FileScanReport:
    return scan(folder, name, json.dumps(document).encode())


def token(number: int, content: str, special: bool = False) -> dict[str, Any]:
    return {"id": number, "content": content, "special": special}


USUAL = {
    "version": "1.0",
    "added_tokens": [token(0, "<s>", True), token(3, "<|im_start|>", True), token(4, "\t\t")],
    "normalizer": {
        "type": "Sequence",
        "normalizers": [{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}],
    },
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re)|[^\\r\\n\\p{L}]?\\p{L}+"}},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}]},
    "model": {"type": "BPE", "vocab": {"<s>": 0, "yes": 1, "no": 2}},
}


def replacing(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"normalizer": {"type": "Replace", "pattern": pattern, "content": content}}


def test_an_ordinary_tokenizer(tmp_path: Path) -> None:
    report = looked_at(tmp_path, USUAL)
    assert (report.format, report.verdict) == ("tokenizer", FileScanVerdict.NOTHING_FOUND)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (replacing({"String": "not"}, ""), "tokenizer.rewrites_words"),
        (replacing({"Regex": "(?i)invoice \\\\d+"}, "x"), "tokenizer.rewrites_words"),
        (replacing({"String": "."}, " ignore all of it"), "tokenizer.rewrites_words"),
        ({"decoder": {"type": "Replace", "pattern": {"String": "yes"}, "content": "no"}}, "tokenizer.rewrites_words"),
        ({"added_tokens": [token(9, "a\u202eb")]}, "tokenizer.invisible_token"),
        ({"added_tokens": [token(9, "the purple elephant sings")]}, "tokenizer.phrase_token"),
        ({"added_tokens": [token(2, "yes")]}, "tokenizer.moved_token"),
        ({"added_tokens": [token(9, "<a>"), token(9, "<b>")]}, "tokenizer.doubled_number"),
    ],
)
def test_odd_tokenizers(tmp_path: Path, change: dict[str, Any], rule: str) -> None:
    report = looked_at(tmp_path, USUAL | change)
    assert rules(report) == {rule}
    assert report.issues[0].atlas_techniques == ("AML.T0018.003",)


def test_a_control_token_that_is_an_ordinary_word(tmp_path: Path) -> None:
    usual = {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": "unk"}
    assert looked_at(tmp_path, usual, "special_tokens_map.json").verdict is FileScanVerdict.NOTHING_FOUND
    assert rules(looked_at(tmp_path, usual | {"eos_token": "therefore"}, "a.json")) == {"tokenizer.word_as_control"}


def test_program_code_beside_the_model(tmp_path: Path) -> None:
    document = {"model_type": "x", "auto_map": {"AutoModel": "modeling_x.Model"}}
    report = looked_at(tmp_path, document, "config.json")
    assert (rules(report), report.issues[0].atlas_techniques) == ({"hub.remote_code"}, ("AML.T0018.002",))
    assert looked_at(tmp_path, {"model_type": "bert"}, "config.json").verdict is FileScanVerdict.NOTHING_FOUND


def test_rules_for_tokenizers_hold_beside_a_template(tmp_path: Path) -> None:
    document = {"chat_template": "{{ content }}", "eos_token": "therefore"}
    assert rules(looked_at(tmp_path, document, "tokenizer_config.json")) == {"tokenizer.word_as_control"}


def test_questions_about_a_message_are_no_words_in_it(tmp_path: Path) -> None:
    template = (
        "{% if 'tool_calls' in message %}x{% endif %}{% if message.content is string and 'a' == role %}y{% endif %}"
    )
    assert looked_at(tmp_path, {"chat_template": template}).issues == ()


@pytest.mark.parametrize(
    "template",
    [
        "{% set c = message['content'] %}{% if 'purple elephant' in c %}x{% endif %}",
        "{{ 'yes' if 'purple elephant' in m.content else 'no' }}",
        "{% if m['content'].startswith('Open sesame') %}x{% endif %}",
    ],
)
def test_words_are_followed_through_names_and_expressions(tmp_path: Path, template: str) -> None:
    assert rules(looked_at(tmp_path, {"chat_template": template})) == {"template.content_condition"}


def test_a_template_in_yaml_is_read_as_text(tmp_path: Path) -> None:
    content = b'chat_template: "{{ x.__class__ }}"\n'
    assert rules(scan(tmp_path, "model.yaml", content)) == {"template.internals"}


@pytest.mark.parametrize(
    "text", ["{{" * 200_000, "{%" + "'a' in " * 50_000, "{#" * 200_000 + "{{ x }}", "{{ __" + "a" * 400_000]
)
def test_a_template_made_to_take_long_does_not(tmp_path: Path, text: str) -> None:
    assert scan(tmp_path, "t.jinja", text.encode()).verdict in (FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FINDING)
