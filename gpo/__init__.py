"""GPO: improves prompts with a language model as optimizer (Tang et al., arXiv 2402.17564).

    import gpo

    result = gpo.optimize(prompt="Classify the ticket: {{ticket}}", data=frame, reference="label", task=model)
    result.best, result.verdict, result.errors()
    result.promote("tickets")

Applications that use the improved prompts need one name of it:

    from gpo import load_prompt

Names are found when they are asked for: `import gpo` loads neither pandas nor LangChain, and nothing here Prefect.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpo.api.calls import evaluate, evaluate_async, optimize, optimize_async
    from gpo.api.chain import load_chain
    from gpo.api.compare import compare, compare_async
    from gpo.api.dataset import Dataset
    from gpo.api.migrate import migrate, migrate_async
    from gpo.api.spec import Spec
    from gpo.models.target.record import record
    from gpo.prompts.agent import PromptMiddleware
    from gpo.prompts.loader import load_prompt, load_prompts, load_text
    from gpo.prompts.system import system_prompt

__all__ = [
    "Dataset",
    "PromptMiddleware",
    "Spec",
    "compare",
    "compare_async",
    "evaluate",
    "evaluate_async",
    "load_chain",
    "load_prompt",
    "load_prompts",
    "load_text",
    "migrate",
    "migrate_async",
    "optimize",
    "optimize_async",
    "record",
    "system_prompt",
]

_PLACES = {
    "Dataset": "gpo.api.dataset",
    "PromptMiddleware": "gpo.prompts.agent",
    "Spec": "gpo.api.spec",
    "compare": "gpo.api.compare",
    "compare_async": "gpo.api.compare",
    "evaluate": "gpo.api.calls",
    "evaluate_async": "gpo.api.calls",
    "load_chain": "gpo.api.chain",
    "load_prompt": "gpo.prompts.loader",
    "load_prompts": "gpo.prompts.loader",
    "load_text": "gpo.prompts.loader",
    "migrate": "gpo.api.migrate",
    "migrate_async": "gpo.api.migrate",
    "optimize": "gpo.api.calls",
    "optimize_async": "gpo.api.calls",
    "record": "gpo.models.target.record",
    "system_prompt": "gpo.prompts.system",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
