"""Methods of other packages, used as their documentation has it. They run in an environment of their own: `peers.txt`.

All begin at the world's instruction, choose by the dev split, and ask both models over the same server. Methods that
take a number of calls get it; of the others the numbers of rounds and candidates that come nearest below it.
"""

import logging
import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.landscapes.client import Client
from benchmarks.landscapes.world import World

Peer = Callable[[World, Client, int, int], str]

TASK = "Find the label that fits a message. The labels are {labels}."


def gepa(world: World, client: Client, seed: int, budget: int) -> str:
    """GEPA with its default adapter and settings. It ends some calls beyond the budget, which are counted."""
    from gepa import optimize  # noqa: PLC0415 - each of them takes a second

    client.open(None)

    def rows(part: Any) -> list[dict[str, Any]]:
        return [{"input": item.text, "additional_context": {}, "answer": item.reference} for item in world.part(part)]

    result = optimize(
        seed_candidate={"instruction": world.start},
        trainset=rows("train"),
        valset=rows("dev"),
        task_lm=lambda messages: client.ask("task", messages)[0],
        reflection_lm=lambda prompt: client.ask("optimizer", _as_messages(prompt))[0],
        max_metric_calls=budget,
        seed=seed,
        logger=_Silent(),
    )
    return str(result.best_candidate["instruction"])


def copro(world: World, client: Client, seed: int, budget: int) -> str:
    """DSPy's COPRO on the dev split; breadth and depth grow with the budget at about their default ratio of 10 to 3."""
    from dspy.teleprompt import COPRO  # noqa: PLC0415

    dspy, program, metric = _dspy(world, client, budget)
    evaluations = budget // len(world.part("dev"))
    breadth, depth = _breadth_and_depth(evaluations)
    optimizer = COPRO(prompt_model=_lm(dspy, client, "optimizer"), metric=metric, breadth=breadth, depth=depth)
    random.seed(seed)
    kwargs = {"num_threads": 4, "display_progress": False, "display_table": 0}
    found = optimizer.compile(program, trainset=_examples(dspy, world, "dev"), eval_kwargs=kwargs)
    return str(found.signature.instructions)


def miprov2(world: World, client: Client, seed: int, budget: int) -> str:
    """DSPy's MIPROv2 without demonstrations. Minibatches as its `auto` has them: for more than 50 dev examples."""
    from dspy.teleprompt import MIPROv2  # noqa: PLC0415

    dspy, program, metric = _dspy(world, client, budget)
    dev = len(world.part("dev"))
    is_batched = dev > 50
    trials = _trials(budget, dev, is_batched=is_batched)
    optimizer = MIPROv2(
        metric=metric,
        prompt_model=_lm(dspy, client, "optimizer"),
        task_model=_lm(dspy, client, "task"),
        max_bootstrapped_demos=0,
        max_labeled_demos=0,
        auto=None,
        num_candidates=max(3, int(trials / 1.5)),
        num_threads=4,
        seed=seed,
    )
    found = optimizer.compile(
        program,
        trainset=_examples(dspy, world, "train"),
        valset=_examples(dspy, world, "dev"),
        num_trials=trials,
        minibatch=is_batched,
    )
    return str(found.signature.instructions)


def _promptolution(name: str) -> Peer:
    def run(world: World, client: Client, seed: int, budget: int) -> str:
        import numpy as np  # noqa: PLC0415
        import pandas as pd  # noqa: PLC0415
        from promptolution import optimizers  # noqa: PLC0415
        from promptolution.predictors import FirstOccurrencePredictor  # noqa: PLC0415
        from promptolution.tasks import ClassificationTask  # noqa: PLC0415
        from promptolution.utils.prompt_creation import create_prompts_from_task_description  # noqa: PLC0415

        logging.disable(logging.CRITICAL)
        random.seed(seed)
        np.random.seed(seed)
        client.open(budget)
        task_lm, meta_lm = _promptolution_lm(client, "task"), _promptolution_lm(client, "optimizer")
        frames = {
            part: pd.DataFrame([{"x": item.text, "y": item.reference} for item in world.part(part)])  # type: ignore[arg-type]
            for part in ("train", "dev")
        }
        description = TASK.format(labels=", ".join(world.labels))
        task = ClassificationTask(frames["dev"], task_description=description, x_column="x", y_column="y", seed=seed)
        population = 5 if budget <= 400 else 10
        prompts = create_prompts_from_task_description(description, meta_lm, n_prompts=population - 1)
        own = {"df_few_shots": frames["train"]} if name == "CAPO" else {}
        method = getattr(optimizers, name)(
            predictor=FirstOccurrencePredictor(task_lm, list(world.labels)),
            task=task,
            meta_llm=meta_lm,
            initial_prompts=[world.start, *prompts],
            **own,
        )
        # It stops where the server refuses a call, with what its last whole step has left.
        found = method.optimize(n_steps=budget)
        return str(found[0].construct_prompt())

    return run


def _promptolution_lm(client: Client, role: str) -> Any:
    from promptolution.llms.base_llm import BaseLLM  # noqa: PLC0415

    class OverClient(BaseLLM):  # type: ignore[misc]
        def _get_response(self, prompts: list[str], system_prompts: list[str]) -> list[str]:
            pairs = zip(prompts, system_prompts, strict=True)
            return [
                client.ask(role, [{"role": "system", "content": system}, {"role": "user", "content": prompt}])[0]
                for prompt, system in pairs
            ]

    return OverClient()


def _dspy(world: World, client: Client, budget: int) -> tuple[Any, Any, Any]:
    os.environ.setdefault("DSPY_CACHEDIR", "/nonexistent")
    import dspy  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    client.open(budget + len(world.part("dev")))
    dspy.configure(lm=_lm(dspy, client, "task"))
    signature = dspy.Signature("message -> label", world.start)
    return dspy, dspy.Predict(signature), _is_right


def _is_right(example: Any, prediction: Any, trace: Any = None) -> bool:
    del trace
    return bool(prediction.label == example.label)


def _lm(dspy: Any, client: Client, role: str) -> Any:
    return dspy.LM(f"openai/{role}", api_base=client.base_url(role), api_key="none", cache=False)


def _examples(dspy: Any, world: World, part: Any) -> list[Any]:
    return [dspy.Example(message=item.text, label=item.reference).with_inputs("message") for item in world.part(part)]


def _breadth_and_depth(evaluations: int) -> tuple[int, int]:
    """Breadth and depth at about their default ratio of 10 to 3, for so many evaluations at most."""
    depth = max(2, round(math.sqrt(0.3 * evaluations)))
    return max(2, evaluations // depth), depth


def _trials(budget: int, dev: int, *, is_batched: bool) -> int:
    """Trials that the budget has room for, after the start's pass and what it takes to find demonstrations."""
    left = budget - dev
    if not is_batched:
        return max(1, left // dev - 1)
    # Every fifth trial has a full pass besides its batch of 35.
    return max(1, int(left / (35 + dev / 5)) - 3)


def _as_messages(prompt: str | Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


class _Silent:
    def log(self, message: str) -> None:
        """Nothing."""


PEERS: dict[str, Peer] = {
    "gepa": gepa,
    "copro": copro,
    "miprov2": miprov2,
    "capo": _promptolution("CAPO"),
    "evoprompt": _promptolution("EvoPromptGA"),
    "opro": _promptolution("OPRO"),
}
