"""`gpo evaluate`: what it asks and pays, what it prints, what it refuses."""

import json
import re
from pathlib import Path

import pytest

from tests.support.commands import gpo, listing, refused, right, spec_content, task_model, write
from tests.support.endpoint import Endpoint, Reply, Request, serving

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.slow
def test_evaluate_pays_once(folder: Path) -> None:
    with serving(right) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        first = json.loads(gpo("evaluate", path, "--json").stdout)
        assert first == {
            "task": "reviews",
            "split": "dev",
            "instruction": "Is it good?",
            "score": 1.0,
            "ci95": [pytest.approx(0.7225, abs=1e-3), 1.0],
            "n": 10,
            "unparsed": 0,
            "weak": 0,
            "failed": 0,
            "cut": 0,
            "calls": {"paid": 10, "cached": 0},
            "usage": {"task": {"calls": 10, "input_tokens": 100, "output_tokens": 10}},
            "cost": None,
            "warnings": [],
            "set_metric": None,
            "confusion": {
                "labels": ["positive", "negative"],
                "counts": [[5, 0], [0, 5]],
                "unread": [0, 0],
                "measures": [
                    {"label": label, "n": 5, "precision": 1.0, "recall": 1.0, "f1": 1.0}
                    for label in ("positive", "negative")
                ],
            },
            "per_label": [],
            "histogram": None,
        }
        assert (endpoint.calls_of("task"), endpoint.calls_of("optimizer")) == (10, 0)

        second = json.loads(gpo("evaluate", path, "--json").stdout)
        assert second == {**first, "calls": {"paid": 0, "cached": 10}}
        assert endpoint.calls == 10


@pytest.mark.slow
def test_evaluate_asks_as_the_spec_says_and_tells_what_it_cost(folder: Path) -> None:
    """Demonstrations from the training split, a completion model that thinks first, and a judge."""

    def answer(request: Request) -> str:
        if request.model == "optimizer":
            assert "</answer to judge" in request.text
            return "It says so.\nGrade: yes" if re.search(r"right\n</answer", request.text) else "Grade: no"
        *shown, asked = request.text.split("Review: ")[1:]
        assert len(shown) == 2
        assert all(text.endswith(("positive\n\n", "negative\n\n")) for text in shown)
        return " right" if asked.endswith("So?") else " Hm, let me see."

    with serving(answer) as endpoint:
        content = spec_content(
            endpoint.url,
            prompt={"instruction": "Is it good?", "question": "Review: {{review}}", "position": "end"},
            few_shot=2,
            answer={"kind": "free", "extract": "So?"},
            metric={"name": "judge", "rubric": "Is it right?", "scale": "yes/no"},
        )
        content["models"]["task"] |= {"completion": True, "price": {"input": 100, "output": 1000}}
        path = write(folder, content)
        measured = json.loads(gpo("evaluate", path, "--json").stdout)
        assert (measured["score"], measured["n"], measured["failed"]) == (1.0, 10, 0)
        assert measured["calls"] == {"paid": 30, "cached": 0}
        assert {role: usage["calls"] for role, usage in measured["usage"].items()} == {"task": 20, "judge": 10}
        # 20 answers of 10 tokens in and 1 out.
        assert measured["cost"] == pytest.approx(20 * (10 * 100 + 1000) / 1e6)
        first = next(request for request in endpoint.requests if request.model == "task")
        assert first.text.endswith("\nIs it good?\n\n")
        assert first.body["stop"] == ["\n\nReview:"]

        assert json.loads(gpo("evaluate", path, "--json").stdout)["calls"] == {"paid": 0, "cached": 30}
        assert "cost    0.040 in full" in gpo("evaluate", path).stdout


@pytest.mark.slow
def test_evaluate_scores_another_instruction_on_another_split(folder: Path) -> None:
    def contrary(request: Request) -> str:
        answer = right(request)
        return {"positive": "negative", "negative": "positive"}.get(answer, answer) if "Lie" in request.text else answer

    with serving(contrary) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        arguments = ("evaluate", path, "--instruction", "  Lie. ", "--split", "test", "--json")
        scored = json.loads(gpo(*arguments).stdout)
        assert (scored["instruction"], scored["split"], scored["n"], scored["score"]) == ("Lie.", "test", 12, 0.0)
        # The check asks eight dev examples.
        assert scored["calls"] == {"paid": 12 + 8, "cached": 0}
        assert json.loads(gpo(*arguments).stdout)["calls"] == {"paid": 0, "cached": 12}


@pytest.mark.slow
def test_evaluate_in_words(folder: Path, endpoint: Endpoint) -> None:
    path = write(folder, spec_content(endpoint.url))
    result = gpo("evaluate", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "dev     1.000  (95% interval 0.72 to 1.00; n 10)"
    assert result.stderr.splitlines() == ["dev: at most 10 calls"]


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (["--split", "validation"], ("'validation'", "train, dev, test")),
        (["--instruction", "  \n"], ("blank",)),
        (["--instruction", "Judge {{review}}."], ("{{review}}", "prompt.messages")),
    ],
)
def test_evaluate_refuses(options: list[str], fragments: tuple[str, ...], folder: Path, endpoint: Endpoint) -> None:
    path = write(folder, spec_content(endpoint.url))
    before, calls = listing(folder), endpoint.calls
    refused(gpo("evaluate", path, *options), *fragments)
    assert listing(folder) == before
    assert endpoint.calls == calls


@pytest.mark.slow
def test_evaluate_of_an_empty_split(folder: Path, endpoint: Endpoint) -> None:
    content = spec_content(endpoint.url)
    content["dataset"]["split"] = {"train": 0, "dev": 10, "test": 12}
    refused(gpo("evaluate", write(folder, content), "--split", "train"), "train", "empty")


@pytest.mark.slow
def test_a_busy_endpoint_is_asked_again(folder: Path) -> None:
    def busy_at_first(request: Request) -> Reply | str:
        return Reply("slow down", status=429, retry_after=0.01) if request.number <= 2 else right(request)

    with serving(busy_at_first) as endpoint:
        content = spec_content(endpoint.url)
        task_model(max_retries=3)(content)
        result = gpo("evaluate", write(folder, content), "--json")
        assert json.loads(result.stdout)["calls"] == {"paid": 10, "cached": 0}
        assert endpoint.calls == 12


@pytest.mark.slow
def test_answers_that_came_before_a_failure_are_not_paid_again(folder: Path) -> None:
    broken = True

    def breaks_late(request: Request) -> Reply | str:
        return Reply("down", status=503) if broken and endpoint.calls_of("task") > 9 else right(request)

    with serving(breaks_late) as endpoint:
        content = spec_content(endpoint.url)
        task_model(max_concurrency=1)(content)
        path = write(folder, content)
        failed = gpo("evaluate", path)
        assert failed.exit_code == 1
        assert failed.stderr.splitlines()[-1].startswith("Error: 1 of 10 calls failed")
        assert failed.stdout == ""
        broken = False
        assert json.loads(gpo("evaluate", path, "--json").stdout)["calls"] == {"paid": 1, "cached": 9}
