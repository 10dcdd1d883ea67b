"""Checks of the machine: Python, the packages, the embedded models and their servers."""

import importlib.metadata
import sys
from collections.abc import Iterator

from packaging.requirements import Requirement

from flows.cli.checks.check import DISTRIBUTION, Check
from gpo.errors import INSTALL, GpoError
from gpo.models.local.gguf import resolve
from gpo.models.local.servers import status
from gpo.settings import Settings

OLDEST_PYTHON = (3, 11)

_SHOWN_PACKAGES = ("prefect", "langchain", "chromadb")
_PREFECT_PINS = ("fastapi", "sqlalchemy")
_EMBEDDED_PACKAGES = ("xllamacpp", "wordllama")
_EMBEDDED_MODEL = "local:smollm2-135m"


def check_python() -> Check:
    """Whether this Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check(name="Python", state="ok", text=version)
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Check(name="Python", state="failed", text=f"{version}; install Python {wanted} or newer")


def check_packages() -> Iterator[Check]:
    """Whether the main packages are installed in versions that fit; a warning where that cannot be known."""
    try:
        required = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        text = f"{DISTRIBUTION} is not installed, so what it needs is not known; in a clone: pip install -e ."
        yield Check(name="packages", state="warning", text=text)
        return
    wanted = {
        requirement.name: requirement
        for requirement in required
        if requirement.marker is None or requirement.marker.evaluate({"extra": "pipeline"})
    }
    for name in (*_SHOWN_PACKAGES, *_PREFECT_PINS):
        yield _package(wanted[name])


def _package(requirement: Requirement) -> Check:
    install = f"pip install '{requirement}'"
    version = _version(requirement.name)
    if version is None:
        return Check(name=requirement.name, state="failed", text=f"is not installed; {install}")
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(name=requirement.name, state="failed", text=f"{version} does not fit; {install}")
    pin = ", held back for Prefect" if requirement.name in _PREFECT_PINS else ""
    return Check(name=requirement.name, state="ok", text=f"{version} ({requirement.specifier}{pin})")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_embedded_models() -> Iterator[Check]:
    """The extra `local`: without it a run works with remote models only."""
    versions = {name: _version(name) for name in _EMBEDDED_PACKAGES}
    if missing := [name for name, version in versions.items() if version is None]:
        text = f"{' and '.join(missing)} not installed; only models named `local:` need them: {INSTALL}"
        yield Check(name="embedded models", state="warning", text=text)
        return
    for name, version in versions.items():
        yield Check(name=name, state="ok", text=str(version))
    try:
        path = resolve(_EMBEDDED_MODEL)
    except GpoError as error:
        yield Check(name="embedded model", state="warning", text=str(error))
    else:
        text = f"{path.name}, {path.stat().st_size / 1e6:.0f} MB, checksum right"
        yield Check(name="embedded model", state="ok", text=text)


def check_model_servers(settings: Settings) -> Check:
    """The servers of embedded models that run now."""
    running = [f"{each.model}, pid {each.pid}, port {each.port}, users {each.users}" for each in status(settings)]
    return Check(name="model servers", state="ok", text="; ".join(running) or "none runs; a run starts its own")
