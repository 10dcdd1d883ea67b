"""Rows as annotation tools, benchmarks, help desks, surveys and logs write them: which part each field plays."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gpo.data.guessing.choices import UNDECIDED, Choices, UndecidedError
from gpo.data.guessing.columns import Row
from gpo.data.guessing.guess import Guess, guess
from gpo.data.guessing.remarks import remarks_on
from gpo.data.guessing.values import is_missing
from gpo.data.sources.files import parse_json
from gpo.data.starter import write_starter
from gpo.errors import DatasetError

COUNT = 40


def text(number: int) -> str:
    return f"Parcel {number} is {['late', 'here'][number % 2]}, thank you."


def mood(number: int) -> str:
    return ["bad", "good"][number % 2]


def span(number: int) -> list[dict[str, Any]]:
    return [{"start": 7, "end": 9, "label": mood(number)}, {"start": 0, "end": 6, "label": "THING"}]


def ticked(number: int, labels: list[str]) -> list[dict[str, Any]]:
    result = {"from_name": "topic", "type": "choices", "id": f"r{number}", "value": {"choices": labels}}
    return [{"id": number, "completed_by": number % 3, "result": [result], "lead_time": 1.5 + number}]


def judged(number: int) -> dict[str, str]:
    return {"question": text(number), "answer_a": f"It is {number}.", "answer_b": f"{number} it is, sir."}


class Layout(NamedTuple):
    """What each row holds by its number, and what is found; `told` is part of a remark or of a reason."""

    name: str
    row: Callable[[int], dict[str, Any]]
    inputs: tuple[str, ...]
    reference: str
    kind: str
    told: str = ""


LAYOUTS = (
    Layout(
        "annotations of a tool, one choice each",
        lambda i: {"id": i, "annotations": ticked(i, [mood(i)]), "data": {"text": text(i)}, "created_at": "2024-01-01"},
        ("data.text",), "annotations[0].result[0].value.choices", "choice",
    ),
    Layout(
        "annotations of a tool, several choices",
        lambda i: {"data": {"text": text(i)}, "annotations": ticked(i, ["urgent", mood(i)] if i % 3 else [mood(i)])},
        ("data.text",), "annotations[0].result[0].value.choices", "labels",
    ),
    Layout(
        "what a person accepted",
        lambda i: {
            "text": text(i), "options": [{"id": "good", "text": "Good"}], "accept": [mood(i)],
            "answer": "accept" if i % 5 else "ignore", "_timestamp": 1_700_000_000 + i, "_input_hash": i * 77,
        },
        ("text",), "accept", "choice",
    ),
    Layout(
        "whether a person accepted",
        lambda i: {"text": text(i), "label": "LATE", "answer": ["accept", "reject"][i % 2], "_timestamp": i * 7},
        ("text",), "answer", "choice",
    ),
    Layout("spans", lambda i: {"text": text(i), "spans": span(i), "_task_hash": i * 7}, ("text",), "spans", "json"),
    Layout(
        "responses beside suggestions",
        lambda i: {
            "text": text(i), "topic.responses": [mood(i)], "topic.responses.status": ["submitted"],
            "topic.suggestion": "good", "note.responses": ["", "ok"][i % 2 :],
        },
        ("text",), "topic.responses", "choice",
    ),
    Layout(
        "the response of one person as an object",
        lambda i: {"text": text(i), "label": [{"user_id": "u", "value": mood(i), "status": "submitted"}]},
        ("text",), "label[0].value", "choice",
    ),
    Layout(
        "an annotation, and the same text twice",
        lambda i: {"text": text(i), "inputs": {"text": text(i)}, "annotation": mood(i), "explanation": None},
        ("text",), "annotation", "choice", "says the same as `text`",
    ),
    Layout(
        "passages and the answer of a system",
        lambda i: {"query": text(i), "contexts": ["So.", f"{i} parcels"], "answer": f"A{i}", "ground_truth": f"B{i}"},
        ("query", "contexts"), "ground_truth", "exact",
    ),
    Layout(
        "passages with titles",
        lambda i: {"question": text(i), "context": [["Parcels", ["One.", f"And {i}."]]], "answer": f"Town {i}"},
        ("question", "context"), "answer", "exact",
    ),
    Layout(
        "turns of a talk",
        lambda i: {"talk": [{"speaker": "Ana", "text": text(i)}, {"speaker": "Bo", "text": "So?"}], "outcome": mood(i)},
        ("talk",), "outcome", "choice",
    ),
    Layout(
        "words with tags",
        lambda i: {"tokens": text(i).split(), "ner_tags": ["O"] * 4 + [mood(i), "O"]},
        ("tokens",), "ner_tags", "list",
    ),
    Layout(
        "the better of two",
        lambda i: {**judged(i), "winner": ["a", "b", "tie"][i % 3]},
        ("question", "answer_a", "answer_b"), "winner", "choice",
    ),
    Layout(
        "the better of two, a flag each",
        lambda i: {**judged(i), "winner_a": i % 3 == 0, "winner_b": i % 3 == 1, "winner_tie": i % 3 == 2},
        ("question", "answer_a", "answer_b"), "winner_a", "boolean", "each say whether one label applies",
    ),
    Layout(
        "how alike two are",
        lambda i: {"index": i, "sentence1": text(i), "sentence2": text(i + 1), "score": i / 8},
        ("sentence1", "sentence2"), "score", "number",
    ),
    Layout(
        "parses beside sentences",
        lambda i: {"sentence1": text(i), "sentence1_parse": f"(S {text(i)})", "gold_label": mood(i)},
        ("sentence1",), "gold_label", "choice", "is another form of a text",
    ),
    Layout(
        "best, right and wrong answers",
        lambda i: {"Category": mood(i), "Question": text(i), "Best Answer": f"Town {i}", "Source": f"https://a.org/{i}"},
        ("Question",), "Best Answer", "exact", "holds addresses",
    ),
    Layout(
        "a review with its title and stars",
        lambda i: {"Summary": f"Parcel {i}", "Text": text(i), "Score": 1 + i % 5, "HelpfulnessNumerator": i % 3},
        ("Text",), "Score", "choice",
    ),
    Layout(
        "a review in a shop",
        lambda i: {"content": text(i), "score": 1 + i % 5, "thumbsUpCount": i % 3, "replyContent": f"Sorry, {i}."},
        ("content",), "score", "choice",
    ),
    Layout(
        "a survey with long headers",
        lambda i: {"Mail": f"a{i}@b.org", "What went wrong? (open answer)": text(i), "Will you come again?": i % 4},
        ("What went wrong? (open answer)",), "Will you come again?", "choice", "holds addresses",
    ),
    Layout(
        "essays with raters",
        lambda i: {"essay": text(i), "rater1": i % 2, "rater2": i % 3, "domain1_score": i % 2 + i % 3},
        ("essay",), "domain1_score", "choice",
    ),
    Layout(
        "code with tests",
        lambda i: {"prompt": f"def f{i}(x):", "canonical_solution": f"return x + {i}", "test": f"f{i}(0) == {i}"},
        ("prompt",), "canonical_solution", "exact", "which are not run",
    ),
    Layout(
        "queries of a database",
        lambda i: {"query": f"SELECT a FROM b WHERE c > {i}", "question": f"Which are more than {i}?"},
        ("question",), "query", "free",
    ),
    Layout(
        "several expected values",
        lambda i: {"mail": text(i), "expected_name": f"N{i}", "expected_amount": i * 7},
        ("mail",), "expected_name", "exact", "expected_amount",
    ),
    Layout(
        "answers that are sentences",
        lambda i: {"source_text": text(i), "target_text": f"Paket {i} ist da."},
        ("source_text",), "target_text", "free",
    ),
    Layout(
        "a log of a model",
        lambda i: {"trace_id": f"t{i}", "input": text(i), "output": mood(i), "latency": i / 3},
        ("input",), "output", "choice", "only where a person has checked it",
    ),
    Layout(
        "labels between brackets",
        lambda i: {"title": text(i), "tags": f"<{mood(i)}><{['eu', 'us', 'uk'][i % 3]}>"},
        ("title",), "tags", "choice", "several labels in one",
    ),
    Layout(
        "annotations of several people",
        lambda i: {"data": {"text": text(i)}, "annotations": ticked(i, [mood(i)]) * (1 + i % 2)},
        ("data.text",), "annotations[0].result[0].value.choices", "choice", "holds several in 20 rows",
    ),
    Layout(
        "instructions with responses and a category",
        lambda i: {"instruction": f"Name {i}", "context": text(i), "response": f"Of {i}: Rome.", "category": mood(i)},
        ("instruction", "context"), "response", "free", "category",
    ),
    Layout(
        "responses with grades",
        lambda i: {"student_id": i, "response_text": text(i), "rubric": "Be right.", "total": i % 4},
        ("response_text",), "total", "choice",
    ),
    Layout(
        "keywords in one cell",
        lambda i: {"abstract": text(i), "keywords": f"parcel {i}; thanks; {mood(i)} {i}"},
        ("abstract",), "keywords", "list",
    ),
    Layout(
        "places of characters",
        lambda i: {"text": text(i), "spans": [*range(i % 5, 6 + i % 4)]},
        ("text",), "spans", "list",
    ),
    Layout(
        "a text with its annotation inside",
        lambda i: {"utt": text(i), "annot_utt": f"[what : parcel] {text(i)}", "intent": mood(i)},
        ("utt",), "intent", "choice", "is named like an answer",
    ),
    Layout(
        "folds by number",
        lambda i: {"text": text(i), "kind": mood(i), "fold": i % 5},
        ("text",), "kind", "choice", "seems to name splits",
    ),
)  # fmt: skip


def found_in(row: Callable[[int], dict[str, Any]], choices: Choices = UNDECIDED) -> tuple[Guess, list[Row]]:
    parsed = [parse_json(json.dumps(row(number))) for number in range(COUNT)]
    rows = [each for each in parsed if isinstance(each, dict)]
    return guess(Path("rows.jsonl"), rows, choices), rows


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_each_field_gets_its_part(layout: Layout) -> None:
    found, rows = found_in(layout.row)
    assert (tuple(found.inputs.values()), found.reference) == (layout.inputs, layout.reference)
    assert found.answer.spec.kind == layout.kind
    told = "\n".join((*remarks_on(rows, found), *(why for _, why in found.left_out), *found.others))
    assert layout.told in told
    assert not any(is_missing(row) for row in rows)


@pytest.mark.parametrize("name", ["fold", "Usage", "data_split"])
def test_a_field_that_names_splits_in_other_words_is_one(name: str) -> None:
    words = ("training", "training", "PublicTest", "holdout")
    found, _ = found_in(lambda i: {"text": text(i), "label": mood(i), name: words[i % 4]})
    assert (found.split_field, found.split.train, found.split.dev, found.split.test) == (name, 20, 10, 10)


def test_a_path_into_a_list_is_named_where_messages_hold_the_answer() -> None:
    def row(number: int) -> dict[str, Any]:
        said = [{"role": "user", "content": text(number)}, {"role": "assistant", "content": f"Yes, {number}."}]
        return {"chosen": said, "rejected": [said[0], {"role": "assistant", "content": "No."}]}

    with pytest.raises(UndecidedError) as caught:
        found_in(row)
    assert caught.value.choices is not None
    found, rows = found_in(row, caught.value.choices)
    remarks_on(rows, found)
    assert (found.inputs, found.reference) == ({"content": "chosen[-2].content"}, "chosen[-1].content")


LABELLED = [{"text": text(number), "label": mood(number)} for number in range(COUNT)]
PAIRS = [list(row.values()) for row in LABELLED]


@pytest.mark.parametrize(
    ("content", "inputs", "reference", "sizes"),
    [
        ({"train": LABELLED[:24], "test": LABELLED[24:]}, ("text",), "label", (18, 6, 16)),
        ({"train": PAIRS[:20], "val": PAIRS[20:30], "test": PAIRS[30:]}, ("column 1",), "column 2", (20, 10, 10)),
        ({"columns": ["text", "label"], "index": [*range(COUNT)], "data": PAIRS}, ("text",), "label", (4, 12, 24)),
        (PAIRS, ("column 1",), "column 2", (4, 12, 24)),
        (dict(PAIRS), ("column 1",), "column 2", (4, 12, 24)),
    ],
    ids=["splits", "splits of lists", "a header and rows", "lists", "what is said of each text"],
)
def test_one_document_holds_a_table_in_many_shapes(
    content: object, inputs: tuple[str, ...], reference: str, sizes: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(content), encoding="utf-8")
    starter = write_starter("task", tmp_path / "rows.json", tmp_path, force=False)
    found, splits = starter.found.guess, starter.splits
    assert (tuple(found.inputs.values()), found.reference) == (inputs, reference)
    assert (len(splits.train), len(splits.dev), len(splits.test)) == sizes


def test_ids_of_columns_and_repeated_headers_are_no_rows_and_no_hindrance(tmp_path: Path) -> None:
    heads = 'Q1,Tag,Tag,Q2\nHow was it?,,,And then?\n"{""ImportId"":""Q1""}",,,"{""ImportId"":""Q2""}"\n'
    (tmp_path / "a.csv").write_text(heads + "".join(f'"{text(i)}",x,,{mood(i)}\n' for i in range(COUNT)))
    starter = write_starter("task", tmp_path / "a.csv", tmp_path, force=False)
    assert (starter.found.total, starter.found.guess.reference, starter.labels) == (40, "Q2", {"bad": 20, "good": 20})
    (tmp_path / "b.csv").write_text("text,label,label\n" + "".join(f'"{text(i)}",{mood(i)},x\n' for i in range(COUNT)))
    with pytest.raises(DatasetError, match="two columns are named `label`"):
        write_starter("task", tmp_path / "b.csv", tmp_path, force=True)


@pytest.mark.parametrize(
    ("sentence", "encoding"),
    [
        ("质量很好、物流也快", "gb18030"),
        ("請求書が届きません、確認をお願いします", "shift_jis"),
        ("배송이 빠르고 품질이 좋아요", "cp949"),
        ("Купил лампу, очень доволен покупкой", "cp1251"),
        ("Kupiłem lampę, świetna jakość, źle działa", "cp1250"),
        ("Çok güzel ürün, teşekkürler, kargo geldiği için", "cp1254"),
        ("請求書が届きません、確認をお願いします", "euc_jp"),
    ],
    ids=lambda value: value if value.isascii() else "",
)
def test_a_refused_encoding_comes_with_the_command_that_reads_it(sentence: str, encoding: str, tmp_path: Path) -> None:
    rows = "text,label\n" + "".join(f'"{sentence} {i}",{mood(i)}\n' for i in range(COUNT))
    (tmp_path / "rows.csv").write_bytes(rows.encode(encoding))
    with pytest.raises(DatasetError, match=rf"This works: gpo spec init task --data \S+ --encoding {encoding}$"):
        write_starter("task", tmp_path / "rows.csv", tmp_path, force=False)
    starter = write_starter("task", tmp_path / "rows.csv", tmp_path, force=False, choices=Choices(encoding=encoding))
    assert f"{sentence} 1" in {str(row["text"]) for row in starter.found.rows}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "Good, I think.\nAnd bad.\nSo so.\n", "its lines have no header and no columns: write a table"),
        ("b.txt", "text\tlabel\n" + "x y\tgood\nz\tbad\n" * 3, r"This works: cp \S+b.txt \S+b.csv && gpo spec init"),
        ("c.txt", '{"text": "a"}\n' * 5, r"This works: cp \S+c.txt \S+c.jsonl && gpo spec init"),
        ("may.csv", "", r"is a folder without splits.* it holds may.csv: .*\n  This works: gpo spec init .*/may.csv$"),
        ("good/1.txt", "", "it holds the folders good: write a table"),
        ("train.csv", "", r"no test file; .*\n  This works: gpo spec init .*/train.csv$"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(name: str, content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "data" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        write_starter("task", path if content else tmp_path / "data", tmp_path, force=False)


def test_files_with_the_name_of_a_split_among_their_words_are_splits(tmp_path: Path) -> None:
    for name, rows in (("my_train", LABELLED[:30]), ("my-test", LABELLED[30:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    splits = write_starter("task", tmp_path, tmp_path.parent, force=True).splits
    assert (len(splits.train), len(splits.dev), len(splits.test)) == (23, 7, 10)
