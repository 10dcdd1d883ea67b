"""Exports prompts to files for version control and reads them back: one YAML or JSON file a prompt, with its history.

The same registry gives the same bytes, so that a commit shows only what changed.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from gpo.errors import PromptError, StateError
from gpo.files import read_regular, write_whole
from gpo.names import check_prompt_name
from gpo.prompts.version import PromptRecord

Format = Literal["yaml", "json"]
FORMATS: tuple[Format, ...] = ("yaml", "json")
_LAYOUT = 1
# YAML takes them for line breaks, and reads them back as another one, unless they are escaped.
_OTHER_BREAKS = re.compile(r"[\r\x85\u2028\u2029\ufeff]")


def write_record(folder: Path, record: PromptRecord, form: Format = "yaml") -> Path:
    """Write one prompt to `folder`/NAME.yaml or NAME.json, whole or not at all; returns the file.

    Raises:
        StateError: it cannot be written; what was there before still is.
    """
    path = folder / f"{check_prompt_name(record.name)}.{form}"
    content = {"layout": _LAYOUT, **record.model_dump(mode="json", exclude_defaults=True)}
    text = _as_yaml(content) if form == "yaml" else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    try:
        write_whole(path, text)
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}; make its folder writable") from None
    return path


def read_record(path: Path) -> PromptRecord:
    """Read a file that `write_record` wrote.

    Raises:
        PromptError: it is missing, damaged, was edited so that it no longer agrees with itself, or is something else.
    """
    try:
        text = read_regular(path).decode("utf-8")
        # JSON is read as such: YAML reads some texts of JSON differently.
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise PromptError(f"{path}: cannot be read: {error.strerror}; `gpo prompt export` writes such files") from None
    except (ValueError, yaml.YAMLError) as error:
        raise PromptError(f"{path}: is no exported prompt: {error}") from None
    if not isinstance(content, dict) or content.pop("layout", None) != _LAYOUT:
        raise PromptError(f"{path}: is no exported prompt of layout {_LAYOUT}; `gpo prompt export` writes such files")
    try:
        record = PromptRecord.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PromptError(f"{path}: is no exported prompt: `{where}`: {first['msg']}") from None
    _check(path, record)
    return record


def _check(path: Path, record: PromptRecord) -> None:
    for number, version in enumerate(record.versions, start=1):
        if version.version != number or version.name != record.name:
            raise PromptError(f"{path}: version {number} of {record.name} is missing or out of place; export it anew")
        if version.digest != version.content.digest:
            raise PromptError(
                f"{path}: version {number} was edited, its digest differs; a version never changes: register the text "
                "as a new one, and export that"
            )
    if aliases_after(record) != record.aliases:
        raise PromptError(f"{path}: the aliases are not where the moves left them; export it anew")


def aliases_after(record: PromptRecord) -> Mapping[str, int]:
    """Where the moves of a prompt leave its aliases."""
    return {move.alias: move.to_version for move in record.moves}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, which a diff shows line by line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _OTHER_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _as_yaml(content: Mapping[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
