from __future__ import annotations

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
     "max_new_tokens", "monkey", "tokenizer_name", "vocab_token_limit"],
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
