"""What `load_prompt` gives where the first read of a prompt fails: a template, or a file that was exported."""

from pathlib import Path

from langchain_core.prompts import ChatPromptTemplate

from gpo.errors import PromptError
from gpo.formatting import count
from gpo.prompts.files import read_record
from gpo.prompts.langchain_template import as_langchain
from gpo.prompts.version import PromptRecord

Default = ChatPromptTemplate | Path | None


def use_default(name: str, reference: str | int, default: ChatPromptTemplate | Path) -> ChatPromptTemplate:
    """The template of a default, for a prompt and the alias or version that was asked for.

    Raises:
        PromptError: the file cannot be read, or holds something else.
    """
    if isinstance(default, ChatPromptTemplate):
        return default
    record = read_record(default)
    version = record.find(reference) if record.name == name else None
    if version is None:
        raise PromptError(f"{default}: holds no prompt {name} ({reference}), but {_contents(record)}")
    return as_langchain(version, reference if isinstance(reference, str) else None)


def _contents(record: PromptRecord) -> str:
    aliases = ", ".join(f"{alias}: {version}" for alias, version in record.aliases.items()) or "no alias"
    return f"{record.name} with {count(len(record.versions), 'version')}, {aliases}"
