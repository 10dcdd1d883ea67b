"""What is said of a prompt, a version or an alias that is not there, and of a value that cannot stand in one."""

from collections.abc import Collection, Mapping

from gpo.errors import PromptError, suggestion
from gpo.formatting import shorten_value
from gpo.names import LATEST

HOW_TO_BEGIN = "`gpo prompt register SPEC` makes a first one"


def missing_prompt(name: str, known: Collection[str], database: str) -> PromptError:
    """The error of a name that a database does not know."""
    if not known:
        return PromptError(f"database {database} has no prompts yet; {HOW_TO_BEGIN}")
    return PromptError(f"database {database} has no prompt '{name}'{suggestion(name, known)}")


def missing_text(name: str) -> PromptError:
    """The error of who wants a text where only the messages of a default are known."""
    return PromptError(f"prompt {name}: the default in use has no text of its own; give `load_text` a text as default")


def missing_messages(name: str) -> PromptError:
    """The error of who wants plain messages where only a template of LangChain is known."""
    return PromptError(
        f"prompt {name}: the default in use is a template of LangChain; give `load_messages` a file of `gpo prompt "
        "export` as default"
    )


def missing_version(name: str, version: int, highest: int) -> PromptError:
    """The error of a number that is no version of a prompt; `highest` is its last one, 0 when it has none."""
    allowed = f"allowed: 1 to {highest}" if highest else "it has none yet"
    return PromptError(f"prompt {name} has no version {version}; {allowed}")


def missing_reference(name: str, reference: str | int, aliases: Mapping[str, int]) -> PromptError:
    """The error of an alias or number that stands for no version of a prompt."""
    if isinstance(reference, int) or reference.isdigit():
        return PromptError(f"prompt {name} has no version {reference}; `gpo prompt history {name}` lists them")
    if not aliases:
        how = f"`gpo prompt promote {name} VERSION` makes one"
        return PromptError(f"prompt {name} has no alias '{reference}' and no other; {how}")
    return PromptError(f"prompt {name} has no alias '{reference}'{suggestion(reference, [*aliases, LATEST])}")


def more_than_text(name: object, variable: str, value: object) -> PromptError:
    """The error of a value that holds messages where a text stands."""
    return PromptError(
        f"prompt {name}: `{variable}` stands in a text, and its value holds messages or content blocks "
        f'({shorten_value(value)}); give text, or write `placeholder: "{{{{{variable}}}}}"` in the prompt'
    )
