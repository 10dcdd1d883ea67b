"""Files with the marks of where they come from: titles, empty rows, columns of a frame, letters beside texts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gpo.data.guessing.choices import UNDECIDED, Choices
from gpo.data.starter import Starter, write_starter
from gpo.errors import DatasetError

COUNT = 40
CAPITALS = ("Rome", "Oslo", "Bern", "Lima")


def text(number: int) -> str:
    return f"Parcel {number} is {['late', 'here'][number % 2]}, thank you."


def mood(number: int) -> str:
    return ["bad", "good"][number % 2]


def lines(line: Callable[[int], str], *before: str) -> str:
    return "".join(f"{each}\n" for each in (*before, *map(line, range(COUNT))))


def json_lines(row: Callable[[int], Any]) -> str:
    return lines(lambda number: json.dumps(row(number), ensure_ascii=False))


def labelled(number: int) -> dict[str, str]:
    return {"text": text(number), "label": mood(number)}


def told(number: int) -> dict[str, str]:
    given = "" if number % 4 else text(number)
    return {"instruction": f"Name {number} towns", "input": given, "output": f"Town {number}\nBonn"}


def asked(number: int) -> dict[str, Any]:
    options = {"A": CAPITALS[number % 4], "B": "Bonn", "C": f"Town {number}"}
    letter = "AB"[number % 2]
    return {"question": f"Where is {number}?", "options": options, "answer": options[letter], "answer_idx": letter}


class File(NamedTuple):
    """A file, and what its spec must say; `note` is a part of what is told."""

    name: str
    content: str
    inputs: tuple[str, ...]
    reference: str
    kind: str
    note: str = ""
    choices: Choices = UNDECIDED


FRAME = {"text": {str(i): text(i) for i in range(COUNT)}, "label": {str(i): mood(i) for i in range(COUNT)}}
FILES = (
    File(
        "titles of a spreadsheet.csv",
        lines(lambda i: f'{i},"{text(i)}",{mood(i)},', "Report of May,,,", ",,,", "No.,Message,Category,"),
        ("Message",), "Category", "choice",
    ),
    File(
        "a title without commas.csv",
        lines(lambda i: f"{text(i)};{mood(i)}", "Report of May", "", "message;category"),
        ("message",), "category", "choice",
    ),
    File(
        "a comment above the header.csv",
        lines(lambda i: f'"{text(i)}",{mood(i)}', "# made by a tool", "text,label"),
        ("text",), "label", "choice",
    ),
    File(
        "two headers of a survey.csv",
        lines(lambda i: f'100,"{text(i)}",{mood(i)}', "Done,Q1,Q2", "Done,How was it?,And then?"),
        ("Q1",), "Q2", "choice", "seen once: `And then?`",
    ),
    File(
        "long labels.csv",
        lines(lambda i: f'"{text(i)}","Office of {mood(i)} things, and of all that is with them"', "text,office"),
        ("text",), "office", "choice",
    ),
    File(
        "flags of labels.jsonl",
        json_lines(lambda i: {"text": text(i), "label": [i % 2, 0, 1]}),
        ("text",), "label", "list",
    ),
    File(
        "empty rows.csv",
        lines(lambda i: f'"{text(i)}",{mood(i)}\n,', "text,label") + ",\n" * 100,
        ("text",), "label", "choice",
    ),
    File(
        "many intents.csv",
        "text,category\n" + "".join(f"Request {i} of mine,intent_{i % 30}_of_bank\n" for i in range(240)),
        ("text",), "category", "choice",
    ),
    File(
        "predictions beside labels.csv",
        lines(lambda i: f'"{text(i)}",{i % 2},{(i % 9 == 0) ^ i % 2:d}', "text,y_true,y_pred"),
        ("text",), "y_true", "choice",
    ),
    File(
        "preferences.jsonl",
        json_lines(lambda i: {"prompt": text(i), "chosen": f"We look after parcel {i}.", "rejected": f"No {i}."}),
        ("prompt",), "chosen", "free",
    ),
    File(
        "an input that is mostly empty.jsonl",
        json_lines(told),
        ("instruction", "input"), "output", "free", "`input` is empty in 30 rows",
    ),
    File("lines in a file of one object.json", json_lines(labelled), ("text",), "label", "choice"),
    File(
        "an answer of a web service.json",
        json.dumps({"features": [], "rows": [{"row_idx": i, "row": labelled(i)} for i in range(COUNT)]}),
        ("row.text",), "row.label", "choice",
    ),
    File("columns.json", json.dumps(FRAME), ("text",), "label", "choice"),
    File(
        "rows by keys.json",
        json.dumps({f"T{i}": labelled(i) for i in range(COUNT)}),
        ("text",), "label", "choice",
    ),
    File(
        "letters beside texts.jsonl",
        json_lines(asked),
        ("question", "options"), "answer_idx", "choice",
    ),
    File(
        "another language.csv",
        lines(lambda i: f"Was ist mit {i}?,Er kam am {i}. Mai an der Tür an.", "Frage,Antwort"),
        ("Frage",), "Antwort", "free",
    ),
    File(
        "no answer.csv",
        lines(lambda i: f'"{text(i)}",{"N/A" if i % 8 == 0 else mood(i)}', "text,label"),
        ("text",), "label", "choice", "`N/A` (5 rows) is taken as a label",
    ),
    File(
        "only what the kind can read.csv",
        lines(lambda i: f'"{text(i)}",{["N/A", "yes", "no"][i % 8 and i % 2 + 1]}', "text,resolved"),
        ("text",), "resolved", "boolean", "left out 5 rows", Choices(kind="boolean"),
    ),
    File(
        "decimal commas.csv",
        lines(lambda i: f"Bill {i} and {i} more;{i},50", "text;answer"),
        ("text",), "answer", "exact", "numbers with a decimal comma",
    ),
)  # fmt: skip


def started(folder: Path, name: str, content: str, choices: Choices = UNDECIDED) -> Starter:
    (folder / name).write_text(content, encoding="utf-8")
    return write_starter("task", folder / name, folder, force=True, choices=choices)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_task_is_found(file: File, tmp_path: Path) -> None:
    starter = started(tmp_path, file.name, file.content, file.choices)
    found = starter.found.guess
    assert (tuple(found.inputs.values()), found.reference) == (file.inputs, file.reference)
    assert found.answer.spec.kind == file.kind
    assert file.note in "\n".join((*starter.remarks, *starter.splits.left_out))


def test_tags_of_words_keep_their_order_and_sets_do_not(tmp_path: Path) -> None:
    tagged = json_lines(lambda i: {"text": text(i), "ner_tags": [0, 0, i, 0]})
    assert started(tmp_path, "tags.jsonl", tagged).found.guess.answer.metric == "list_match"
    keywords = json_lines(lambda i: {"text": text(i), "keywords": [f"a{i}", f"b{i}"]})
    assert "ordered: false" in started(tmp_path, "words.jsonl", keywords).found.guess.answer.metric


def test_a_refusal_names_all_inputs_in_the_command_that_works(tmp_path: Path) -> None:
    pairs = lines(lambda i: f'"{text(i)}","{text(i + 1)}",{i / 7:.2f}', "premise,hypothesis,points")
    with pytest.raises(DatasetError, match="--input premise --input hypothesis --reference points"):
        started(tmp_path, "pairs.csv", pairs)


def test_a_quote_that_swallows_the_rest_is_named(tmp_path: Path) -> None:
    torn = lines(lambda i: f"{chr(34) * (i == 7)}{text(i).replace(',', '')},{mood(i)}", "text,label")
    with pytest.raises(DatasetError, match="row 9: not valid CSV: unexpected end of data"):
        started(tmp_path, "torn.csv", torn)


def test_a_conversation_that_holds_its_own_answer_is_refused_with_the_command_that_works(tmp_path: Path) -> None:
    said = json_lines(
        lambda i: {"conversations": [{"from": "human", "value": text(i)}, {"from": "gpt", "value": "Fine."}]}
    )
    with pytest.raises(DatasetError, match=r"gpo dataset import openai-chat \S+ \S+ && gpo spec init task"):
        started(tmp_path, "chats.jsonl", said)
