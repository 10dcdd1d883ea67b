"""LangSmith's prompts, with LANGSMITH_API_KEY and, elsewhere than in its cloud, LANGSMITH_ENDPOINT."""

from collections.abc import Sequence

from langsmith import Client
from langsmith.utils import LangSmithConflictError, LangSmithNotFoundError

from gpo.prompts.langchain.template import as_langchain
from gpo.prompts.publishers.publisher import Published, marker, publish_errors
from gpo.prompts.version import PromptVersion


class LangsmithPublisher:
    """Commits a version as a LangChain prompt. Tags of commits are aliases; one more finds our version again."""

    def publish(self, version: PromptVersion, aliases: Sequence[str]) -> Published:
        """As `Publisher.publish`."""
        template = as_langchain(version)
        with publish_errors("LangSmith"):
            client = Client(auto_batch_tracing=False)
            is_new = not self._is_there(client, version)
            if is_new:
                told = f"{version.note} (version {version.version}, {version.digest[:12]})".strip()
                client.push_prompt(version.name, object=template, commit_description=told[-1000:])
            commit = client.pull_prompt_commit(
                version.name if is_new else f"{version.name}:{marker(version)}", skip_cache=True
            )
            commit_id = self._commit_id(client, version.name, commit.commit_hash)
            for tag in (marker(version), *aliases):
                self._tag(client, version.name, tag, commit_id)
        return Published(where=f"{version.name}:{commit.commit_hash[:8]}", is_new=is_new)

    def _is_there(self, client: Client, version: PromptVersion) -> bool:
        try:
            client.pull_prompt_commit(f"{version.name}:{marker(version)}", skip_cache=True)
        except LangSmithNotFoundError:
            return False
        return True

    def _commit_id(self, client: Client, name: str, commit_hash: str) -> str:
        return next(str(each.id) for each in client.list_prompt_commits(name) if each.commit_hash == commit_hash)

    def _tag(self, client: Client, name: str, tag: str, commit_id: str) -> None:
        """Point a tag to a commit, whether it is new or was elsewhere."""
        tags = f"/repos/-/{name}/tags"
        try:
            client.request_with_retries("POST", tags, json={"tag_name": tag, "commit_id": commit_id})
        except LangSmithConflictError:
            client.request_with_retries("PATCH", f"{tags}/{tag}", json={"commit_id": commit_id})
