"""The flow that promotes a prompt or rolls it back, so that a person can do either in the Prefect UI."""

import asyncio
from pathlib import Path
from typing import Literal

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from gpo.errors import InputError
from gpo.names import PRODUCTION
from gpo.production.decision_log import open_production
from gpo.prompts.version import Move
from gpo.report.markdown import inline
from gpo.settings import load_settings
from tasks.telling.events import emit_told, prompt_moved


@flow(name="move-prompt", flow_run_name="{action} {prompt}", persist_result=False)
async def move_prompt(
    prompt: str,
    action: Literal["promote", "rollback"] = "rollback",
    version: int | None = None,
    why: str = "",
    who: str = "someone in the Prefect UI",
    alias: str = PRODUCTION,
    home: Path | None = None,
) -> State[Move]:
    """Point an alias of a prompt to `version`, or take its last promotion back. Applications see it at their next look.

    Args:
        prompt: The prompt's name, as `gpo prompt list` has it.
        action: `rollback` takes the last promotion back; `promote` points the alias to `version`.
        version: The version to promote; left out to roll back.
        why: The reason, for the prompt's history.
        who: The person, for the prompt's history.
        alias: The alias that is moved.
        home: The state folder; by default GPO_HOME, or .gpo in the working folder.
    """
    move = await asyncio.to_thread(_moved, prompt, action, version, why, who, alias, home)
    sentence = f"{prompt}: {alias} points to version {move.to_version}, moved by {move.who} at {move.at}"
    get_run_logger().info(sentence)
    emit_told(prompt_moved(move))
    await acreate_markdown_artifact(
        f"{inline(sentence)}\n\n{inline(why)}", key=f"{prompt.replace('_', '-')}-move", description=sentence
    )
    return Completed(message=sentence, data=move)


def _moved(prompt: str, action: str, version: int | None, why: str, who: str, alias: str, home: Path | None) -> Move:
    if (version is None) == (action == "promote"):
        raise InputError("`version` is needed to promote, and left out to roll back")
    settings = load_settings()
    with open_production(settings, home or settings.home_here()) as production:
        if version is None:
            return production.registry.rollback(prompt, alias, who=who, why=why)
        return production.registry.promote(prompt, version, alias, who=who, why=why)
