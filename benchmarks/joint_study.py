"""What does it bring to improve the two prompts of a program together, where the true quality of every pair is known?

    python -m benchmarks.joint_study run --seeds 0:30 --out joint.jsonl --gepa FOLDER
    python -m benchmarks.joint_study table joint.jsonl

The program has two steps: `facts` notes what a question says, `sum` makes the answer of it. Each goes right where the
quality of its prompt, with some luck, exceeds the difficulty of the question; an answer is right where both do. So a
better prompt is worth little while the other is poor. Quality is that of the synthetic task
(`gpo/models/synthetic/task.py`), in which a seed draws anew, for each step, which phrase is worth what. Both begin at
"Solve the problem."; the best pair is known.

All methods have the same runs of the program for their search, the same dev examples, and the same optimizer model,
which knows a list of phrases. GEPA is its package as it is, in a folder of its own: `pip install --target FOLDER
gepa==0.1.4`. It is shown no scores, as its own request has none.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import NormalDist
from time import monotonic
from typing import Any

import yaml

from benchmarks.tables import interval, markdown_table
from gpo.models.synthetic import optimizer, task
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize

PARTS = ("facts", "sum")
START = task.START
RUNS = 1500
"""Runs of the program that a search may make."""
SPLIT = {"train": 40, "dev": 40, "test": 40}
NOISE = 0.05
DRIFT, HEED = 0.1, 0.7

PROGRAM = """from benchmarks.joint_study import run_program
from gpo.prompts.load import load_prompt

FIXED = {fixed!r}


def answer(question: str) -> str:
    texts = {{name: FIXED.get(name) or load_prompt(name).format() for name in ("facts", "sum")}}
    return run_program({seed}, texts, question)
