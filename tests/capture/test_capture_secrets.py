"""Secrets planted in names, arguments, URLs and text are found; hyperparameters and prose are left alone."""

from __future__ import annotations

import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.capture.secrets import MASK, is_secret_name, mask_arguments, mask_mapping, mask_text, mask_url

SECRET_NAMES = [
    "key", "token", "KEY", "api_key", "apiKey", "APIKEY", "--api-key", "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID",
    "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY_BASE", "clientSecret", "client_secret", "PGPASSWORD",
    "password", "db.password", "passwd", "passphrase", "DB_PASS", "db_pwd", "auth", "Authorization",
    "OAuthToken", "basic_auth", "credentials", "GOOGLE_APPLICATION_CREDENTIALS", "creds", "Cookie",
    "set-cookie", "SENTRY_DSN", "accessToken", "api_tokens", "sshkey", "signing_key", "key1", "session_id",
    "connection_string",
]  # fmt: skip
HARMLESS_NAMES = [
    "", "author", "authors", "author_email", "monkey", "keyboard", "keys", "n_keys", "key_size", "key_dim",
    "num_key_heads", "key_padding_mask", "sort_key", "primary_key", "tokenizer", "token_pattern", "max_tokens",
    "max_new_tokens", "n_tokens", "pad_token", "eos_token", "eos_token_id", "token_type_ids",
    "tokens_per_second", "passthrough", "n_passes", "bypass", "credit_limit", "secretary", "PWD", "OLDPWD",
    "keras", "turkey", "compass", "authority", "sep_token", "random_state",
]  # fmt: skip
PLANTED = [
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "sk-proj-abc123DEF456ghi789JKL",
    "sk-ant-api03-abcdefgh_ijklmnop-1234",
    "hf_AbCdEfGhIjKlMnOpQrStUvWxYz",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefGHIJKL",
    "glpat-abcdefghij1234567890",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names_are_recognised(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_names_are_left_alone(name: str) -> None:
    assert not is_secret_name(name)


def test_no_hyperparameter_of_scikit_learn_is_taken_for_a_secret() -> None:
    from sklearn.utils import all_estimators

    names = {name for _, estimator in all_estimators() for name in estimator._get_param_names()}
    assert len(names) > 300
    assert not {name for name in names if is_secret_name(name) or is_secret_name(f"pipeline__{name}")}


@pytest.mark.parametrize(
    ("argv", "masked", "count"),
    [
        (["t.py", "--api-key", "hunter2", "--lr", "0.1"], ["t.py", "--api-key", MASK, "--lr", "0.1"], 1),
        (["--api-key=hunter2", "API_KEY=hunter2"], [f"--api-key={MASK}", f"API_KEY={MASK}"], 2),
        (["+db.password=hunter2", "model.lr=0.1"], [f"+db.password={MASK}", "model.lr=0.1"], 1),
        (["--auth", "--epochs", "3"], ["--auth", "--epochs", "3"], 0),
        (["--url", "https://me:hunter2@host/x"], ["--url", f"https://{MASK}@host/x"], 1),
        (["-H", "Authorization: Bearer hunter2hunter2"], ["-H", f"Authorization: {MASK}"], 1),
        (["-p", "8080", "--author=me", "--token"], ["-p", "8080", "--author=me", "--token"], 0),
        (["--password", "", "a"], ["--password", "", "a"], 0),
    ],
)
def test_arguments(argv: list[str], masked: list[str], count: int) -> None:
    result = mask_arguments(argv)
    assert (result.value, result.count) == (masked, count)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://me:hunter2@github.com/o/r.git", f"https://{MASK}@github.com/o/r.git"),
        ("https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/o/r", f"https://{MASK}@github.com/o/r"),
        ("postgresql://u:p/a@ss@db:5432/x", f"postgresql://{MASK}@db:5432/x"),
        ("https://h/x?token=hunter2&page=2", f"https://h/x?token={MASK}&page=2"),
        ("https://h/x?X-Amz-Signature=0a1b&page=2", f"https://h/x?X-Amz-Signature={MASK}&page=2"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("ssh://git@github.com/o/r.git", "ssh://git@github.com/o/r.git"),
        ("https://host:8080/path@v1", "https://host:8080/path@v1"),
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
    ],
)
def test_urls(url: str, masked: str) -> None:
    assert mask_url(url).value == masked
    assert mask_url(url).count == (url != masked)


@pytest.mark.parametrize("secret", PLANTED)
@pytest.mark.parametrize("frame", ["{}", "a {} b", "('{}',)", 'x="{}"', "url/{}?", "line\n{}\nline"])
def test_well_known_shapes_are_found_in_text(secret: str, frame: str) -> None:
    result = mask_text(frame.format(secret))
    assert result.value == frame.format(MASK)
    assert result.count == 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"api_key": "a b", "lr": 0.1}', f'{{"api_key": "{MASK}", "lr": 0.1}}'),
        ("export AWS_SECRET_ACCESS_KEY=wJal/abc+d", f"export AWS_SECRET_ACCESS_KEY={MASK}"),
        ("cmd=password=hunter2", f"cmd=password={MASK}"),
        ("train.py --password hunter2 --lr 3", f"train.py --password {MASK} --lr 3"),
        ("Cookie: a=b; c=d\nnext", f"Cookie: {MASK}\nnext"),
        ('curl -H "Authorization: Basic aGk6aGk="', f'curl -H "Authorization: {MASK}"'),
        ('password="not closed', f'password="{MASK}'),
    ],
)
def test_named_secrets_are_found_in_text(text: str, masked: str) -> None:
    assert mask_text(text).value == masked


