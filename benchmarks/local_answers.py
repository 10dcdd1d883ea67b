"""How well answers of the local models are read: the texts, the blind sample and the counts of docs/results/answers.md.

    python -m benchmarks.local_answers ask DATA TEXTS --model local:smollm2-135m [--each 39 --seed 7 --seconds 600]
    python -m benchmarks.local_answers draw TEXTS [--size 150 --seed 11]
    python -m benchmarks.local_answers read TEXTS READ
    python -m benchmarks.local_answers count TEXTS JUDGED old=READ new=READ [--show]

`ask` asks a local model the questions of seven tasks, each task in four ways, and adds its texts to the file TEXTS, one
JSON object a line. DATA is a folder of datasets in GPO's layout. It is greedy and in a seeded order: the same command
gives the same texts, unless --seconds ends it early.

`draw` prints the texts of a sample, as many of each task, for a person to read: with the question and the labels, but
without a reference, and without what any reader made of them. The person writes a JSON line for each: `id` and the
canonical `answer` that the text states, null where it states none.

`read` reads the texts with the library that is installed. `count` compares readings with what the person wrote.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from openai import AsyncOpenAI

from gpo.models.local.servers import Endpoint, chat_server
from gpo.scoring.answers import canonical_reference, parse_answer
from gpo.scoring.spec import AnswerSpec
from gpo.settings import Settings

Row = dict[str, Any]
REVIEWS = Path(__file__).parents[1] / "examples" / "review-sentiment" / "reviews.jsonl"


class Task(NamedTuple):
    """Questions of one kind: those of datasets, or the reviews of the example; `after` comes after each."""

    files: Sequence[str]
    answer: Row
    after: str = ""
    longest: int = 240


GRADES = ["very negative", "negative", "neutral", "positive", "very positive"]
TASKS: Mapping[str, Task] = {
    "letters": Task(
        [f"mmlu/{subject}" for subject in ("anatomy", "high_school_geography", "sociology", "abstract_algebra")],
        {"kind": "choice", "labels": ["(A)", "(B)", "(C)", "(D)"]},
    ),
    "sentiment": Task(
        [], {"kind": "choice", "labels": ["positive", "negative"]}, "Is this review positive or negative?"
    ),
    "grade": Task(
        [],
        {"kind": "choice", "labels": GRADES},
        "Grade this review: very negative, negative, neutral, positive or very positive?",
    ),
    "number": Task(["gsm8k", "bbh/object_counting"], {"kind": "number"}),
    "boolean": Task(["bbh/navigate", "bbh/sports_understanding", "bbh/boolean_expressions"], {"kind": "boolean"}),
    "list": Task(["bbh/word_sorting"], {"kind": "list"}, longest=110),
    "json": Task(
        [],
        {"kind": "json"},
        "Describe this review by a JSON object with the keys `product` (a few words) and `positive` (true or false).",
    ),
}
WAYS = {"Give the answer only.": 32, "": 60, "Think briefly, then give the final answer.": 80, "Say why.": 60}
"""What comes after the question, and the token limit."""


def rows_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def questions(task: Task, data: Path, rng: random.Random) -> list[str]:
    """All questions of a task in random order, one dataset after the other, so that each is there equally often."""
    found = [[row["input"] for row in rows_of(data / name / "test.jsonl")] for name in task.files]
    found = found or [[row["review"] for row in rows_of(REVIEWS)]]
    for texts in found:
        texts[:] = [text for text in texts if len(text) <= task.longest]
        rng.shuffle(texts)
    return [f"{text}\n\n{task.after}".strip() for several in zip(*found, strict=False) for text in several]


def asks(data: Path, each: int, seed: int, model: str) -> Iterator[Row]:
    """What is asked, the tasks in turn, so that an early end leaves as many of each."""
    rng = random.Random(f"{seed} {model}")
    waiting = {name: questions(task, data, rng) for name, task in TASKS.items()}
    if (fewest := min(map(len, waiting.values()))) < each:
        sys.exit(f"DATA has {fewest} questions for a task: --each can be {fewest} at most, and is {each}")
    for index in range(each):
        way, limit = list(WAYS.items())[index % len(WAYS)]
        for name, task in TASKS.items():
            question = waiting[name][index]
            yield {
                "id": f"{Path(model).stem.removeprefix('local:')[:12]}-{seed}-{name}-{index}",
                "task": name,
                "answer": task.answer,
                "question": question,
                "prompt": f"{question}\n{way}".strip(),
                "max_tokens": limit,
            }


async def answer_all(endpoint: Endpoint, rows: Iterable[Row], seconds: float, to: Path) -> None:
    client = AsyncOpenAI(base_url=endpoint.base_url, api_key=endpoint.key, timeout=120)
    end = time.monotonic() + seconds
    with to.open("a", encoding="utf-8") as file:
        for row in rows:
            if time.monotonic() > end:
                sys.stderr.write(f"stopped after {seconds:g} s\n")
                return
            reply = await client.chat.completions.create(
                model=endpoint.model,
                messages=[{"role": "user", "content": row["prompt"]}],
                max_tokens=row["max_tokens"],
                temperature=0,
            )
            (choice,) = reply.choices
            said = {"text": choice.message.content or "", "cut": choice.finish_reason == "length"}
            file.write(json.dumps(row | said, ensure_ascii=False) + "\n")
            file.flush()


async def ask(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(runtime_dir=Path(folder), local_threads=1, local_idle_s=1)
        async with chat_server(given.model, settings) as endpoint:
            await answer_all(
                endpoint, asks(given.data, given.each, given.seed, given.model), given.seconds, given.texts
            )


def draw(given: argparse.Namespace) -> None:
    rng = random.Random(given.seed)
    rows = rows_of(given.texts)
    rng.shuffle(rows)
    names = sorted({row["task"] for row in rows})
    turns = zip(*([row for row in rows if row["task"] == name] for name in names), strict=False)
    for row in [row for turn in turns for row in turn][: given.size]:
        cut = " (cut)" if row["cut"] else ""
        sys.stdout.write(f"\n=== {row['id']} {row['answer']}{cut}\n{row['prompt']}\n--- text\n{row['text']}\n")


def read(given: argparse.Namespace) -> None:
    with given.read.open("w", encoding="utf-8") as file:
        for row in rows_of(given.texts):
            spec = AnswerSpec.model_validate(row["answer"])
            found = parse_answer(row["text"], spec, row["question"], cut=row["cut"])
            file.write(json.dumps({"id": row["id"], "answer": found}, ensure_ascii=False) + "\n")


OUTCOMES = ("right", "misread", "read where none is stated", "unread")
"""Right is also where none is stated and none is read."""


def outcome(stated: str | None, found: str | None, answer: AnswerSpec) -> str:
    if found is None:
        return "right" if stated is None else "unread"
    if stated is None:
        return "read where none is stated"
    # Readers of different age write the same list or object in different forms.
    same = (canonical_reference(stated, answer) or stated) == (canonical_reference(found, answer) or found)
    return "right" if same else "misread"


def count(given: argparse.Namespace) -> None:
    texts = {row["id"]: row for row in rows_of(given.texts)}
    judged = {row["id"]: row["answer"] for row in rows_of(given.judged)}
    readers = [reader.split("=", 1) for reader in given.readers]
    found = {name: {row["id"]: row["answer"] for row in rows_of(Path(path))} for name, path in readers}
    counts: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[str] = Counter()
    for key, stated in judged.items():
        spec = AnswerSpec.model_validate(texts[key]["answer"])
        outcomes = {name: outcome(stated, answers[key], spec) for name, answers in found.items()}
        for group in (texts[key]["task"], "all"):
            sizes[group] += 1
            counts.update((group, each, name) for name, each in outcomes.items())
        if given.show and set(outcomes.values()) != {"right"}:
            read_as = {name: answers[key] for name, answers in found.items()}
            sys.stdout.write(f"\n=== {key} stated {stated!r}, read {read_as}\n{texts[key]['text']}\n")
    sys.stdout.write(f"\n| task | texts | {' | '.join(OUTCOMES)} |\n|---|---:|{'---:|' * len(OUTCOMES)}\n")
    for group in (*TASKS, "all"):
        cells = (" / ".join(str(counts[group, each, name]) for name in found) for each in OUTCOMES)
        sys.stdout.write(f"| {group} | {sizes[group]} | {' | '.join(cells)} |\n")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.local_answers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    asking = commands.add_parser("ask")
    asking.add_argument("data", type=Path)
    asking.add_argument("texts", type=Path)
    asking.add_argument("--model", default="local:smollm2-135m")
    asking.add_argument("--each", type=int, default=39, help="questions of each task")
    asking.add_argument("--seed", type=int, default=7)
    asking.add_argument("--seconds", type=float, default=600, help="of model time; then it stops")
    asking.set_defaults(run=lambda given: asyncio.run(ask(given)))
    drawing = commands.add_parser("draw")
    drawing.add_argument("texts", type=Path)
    drawing.add_argument("--size", type=int, default=150)
    drawing.add_argument("--seed", type=int, default=11)
    drawing.set_defaults(run=draw)
    reading = commands.add_parser("read")
    reading.add_argument("texts", type=Path)
    reading.add_argument("read", type=Path)
    reading.set_defaults(run=read)
    counting = commands.add_parser("count")
    counting.add_argument("texts", type=Path)
    counting.add_argument("judged", type=Path)
    counting.add_argument("readers", nargs="+", metavar="NAME=READ")
    counting.add_argument("--show", action="store_true", help="print the texts where a reader differs from the person")
    counting.set_defaults(run=count)
    given = parser.parse_args(arguments)
    given.run(given)


if __name__ == "__main__":
    main(sys.argv[1:])
