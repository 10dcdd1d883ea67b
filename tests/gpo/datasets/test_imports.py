"""Exports of other tools and published files become plain rows, and a spec."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpo.data.starter import write_starter
from gpo.datasets.export import export
from gpo.datasets.formats.registry import EXPORTS, FORMATS
from gpo.datasets.imports import import_file
from gpo.datasets.version import DatasetFields, DatasetVersion
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


def langsmith(folder: Path) -> Path:
    def example(number: int, city: str) -> dict[str, Any]:
        split = {"dataset_split": ["test" if number % 2 else "train"]}
        found = {"id": f"e{number}", "inputs": {"question": f"Where is card {number}?"}, "metadata": split}
        said = {"key": "correctness", "score": 0, "comment": "Name the city alone.", "feedback_source": {"type": "app"}}
        judged = {"key": "style", "score": 1, "comment": "?", "feedback_source": {"type": "model"}}
        return {**found, "outputs": {"answer": city}, "feedback": [said, judged] if number == 1 else []}

    return lines(folder / "examples.jsonl", [example(*each) for each in enumerate(CITIES)])


def langfuse(folder: Path) -> Path:
    items = [
        {
            "id": f"i{number}", "datasetId": "d", "status": "ACTIVE", "metadata": None,
            "input": {"question": f"Where is card {number}?"}, "expectedOutput": {"answer": city},
            "scores": [{"name": "tone", "stringValue": "rude", "comment": "Be kind", "source": "ANNOTATION"}],
        }
        for number, city in enumerate(CITIES)
    ]  # fmt: skip
    items.append({**items[0], "id": "old", "status": "ARCHIVED"})
    path = folder / "items.json"
    path.write_text(json.dumps({"data": items, "meta": {"page": 1, "totalItems": 25}}))
    return path


def braintrust(folder: Path) -> Path:
    records = [
        {
            "id": f"r{number}", "input": f"Where is card {number}?", "expected": city, "output": "Paris",
            "metadata": {"team": "maps"}, "tags": ["cards"], "scores": {"exact": 0},
            "comments": [{"comment": {"text": "Look at the card"}}] if number == 1 else [],
        }
        for number, city in enumerate(CITIES)
    ]  # fmt: skip
    path = folder / "records.json"
    path.write_text(json.dumps({"events": records, "cursor": None}))
    return path


def mlflow(folder: Path) -> Path:
    def assessment(name: str, kind: str, value: Any, source: str, rationale: str = "") -> dict[str, Any]:
        who = {"source_type": source, "source_id": "ann"}
        return {"assessment_name": name, "source": who, kind: {"value": value}, "rationale": rationale}

    def trace(number: int, city: str) -> dict[str, Any]:
        assessments = [
            assessment("expected_response", "expectation", city, "HUMAN"),
            assessment("tone", "feedback", False, "HUMAN", "Too short"),
            assessment("safety", "feedback", True, "LLM_JUDGE", "All well"),
        ]
        spans = {"mlflow.spanInputs": json.dumps({"question": f"Where is card {number}?"}), "mlflow.spanOutputs": '"?"'}
        data = {"spans": [{"parent_span_id": None, "attributes": spans}, {"parent_span_id": "x", "attributes": {}}]}
        return {"info": {"trace_id": f"tr-{number}", "assessments": assessments}, "data": data}

    return lines(folder / "traces.jsonl", [trace(*each) for each in enumerate(CITIES)])


WRITERS = {
    "openai-evals": openai_evals,
    "openai-chat": openai_chat,
    "promptfoo": promptfoo,
    "squad": squad,
    "mmlu": mmlu,
    "arc": arc,
    "langsmith": langsmith,
    "langfuse": langfuse,
    "braintrust": braintrust,
    "mlflow": mlflow,
}
FIRST: dict[str, dict[str, Any]] = {
    "openai-evals": {"system": "Be short.", "input": "Where is card 1?", "answer": "Oslo"},
    "openai-chat": {"system": "Be short.", "input": "Where is card 1?", "answer": "Oslo"},
    "promptfoo": {"question": "Where is card 1?", "answer": "Oslo"},
    "squad": {"id": "q2", "question": "Where was card 2 found?", "title": "Cards", "answers": ["Bern"]},
    "mmlu": {"question": "Where is card 1, then?", "A": "Rome", "B": "Oslo", "C": "Bern", "D": "Riga", "answer": "B"},
    "arc": {"id": "Mercury_1", "question": "Where is card 1?", "answer": "B"},
    "langsmith": {
        "id": "e1",
        "question": "Where is card 1?",
        "answer": "Oslo",
        "split": "test",
        "feedback": "correctness: 0. Name the city alone.",
    },
    "langfuse": {"id": "i1", "question": "Where is card 1?", "answer": "Oslo", "feedback": "tone: rude. Be kind"},
    "braintrust": {
        "id": "r1",
        "input": "Where is card 1?",
        "answer": "Oslo",
        "metadata": {"team": "maps", "tags": ["cards"]},
        "feedback": "Of the answer 'Paris': exact: 0\nLook at the card",
    },
    "mlflow": {
        "id": "tr-1",
        "question": "Where is card 1?",
        "answer": "Oslo",
        "feedback": "Of the answer '?': tone: false. Too short",
    },
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
        "messages": [{"role": role, "content": content} for role, content in turns[:-1]],
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


@pytest.mark.parametrize(
    ("name", "rows", "found"),
    [
        # A run's own output is no right answer, unless a person says so or corrects it.
        ("langsmith", [{"run_type": "llm", "inputs": {"q": "Who?"}, "outputs": {"a": "Bo"}}], "nobody corrected"),
        (
            "langsmith",
            [
                {
                    "run_type": "llm",
                    "inputs": {"q": "Who?"},
                    "outputs": {"a": "Bo"},
                    "feedback": [{"key": "fix", "comment": "It was Al", "correction": {"a": "Al"}}],
                }
            ],
            {"q": "Who?", "answer": "Al", "feedback": "Of the answer 'Bo': It was Al"},
        ),
        (
            "langsmith",
            [{"input_q": "Who?", "output_a": "Al", "id": "1"}],
            {"id": "1", "q": "Who?", "answer": "Al"},
        ),
        (
            "langfuse",
            [
                {
                    "input": '{"q": "Who?"}',
                    "output": "Bo",
                    "expected_output": '"Bo"',
                    "scores": [
                        {"name": "output", "dataType": "CORRECTION", "stringValue": "Al", "source": "ANNOTATION"}
                    ],
                }
            ],
            {"q": "Who?", "answer": "Al"},
        ),
        ("langfuse", [{"input": "Who?", "expectedOutput": None}], "has no right answer"),
        (
            "langfuse",
            [
                {
                    "input": [{"role": "user", "content": "Who?"}],
                    "expectedOutput": {"role": "assistant", "content": "Al"},
                }
            ],
            {"messages": [{"role": "user", "content": "Who?"}], "answer": "Al"},
        ),
        (
            "braintrust",
            [{"input": {"answer": "x"}, "expected": ["a", "b"]}],
            {"input_answer": "x", "answer": ["a", "b"]},
        ),
        (
            "mlflow",
            [{"inputs": {"q": "Who?"}, "expectations": {"expected_facts": ["a"], "expected_response": "Al"}}],
            {"q": "Who?", "answer": "Al"},
        ),
        ("mlflow", [{"info": {"request_preview": "Who?"}, "data": {"spans": []}}], "has no right answer"),
        (
            "openai-evals",
            [
                {
                    "item": {"q": "Who?", "correct_label": "Al"},
                    "output": "Bo",
                    "rating": "Bad",
                    "output_feedback": "Wrong",
                }
            ],
            {"q": "Who?", "correct_label": "Al", "feedback": "Of the answer 'Bo': rating: Bad. Wrong"},
        ),
    ],
)
def test_what_people_corrected_is_right(name: str, rows: list[Any], found: Any, tmp_path: Path) -> None:
    source, path = lines(tmp_path / "source.jsonl", rows), tmp_path / "rows.jsonl"
    if isinstance(found, str):
        with pytest.raises(DatasetError, match=found):
            import_file(name, source, path)
        return
    import_file(name, source, path)
    assert json.loads(path.read_text()) == found


def test_the_comments_on_results_of_promptfoo_are_kept(tmp_path: Path) -> None:
    test = {"vars": {"q": "Who?"}, "assert": [{"type": "equals", "value": "Al"}]}
    result = {"testCase": test, "response": {"output": "Bo"}, "gradingResult": {"comment": "Not him"}}
    (tmp_path / "output.json").write_text(json.dumps({"results": {"results": [result]}}))
    found = import_file("promptfoo", tmp_path / "output.json", tmp_path / "rows.jsonl")
    assert found.annotated == 1
    assert json.loads(found.path.read_text())["feedback"] == "Of the answer 'Bo': Not him"
    with pytest.raises(DatasetError, match="gpo dataset import promptfoo "):
        write_starter("task", tmp_path / "output.json", tmp_path, force=False)


VERSION = DatasetVersion(
    name="cards", version=1, digest="d", rows=2, columns=("answer", "id", "question", "team"),
    fields=DatasetFields(input=("question",), reference="answer", id="id"), source="rows.jsonl", who="ann",
    created_at="2026-01-01",
)  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_exported_for_a_tool_comes_back_from_it(name: str, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "Who?", "answer": "Al", "team": "maps"},
        {"id": "b", "question": "Where?", "answer": "Rome", "team": None},
    ]
    export(lines(tmp_path / "stored.jsonl", rows), VERSION, tmp_path / "out.jsonl", name)
    import_file(name, tmp_path / "out.jsonl", tmp_path / "back.jsonl")
    back = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    asked = [each.get("question") or each["input"] for each in back]
    assert list(zip(asked, (each["answer"] for each in back), strict=True)) == [("Who?", "Al"), ("Where?", "Rome")]


def test_a_format_that_is_not_written_and_another_ending_are_refused(tmp_path: Path) -> None:
    stored = lines(tmp_path / "stored.jsonl", [])
    with pytest.raises(InputError, match="--format squad: is no format that is written"):
        export(stored, VERSION, tmp_path / "out.jsonl", "squad")
    with pytest.raises(InputError, match=r"is lines of JSON; name the file out\.jsonl"):
        export(stored, VERSION, tmp_path / "out.csv", "langfuse")


@pytest.mark.parametrize("name", ["openai-chat", "promptfoo", "squad", "mmlu", "mlflow"])
def test_an_export_that_is_no_table_is_refused_with_the_command_that_reads_it(name: str, tmp_path: Path) -> None:
    source = WRITERS[name](tmp_path)
    with pytest.raises(DatasetError) as caught:
        write_starter("task", source, tmp_path, force=False)
    command = f"gpo dataset import {name} {source} task-rows.jsonl && gpo spec init task --data task-rows.jsonl"
    assert str(caught.value).endswith(f"which this reads: {command}")
