"""MLflow's prompt registry, at MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI."""

from collections.abc import Sequence

from gpo.errors import PromptError
from gpo.prompts.publishers.publisher import Published, marker, publish_errors, to_double_braces, version_facts
from gpo.prompts.version import PromptVersion
from gpo.settings import disable_telemetry

disable_telemetry()

import mlflow.genai  # noqa: E402 - it looks for the setting as it is imported
from mlflow import MlflowClient  # noqa: E402


class MlflowPublisher:
    """Registers a version as a chat prompt. A tag of the prompt remembers which version of ours is which there."""

    def publish(self, version: PromptVersion, aliases: Sequence[str]) -> Published:
        """As `Publisher.publish`."""
        messages = [{"role": role, "content": text} for role, text in to_double_braces(version)]
        if any(message["role"] == "placeholder" for message in messages):
            raise PromptError(
                f"prompt {version.name}: MLflow's prompts have no place for a conversation; publish it to langfuse or "
                "langsmith, or serve it with `gpo serve-prompts`"
            )
        if any("{%" in message["content"] and "%}" in message["content"] for message in messages):
            raise PromptError(
                f"prompt {version.name}: MLflow would run its text with {{% ... %}} as a program; reword it"
            )
        with publish_errors("MLflow"):
            number = self._known(version)
            if is_new := number is None:
                made = mlflow.genai.register_prompt(
                    version.name, messages, commit_message=version.note or None, tags=version_facts(version)
                )
                number = made.version
                mlflow.genai.set_prompt_tag(version.name, marker(version), str(number))
            for alias in aliases:
                mlflow.genai.set_prompt_alias(version.name, alias, number)
        return Published(where=f"prompts:/{version.name}/{number}", is_new=is_new)

    def _known(self, version: PromptVersion) -> int | None:
        client = MlflowClient()
        prompt = client.get_prompt(version.name)
        number = prompt.tags.get(marker(version)) if prompt else None
        there = client.get_prompt_version(version.name, number) if number else None
        if there is None or there.tags.get("gpo.digest") != version.digest:
            return None
        return int(there.version)
