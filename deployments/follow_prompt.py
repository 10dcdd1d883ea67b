"""Starts a deployment whenever a prompt is promoted or rolled back; the run is told the prompt and its version.

    python deployments/follow_prompt.py tickets reload-bot/production

That makes an automation on the Prefect server that `PREFECT_API_URL` names, or renews the one of an earlier call. The
deployment's flow takes `prompt: str` and `version: int`. Prefect's page *Automations* shows it, and switches it off.
"""

import sys

from prefect.automations import Automation
from prefect.client.orchestration import get_client
from prefect.events import EventTrigger
from prefect.events.actions import RunDeployment

# As the number that it is; a plain template would hand on a text.
VERSION = {
    "__prefect_kind": "json",
    "value": {"__prefect_kind": "jinja", "template": "{{ event.payload.version | tojson }}"},
}


def follow(prompt: str, deployment: str) -> Automation:
    """Make or renew the automation that starts `deployment`, `FLOW/NAME`, when `prompt` has changed."""
    with get_client(sync_client=True) as client:
        target = client.read_deployment_by_name(deployment)
        name = f"{deployment} when prompt {prompt} changes"
        for old in client.read_automations_by_name(name):
            client.delete_automation(old.id)
    return Automation(
        name=name,
        description="Made by deployments/follow_prompt.py",
        trigger=EventTrigger(
            match={"prefect.resource.id": f"gpo.prompt.{prompt}"},
            expect={"gpo.prompt.promoted", "gpo.prompt.rolled_back"},
            posture="Reactive",
            threshold=1,
            within=0,
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=target.id,
                parameters={"prompt": "{{ event.payload.prompt }}", "version": VERSION},
            )
        ],
    ).create()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python follow_prompt.py PROMPT FLOW/DEPLOYMENT")
    made = follow(*sys.argv[1:])
    sys.stdout.write(f"made the automation '{made.name}'\n")
