"""A program in the place of the task model: which prompts it is given, what counts as an answer, what is kept."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpo.errors import SpecError, TooManyFailures
from gpo.evaluation.evaluate import evaluate
from gpo.models.sharing import HeldAnswers
from gpo.models.target.target import Target
from gpo.production.register import lineage_of_spec
from gpo.records import Candidate, Example, Score
from gpo.runs.results.result import results_of, with_few_samples
from gpo.search.requests.formatting import describe_case
from gpo.spec.file import anchor_paths
from gpo.spec.task import TaskSpec
from tests.support.fakes import chat_model, in_time, scripted

EXAMPLES = [Example(id=str(number), inputs={"question": f"q{number}"}, reference=f"q{number}") for number in range(6)]

IMPORTS = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda, RunnableParallel
from gpo import load_prompt, load_text

def seen():
    return load_prompt("asks").invoke({"question": "?"}).to_messages()[0].text
"""


PROMPT = {"instruction": "Say it.", "question": "{{question}}", "position": "before"}


def spec_of(folder: Path, code: str, name: str = "answer", **options: Any) -> TaskSpec:
    """The spec of a program that stands in a file of the folder."""
    (folder / "program.py").write_text(IMPORTS + code, encoding="utf-8")
    target = {"call": f"program:{name}", **options.pop("target", {})}
    spec = TaskSpec.model_validate(
        {
            "name": "asks",
            "target": target,
            **({} if "prompts" in options else {"prompt": PROMPT}),
            "dataset": {"path": "rows.jsonl", "input": ["question"], "reference": "label"},
            **options,
        }
    )
    return anchor_paths(spec, folder)


class Asked:
    """A spec with its program, whose answers stay for the next evaluation."""

    def __init__(self, spec: TaskSpec, answers: HeldAnswers | None = None) -> None:
        self.answers = answers or HeldAnswers()
        self.spec = spec
        self.model = chat_model(scripted(), self.answers)
        self.target = Target(spec.target, ["question"], self.model) if spec.target else None

    async def score(self, instruction: str = "Say it.", examples: Sequence[Example] = EXAMPLES) -> Score:
        assert self.target is not None
        return await evaluate(self.model, self.spec, instruction, examples, target=self.target, kept=len(examples))


WAYS = {
    "a function": "def answer(question): return seen()",
    "a coroutine function": "async def answer(question):\n    await asyncio.sleep(0)\n    return seen()",
    "a chain": "answer = RunnableLambda(lambda inputs: inputs['question']) | RunnableLambda(lambda text: seen())",
    "branches of a chain": (
        "answer = RunnableParallel(a=lambda x: seen(), b=lambda x: seen()) | RunnableLambda(lambda both: both['b'])"
    ),
    "a thread of asyncio": "async def answer(question): return await asyncio.to_thread(seen)",
    "a task": "async def inner(): return seen()\nasync def answer(question): return await asyncio.create_task(inner())",
    "a plain thread": (
        "def answer(question):\n    found = []\n    thread = threading.Thread(target=lambda: found.append(seen()))\n"
        "    thread.start()\n    thread.join()\n    return found[0]"
    ),
    "a pool that stays": "POOL = ThreadPoolExecutor(1)\ndef answer(question): return POOL.submit(seen).result()",
}


@pytest.mark.parametrize("code", WAYS.values(), ids=WAYS)
def test_a_program_reads_the_candidates_own_text_however_it_runs(tmp_path: Path, code: str) -> None:
    asked = Asked(spec_of(tmp_path, code))
    texts = [f"Text {number}." for number in range(4)]

    async def scores() -> list[Score]:
        return list(await asyncio.gather(*(asked.score(text) for text in texts)))

    for text, score in zip(texts, in_time(scores(), 60), strict=True):
        assert {sample.text for sample in score.samples} == {f"{text}\n\n?"}
        assert (score.n, score.failed) == (6, 0)


def test_a_program_reads_texts_as_they_are(tmp_path: Path) -> None:
    parts = {"prompts": {"say": PROMPT}, "texts": {"tool": "Takes {{x}}."}}
    spec = spec_of(tmp_path, "def answer(question): return load_text('tool')", **parts)
    asked = Asked(spec)
    changed = spec.with_texts({"say": "Say it.", "tool": "Takes {y} and {{z}}."})
    for each in (spec, changed):
        score = in_time(asked.score(each.start_text), 60)
        assert {sample.text for sample in score.samples} == {each.texts["tool"].text}
    assert asked.target is not None
    assert asked.target.sets == {frozenset({"tool"})}


