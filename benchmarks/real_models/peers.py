"""GEPA and DSPy's COPRO on a task, used as their documentation has it, in the environment of `landscapes/peers.txt`.

    python -m benchmarks.real_models.peers METHOD DATA TASK SEED BUDGET PORT RUN

prints the prompt that was found as JSON. Both ask the task model as everybody does, the instruction as system message
and the question as the user's, and learn from the study's server whether an answer is right.
"""

import json
import logging
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.landscapes.client import Client
from benchmarks.real_models.tasks import SIZES, TASKS, Example, split_task

PATIENCE_S = 1800.0
"""A model that shares its cores may take long to answer."""


class ScoringClient(Client):
    """The client of the simulated study, which asks for a score too."""

    def is_right(self, text: str, reference: str) -> bool:
        """Whether the study's reader finds the reference in an answer."""
        return bool(self._post("score", {"text": text, "reference": reference})["right"])


def gepa(splits: Any, start: str, client: ScoringClient, seed: int, budget: int) -> str:
    """GEPA with its default adapter, settings and words of feedback. It ends some calls beyond the budget."""
    from gepa import optimize  # noqa: PLC0415 - each of them takes a second
    from gepa.adapters.default_adapter.default_adapter import (  # noqa: PLC0415
        ContainsAnswerEvaluator,
        EvaluationResult,
    )

    told = ContainsAnswerEvaluator()

    def evaluate(data: Any, response: str) -> Any:
        right = client.is_right(response, data["answer"])
        return EvaluationResult(float(right), told(data, data["answer"] if right else "").feedback)

    def rows(part: str) -> list[dict[str, Any]]:
        return [{"input": item.text, "additional_context": {}, "answer": item.reference} for item in splits[part]]

    client.open(None)
    result = optimize(
        seed_candidate={"instruction": start},
        trainset=rows("train"),
        valset=rows("dev"),
        task_lm=lambda messages: client.ask("task", list(messages))[0],
        reflection_lm=lambda prompt: client.ask(
            "optimizer", [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        )[0],
        evaluator=evaluate,
        max_metric_calls=budget,
        seed=seed,
        logger=_Silent(),
    )
    return str(result.best_candidate["instruction"])


def copro(splits: Any, start: str, client: ScoringClient, seed: int, budget: int) -> str:
    """DSPy's COPRO on the dev split, breadth and depth at about their default ratio of 10 to 3."""
    import dspy  # noqa: PLC0415
    from dspy.teleprompt import COPRO  # noqa: PLC0415

    class AsEverybody(dspy.ChatAdapter):  # type: ignore[misc]
        """Asks the task model without DSPy's marks, and everything else with them."""

        def format(self, signature: Any, demos: Any, inputs: Any) -> Any:
            if "message" not in signature.input_fields:
                return super().format(signature, demos, inputs)
            return [
                {"role": "system", "content": signature.instructions},
                {"role": "user", "content": inputs["message"]},
            ]

        def parse(self, signature: Any, completion: str) -> Any:
            return (
                {"label": completion} if "message" in signature.input_fields else super().parse(signature, completion)
            )

    def is_right(example: Any, prediction: Any, trace: Any = None) -> bool:
        del trace
        return client.is_right(prediction.label, example.label)

    logging.disable(logging.CRITICAL)
    evaluations = budget // SIZES["dev"]
    depth = 2
    breadth = max(2, evaluations // depth)
    client.open(None)
    dspy.configure(lm=_lm(dspy, client, "task"), adapter=AsEverybody())
    random.seed(seed)
    optimizer = COPRO(prompt_model=_lm(dspy, client, "optimizer"), metric=is_right, breadth=breadth, depth=depth)
    found = optimizer.compile(
        dspy.Predict(dspy.Signature("message -> label", start)),
        trainset=[
            dspy.Example(message=item.text, label=item.reference).with_inputs("message") for item in splits["dev"]
        ],
        eval_kwargs={"num_threads": 1, "display_progress": False, "display_table": 0},
    )
    return str(found.signature.instructions)


def _lm(dspy: Any, client: Client, role: str) -> Any:
    return dspy.LM(f"openai/{role}", api_base=client.base_url(role), api_key="none", cache=False, timeout=PATIENCE_S)


class _Silent:
    def log(self, message: str) -> None:
        """Nothing."""


PEERS = {"gepa": gepa, "copro": copro}


def main(arguments: Sequence[str]) -> None:
    """One run; its result goes to standard output."""
    os.environ.setdefault("DSPY_CACHEDIR", "/nonexistent")
    method, data, task, seed, budget, port, run = arguments
    client = ScoringClient(int(port), f"{task}-{seed}", run, timeout_s=PATIENCE_S)
    splits: dict[str, tuple[Example, ...]] = dict(split_task(Path(data), task, int(seed)))
    prompt = PEERS[method](splits, TASKS[task].start, client, int(seed), int(budget))
    print(json.dumps({"prompt": prompt}))


if __name__ == "__main__":
    main(sys.argv[1:])
