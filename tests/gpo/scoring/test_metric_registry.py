"""Metrics that users bring: found beside the spec or installed, checked before a run, told apart by their source."""

import asyncio
from pathlib import Path

import pytest
import yaml

from gpo.errors import MetricError, SpecError, TooManyFailures
from gpo.evaluation.evaluate import evaluate
from gpo.records import Example, Score
from gpo.scoring.functions.calling import check_metric, score
from gpo.scoring.spec import MetricSpec
from gpo.spec.file import load_spec
from gpo.spec.task import TaskSpec
from tests.support.fakes import chat_model, scripted

SHORTER = """
def shorter(answer, reference, *, limit: int = 10):
    return len(answer) <= limit
"""


def spec(folder: Path, metric: object) -> TaskSpec:
    content = {
        "name": "t",
        "prompt": {"instruction": "Do it.", "messages": [{"user": "{{x}} {{instruction}}"}]},
        "dataset": {"path": "rows.jsonl", "input": "x", "reference": "y"},
        "metric": metric,
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_spec(path)


def write(folder: Path, source: str, name: str = "scoring.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return folder


def test_a_function_beside_the_spec(tmp_path: Path) -> None:
    metric = spec(write(tmp_path, SHORTER), "scoring:shorter").metric
    assert metric.name == "python"
    assert (score(metric, "short", ["any"]), score(metric, "much too long", ["any"])) == (1, 0)


def test_its_parameters_are_those_of_the_spec(tmp_path: Path) -> None:
    write(tmp_path, SHORTER)
    metric = spec(tmp_path, {"name": "python", "function": "scoring:shorter", "limit": 3}).metric
    assert score(metric, "short", ["any"]) == 0
    with pytest.raises(SpecError, match=r"`metric.limits`: no parameter .*did you mean 'limit'\?"):
        spec(tmp_path, {"name": "python", "function": "scoring:shorter", "limits": 3})
    with pytest.raises(SpecError, match=r"`metric.limit`: Input should be a valid integer"):
        spec(tmp_path, {"name": "python", "function": "scoring:shorter", "limit": "3"})


def test_a_function_of_a_package_and_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, "FACTOR = 0.5", "ours/weights.py")
    write(tmp_path, "", "ours/__init__.py")
    write(tmp_path, "from .weights import FACTOR\ndef half(answer, reference): return FACTOR", "ours/scoring.py")
    assert score(spec(tmp_path, "ours.scoring:half").metric, "a", ["b"]) == 0.5


def test_a_function_of_an_installed_package(tmp_path: Path) -> None:
    metric = spec(tmp_path, "gpo.scoring.metrics:rouge_l").metric
    assert score(metric, "a b", ["a b"]) == 1


def test_two_folders_with_a_module_of_the_same_name(tmp_path: Path) -> None:
    one = spec(write(tmp_path / "one", "def f(answer, reference): return 0.1", "scoring.py"), "scoring:f").metric
    two = spec(write(tmp_path / "two", "def f(answer, reference): return 0.2", "scoring.py"), "scoring:f").metric
    assert (score(one, "", [""]), score(two, "", [""])) == (0.1, 0.2)


def test_a_changed_function_is_another_run_and_the_old_run_keeps_the_old_one(tmp_path: Path) -> None:
    before = spec(write(tmp_path, "def f(answer, reference): return 0.1"), "scoring:f")
    assert score(before.metric, "", [""]) == 0.1
    after = spec(write(tmp_path, "def f(answer, reference): return 0.2"), "scoring:f")
    assert (score(before.metric, "", [""]), score(after.metric, "", [""])) == (0.1, 0.2)
    assert before.fingerprint() != after.fingerprint()
    assert before.metric.identity != after.metric.identity


def test_a_function_that_was_changed_before_it_was_loaded_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "def f(answer, reference): return 0.1")
    metric = MetricSpec(name="python", parameters={"function": "scoring:f"}, folder=tmp_path, source="of another file")
    with pytest.raises(MetricError, match="'scoring:f' was changed since the run began; start the run again"):
        score(metric, "", [""])


