"""The synthetic embedding model, `synthetic:words`: texts that share words are near one another.

It needs no package and no weights, and knows nothing of meaning: nor do `synthetic:task` and `synthetic:optimizer`.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence

from gpo.errors import ModelConfigError, suggestion
from gpo.spec.models import ModelSpec

DIMENSIONS = 64
EMBEDDINGS = ("words",)
_WORD = re.compile(r"\w+")


def check_embedding(spec: ModelSpec) -> None:
    """See that a synthetic embedding model is one.

    Raises:
        ModelConfigError: an unknown name.
    """
    name = spec.model.removeprefix("synthetic:")
    if name not in EMBEDDINGS:
        raise ModelConfigError(f"unknown synthetic embedding model '{name}'{suggestion(name, EMBEDDINGS)}")


def embed_words(texts: Sequence[str]) -> list[list[float]]:
    """One vector of `DIMENSIONS` floats and length 1 for each text; a text without any word gives zeros.

    >>> one, other = embed_words(["Solve the problem.", "Solve a problem!"])
    >>> round(sum(a * b for a, b in zip(one, other)), 2)
    0.67
    """
    return [_vector(Counter(_WORD.findall(text.casefold()))) for text in texts]


def _vector(words: Counter[str]) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word, count in words.items():
        drawn = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4], "big")
        vector[drawn // 2 % DIMENSIONS] += count if drawn % 2 else -count
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else vector
