"""Takes secrets out of a record before it is stored: by the name of a setting, and by the look of a value.

Training jobs carry free-form settings (environment, hyper-parameters), and people put credentials there. What is taken out
leaves `REDACTED` in its place and its path in the list; nothing of the secret is kept, not even a digest.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

REDACTED = "[redacted]"
_FREE_FORM = frozenset(
    {
        "environment",
        "env",
        "environment_variables",
        "environmentvariables",
        "spark_env_vars",
        "spark_conf",
        "notebook_params",
        "job_parameters",
        "base_parameters",
        "hyperparameters",
        "inputs",
        "statichyperparameters",
        "params",
        "parametervalues",
        "metadata",
    }
)
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|\bpwd\b|credential|private_?key|api_?key|access_?key|auth(?!ors?(?![a-z]))|bearer|"
    r"session_?token|connection_?string|webhook|signature|\bdsn\b|(?:^|[_\-.])(?:key|token|tok|pat|sas|pw)(?:$|[_\-.\d])|[a-z]Token$",
    re.IGNORECASE,
)
# Settings of language models that only sound like credentials, and references to a secret that name it without giving it.
_TOKEN_SETTING = re.compile(
    r"(?:max|min|num|new|eos|bos|pad|unk|sep|cls|mask|special|stop|image|vocab|response|instruction)[_\-]?(?:\w*[_\-])?token|"
    r"token(?:s|izer|ize|ization|_?ids?|_?types?|_?limit|_?count|_?length)\b|secret_(?:key_)?ref$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\bsk-[A-Za-z0-9_\-]{20,}"
    r"|\bgh[opsur]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}"
    r"|\bglpat-[A-Za-z0-9_\-]{20,}|\bxox[abprs]-[A-Za-z0-9\-]{10,}"
    r"|\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"
    r"|(?<=://)[^/\s:@\"]*:[^/\s@\"]+(?=@)"
    r"|(?i:(?<=[?&])(?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|sig|token|access_token)=[^&\s\"]+)"
    r"|(?i:(?<=--)[\w\-]*(?:password|secret|token|api-?key)[= ][^\s\"]+)"
    r"|\b[A-Z][A-Z0-9_]*(?:PASSWORD|SECRET|_TOKEN|API_KEY|ACCESS_KEY)(?:=|: ?)[\"']?[^\s\"',}]+"
)
# An option whose value is the next word of a command.
_OPTION = re.compile(r"--?([A-Za-z][\w\-]*)")
# What a value must hold before it is worth the full search.
_SIGNS = (
    "AKIA",
    "ASIA",
    "hf_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "eyJ",
    "-----BEGIN",
    "@",
    "=",
    "--",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "_KEY",
)


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """Whether a setting of this name is likely to hold a credential."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_SECRET_NAME.search(spaced)) and not _TOKEN_SETTING.search(spaced)


def _has_sign(value: str) -> bool:
    for sign in _SIGNS:  # noqa: SIM110 - a generator here takes five times as long, and this is the innermost loop
        if sign in value:
            return True
    return False


def redact(value: object, path: str, *, free_form: bool = False) -> tuple[object, tuple[str, ...]]:
    """A JSON value without secrets (itself, if it holds none), and the paths of what was taken out, each below `path`.

    free_form: whether names in it are settings that people chose, so that one that sounds like a credential is one.
    """
    if _is_plain(value, free_form):
        return value, ()
    found: list[str] = []
    return _redact(value, path, free_form, found), tuple(found)


def _is_secret_pair(value: dict[str, object]) -> bool:
    """Whether this is {"name": "DB_PASSWORD", "value": …}, as lists of settings are written (Kubernetes, MLflow)."""
    name = value.get("name", value.get("key"))
    return "value" in value and isinstance(name, str) and looks_secret(name)


def _is_secret_member(value: dict[str, object], key: str) -> bool:
    """Whether the name of a member alone makes it a credential. The `key` of a {"key": …, "value": …} is a setting's name."""
    return looks_secret(key) and not (key == "key" and "value" in value)


def _sets_environment(value: dict[str, object]) -> bool:
    """Whether this is a step of a JSON patch (RFC 6902) that sets the environment of a container."""
    path = value.get("path")
    return "op" in value and isinstance(path, str) and "/env" in path


def _follows_secret_option(members: list[object], index: int) -> bool:
    """Whether a word of a command is the value of an option such as `--hf-token` before it."""
    before, value = members[index - 1] if index else None, members[index]
    if not isinstance(before, str) or not isinstance(value, str) or not before.startswith("-"):
        return False
    option = _OPTION.fullmatch(before)
    return option is not None and not value.startswith("-") and looks_secret(option.group(1))


def _embedded(value: str) -> dict[str, object] | list[object] | None:
    """The object or list that a string holds as JSON, as Kubernetes keeps what was last applied."""
    if not value.startswith(("{", "[")):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, (dict, list)) else None


def _is_plain(value: object, free_form: bool) -> bool:
    """Whether there is nothing to take out; most records are so, and need no copy and no paths."""
    if isinstance(value, dict):
        if (free_form and _is_secret_pair(value)) or _sets_environment(value):
            return False
        for key, member in value.items():
            if free_form and _is_secret_member(value, key):
                return False
            if not _is_plain(member, free_form or key.lower() in _FREE_FORM):
                return False
        return True
    if isinstance(value, list):
        return all(
            _is_plain(member, free_form) and not _follows_secret_option(value, index)
            for index, member in enumerate(value)
        )
    if isinstance(value, str) and len(value) > 7:
        if value[0] in "{[" and (inner := _embedded(value)) is not None and not _is_plain(inner, free_form):
            return False
        return not _has_sign(value) or _SECRET_VALUE.search(value) is None
    return True


def _redact(value: object, path: str, free_form: bool, found: list[str]) -> object:
    if isinstance(value, dict):
        return _redact_object(value, path, free_form, found)
    if isinstance(value, list):
        copy = []
        for index, member in enumerate(value):
            if secret := _follows_secret_option(value, index):
                found.append(f"{path}[{index}]")
            copy.append(REDACTED if secret else _redact(member, f"{path}[{index}]", free_form, found))
        return copy
    if isinstance(value, str) and len(value) > 7:
        return _redact_text(value, path, free_form, found)
    return value


def _redact_object(value: dict[str, object], path: str, free_form: bool, found: list[str]) -> dict[str, object]:
    copy: dict[str, object] = {}
    patch = _sets_environment(value)
    named = (free_form and _is_secret_pair(value)) or (patch and isinstance(value.get("value"), str))
    for key, member in value.items():
        place = f"{path}.{key}"
        secret = (free_form and _is_secret_member(value, key)) or (named and key == "value")
        if secret and member not in (None, "", {}, []):
            found.append(place)
            copy[key] = REDACTED
        else:
            copy[key] = _redact(member, place, free_form or patch or key.lower() in _FREE_FORM, found)
    return copy


def _redact_text(value: str, path: str, free_form: bool, found: list[str]) -> str:
    """A string without secrets. One that holds JSON is written anew, each part by the rules for its place."""
    inner = _embedded(value)
    if inner is not None and not _is_plain(inner, free_form):
        return _written(_redact(inner, path, free_form, found))
    replaced, count = _SECRET_VALUE.subn(REDACTED, value) if _has_sign(value) else (value, 0)
    if count:
        found.append(path)
    return replaced


def _written(value: object) -> str:
    """JSON text of a value; a lone surrogate stays the escape it was, because no database keeps it as a character."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text