"""


@cache
def shuffled(seed: int, part: str) -> Mapping[str, str]:
    """For each phrase, the one whose worth it has in this part of this world."""
    phrases = list(task.PHRASES)
    random.Random(f"{seed}/{part}").shuffle(phrases)
    return dict(zip(task.PHRASES, phrases, strict=True))


def quality(seed: int, part: str, text: str) -> float:
    """How good a text is for a part, from 0 to 1."""
    stands_for = shuffled(seed, part)
    return task.quality(" ".join(stands_for.get(clause, clause) for clause in optimizer.clauses(text)))


def true_score(seed: int, texts: Mapping[str, str]) -> float:
    """The share of all questions that the program answers rightly, over the luck."""
    luck = NormalDist(0, NOISE)
    found = [quality(seed, part, texts[part]) for part in PARTS]
    spread = [(each + 0.5) / 1000 for each in range(1000)]
    return sum(luck.cdf(found[0] - hard) * luck.cdf(found[1] - hard) for hard in spread) / len(spread)


def best_score() -> float:
    """What the best pair of texts comes to; the same in every world."""
    best = task.best_instruction()
    luck, height = NormalDist(0, NOISE), task.quality(best)
    return sum(luck.cdf(height - (each + 0.5) / 1000) ** 2 for each in range(1000)) / 1000


def run_program(seed: int, texts: Mapping[str, str], question: str) -> str:
    """The program: two steps, of which the second needs what the first has noted."""
    asked = task.find_question(question)
    assert asked is not None
    right = all(_goes_right(seed, part, texts[part], question) for part in PARTS)
    return f"The answer is {asked.answer if right else asked.answer + 3}."


def _goes_right(seed: int, part: str, text: str, question: str) -> bool:
    drawn = random.Random(f"{seed}/{part}/{text}/{question}").gauss(0, NOISE)
    return quality(seed, part, text) + drawn > task.difficulty(question)


def search(seed: int, runs: int, fixed: Mapping[str, str], **options: Any) -> dict[str, str]:
    """The texts that our search finds for the parts that are not fixed, with so many runs of the program."""
    free = {name: _prompt() for name in PARTS if name not in fixed}
    [name, *others] = free
    content = {
        "name": "joint" if others else name,
        **({"prompts": free} if others else {"prompt": free[name]}),
        "target": {"call": "program:answer", "calls": 1},
        "dataset": {
            "path": "questions.jsonl",
            "input": "question",
            "reference": "answer",
            "split": SPLIT,
            "seed": seed,
        },
        "answer": {"kind": "number"},
        "models": {
            "optimizer": {"model": "synthetic:optimizer", "parameters": {"drift": DRIFT, "heed": HEED, "seed": seed}},
            "embedding": "synthetic:words",
        },
        "optimizer": options,
        "budget": {"max_task_calls": runs},
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        path.with_name("program.py").write_text(PROGRAM.format(seed=seed, fixed=dict(fixed)), encoding="utf-8")
        path.with_name("questions.jsonl").write_text(task.dataset(400), encoding="utf-8")
        job = load_job(path, home=path.with_name("state"))
        outcome = asyncio.run(optimize(job))
    text = outcome.best.candidate.instruction
    return {**fixed, **(job.spec.texts_of(text) if others else {name: text})}


def _prompt() -> dict[str, Any]:
    return {"instruction": START, "messages": [{"user": "{{instruction}}"}], "description": "the number that is left"}


def both(seed: int) -> dict[str, str]:
    """Each proposal changes both texts."""
    return search(seed, RUNS, {}, parts="all")


def in_turn(seed: int) -> dict[str, str]:
    """Each step changes one text."""
    return search(seed, RUNS, {}, parts="in_turn")


def one_alone(part: str) -> Callable[[int], dict[str, str]]:
    """One text is improved; the other stays at the start."""

    def run(seed: int) -> dict[str, str]:
        return search(seed, RUNS, {other: START for other in PARTS if other != part})

    return run


def each_alone(seed: int) -> dict[str, str]:
    """Each text is improved with half of the runs while the other is at the start; then they are put together."""
    return {part: search(seed, RUNS // 2, {each: START for each in PARTS if each != part})[part] for part in PARTS}


def one_after_the_other(seed: int) -> dict[str, str]:
    """The first text is improved with half of the runs, then the second beside what was found."""
    first = search(seed, RUNS // 2, {PARTS[1]: START})
    return search(seed, RUNS // 2, {PARTS[0]: first[PARTS[0]]})


def gepa(selector: str) -> Callable[[int], dict[str, str]]:
    """GEPA's package with its defaults; `selector` says which texts an iteration changes."""

    def run(seed: int) -> dict[str, str]:
        from gepa import optimize as optimize_by_gepa  # noqa: PLC0415 - a package that is not ours

        rows = [json.loads(line) for line in task.dataset(400).splitlines()]
        random.Random(seed).shuffle(rows)
        rng = random.Random(f"gepa/{seed}")

        def reflect(request: Any) -> str:
            shown = str(request).split("```")[1].strip()
            found = optimizer.propose(optimizer.Shown(current=shown), rng, drift=DRIFT, heed=HEED)
            return f"```\n{found}\n```"

        result = optimize_by_gepa(
            seed_candidate=dict.fromkeys(PARTS, START),
            trainset=rows[: SPLIT["train"]],
            valset=rows[SPLIT["train"] : SPLIT["train"] + SPLIT["dev"]],
            adapter=_Adapter(seed),
            reflection_lm=reflect,
            module_selector=selector,
            max_metric_calls=RUNS,
            seed=seed,
            logger=_Silent(),
        )
        print(f"GEPA made {result.total_metric_calls} runs", file=sys.stderr)
        return dict(result.best_candidate)

    return run


