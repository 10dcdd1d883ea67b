"""Exports of other tools and published files become plain rows, and a spec."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpo.data.starter import write_starter
from gpo.datasets.imports import FORMATS, import_file
from gpo.errors import DatasetError, InputError
from gpo.spec.file import load_spec

CITIES = ("Rome", "Oslo", "Bern", "Riga", "Lima", "Cairo") * 4


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def openai_evals(folder: Path) -> Path:
    def row(number: int, city: str) -> dict[str, Any]:
        asked = [{"role": "system", "content": "Be short."}, {"role": "user", "content": f"Where is card {number}?"}]
        return {"input": asked, "ideal": [city, city.lower()] if number == 0 else city}

    return lines(folder / "samples.jsonl", [row(*each) for each in enumerate(CITIES)])


def openai_chat(folder: Path) -> Path:
    def row(number: int, city: str) -> dict[str, Any]:
        said = [{"role": "user", "content": f"Where is card {number}?"}, {"role": "assistant", "content": city}]
        return {"messages": [{"role": "system", "content": "Be short."}, *said]}

    return lines(
        folder / "chats.jsonl", [*(row(*each) for each in enumerate(CITIES)), {"messages": [{"role": "user"}]}]
    )


def promptfoo(folder: Path) -> Path:
    tests = [
        {
            "vars": {"question": f"Where is card {number}?"},
            "assert": [{"type": "latency", "threshold": 9}, {"type": "equals", "value": city}],
        }
        for number, city in enumerate(CITIES)
    ]
    path = folder / "promptfooconfig.yaml"
    path.write_text(yaml.safe_dump({"prompts": ["{{question}}"], "providers": ["x"], "tests": tests}))
    return path


def squad(folder: Path) -> Path:
    asked = [
        {
            "id": f"q{number}",
            "question": f"Where was card {number} found?",
            "answers": [{"text": city, "answer_start": 3}] * 2 if number else [],
        }
        for number, city in enumerate((*CITIES, "Turin"))
    ]
    paragraphs = [{"context": f"Card {each['id']} was found in {each['answers']}", "qas": [each]} for each in asked]
    path = folder / "dev-v2.0.json"
    path.write_text(json.dumps({"version": "2.0", "data": [{"title": "Cards", "paragraphs": paragraphs}]}))
    return path


def mmlu(folder: Path) -> Path:
    path = folder / "anatomy_test.csv"
    path.write_text("".join(f'"Where is card {n}, then?",Rome,Oslo,Bern,Riga,{"ABCD"[n % 4]}\n' for n in range(24)))
    return path


def arc(folder: Path) -> Path:
    def row(number: int) -> dict[str, Any]:
        labels = "ABCD" if number % 2 else "1234"
        choices = [{"label": label, "text": f"{city} {number}"} for label, city in zip(labels, CITIES, strict=False)]
        stem = {"stem": f"Where is card {number}?", "choices": choices}
        return {"id": f"Mercury_{number}", "question": stem, "answerKey": labels[number % 4]}

    return lines(folder / "ARC-Easy-Dev.jsonl", [row(number) for number in range(24)])


WRITERS = {
    "openai-evals": openai_evals,
    "openai-chat": openai_chat,
    "promptfoo": promptfoo,
    "squad": squad,
    "mmlu": mmlu,
    "arc": arc,
}
FIRST: dict[str, dict[str, Any]] = {
    "openai-evals": {"system": "Be short.", "input": "Where is card 1?", "answer": "Oslo"},
    "openai-chat": {"system": "Be short.", "input": "Where is card 1?", "answer": "Oslo"},
    "promptfoo": {"question": "Where is card 1?", "answer": "Oslo"},
    "squad": {"id": "q2", "question": "Where was card 2 found?", "title": "Cards", "answers": ["Bern"]},
    "mmlu": {"question": "Where is card 1, then?", "A": "Rome", "B": "Oslo", "C": "Bern", "D": "Riga", "answer": "B"},
    "arc": {"id": "Mercury_1", "question": "Where is card 1?", "answer": "B"},
}
KINDS = {"squad": "exact"}


def test_every_format_is_tried() -> None:
    assert FORMATS.keys() == WRITERS.keys() == FIRST.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_becomes_plain_rows_and_a_spec(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    found = import_file(name, WRITERS[name](tmp_path), path)
    assert found.rows == 24
    second = json.loads(path.read_text().splitlines()[1])
    assert second.items() >= FIRST[name].items()
    spec = load_spec(write_starter("task", path, tmp_path, force=False).path)
    assert spec.dataset.reference in ("answer", "answers")
    assert spec.answer.kind == KINDS.get(name, "choice")


def test_options_that_are_numbered_get_letters(tmp_path: Path) -> None:
    import_file("arc", arc(tmp_path), tmp_path / "rows.jsonl")
    first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
    assert [each["label"] for each in first["choices"]] == ["A", "B", "C", "D"]
    assert first["answer"] == "A"


def test_a_csv_of_promptfoo_and_several_turns(tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text("question,__expected,__threshold\nWhere?,equals: Rome,1\nWho?,Ann,1\nWhy?,,1\n")
    found = import_file("promptfoo", tmp_path / "tests.csv", tmp_path / "rows.jsonl")
    assert (found.rows, found.left_out, found.reason) == (2, 1, "row 3: has no `__expected`")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert rows == [{"question": "Where?", "answer": "Rome"}, {"question": "Who?", "answer": "Ann"}]
    turns = [
        ("user", "Hello"),
        ("assistant", "Yes?"),
        ("user", [{"type": "text", "text": "Where?"}]),
        ("assistant", "Rome"),
    ]
    chat = {"messages": [{"role": role, "content": content} for role, content in turns]}
    import_file("openai-chat", lines(tmp_path / "chat.jsonl", [chat]), tmp_path / "rows.jsonl", force=True)
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {
        "input": "user: Hello\nassistant: Yes?\nuser: Where?",
        "answer": "Rome",
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("squad", '{"data": [{"title": "x"}]}', "is no file of the format squad: KeyError 'paragraphs'"),
        ("squad", "[1", "cannot be read as JSON or YAML"),
        ("arc", '[{"question": "q"}]', "is no file of the format arc: KeyError 'choices'"),
        ("mmlu", "a,b\n", "holds no row of the format mmlu; row 1: has 2 fields"),
        ("openai-chat", '[{"prompt": "x"}]', "holds no row of the format openai-chat; row 1: has no `messages`"),
        ("promptfoo", '{"tests": [{"vars": {"a": "b"}}]}', "row 1: has no assertion whose value is an answer"),
    ],
)
def test_what_is_not_of_the_format_is_said(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text(content)
    with pytest.raises(DatasetError) as caught:
        import_file(name, tmp_path / "source.json", tmp_path / "rows.jsonl")
    assert message in str(caught.value)
    assert not (tmp_path / "rows.jsonl").exists()


def test_an_unknown_format_and_a_file_that_is_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'squad'"):
        import_file("sqad", tmp_path, tmp_path / "rows.jsonl")
    (tmp_path / "rows.jsonl").write_text("mine")
    with pytest.raises(InputError, match="--force"):
        import_file("squad", squad(tmp_path), tmp_path / "rows.jsonl")
    with pytest.raises(DatasetError, match="cannot be read"):
        import_file("squad", tmp_path / "nowhere.json", tmp_path / "new.jsonl")
