"""The passages, in a Chroma collection in memory: a query finds those with which it shares most words."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import chromadb
import numpy as np
from chromadb import Collection
from chromadb.config import Settings
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray

PASSAGES = Path(__file__).parents[1] / "passages.jsonl"
DIMENSIONS = 512


def _collection() -> Collection:
    texts = [json.loads(line)["text"] for line in PASSAGES.read_text(encoding="utf-8").splitlines()]
    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    made = client.get_or_create_collection(
        "rag-answer-passages",
        configuration={"hnsw": {"space": "cosine", "ef_search": 2 * len(texts), "num_threads": 1}},
        embedding_function=None,
    )
    numbers = [f"{number:03}" for number in range(len(texts))]
    made.upsert(ids=numbers, documents=texts, embeddings=_vectors(texts))
    return made


def _vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """The words of each text, each word at a place of its own: so small a corpus needs no model."""
    found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for number, text in enumerate(texts):
        for word in re.findall(r"[a-z]+", text.lower()):
            found[number, int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
    return found


# Made once, when the module is imported: questions come from many threads.
COLLECTION = _collection()


class Passages(BaseRetriever):
    """The `k` passages nearest to a query."""

    k: int = 3

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        # Many passages are equally near. All are fetched and put in one order, so that a query always finds the same.
        found = COLLECTION.query(query_embeddings=_vectors([query]), n_results=COLLECTION.count())
        [distances], [texts] = found["distances"] or [[]], found["documents"] or [[]]
        ranked = sorted(zip((round(each, 5) for each in distances), found["ids"][0], texts, strict=True))
        return [Document(page_content=text) for _, _, text in ranked[: self.k]]