@pytest.mark.parametrize(
    "text",
    [
        "sorted(rows, key=len)",
        "token = tokens[i]",
        "KeyError: 'x'",
        "loss: 0.3 - auc: 0.5",
        "a password was not given",
        "token_pattern=abc12345",
        "password=",
        "sk-learn-pipelines",
        "2024-01-01T00:00:00 epoch 1/10",
    ],
)
def test_prose_and_code_are_left_alone(text: str) -> None:
    assert mask_text(text).value == text
    assert mask_text(text).count == 0


def test_mappings_are_masked_at_any_depth_and_not_changed() -> None:
    inner = {"password": 1234, "host": "https://u:p@h", "token": 5}
    mapping = {"db": [inner], "use_auth": True, "secret": None, "lr": 0.1, 3: "x", "auth": {"user": "me"}}
    result = mask_mapping(mapping)
    assert result.value == {
        "db": [{"password": MASK, "host": f"https://{MASK}@h", "token": 5}],
        "use_auth": True,
        "secret": None,
        "lr": 0.1,
        3: "x",
        "auth": MASK,
    }
    assert result.count == 3
    assert inner == {"password": 1234, "host": "https://u:p@h", "token": 5}


def test_a_mapping_that_holds_itself_comes_to_an_end() -> None:
    mapping: dict[str, object] = {"password": "hunter2"}
    mapping["self"] = mapping
    result = mask_mapping(mapping)
    assert "hunter2" not in repr(result.value)


@given(st.text(alphabet=st.sampled_from("abk:=/@ \"'.-_*#&?\n{ey}JtokensA1")) | st.text())
def test_masking_twice_changes_nothing(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once.value) == type(once)(once.value, 0)


@given(
    st.text(max_size=40),
    st.sampled_from(PLANTED),
    st.text(max_size=40),
)
def test_a_planted_secret_never_survives(before: str, secret: str, after: str) -> None:
    assert secret not in mask_text(f"{before} {secret} {after}").value


@given(
    st.sampled_from(["--password", "--api-key", "--hf_token"]),
    st.text(alphabet=st.characters(codec="ascii", categories=("L", "N")), min_size=6).filter(lambda t: t != MASK),
    st.booleans(),
)
def test_a_secret_argument_never_survives(option: str, secret: str, joined: bool) -> None:
    argv = [f"{option}={secret}"] if joined else [option, secret]
    result = mask_arguments(["t.py", *argv, "--n", "1"])
    assert result.count == 1
    assert all(secret not in argument for argument in result.value[1 : 1 + len(argv)]) or secret in option
    assert len(result.value) == len(argv) + 3


@pytest.mark.parametrize(
    "piece", ["a", 'k="', "://a:", "password=", "eyJ", "sk-", "token ", "x@", "a.", 'password="', "key:"]
)
def test_time_grows_linearly_with_hostile_text(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        return min(timeit.repeat(lambda: mask_text(text), timer=time.thread_time, number=1, repeat=3))

    assert seconds(80_000) < 10 * seconds(20_000) + 0.01  # 4 times where it is linear, 16 where it is quadratic
