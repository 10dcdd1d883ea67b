"""What goes into containers, as far as it can be checked without them: schema, names of settings, pins, secrets."""

import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any

import jsonschema
import pytest
import yaml

from flows.stack import probe
from gpo.settings import Settings
from tests.support.paths import ROOT

FOLDER = ROOT / "deployments"
ROOT = FOLDER.parent
TEXT = (FOLDER / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"upgrade-prefect", "upgrade-gpo", "deploy"}
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
SECRETS = ("PASSWORD", "AUTH", "_URL", "KEY")


@pytest.mark.slow
def test_compose_fits_the_schema_of_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


def test_everything_a_team_needs_is_there() -> None:
    assert set(SERVICES) == ONCE | {"postgres", "redis", "server", "services", "chroma", "worker", "prompts"}
    assert "--no-services" in SERVICES["server"]["command"]
    assert SERVICES["services"]["command"] == ["prefect", "server", "services", "start"]
    assert SERVICES["worker"]["deploy"]["replicas"] > 1


def test_every_service_has_a_health_check_and_comes_back() -> None:
    for name, service in SERVICES.items():
        if name in ONCE:
            assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
        else:
            assert service["restart"] == "unless-stopped"
            assert service["healthcheck"]["test"][0] == "CMD"


def test_what_is_waited_for_exists_and_can_become_so() -> None:
    for service in SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if name in ONCE else "service_healthy"
            assert condition == {"condition": wanted}
            assert name in SERVICES


def test_volumes_and_networks_are_declared() -> None:
    for service in SERVICES.values():
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    assert COMPOSE["networks"]["stores"] == {"internal": True}


def test_images_are_pinned() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= {f"python:{tag}" for tag in re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)}
    assert len(images) == 4
    for image in images:
        assert re.fullmatch(r"[a-z-]+:\d+\.\d+[\w.-]*", image), image
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:${PYTHON}"}


def test_nothing_is_published_beyond_the_loopback_interface() -> None:
    published = {name: port for name, service in SERVICES.items() for port in service.get("ports", ())}
    assert set(published) == {"server", "prompts"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if any(part in name for part in ("PASSWORD", "AUTH", "KEY")):
                assert str(value).startswith("${"), name
            if "://" in str(value) and "@" in str(value):
                assert re.search(r":\$\{\w+(:\?[^}]*)?\}@", value), name
    example = (FOLDER / ".env.example").read_text()
    given = dict(line.split("=", 1) for line in example.splitlines() if "=" in line and not line.startswith("#"))
    used = set(re.findall(r"\$\{(\w+)", TEXT)) - {"API_REPLICAS"}
    assert set(given) == used
    assert {
        name: value for name, value in given.items() if any(part in name for part in SECRETS[:2] + SECRETS[3:])
    } == {
        "POSTGRES_PASSWORD": "",
        "REDIS_PASSWORD": "",
        "PREFECT_AUTH": "",
        "PROMPTS_KEY": "",
    }


def _settings() -> set[str]:
    """The names of environment variables that compose file, image and docker pool set."""
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    names |= set(re.findall(r"\b((?:GPO|PREFECT)_\w+)=", DOCKERFILE))
    docker = yaml.safe_load((FOLDER / "prefect-docker.yaml").read_text())
    return names | set(docker["definitions"]["work_pools"]["docker"]["job_variables"]["env"])


def test_settings_of_this_library_are_known_to_it() -> None:
    found = {name for name in _settings() if name.startswith("GPO_")}
    assert {"GPO_DATABASE_URL", "GPO_CHROMA_URL", "GPO_HOME"} <= found
    assert found <= {f"GPO_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.slow
def test_settings_of_prefect_are_known_to_the_prefect_that_is_installed() -> None:
    from prefect.settings.legacy import _get_valid_setting_names
    from prefect.settings.models.root import Settings as PrefectSettings
    from prefect_redis.client import RedisMessagingSettings

    known = set(_get_valid_setting_names(PrefectSettings))
    known |= {f"PREFECT_REDIS_MESSAGING_{name.upper()}" for name in RedisMessagingSettings.model_fields}
    found = {name for name in _settings() if name.startswith("PREFECT_")}
    assert "PREFECT_SERVER_API_AUTH_STRING" in found
    assert found <= known


def test_a_server_of_several_shares_everything_that_it_has_to() -> None:
    for name in ("server", "services"):
        environment = SERVICES[name]["environment"]
        assert environment["PREFECT_SERVER_EVENTS_MESSAGING_BROKER"] == "prefect_redis.messaging"
        assert environment["PREFECT_SERVER_EVENTS_MESSAGING_CACHE"] == "prefect_redis.messaging"
        assert environment["PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"] == "prefect_redis.ordering"
        assert environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] == "prefect_redis.lease_storage"
        assert environment["PREFECT_SERVER_DOCKET_URL"].startswith("redis://")
        assert environment["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"


def test_the_image_runs_as_a_user_from_a_lock_and_hears_signals() -> None:
    runtime = DOCKERFILE.split("\nFROM ")[-1]
    assert DOCKERFILE.count("\nFROM ") == 2
    assert re.search(r"^USER 10001$", runtime, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE
    for kind in ("RUN", "CMD", "HEALTHCHECK"):
        assert re.search(rf"^{kind} ", runtime, re.MULTILINE)
    exec_form = re.findall(r"^\s*(?:RUN|CMD|ENTRYPOINT) (.*)$", DOCKERFILE, re.MULTILINE)
    assert all(isinstance(json.loads(command), list) for command in exec_form)


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_health_checks_name_modules_that_are_there() -> None:
    for service in SERVICES.values():
        test = service["healthcheck"].get("test", [])
        if "-m" in test:
            assert test[1:4] == ["python", "-m", "gpo.flows.stack.probe"]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (404, True), (503, False)])
def test_a_probe_knows_who_answers(status: int, healthy: bool) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        place = f"127.0.0.1:{server.server_port}"
        thread = Thread(target=server.handle_request)
        thread.start()
        assert probe.answers(f"http://{place}/health") == healthy
        thread.join()
        assert probe.answers(f"tcp://{place}")
    assert not probe.answers(f"tcp://{place}")
    assert not probe.answers(f"http://{place}/health")
