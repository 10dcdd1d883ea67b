"""The same work by packages of others, as their documentation has it. They run in an environment of their own.

An evaluation has the same 1,728 calls everywhere. A whole optimize is 18 steps x 8 proposals x 48 examples: of COPRO
its depth and breadth, of OPRO its steps and proposals a step, of GEPA the scored examples, 6,912 and the first 48.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.throughput.work import CALLS, DEV, INSTRUCTION, LABELS, PROPOSALS, SLOTS, STEPS, label, review

Work = Callable[[], object]

_EXAMPLES = CALLS["evaluation"]


def dspy_evaluate(url: str) -> Work:
    """`dspy.Evaluate` of a `Predict`, with a thread for each slot."""
    dspy, program = _dspy(url)
    evaluate = dspy.Evaluate(devset=_dspy_examples(dspy, _EXAMPLES), metric=_is_right, num_threads=SLOTS)
    program(text="first")
    return lambda: evaluate(program)


def dspy_copro(url: str) -> Work:
    """COPRO, whose proposals of a step are one request with `n`, and are scored one after the other."""
    from dspy.teleprompt import COPRO  # noqa: PLC0415 - each of them takes a second

    dspy, program = _dspy(url)
    writer = dspy.LM("openai/mock", api_base=f"{url}/optimizer/v1", api_key="none", cache=False)
    optimizer = COPRO(prompt_model=writer, metric=_is_right, breadth=PROPOSALS, depth=STEPS)
    kwargs = {"num_threads": SLOTS, "display_progress": False, "display_table": 0}
    examples = _dspy_examples(dspy, DEV)
    # Each signature that it tries is derived from the one before, and all of them are copied with it.
    sys.setrecursionlimit(100_000)
    program(text="first")
    return lambda: optimizer.compile(program, trainset=examples, eval_kwargs=kwargs)


def _dspy(url: str) -> tuple[Any, Any]:
    os.environ.setdefault("DSPY_CACHEDIR", "/nonexistent")
    import dspy  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    lm = dspy.LM("openai/mock", api_base=f"{url}/dspy/v1", api_key="none", cache=False, temperature=0.0)
    dspy.configure(lm=lm)
    return dspy, dspy.Predict(dspy.Signature("text -> label", INSTRUCTION))


def _dspy_examples(dspy: Any, number: int) -> list[Any]:
    return [dspy.Example(text=review(each), label=label(each)).with_inputs("text") for each in range(number)]


def _is_right(example: Any, prediction: Any, trace: Any = None) -> bool:
    del trace
    return bool(prediction.label == example.label)


def gepa_evaluate(url: str) -> Work:
    """An evaluation by GEPA's default adapter, with a worker for each slot."""
    adapter, rows, candidate = _gepa(f"{url}/plain/v1", _EXAMPLES)
    return lambda: adapter.evaluate(rows, candidate)


def gepa_optimize(url: str) -> Work:
    """GEPA with its own settings; it tries a proposal on three examples, and on all 48 where they went better."""
    from gepa import optimize  # noqa: PLC0415
    from gepa.lm import LM  # noqa: PLC0415

    adapter, rows, candidate = _gepa(f"{url}/task/v1", DEV)
    return lambda: optimize(
        seed_candidate=candidate,
        trainset=rows,
        valset=rows,
        adapter=adapter,
        reflection_lm=LM("openai/mock", api_base=f"{url}/optimizer/v1", api_key="none"),
        max_metric_calls=DEV + STEPS * PROPOSALS * DEV,
        logger=_Silent(),
    )


def _gepa(api_base: str, number: int) -> tuple[Any, list[dict[str, Any]], dict[str, str]]:
    """The adapter, so many rows and the candidate, after a first call."""
    from gepa.adapters.default_adapter.default_adapter import DefaultAdapter  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    options = {"api_base": api_base, "api_key": "none", "temperature": 0.0}
    adapter = DefaultAdapter("openai/mock", max_litellm_workers=SLOTS, litellm_batch_completion_kwargs=options)
    rows = [{"input": review(each), "additional_context": {}, "answer": label(each)} for each in range(number)]
    candidate = {"instruction": INSTRUCTION}
    adapter.evaluate(rows[:1], candidate)
    return adapter, rows, candidate


class _Silent:
    def log(self, message: str) -> None:
        """Nothing."""


def promptolution_evaluate(url: str) -> Work:
    """An evaluation by promptolution's task, over its own client, which makes a task for each call."""
    task, predictor = _promptolution(url, "plain", _EXAMPLES)
    from promptolution.utils.prompt import Prompt  # noqa: PLC0415

    predictor.llm.get_response(["first"])
    return lambda: task.evaluate([Prompt(INSTRUCTION)], predictor)


def promptolution_opro(url: str) -> Work:
    """OPRO, which writes and scores its proposals one after the other."""
    from promptolution.optimizers import OPRO  # noqa: PLC0415

    task, predictor = _promptolution(url, "task", DEV)
    predictor.llm.get_response(["first"])
    writer = _promptolution_llm(url, "optimizer")
    optimizer = OPRO(predictor, task, writer, initial_prompts=[INSTRUCTION], num_instructions_per_step=PROPOSALS)
    return lambda: optimizer.optimize(STEPS)


def _promptolution(url: str, path: str, number: int) -> tuple[Any, Any]:
    import pandas as pd  # noqa: PLC0415
    from promptolution.predictors import FirstOccurrencePredictor  # noqa: PLC0415
    from promptolution.tasks import ClassificationTask  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    rows = pd.DataFrame([{"x": review(each), "y": label(each)} for each in range(number)])
    task = ClassificationTask(rows, task_description=INSTRUCTION)
    return task, FirstOccurrencePredictor(_promptolution_llm(url, path), list(LABELS))


def _promptolution_llm(url: str, path: str) -> Any:
    from promptolution.llms.api_llm import APILLM  # noqa: PLC0415

    return APILLM(api_url=f"{url}/{path}/v1", model_id="mock", api_key="none", max_concurrent_calls=SLOTS)


PEERS: dict[str, dict[str, Callable[[str], Work]]] = {
    "evaluation": {"DSPy": dspy_evaluate, "GEPA": gepa_evaluate, "promptolution": promptolution_evaluate},
    "optimize": {"DSPy": dspy_copro, "GEPA": gepa_optimize, "promptolution": promptolution_opro},
}
