from __future__ import annotations

import json

import pytest

from scanning.ingest.redaction import REDACTED, looks_secret, redact


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "apiKey", "WANDB_API_KEY", "password", "DB_PASSWORD", "aws_secret_access_key", "sessionToken", "authorization",
     "client_secret", "SAS", "GITHUB_PAT", "private_key", "token", "AZURE_CONNECTION_STRING"],
)  # fmt: skip
def test_credentials_by_name(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "tokenizer", "num_tokens", "eos_token_id", "pad_token", "learning_rate", "author", "keyframes", "epochs",
     "max_new_tokens", "monkey", "tokenizer_name", "vocab_token_limit", "secretKeyRef", "secretRef"],
)  # fmt: skip
def test_settings_that_only_sound_like_credentials(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "value",
    [
        "AKIA" + "A" * 16,
        "hf_" + "x" * 24,
        "ghp_" + "x" * 36,
        "run --db-password=opensesame",
        "https://me:opensesame@host/x",
        "eyJ" + "a" * 12 + ".eyJ" + "b" * 12 + ".c",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "https://b.s3.amazonaws.com/x?X-Amz-Signature=0123456789abcdef",
        "export HF_TOKEN=opensesame && python train.py",
        "env_vars:\n  WANDB_API_KEY: opensesame\n",
    ],
)
def test_credentials_by_their_look_wherever_they_stand(value: str) -> None:
    found, paths = redact({"arguments": ["train", value]}, "p")
    assert isinstance(found, dict)
    assert REDACTED in found["arguments"][1]
    assert paths == ("p.arguments[1]",)


def test_names_count_only_where_people_name_settings() -> None:
    value = {"token": "abc", "environment": {"token": "abc", "nested": {"password": {"a": 1}}}, "n": 1}
    found, paths = redact(value, "p")
    assert found == {"token": "abc", "environment": {"token": REDACTED, "nested": {"password": REDACTED}}, "n": 1}
    assert paths == ("p.environment.token", "p.environment.nested.password")


def test_what_holds_no_secret_is_unchanged() -> None:
    value = {"uri": "s3://bucket/data@v1/train", "arn": "arn:aws:sagemaker:eu:1:job/a=b", "list": [1, None, True, 1.5]}
    assert redact(value, "") == (value, ())


def test_the_word_after_an_option_that_names_a_secret() -> None:
    found, paths = redact(
        {"args": ["--hf-token", "opensesame", "--max-tokens", "512", "--password", "--epochs", "3"]}, "p"
    )
    assert found == {"args": ["--hf-token", REDACTED, "--max-tokens", "512", "--password", "--epochs", "3"]}
    assert paths == ("p.args[1]",)


def test_json_inside_a_string_is_searched_as_json() -> None:
    inner = '{"spec":{"env":[{"name":"DB_PASSWORD","value":"opensesame"},{"name":"EPOCHS","value":"3"}]}}'
    found, paths = redact({"last-applied-configuration": inner}, "p")
    assert found == {"last-applied-configuration": inner.replace("opensesame", REDACTED)}
    assert paths == ("p.last-applied-configuration.spec.env[0].value",)


def test_a_patch_that_sets_a_variable() -> None:
    whole = {"op": "add", "path": "/spec/env/0", "value": {"name": "HF_TOKEN", "value": "opensesame"}}
    alone = {"op": "replace", "path": "/spec/env/0/value", "value": "opensesame"}
    found, paths = redact([whole, alone, {"op": "replace", "path": "/spec/suspend", "value": "opensesame"}], "p")
    assert isinstance(found, list)
    assert (found[0]["value"]["value"], found[1]["value"], found[2]["value"]) == (REDACTED, REDACTED, "opensesame")
    assert paths == ("p[0].value.value", "p[1].value")


@pytest.mark.parametrize("text", ['{"a": 1', "[" * 100_000, '{"plain": "value"}', "[info] no JSON at all"])
def test_text_that_only_begins_like_json_is_unchanged(text: str) -> None:
    assert redact({"note": text}, "p") == ({"note": text}, ())


def test_json_in_a_string_that_is_written_anew_can_be_kept() -> None:
    text = '{"env":{"HF_TOKEN":"opensesame"},"note":"\\ud800","name":"Übung"}'
    found, _ = redact({"properties": text}, "p")
    assert isinstance(found, dict)
    assert found["properties"].encode("utf-8")
    assert json.loads(found["properties"]) == {**json.loads(text), "env": {"HF_TOKEN": REDACTED}}


def test_inputs_of_a_job_are_settings_that_people_name() -> None:
    value = {"inputs": {"hf_token": {"value": "opensesame"}, "training_data": {"uri": "azureml:claims:3"}}}
    found, paths = redact(value, "p")
    assert found == {"inputs": {"hf_token": REDACTED, "training_data": {"uri": "azureml:claims:3"}}}
    assert paths == ("p.inputs.hf_token",)


def test_the_name_of_a_setting_is_no_secret_although_it_is_called_key() -> None:
    settings = {"params": [{"key": "base_model", "value": "llama"}, {"key": "HF_TOKEN", "value": "words"}]}
    kept, removed = redact(settings, "data")
    assert kept == {"params": [{"key": "base_model", "value": "llama"}, {"key": "HF_TOKEN", "value": REDACTED}]}
    assert removed == ("data.params[1].value",)
    assert redact({"params": {"key": "0123456789abcdef"}}, "data")[0] == {"params": {"key": REDACTED}}