class _Adapter:
    """The program as GEPA runs it."""

    propose_new_texts = None

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def evaluate(self, batch: Sequence[Any], candidate: Mapping[str, str], capture_traces: bool = False) -> Any:
        from gepa import EvaluationBatch  # noqa: PLC0415

        said = [run_program(self._seed, candidate, row["question"]) for row in batch]
        scores = [float(found.split()[-1] == f"{row['answer']}.") for found, row in zip(said, batch, strict=True)]
        traces = [{"row": row, "said": text} for row, text in zip(batch, said, strict=True)]
        return EvaluationBatch(outputs=said, scores=scores, trajectories=traces if capture_traces else None)

    def make_reflective_dataset(self, candidate: Any, eval_batch: Any, components_to_update: Sequence[str]) -> Any:
        del candidate
        shown = [
            {
                "Inputs": each["row"]["question"],
                "Generated Outputs": each["said"],
                "Feedback": f"The right answer is {each['row']['answer']}.",
            }
            for each in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, shown)


class _Silent:
    def log(self, message: str) -> None:
        """Nothing."""


METHODS: Mapping[str, Callable[[int], dict[str, str]]] = {
    "both in each proposal": both,
    "each in turn": in_turn,
    "one after the other": one_after_the_other,
    "each alone, put together": each_alone,
    "`facts` alone": one_alone("facts"),
    "`sum` alone": one_alone("sum"),
}
PEERS: Mapping[str, Callable[[int], dict[str, str]]] = {
    "GEPA, each in turn": gepa("round_robin"),
    "GEPA, both": gepa("all"),
}


def run_all(methods: Mapping[str, Callable[[int], dict[str, str]]], seeds: Sequence[int], out: Path) -> None:
    """Add a line for each method and seed that the file does not have yet."""
    done = {(line["method"], line["seed"]) for line in _read(out)}
    with out.open("a", encoding="utf-8") as file:
        for seed in seeds:
            for name, method in methods.items():
                if (name, seed) in done:
                    continue
                began = monotonic()
                texts = method(seed)
                line = {"method": name, "seed": seed, "runs": RUNS, "score": true_score(seed, texts), "texts": texts}
                file.write(json.dumps({**line, "seconds": round(monotonic() - began, 1)}) + "\n")
                file.flush()
                print(f"{name}, seed {seed}: {line['score']:.3f}", file=sys.stderr, flush=True)


def make_table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Means with intervals over seeds, and differences in pairs."""
    reference = "each alone, put together"
    by_method: dict[str, dict[int, float]] = {}
    for line in lines:
        by_method.setdefault(line["method"], {})[line["seed"]] = line["score"]
    rows = [
        ["the best pair", "", f"{best_score():.3f}", ""],
        ["the start", "", f"{true_score(0, dict.fromkeys(PARTS, START)):.3f}", ""],
        *(
            [name, str(len(own)), _with_interval(list(own.values())), _difference(own, by_method.get(reference, {}))]
            for name, own in by_method.items()
        ),
    ]
    heads = ["method", "seeds", "true score (95%)", f"less {reference}"]
    return markdown_table(heads, sorted(rows, key=lambda row: row[2], reverse=True))


def _with_interval(values: Sequence[float], sign: str = "") -> str:
    mean, low, high = interval(values)
    return f"{mean:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _difference(own: Mapping[int, float], base: Mapping[int, float]) -> str:
    pairs = [own[seed] - base[seed] for seed in own if seed in base]
    return "" if own == base or len(pairs) < 2 else _with_interval(pairs, "+")


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="search, and keep what was found")
    run.add_argument("--seeds", default="0:30", metavar="FROM:TO")
    run.add_argument("--out", type=Path, default=Path("joint.jsonl"), help="what is there already, is not run again")
    run.add_argument("--gepa", type=Path, metavar="FOLDER", help="where GEPA's package is; without it, it is left out")
    table = commands.add_parser("table", help="show results as Markdown")
    table.add_argument("file", type=Path)
    given = parser.parse_args()
    if given.command == "table":
        print(make_table(_read(given.file)))
        return
    if given.gepa:
        sys.path.append(str(given.gepa.resolve()))
    first, _, end = given.seeds.partition(":")
    run_all({**METHODS, **(PEERS if given.gepa else {})}, range(int(first), int(end)), given.out)


if __name__ == "__main__":
    main()
