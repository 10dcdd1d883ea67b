"""GPO: improves prompts with a language model as optimizer (Tang et al., arXiv 2402.17564).

    import gpo

    result = gpo.optimize(prompt="Classify the ticket: {{ticket}}", data=frame, reference="label", task=model)
    result.best, result.verdict, result.errors()
    result.promote("tickets")

Applications that use the improved prompts need one name of it:

    from gpo import load_prompt

Names are found when they are asked for: `import gpo` loads neither pandas nor LangChain, and nothing here Prefect. What
reads prompts needs no more than the base of the package; the rest needs its extra `pipeline`.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpo.api.calls import evaluate, evaluate_async, optimize, optimize_async
    from gpo.api.chain import load_chain
    from gpo.api.compare import compare, compare_async
    from gpo.api.dataset import Dataset
    from gpo.api.migrate import migrate, migrate_async
    from gpo.api.spec import Spec
    from gpo.models.target.record import record
    from gpo.prompts.langchain.agent import PromptMiddleware
    from gpo.prompts.langchain.system import system_prompt
    from gpo.prompts.load import load_messages, load_prompt, load_prompts, load_text

__all__ = [
    "Dataset",
    "PromptMiddleware",
    "Spec",
    "compare",
    "compare_async",
    "evaluate",
    "evaluate_async",
    "load_chain",
    "load_messages",
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
    "PromptMiddleware": "gpo.prompts.langchain.agent",
    "Spec": "gpo.api.spec",
    "compare": "gpo.api.compare",
    "compare_async": "gpo.api.compare",
    "evaluate": "gpo.api.calls",
    "evaluate_async": "gpo.api.calls",
    "load_chain": "gpo.api.chain",
    "load_messages": "gpo.prompts.load",
    "load_prompt": "gpo.prompts.load",
    "load_prompts": "gpo.prompts.load",
    "load_text": "gpo.prompts.load",
    "migrate": "gpo.api.migrate",
    "migrate_async": "gpo.api.migrate",
    "optimize": "gpo.api.calls",
    "optimize_async": "gpo.api.calls",
    "record": "gpo.models.target.record",
    "system_prompt": "gpo.prompts.langchain.system",
}


_NEEDS = dict.fromkeys(("load_messages", "load_prompt", "load_prompts", "load_text", "record"), "") | {
    "PromptMiddleware": "langchain",
    "system_prompt": "langchain_core",
}
"""The package that a name cannot do without, where it is not the pipeline."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    needed = _NEEDS.get(name, "chromadb")
    if needed and importlib.util.find_spec(needed) is None:
        from gpo.errors import PIPELINE  # noqa: PLC0415 - seldom needed

        how = f"the pipeline: {PIPELINE}" if name not in _NEEDS else "LangChain: `pip install langchain`"
        raise ImportError(f"gpo.{name} needs {how}", name=needed)
    found = getattr(importlib.import_module(_PLACES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