def test_the_fingerprint_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    one, other = (spec(write(tmp_path / name, SHORTER), "scoring:shorter") for name in ("one", "other"))
    assert one.metric.folder != other.metric.folder
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize(
    ("source", "function", "message"),
    [
        (SHORTER, "scorin:shorter", r"function 'scorin:shorter': neither \S+scorin.py nor an installed package is"),
        (SHORTER, "no.such:shorter", r"module `no.such` cannot be imported: ModuleNotFoundError"),
        (SHORTER, "scoring:longer", "module `scoring` has no function 'longer'; it has: shorter"),
        ("limit = 3", "scoring:limit", "'scoring:limit' is no function but int"),
        ("import nowhere", "scoring:f", r"scoring.py` cannot be imported: ModuleNotFoundError: .*nowhere"),
        ("def f(:", "scoring:f", r"scoring.py` cannot be imported: SyntaxError"),
        ("def f(answer): return 1", "scoring:f", r"function 'scoring:f': must take \(answer, reference\)"),
    ],
)
def test_what_cannot_be_used_is_found_when_the_spec_is_read(
    tmp_path: Path, source: str, function: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        spec(write(tmp_path, source), function)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "raised ZeroDivisionError: division by zero for answer 'a' and reference 'a'"),
        ("return 1.5", "returned '1.5' for answer 'a' and reference 'a'; it must return a number from 0 to 1"),
        ("return float('nan')", "returned 'nan'"),
        ("return '1'", "returned '1'"),
        ("return None", "returned 'None'"),
    ],
)
def test_what_fails_on_an_answer_is_found_before_the_run(tmp_path: Path, body: str, message: str) -> None:
    metric = spec(write(tmp_path, f"def f(answer, reference): {body}"), "scoring:f").metric
    with pytest.raises(SpecError, match=f"metric function 'scoring:f' {message}"):
        check_metric(metric, [Example(id="r1", inputs={}, reference="a")])


def test_what_fails_on_one_answer_counts_as_failed_and_not_as_wrong(tmp_path: Path) -> None:
    source = "def f(answer, reference): return {'0': 0, '1': 1}[answer]"
    loaded = spec(write(tmp_path, source), "scoring:f")
    examples = [Example(id=f"e{n}", inputs={"x": str(n)}, reference="any") for n in range(3)]

    def scored(allowed: float) -> Score:
        fake = scripted(lambda messages: messages[0].text.split()[0])
        changed = loaded.model_copy(update={"max_failure_rate": allowed})
        return asyncio.run(evaluate(chat_model(fake), changed, "Do it.", examples))

    allowed = scored(0.5)
    assert (dict(allowed.values), allowed.failed, allowed.unparsed) == ({"e0": 0, "e1": 1}, 1, 0)
    with pytest.raises(TooManyFailures, match="metric function 'scoring:f' raised KeyError: '2' for answer '2'"):
        scored(0.1)


MEETING = """
import asyncio
waiting, met = [], asyncio.Event()
async def f(answer, reference):
    waiting.append(answer)
    if len(waiting) == 3:
        met.set()
    await asyncio.wait_for(met.wait(), 10)
    return {"score": 1, "feedback": f"met {len(waiting)}"}
"""


def test_coroutine_functions_wait_together(tmp_path: Path) -> None:
    loaded = spec(write(tmp_path, MEETING), "scoring:f")
    examples = [Example(id=f"e{n}", inputs={"x": str(n)}, reference="any") for n in range(3)]
    found = asyncio.run(evaluate(chat_model(scripted("yes")), loaded, "Do it.", examples))
    assert found.mean == 1
    assert [sample.feedback for sample in found.samples] == ["met 3"] * 3
