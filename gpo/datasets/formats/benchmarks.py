"""Published benchmarks in the files of their authors."""

import csv
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

from gpo.data.sources.files import open_text
from gpo.datasets.formats.registry import Imported, importer, rows_in, text_reading, whole_content


@importer("squad", "SQuAD 1.1 and 2.0: articles, paragraphs, questions")
def import_squad(path: Path) -> Iterator[Imported]:
    """Each question with its context and all right answers."""
    for article in whole_content(path)["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in asked["answers"]))
                row = {"id": asked["id"], "title": article["title"], "context": paragraph["context"]}
                yield row | {"question": asked["question"], "answers": answers} if answers else "has no answer"


@importer("mmlu", "MMLU as published: CSV without a header, question, four options, letter")
def import_mmlu(path: Path) -> Iterator[Imported]:
    """Each question with its options by their letters."""
    with open_text(path, text_reading(path), newline="") as file:
        for record in csv.reader(file):
            if len(record) == 6:
                yield dict(zip(("question", "A", "B", "C", "D", "answer"), record, strict=True))
            elif record:
                yield f"has {len(record)} fields, not question, four options and letter"


@importer("arc", "ARC, OpenBookQA, CommonsenseQA: a stem, labelled options, answerKey")
def import_arc(path: Path) -> Iterator[Imported]:
    """Each question with its options; those that are numbered get letters, so that all answers look alike."""
    for row in rows_in(path):
        if isinstance(row, str):
            yield row
            continue
        asked = row["question"]
        stem, choices = (asked["stem"], asked["choices"]) if isinstance(asked, Mapping) else (asked, row["choices"])
        if isinstance(choices, Mapping):
            choices = [
                {"label": label, "text": text} for label, text in zip(choices["label"], choices["text"], strict=True)
            ]
        letters = dict(zip((str(each["label"]) for each in choices), string.ascii_uppercase, strict=False))
        if (answer := letters.get(str(row["answerKey"]))) is None:
            yield f"its answer {row['answerKey']} is none of its options"
            continue
        options = [{"label": letters[str(each["label"])], "text": each["text"]} for each in choices]
        yield {"id": row.get("id"), "question": stem, "choices": options, "answer": answer}