@pytest.mark.slow
def test_a_graph_answers_with_its_last_message(tmp_path: Path) -> None:
    graph = """
from langgraph.graph import START, MessagesState, StateGraph
class State(MessagesState):
    question: str
def node(state): return {"messages": [AIMessage(content=seen())]}
answer = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()
"""
    score = in_time(Asked(spec_of(tmp_path, graph)).score("Deep."), 60)
    assert {sample.text for sample in score.samples} == {"Deep.\n\n?"}


FAULTS = {
    "raise ValueError('no such page')": "it raised ValueError: no such page",
    "raise SystemExit(3)": "it raised SystemExit(3)",
    "return None": "it returned None, which is no text",
    "return {'answer': 'x', 'pages': []}": "which is no text; name the key of the answer in `target.output`",
    "return 7": "it returned int, which is no text: 7",
    "threading.Event().wait()": "it took longer than `target.timeout_s`, 0.2 s",
    "return load_prompt('asks', version=7)": "it raised ",
}


@pytest.mark.parametrize(("code", "said"), FAULTS.items(), ids=FAULTS)
def test_what_is_no_answer_is_counted_and_is_no_score(
    tmp_path: Path, code: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPO_HOME", str(tmp_path))
    timeout = 0.2 if "Event" in code else 60
    spec = spec_of(tmp_path, f"def answer(question): {code}", target={"timeout_s": timeout}, max_failure_rate=1.0)
    asked = Asked(spec)
    score = in_time(asked.score(), 60)
    assert (score.n, score.failed, dict(score.values)) == (0, 6, {})
    assert all(said in reason and "program:answer" in reason for reason in score.failures.values())
    assert asked.model.tally.failed == 6
    strict = Asked(spec.model_copy(update={"max_failure_rate": 0.3}))
    with pytest.raises(TooManyFailures, match=r"2 of 6 calls failed"):
        in_time(strict.score(), 60)


def test_what_a_program_prints_is_kept_out_of_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "def answer(question):\n    print('by the way')\n    return question"
    assert in_time(Asked(spec_of(tmp_path, code)).score(), 60).mean == 1.0
    assert capsys.readouterr() == ("", "by the way\n" * 6)


COUNTED = """
from pathlib import Path
LOG = Path(__file__).with_name("log")
def answer(question):
    with LOG.open("a") as log:
        log.write(question + "\\n")
    return seen() if question != "q5" else "unread"
"""


def ran(folder: Path) -> int:
    """How often the program ran since this was last asked."""
    log = folder / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.write_text("", encoding="utf-8")
    return len(lines)


def test_an_answer_is_paid_once_for_the_same_inputs_prompts_and_code(tmp_path: Path) -> None:
    asked = Asked(spec_of(tmp_path, COUNTED))
    first, again = in_time(asked.score(), 60), in_time(asked.score(), 60)
    assert (ran(tmp_path), asked.model.tally.paid) == (6, 6)
    assert first == again
    other = Asked(asked.spec, asked.answers)  # as in another process
    assert in_time(other.score("Another text."), 60).n == 6
    assert ran(tmp_path) == 5, "the program does not read the prompt for one of the examples"

    changed = Asked(spec_of(tmp_path, COUNTED + "\n# changed"), asked.answers)
    in_time(changed.score(), 60)
    assert ran(tmp_path) == 6, "a program that was changed may answer otherwise"
    for code in (COUNTED, COUNTED + "\n# changed"):
        in_time(Asked(spec_of(tmp_path, code, target={"target_version": "7"}), asked.answers).score(), 60)
    assert ran(tmp_path) == 6, "the version that a person gives stands for the code"
    for _ in range(2):
        in_time(Asked(spec_of(tmp_path, COUNTED, target={"cache": False}), asked.answers).score(), 60)
    assert ran(tmp_path) == 12


def test_a_change_of_what_a_program_imports_is_another_version(tmp_path: Path) -> None:
    (tmp_path / "pieces").mkdir()
    (tmp_path / "pieces" / "__init__.py").touch()
    piece = tmp_path / "pieces" / "words.py"
    code = "def answer(question):\n    from pieces.words import WORD\n    return WORD"
    for word in ("one", "three"):
        piece.write_text(f"WORD = '{word}'", encoding="utf-8")
        score = in_time(Asked(spec_of(tmp_path, code), HeldAnswers()).score(), 60)
        assert {sample.text for sample in score.samples} == {word}


MODELS = """
def fake(text):
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    return GenericFakeChatModel(messages=iter(AIMessage(content=text, usage_metadata=usage) for _ in range(99)))
finder = RunnableLambda(lambda message: message)
def answer(question):
    from langchain_core.tools import tool
    @tool
    def look_up(word: str) -> str:
        "Looks a word up."
        raise KeyError(word)
    chain = load_prompt("asks") | fake("step one")
    said = chain.invoke({"question": question}).text
    try:
        look_up.invoke({"word": said})
    except KeyError:
        pass
    return "wrong"
"""


def test_what_happened_inside_is_counted_shown_and_given_to_the_metric(tmp_path: Path) -> None:
    (tmp_path / "scoring.py").write_text(
        "def quick(row, answer, trace):\n"
        "    assert answer == 'wrong'\n"
        "    return {'score': float(len(trace.calls) == 1), 'feedback': ' '.join(c.kind for c in trace.calls)}\n",
        encoding="utf-8",
    )
    spec = spec_of(tmp_path, MODELS, metric="scoring:quick", models={"task": "openai:x"})
    asked = Asked(spec)
    score = in_time(asked.score("Find the word."), 60)
    assert (score.n, score.mean) == (6, 0.0)
    assert (score.usage["task"].calls, score.usage["task"].input_tokens, asked.model.tally.output_tokens) == (6, 30, 12)
    assert score.timing.calls == 6, "the whole run is what a user waits for"
    sample = score.samples[0]
    assert sample.feedback == "model tool"
    assert [(call.kind, call.part, call.text) for call in sample.calls] == [
        ("model", "asks", "step one"),
        ("tool", "", ""),
    ]
    shown = describe_case(spec, "Case 1 (wrong):", EXAMPLES[0], sample)
    failed, first = shown.index("Step 2, a tool `look_up`"), shown.index("Step 1, a model with the prompt `asks`")
    assert failed < first, "the step that failed comes first"
    assert "KeyError" in shown
    assert "question: q0" in shown
    assert "The program's answer: wrong" in shown


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        ("", "answer", "module `program` has no `answer`; it has: "),
        ("answer = 7", "answer", "'program:answer' is int; it must be a function"),
        ("def answer(a, b): return a", "answer", "takes a, b, and `dataset.input` has question"),
        ("import nowhere_at_all", "answer", "module `program` cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_program_that_cannot_be_used_is_told(tmp_path: Path, code: str, name: str, said: str) -> None:
    with pytest.raises(SpecError, match=r"^`target`: ") as caught:
        Asked(spec_of(tmp_path, code, name))
    assert said in str(caught.value)


def test_a_program_without_a_module_is_told_with_the_place(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "")
    assert spec.target is not None
    missing = spec.target.model_copy(update={"call": "app.pipeline:answer"})
    with pytest.raises(SpecError, match=r"neither .*/app/pipeline\.py nor an installed package is module"):
        missing.beside(tmp_path)


def test_the_lineage_names_the_models_that_are_asked(tmp_path: Path) -> None:
    code = "def answer(question): return seen()"
    assert "task" not in lineage_of_spec(spec_of(tmp_path, code)).models
    named = lineage_of_spec(spec_of(tmp_path, code, models={"task": "openai:gpt-4o-mini"}))
    assert named.models["task"] == "openai:gpt-4o-mini"


def test_what_a_program_did_is_kept_with_the_results_also_where_it_failed_and_is_bounded(tmp_path: Path) -> None:
    code = """
def answer(question):
    chain = load_prompt("asks") | fake("x" * 9000)
    for _ in range(40):
        chain.invoke({"question": question})
    return question if question == "q0" else None
"""
    asked = Asked(spec_of(tmp_path, MODELS.partition("finder")[0] + code, max_failure_rate=1.0))
    score = in_time(asked.score("Find the word."), 60)
    good, failed = results_of(score, EXAMPLES[:2], "dev", Candidate(instruction="Find the word."))
    assert (good.score, failed.score) == (1.0, None)
    for each in (good, failed):
        assert [step["number"] for step in each.steps] == [*range(1, 19), *range(35, 41)]
        assert (each.steps[0]["part"], each.steps[0]["input_tokens"]) == ("asks", 5)
        assert len(json.dumps(each.steps)) < 24 * 2500
    assert len(with_few_samples(score, 1).samples[0].calls) == 24
