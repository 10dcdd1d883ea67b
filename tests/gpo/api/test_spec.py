from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.prompts import ChatPromptTemplate

import gpo
from gpo.api.prompts import read_prompt
from gpo.data.splits import load_splits
from gpo.errors import GpoError, SpecError
from gpo.spec.file import load_spec

LABELS = ("billing", "bug", "other")


def frame(rows: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticket": [f"ticket {number}" for number in range(rows)],
            "label": [LABELS[number % 3] for number in range(rows)],
            "size": [number / 4 if number % 5 else float("nan") for number in range(rows)],
        }
    )


def parts(**changes: Any) -> dict[str, Any]:
    usual = {
        "prompt": "Classify the ticket: {{ticket}}",
        "data": frame(),
        "reference": "label",
        "metric": "exact_match",
        "task": "openai:gpt-4o-mini",
    }
    return {**usual, **changes}


def test_what_is_not_said_is_guessed_and_told() -> None:
    spec = gpo.Spec(**parts())
    content = spec.content
    assert content.prompt.instruction == "Classify the ticket:"
    assert content.prompt.messages == ({"user": "{{instruction}} {{ticket}}"},)
    assert content.answer.labels == LABELS
    assert (content.dataset.split.train, content.dataset.split.dev, content.dataset.split.test) == (6, 18, 36)
    assert content.models.optimizer == content.models.task
    told = "\n".join(spec.told)
    for guessed in ("`instruction=`", "`answer=`", "`sizes=`", "`optimizer=`"):
        assert guessed in told
    said = gpo.Spec(**parts(instruction="Classify", answer="choice", sizes=(6, 18, 36), optimizer="openai:gpt-4o"))
    assert said.told == ()
    assert said.content.prompt.messages == ({"user": "{{instruction}} the ticket: {{ticket}}"},)


@pytest.mark.parametrize(
    ("given", "instruction", "messages"),
    [
        (
            "Be brief.\nBe kind.\n\nTicket: {{a}}\n\nGo.",
            "Be brief.\nBe kind.",
            [{"user": "{{instruction}}\n\nTicket: {{a}}\n\nGo."}],
        ),
        ("Q: {{a}}\nSay which.\n", "Say which.", [{"user": "Q: {{a}}\n{{instruction}}\n"}]),
        ([("system", "Be kind."), ("human", "{{a}}")], "Be kind.", [{"system": "{{instruction}}"}, {"user": "{{a}}"}]),
        ([{"role": "user", "content": "{{a}}. What is it?"}], ". What is it?", [{"user": "{{a}}{{instruction}}"}]),
        (
            ChatPromptTemplate([("system", "Reply with {{x}}."), ("human", "{a}"), ("placeholder", "{chat}")]),
            "Reply with {x}.",
            [{"system": "{{instruction}}"}, {"user": "{{a}}"}, {"placeholder": "{{chat}}"}],
        ),
    ],
)
def test_prompts_of_many_forms(given: Any, instruction: str, messages: list[dict[str, str]]) -> None:
    found = read_prompt(given)
    assert (found.instruction, list(found.messages)) == (instruction, messages)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "labl"}, "reference='labl': data has no such column; did you mean 'label'?"),
        ({"prompt": "Sort {{tiket}}"}, "input='tiket': data has no such column; did you mean 'ticket'?"),
        ({"prompt": "{{ticket}}"}, "only variables; write what is to be done"),
        ({"prompt": "Sort {{ticket}}", "instruction": "Class"}, "'Class' stands 0 times in the prompt"),
        ({"metric": "exact_mach"}, "`metric.name`: unknown metric 'exact_mach'; did you mean 'exact_match'?"),
        ({"metric": lambda answer: float(len(answer))}, "must take (answer, reference)"),
        ({"task": None}, "`task=` is missing"),
        ({"task": 3}, "task: received int, which is no chat model; give a name such as `openai:gpt-4o-mini`"),
        ({"task": {"model": "openai:x", "timeout": 3}}, "task: unknown key `timeout`; did you mean 'timeout_s'?"),
        ({"answer": "chice"}, "answer=chice: unknown kind; did you mean 'choice'?"),
        ({"sizes": {"tain": 3}}, "sizes: no split 'tain'; did you mean 'train'?"),
        ({"sizes": "label"}, "sizes='label': a column that says the split needs rows of `test`"),
        ({"method": {"candidats": 3}}, "unknown key `method.candidats`; did you mean 'candidates'?"),
        ({"referense": "label"}, "unknown option `referense`; did you mean 'reference'?"),
        ({"data": frame(5)}, "5 different rows; a spec needs at least 20"),
        ({"data": "nowhere.csv"}, "nowhere.csv: no such file or folder"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_do(change: dict[str, Any], message: str) -> None:
    with pytest.raises(GpoError) as error:
        gpo.Spec(**parts(**change))
    assert message in str(error.value)


def test_a_saved_spec_is_the_same_task_with_the_same_data(tmp_path: Path) -> None:
    spec = gpo.Spec(**parts(gate={"slices": ["size"]}))
    path = spec.save(tmp_path / "tickets.yaml")
    read = load_spec(path)
    assert read.fingerprint() == spec.content.fingerprint()
    assert load_splits(read) == spec.splits(spec.content)
    assert gpo.Spec.load(path).content == read


def test_a_dataset_says_itself_what_its_fields_are() -> None:
    rows = frame().assign(who=[f"customer {number // 2}" for number in range(60)])
    data = gpo.Dataset(rows, input="ticket", reference="label", sizes=(10, 20, 20), group="who")
    assert data.section.group == "who"
    assert "ticket -> label; train 10, dev 20, test 20" in data._repr_html_().replace("&gt;", ">")
    given = {name: part for name, part in parts(data=data).items() if name != "reference"}
    assert gpo.Spec(**given).content.dataset == data.section
    with pytest.raises(SpecError, match=r"give it `reference=`"):
        gpo.Spec(**parts(data=data))


def test_conversations_stand_in_a_placeholder() -> None:
    said = [[{"role": "user", "content": f"Hello {number}"}] for number in range(60)]
    spec = gpo.Spec(**parts(prompt="Say what they want.", data=frame().assign(ticket=said)[["ticket", "label"]]))
    assert spec.content.prompt.messages == ({"system": "{{instruction}}"}, {"placeholder": "{{ticket}}"})
    assert len(spec.splits(spec.content).dev) == 18


def test_an_object_of_python_is_in_no_file(tmp_path: Path) -> None:
    spec = gpo.Spec(**parts(task=lambda text: text, metric=lambda answer, reference: float(answer == reference)))
    with pytest.raises(SpecError, match="task= and optimizer= and metric=: an object of Python"):
        spec.save(tmp_path / "tickets.yaml")
    assert not list(tmp_path.iterdir())


def test_a_list_of_rows_is_as_good_as_a_frame() -> None:
    rows = [{"ticket": f"ticket {number}", "label": LABELS[number % 3]} for number in range(60)]
    rows[0]["extra"] = "seldom there"
    given = gpo.Spec(**parts(data=rows))
    assert given.splits(given.content).fingerprint == gpo.Spec(**parts()).splits(given.content).fingerprint
