"""Secrets are known by their names, their places and their shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.redaction import MASK, find_secret, mask_known, mask_secrets


@given(st.text(max_size=300), st.text(min_size=6), st.text(max_size=300))
def test_a_secret_that_is_known_is_nowhere_in_the_text(before: str, secret: str, after: str) -> None:
    masked = mask_secrets(before + secret + after, [secret])
    assert secret not in masked.replace(MASK, "") or secret in MASK


def test_a_stand_in_for_a_key_is_masked_as_a_word_alone() -> None:
    assert mask_known("the key x of the next example", ["x"]) == "the key *** of the next example"


def test_secrets_that_begin_alike_are_masked_whole() -> None:
    assert mask_known("abcdef-1 and abcdef-1-long", ["abcdef-1", "abcdef-1-long"]) == "*** and ***"
    assert mask_known("url?key=a%2Fb%2Bc-secret", ["a/b+c-secret"]) == "url?key=***"


@pytest.mark.parametrize("name", ["OWN_API_KEY", "HF_TOKEN", "AWS_SECRET", "X_KEY", "my_password", "OPENAI_APIKEY"])
def test_what_the_environment_names_as_a_secret_is_masked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "plain words")
    assert mask_known("he said plain words") == "he said ***"
    monkeypatch.setenv(name, "short")
    assert mask_known("in short") == "in short"


@pytest.mark.parametrize(
    "text",
    [
        "Bearer abcdefghij.klm",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "github_pat_11ABCDEFG0123456789",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_keys_are_known_by_their_shape(text: str) -> None:
    assert MASK in mask_secrets(f"wrong key: {text} given")
    assert mask_known(text) == text


@pytest.mark.parametrize("name", ["keyboard-layout", "Accept-Language", "X-Title", "HTTP-Referer", "X-Author"])
def test_other_headers_are_no_secrets(name: str) -> None:
    assert find_secret({"default_headers": {name: "a"}}) is None
    assert find_secret({name: "a"}) is None
