"""The embedded embedding model."""

import importlib.metadata
import math
import subprocess
import sys

import pytest

from gpo.errors import ModelConfigError
from gpo.models.local.embedder import load_embedder
from tests.support.paths import ROOT


@pytest.mark.slow
def test_importing_is_cheap_and_embedding_leaves_the_root_logger_alone() -> None:
    code = """
import sys, logging, gpo.models.local.embedder, gpo.models.local.gguf, gpo.models.local.servers
assert not {"xllamacpp", "wordllama", "huggingface_hub", "numpy", "prefect"} & set(sys.modules)
gpo.models.local.embedder.load_embedder("wordllama")
assert (logging.getLogger().handlers, logging.getLogger().level) == ([], logging.WARNING)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours() -> None:
    embedder = load_embedder("local:wordllama")
    assert embedder is load_embedder("wordllama")
    assert embedder.identity == f"wordllama-{importlib.metadata.version('wordllama')}-256"
    texts = ["What is the sentiment?", "x", "ünï 😀 " * 30, "cut in half: \ud83d"]
    vectors = embedder.embed(texts)
    assert [len(vector) for vector in vectors] == [256] * 4
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1.0] * 4)
    assert vectors == [embedder.embed([text])[0] for text in texts]
    assert embedder.embed([]) == []
    assert embedder.embed([""]) == [[0.0] * 256]


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_know_what_is_alike() -> None:
    one, other, far = load_embedder("wordllama").embed(
        ["Is the customer happy?", "Is the client satisfied?", "Sort these numbers in descending order."]
    )
    assert cosine(one, other) > cosine(one, far) + 0.2


def test_an_unknown_embedding_model_is_refused() -> None:
    with pytest.raises(ModelConfigError, match="did you mean 'wordllama'"):
        load_embedder("local:wordlama")
