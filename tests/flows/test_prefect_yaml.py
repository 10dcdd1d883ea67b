"""prefect.yaml: what it deploys exists, fits the flows' parameters, and is said the same way for containers."""

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from gpo.comparison.plan import Design
from gpo.spec.file import load_spec
from tasks.announce import EVENT
from tests.support.paths import ROOT

FILES = ("prefect.yaml", "deployments/prefect-docker.yaml")
PROMPT = "review-sentiment"
ANCHOR_LINES = 14
ASK_WHO_STARTS_THEM = {"migrate", "move-prompt"}


def read(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / file).read_text())
    return content


def deployments(file: str = "prefect.yaml") -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in read(file)["deployments"]}


def flow_of(deployment: dict[str, Any]) -> Any:
    module, _, name = deployment["entrypoint"].rpartition(".")
    loaded: ModuleType = importlib.import_module(module)
    return getattr(loaded, name)


def test_everything_is_deployed_with_a_description_and_tags() -> None:
    found = deployments()
    assert set(found) == {PROMPT, "optimize", "compare", "migrate", "watch-dataset", "move-prompt"}
    for deployment in found.values():
        assert deployment["description"].strip()
        assert "gpo" in deployment["tags"]
        assert deployment["work_pool"]["name"] == "gpo-process"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(deployments()))
def test_parameters_are_those_of_the_flow(name: str) -> None:
    from prefect import Flow
    from prefect.utilities.callables import parameter_schema

    deployment = deployments()[name]
    flow = flow_of(deployment)
    assert isinstance(flow, Flow)
    given = deployment.get("parameters", {})
    from_events = {key for trigger in deployment.get("triggers", ()) for key in trigger["parameters"]}
    parameters = inspect.signature(flow.fn).parameters
    assert set(given) | from_events <= set(parameters)
    if name not in ASK_WHO_STARTS_THEM:
        needed = {key for key, each in parameters.items() if each.default is each.empty}
        assert needed <= set(given)
        flow.validate_parameters(given)
    # The form in the Prefect UI explains each field.
    fields = parameter_schema(flow.fn).properties
    assert [key for key, field in fields.items() if not field.get("description")] == []


def test_the_files_that_are_named_are_there() -> None:
    for deployment in deployments().values():
        given = deployment.get("parameters", {})
        for path in (*given.get("design", {}).get("tasks", ()), *filter(None, (given.get("spec"),))):
            load_spec(ROOT / path)
    assert (ROOT / deployments()["watch-dataset"]["parameters"]["source"]).exists()
    Design.model_validate(deployments()["compare"]["parameters"]["design"])


def test_a_prompt_is_reoptimised_at_night_and_when_its_dataset_changes_one_run_at_a_time() -> None:
    deployment = deployments()[PROMPT]
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    (schedule,) = deployment["schedules"]
    assert (schedule["cron"], schedule["timezone"], schedule["active"]) == ("0 3 * * *", "Europe/Berlin", True)
    (trigger,) = deployment["triggers"]
    dataset = load_spec(ROOT / deployment["parameters"]["spec"]).dataset.name
    assert trigger["match"] == {"prefect.resource.id": f"gpo.dataset.{dataset}"}
    assert trigger["expect"] == [EVENT]


@pytest.mark.slow
def test_triggers_are_what_gpo_deploy_makes_and_pass_the_version_as_a_number() -> None:
    from prefect.cli.deploy._triggers import _initialize_deployment_triggers

    from flows.cli.commands.deploy import dataset_trigger

    deployment = deployments()[PROMPT]
    (trigger,) = _initialize_deployment_triggers(PROMPT, deployment["triggers"])
    ours = dataset_trigger(PROMPT, PROMPT)
    assert trigger.model_dump(exclude={"name"}) == ours.model_dump(exclude={"name"})
    version = ours.parameters["dataset_version"] if ours.parameters else {}
    assert version == {
        "__prefect_kind": "json",
        "value": {"__prefect_kind": "jinja", "template": "{{ event.payload.version | tojson }}"},
    }


def test_a_further_prompt_is_a_few_lines() -> None:
    text = (ROOT / "prefect.yaml").read_text()
    lines = text.partition(f"    name: {PROMPT}\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) < ANCHOR_LINES
    assert "<<: *reoptimize" in text


@pytest.mark.parametrize("file", FILES)
def test_no_path_of_a_machine_is_written_down(file: str) -> None:
    text = (ROOT / file).read_text()
    assert str(Path.home()) not in text
    assert str(ROOT) not in text


def test_containers_get_the_same_deployments_in_a_pool_of_their_own() -> None:
    local, containers = deployments(), deployments("deployments/prefect-docker.yaml")
    assert {each["work_pool"]["name"] for each in containers.values()} == {"gpo-docker"}

    def without_pool(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: {**each, "work_pool": None} for name, each in found.items()}

    assert without_pool(local) == without_pool(containers)


def test_runs_work_in_the_folder_they_were_deployed_from() -> None:
    content = read("prefect.yaml")
    (step,) = content["build"]
    (pull,) = content["pull"]
    output = step["prefect.deployments.steps.run_shell_script"]
    assert output["script"] == "pwd"
    assert pull == {
        "prefect.deployments.steps.set_working_directory": {"directory": f"{{{{ {output['id']}.stdout }}}}"}
    }
