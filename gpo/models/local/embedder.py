"""The embedded embedding model, in this process."""

import functools
import importlib.metadata
import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gpo.errors import INSTALL, ModelConfigError, suggestion

Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]
"""Vectors of texts, one for each, from whatever model makes them."""

EMBEDDINGS = ("wordllama",)


@dataclass(frozen=True)
class Embedder:
    """An embedding model in this process. `identity` names package, version and dimensions."""

    identity: str
    dimensions: int
    _vectors: Callable[[list[str]], list[list[float]]] = field(repr=False, compare=False)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of `dimensions` floats and length 1 for each text; a text without any token gives zeros.

        A text's vector does not depend on the others.
        """
        return [_normalised(vector) for vector in self._vectors(list(texts))]


def load_embedder(name: str) -> Embedder:
    """The embedding model `wordllama` (also as `local:wordllama`), loaded once per process; the first call blocks.

    Raises:
        ModelConfigError: unknown name, or the `local` extra is not installed.
    """
    short = name.removeprefix("local:")
    if short not in EMBEDDINGS:
        raise ModelConfigError(f"unknown embedded embedding model '{short}'{suggestion(short, EMBEDDINGS)}")
    return _wordllama()


@functools.cache
def _wordllama() -> Embedder:
    try:
        with _root_logger_kept():
            import wordllama  # noqa: PLC0415 - slow, and optional
    except ImportError:
        raise ModelConfigError(f"local:wordllama needs the package wordllama: {INSTALL}") from None
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    dimensions = model.embedding.shape[1]

    def vectors(texts: list[str]) -> list[list[float]]:
        # The tokenizer refuses half of a surrogate pair, which a model that cut its text short may leave behind.
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        rows: list[list[float]] = model.embed(readable).tolist()
        return rows

    version = importlib.metadata.version("wordllama")
    return Embedder(identity=f"wordllama-{version}-{dimensions}", dimensions=dimensions, _vectors=vectors)


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Undo a `logging.basicConfig` of the body: configuring logs is the application's choice."""
    root = logging.getLogger()
    level, handlers = root.level, tuple(root.handlers)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in set(root.handlers).difference(handlers):
            root.removeHandler(handler)


def _normalised(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
