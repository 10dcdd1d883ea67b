"""Langfuse's prompt management, with LANGFUSE_BASE_URL, LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY."""

from collections.abc import Sequence
from typing import Any

from langfuse import Langfuse
from langfuse.api import NotFoundError

from gpo.prompts.publishers.publisher import Published, marker, publish_errors, to_double_braces, version_facts
from gpo.prompts.version import PromptVersion


class LangfusePublisher:
    """Creates a version as a chat prompt. Labels there are aliases; one more finds our version again."""

    def publish(self, version: PromptVersion, aliases: Sequence[str]) -> Published:
        """As `Publisher.publish`."""
        messages: list[Any] = [
            {"type": "placeholder", "name": text} if role == "placeholder" else {"role": role, "content": text}
            for role, text in to_double_braces(version)
        ]
        labels = [*aliases, marker(version)]
        with publish_errors("Langfuse"):
            client = Langfuse(tracing_enabled=False)
            number = self._known(client, version)
            if is_new := number is None:
                number = client.create_prompt(
                    name=version.name,
                    type="chat",
                    prompt=messages,
                    labels=labels,
                    config=version_facts(version),
                    commit_message=version.note or None,
                ).version
            else:
                client.update_prompt(name=version.name, version=number, new_labels=labels)
        return Published(where=f"{version.name} version {number}", is_new=is_new)

    def _known(self, client: Langfuse, version: PromptVersion) -> int | None:
        try:
            there = client.api.prompts.get(version.name, label=marker(version))
        except NotFoundError:
            return None
        config = there.config if isinstance(there.config, dict) else {}
        return there.version if config.get("gpo.digest") == version.digest else None
