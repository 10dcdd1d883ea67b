"""GPO: improves prompts with a language model as optimizer (Tang et al., arXiv 2402.17564).

Applications that use the improved prompts need one name of it:

    from gpo import load_prompt
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpo.prompts.loader import load_prompt

__all__ = ["load_prompt"]


def __getattr__(name: str) -> Any:
    if name == "load_prompt":
        from gpo.prompts.loader import load_prompt  # noqa: PLC0415 - LangChain and SQLAlchemy take a second

        globals()[name] = load_prompt
        return load_prompt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
