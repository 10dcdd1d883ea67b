"""Files as people have them, each from the file to a spec that loads: `tests/data` holds one of each layout."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gpo.data.splits import load_splits
from gpo.data.starter import Starter, write_starter
from gpo.spec.file import load_spec
from gpo.template import render
from tests.support.paths import ROOT

LAYOUTS = ROOT / "tests" / "data"


class Layout(NamedTuple):
    """What a spec says of a file; `input` is a field, or fields by their variables."""

    file: str
    input: Any
    reference: str
    kind: str
    metric: str
    labels: tuple[str, ...] = ()


def choice(file: str, asked: Any, reference: str, *labels: str) -> Layout:
    return Layout(file, asked, reference, "choice", "exact_match", labels)


MOODS = ("negative", "positive")
FOUND = (
    # Spreadsheets
    choice("tickets.csv", {"customer_message": "Customer message"}, "Category", "bug", "praise"),
    choice("tickets.xlsx", {"customer_message": "Customer message"}, "Category", "bug", "praise"),
    choice("queues.csv", ["customer_message"], "queue", "praise", "repairs"),
    choice("excel_export.csv", ["text"], "label", *MOODS),
    choice("western.csv", ["Texte"], "Catégorie", "plainte", "éloge"),
    choice("unicode_text.tsv", ["text"], "label", *MOODS),
    choice("padded_headers.csv", ["Text"], "Label", *MOODS),
    choice("pandas_index.csv", ["text"], "label", *MOODS),
    choice("sms_spam.csv", ["v2"], "v1", "ham", "spam"),
    choice("german_headers.csv", ["Kundennachricht"], "Kategorie", "Lob", "Mangel"),
    choice("japanese_headers.csv", {"input": "文章"}, "分類", "不満", "満足"),
    choice("stars.csv", ["text"], "stars", "1", "2", "3", "4", "5"),
    choice("toxic.csv", ["comment_text"], "toxic", "0", "1"),
    choice("gaps.csv", ["message"], "category", "bug", "praise"),
    choice("spellings.csv", ["text"], "label", "BUG", "Praise"),
    choice("split_column.csv", ["text"], "label", *MOODS),
    choice("customers.csv", ["message"], "category", "bug", "praise"),
    choice("compressed.csv.gz", ["text"], "label", *MOODS),
    choice("label_names.csv", ["sentence"], "label", "0", "1"),
    Layout("explained.csv", ["utterance"], "label", "boolean", "exact_match"),
    Layout("sums.csv", ["expression"], "result", "number", "numeric_match"),
    # Questions
    Layout("squad_flat.jsonl", ["context", "question"], "answers.text", "exact", "exact_match"),
    Layout("boolq.jsonl", ["question", "passage"], "answer", "boolean", "exact_match"),
    Layout("gsm8k.jsonl", ["question"], "answer", "number", "numeric_match"),
    choice("arc.jsonl", ["question", "choices"], "answerKey", *"1234ABCD"),
    choice("mmlu.jsonl", ["question", "choices"], "answer", *"0123"),
    choice("hellaswag.jsonl", ["ctx", "endings"], "label", *"0123"),
    choice("commonsense_qa.jsonl", {"stem": "question.stem", "choices": "question.choices"}, "answerKey", *"ABCDE"),
    choice("medmcqa.jsonl", ["question", "opa", "opb", "opc", "opd"], "cop", *"0123"),
    choice("race.json", ["article", "question", "options"], "answer", *"ABCD"),
    choice("winogrande.jsonl", ["sentence", "option1", "option2"], "answer", *"12"),
    choice("piqa.jsonl", ["goal", "sol1", "sol2"], "label", *"01"),
    choice("inspect.jsonl", ["input", "choices"], "target", *"ABC"),
    Layout("word_answers.jsonl", ["question", "options"], "answer", "exact", "exact_match"),
    # Exports of other tools
    choice("chat_input.jsonl", ["input"], "ideal", "bad", "good"),
    Layout("langsmith.jsonl", {"question": "inputs.question"}, "outputs.answer", "exact", "exact_match"),
    choice("langfuse.jsonl", {"text": "input.text"}, "expectedOutput", *MOODS),
    choice("braintrust.jsonl", ["input"], "expected", *MOODS),
    Layout("mlflow.jsonl", {"question": "inputs.question"}, "expectations.expected_response", "free", "token_f1"),
    choice("prompt_completion.jsonl", ["prompt"], "completion", *MOODS),
    # Texts, lists and objects
    Layout("alpaca.json", {"instruction_text": "instruction", "input": "input"}, "output", "free", "token_f1"),
    Layout("dialogue_summary.jsonl", ["dialogue"], "summary", "free", "token_f1"),
    Layout("translation.tsv", ["source"], "target", "free", "token_f1"),
    Layout("extraction.jsonl", ["email"], "extracted", "json", "json_fields"),
    Layout("json_answers.jsonl", ["text"], "output", "json", "json_fields"),
    Layout("tags.jsonl", ["text"], "tags", "list", "list_match"),
    Layout("sorting.jsonl", ["input"], "target", "list", "list_match"),
    Layout("text_to_sql.jsonl", ["question"], "sql", "free", "token_f1"),
    choice("conversations.jsonl", ["conversation"], "intent", "complain", "praise"),
    Layout("cases.yaml", ["question"], "answer", "boolean", "exact_match"),
    # Folders
    choice("hub_layout", ["text"], "label", "0", "1"),
    choice("compressed_splits", ["text"], "label", *MOODS),
    choice("val_folder", ["text"], "label", *MOODS),
)


def started(file: str, folder: Path) -> Starter:
    return write_starter("task", LAYOUTS / file, folder, force=True)


@pytest.mark.parametrize("layout", FOUND, ids=lambda layout: layout.file)
def test_a_layout_becomes_a_spec_that_loads(layout: Layout, tmp_path: Path) -> None:
    starter = started(layout.file, tmp_path)
    dataset = yaml.safe_load(starter.path.read_text("utf-8"))["dataset"]
    spec = load_spec(starter.path)
    assert (dataset["input"], dataset["reference"]) == (layout.input, layout.reference)
    assert (spec.answer.kind, spec.metric.name) == (layout.kind, layout.metric)
    assert sorted(spec.answer.labels) == sorted(layout.labels)
    splits = load_splits(spec)
    assert splits == starter.splits
    assert min(len(splits.dev), len(splits.test)) >= 8
    inputs = splits.test[0].inputs
    sent = render(spec.prompt.template, spec.prompt.instruction, inputs)
    assert len(sent) == 1 or spec.prompt.conversations
    for value in inputs.values():
        assert value in sent[0].text if isinstance(value, str) else all(message in sent for message in value)


def test_every_layout_is_tried() -> None:
    assert {path.name for path in LAYOUTS.iterdir()} == {layout.file for layout in FOUND}


def shown(file: str, folder: Path) -> str:
    """The message of the example of the first question."""
    starter = started(file, folder)
    spec = load_spec(starter.path)
    examples = (*starter.splits.train, *starter.splits.dev, *starter.splits.test)
    first = min(examples, key=lambda example: list(example.inputs.values()))
    return render(spec.prompt.template, "Choose.", first.inputs)[0].text


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("medmcqa.jsonl", "What is the case?"),
        ("winogrande.jsonl", ""),
        ("mmlu.jsonl", "What is 0 + 0?\n0) 0\n1) 1\n2) 2\n3) 3\n\nChoose."),
        ("arc.jsonl", "A) in the hall"),
        ("inspect.jsonl", "A) bag\nB) a cloud\nC) a rule"),
        ("word_answers.jsonl", "- Rome\n- Oslo\n- Bern"),
    ],
)
def test_options_are_shown_with_the_labels_of_the_answers(file: str, options: str, tmp_path: Path) -> None:
    text = shown(file, tmp_path)
    assert options in text or file in ("medmcqa.jsonl", "winogrande.jsonl")
    if file == "medmcqa.jsonl":
        assert "\n0) drug 0\n1) water\n2) rest\n3) heat\n" in text
    if file == "winogrande.jsonl":
        assert "\n2) bag\n" in text


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("tickets.csv", "`Ticket ID` names rows"),
        ("stars.csv", "`date` holds dates"),
        ("explained.csv", "`justification` is named like an answer"),
        ("label_names.csv", "`label_name` is named like an answer"),
        ("squad_flat.jsonl", "`title` says the same in every row"),
        ("hellaswag.jsonl", "`ind` holds numbers"),
        ("mlflow.jsonl", ""),
    ],
)
def test_what_is_no_input_is_told_with_the_reason(file: str, told: str, tmp_path: Path) -> None:
    reasons = [f"`{field}` {why}" for field, why in started(file, tmp_path).found.guess.left_out]
    assert any(reason.startswith(told) for reason in reasons) if told else not reasons


@pytest.mark.parametrize(
    ("file", "remark"),
    [
        ("spellings.csv", "one label in several spellings, taken as one: "),
        ("customers.csv", "rows share 8 values of `customer_id`"),
    ],
)
def test_what_a_person_should_know_of_the_rows_is_told(file: str, remark: str, tmp_path: Path) -> None:
    assert any(each.startswith(remark) for each in started(file, tmp_path).remarks)
