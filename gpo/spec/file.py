"""Reads and writes spec files, and explains what is wrong with one: file, field, value, and what was meant."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from gpo.errors import SpecError, suggestion
from gpo.files import open_regular, real_path
from gpo.formatting import shorten_value
from gpo.spec.models import ModelSpec, ModelsSpec
from gpo.spec.strict_yaml import StrictYamlError, read_yaml
from gpo.spec.task import TaskSpec

MOST_BYTES = 500_000
"""The longest file that is read as a spec."""

_UNREPEATED = {"api_key_env", "base_url", "url_env"}
"""Fields whose wrong value may hold a key."""


def load_spec(path: Path) -> TaskSpec:
    """Read and check a spec file. The dataset path is made absolute, relative to the file.

    Raises:
        SpecError: the file is missing, not UTF-8, not YAML, or does not fit; the message names file and field.
    """
    content = _mapping(path, list(TaskSpec.model_fields)[:4])
    try:
        spec = TaskSpec.model_validate(content)
    except ValidationError as error:
        raise SpecError(explain_validation(error, source=str(path))) from None
    return anchor_paths(spec, real_path(path).parent)


def load_models(path: Path) -> dict[str, ModelSpec]:
    """The models that a file names by role, under `models:` as a spec has them; any spec will do.

    Raises:
        SpecError: the file is missing or not YAML, or its models do not fit.
    """
    content = _mapping(path, ["models"])
    if "models" not in content:
        raise SpecError(f"{path}: holds no `models:`; write it as a spec has it, or name a spec")
    try:
        models = _ModelsFile(models=content["models"]).models
    except ValidationError as error:
        raise SpecError(explain_validation(error, source=str(path))) from None
    given = {role: getattr(models, role) for role in models.model_fields_set}
    return {role: _anchor_model(model, real_path(path).parent) for role, model in given.items() if model}


class _ModelsFile(BaseModel):
    models: ModelsSpec


def _mapping(path: Path, keys: Iterable[str]) -> dict[str, Any]:
    """What a YAML file holds; `keys` are some that it may have, for the message."""
    try:
        text = _read_text(path)
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; `gpo spec init NAME --data FILE` writes a starter") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: is a folder; name the spec file in it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        content = read_yaml(text)
    except StrictYamlError as error:
        raise SpecError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise SpecError(f"{path}: expected a mapping with keys such as {', '.join(keys)}")
    return content


def _read_text(path: Path) -> str:
    with open_regular(path) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SpecError(f"{path}: is longer than {MOST_BYTES:,} bytes, which no spec is; rows belong in a dataset")
    return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def dump_spec(spec: TaskSpec) -> str:
    """The spec as YAML, without what is default anyway; `load_spec` reads the same spec from it."""
    content = spec.model_dump(mode="json", exclude_defaults=True)
    # In full: here a default may differ from the preset's choice.
    content["optimizer"] = spec.optimizer.model_dump(mode="json", exclude_none=True)
    return yaml.dump(content, Dumper=_BlockDumper, sort_keys=False, allow_unicode=True, width=110)


class _BlockDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and what stands in two places twice: no alias is read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name and the arguments are YAML's
        """For no value."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """One text as YAML has it."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockDumper.add_representer(str, _BlockDumper.represent_text)


def anchor_paths(spec: TaskSpec, folder: Path) -> TaskSpec:
    """The spec with its file paths made absolute, relative to `folder`."""
    path = spec.dataset.path and real_path(folder / spec.dataset.path.expanduser())
    dataset = spec.dataset.model_copy(update={"path": path})
    models = ModelsSpec.model_validate({role: model and _anchor_model(model, folder) for role, model in spec.models})
    target = spec.target and spec.target.beside(folder)
    changed = {"dataset": dataset, "metric": spec.metric.beside(folder), "models": models, "target": target}
    return spec.model_copy(update=changed)


def _anchor_model(model: ModelSpec, folder: Path) -> ModelSpec:
    if not model.model.endswith(".gguf"):
        return model
    name = model.model.removeprefix("local:")
    return model.model_copy(update={"model": str(real_path(folder / Path(name).expanduser()))})


def explain_validation(error: ValidationError, source: str) -> str:
    """A pydantic error as lines that name the field, what was received, and what was meant."""
    lines = [_explain_one(item, source) for item in error.errors()]
    return "\n".join(dict.fromkeys(lines))


def _explain_one(item: Mapping[str, Any], source: str) -> str:
    location = ".".join(str(part) for part in item["loc"]) or "spec"
    if item["type"] == "extra_forbidden":
        *parents, key = item["loc"]
        return f"{source}: unknown key `{location}`{suggestion(str(key), _fields_at(parents))}"
    if item["type"] == "missing":
        return f"{source}: `{location}` is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    silent = isinstance(item["input"], dict) or not _UNREPEATED.isdisjoint(item["loc"])
    received = "" if silent else f" (received {shorten_value(item['input'])})"
    return f"{source}: `{location}`: {message}{received}"


def _fields_at(parents: Iterable[str | int]) -> list[str]:
    part: type[BaseModel] = TaskSpec
    for name in parents:
        field = part.model_fields.get(str(name))
        annotation = field.annotation if field else None
        kinds = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
        inner = next((each for each in kinds if issubclass(each, BaseModel)), None)
        if inner is None:
            return []
        part = inner
    return list(part.model_fields)
