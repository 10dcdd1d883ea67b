"""`gpo spec`: the schema explains every field, and a starter spec loads."""

import json
from pathlib import Path

import pytest

from gpo.spec.file import load_spec
from tests.support.commands import gpo, jsonl, refused, rows

pytestmark = pytest.mark.usefixtures("folder")


def test_spec_schema_is_a_json_schema() -> None:
    result = gpo("spec", "schema")
    schema = json.loads(result.stdout)
    assert {"name", "prompt", "dataset"} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_spec_schema_explains_every_field() -> None:
    schema = json.loads(gpo("spec", "schema").stdout)
    kinds = {name: kind for name, kind in schema["$defs"].items() if kind.get("description")}
    assert {"DatasetSpec", "OptimizerSpec", "ModelSpec"} <= kinds.keys()
    unexplained = [
        f"{place}.{name}"
        for place, kind in {"": schema, **kinds}.items()
        for name, field in kind.get("properties", {}).items()
        if not field.get("description") and "$ref" not in field
    ]
    assert not unexplained


def test_spec_init_writes_a_spec_that_loads(folder: Path) -> None:
    (folder / "reviews.jsonl").write_text(jsonl(rows()))
    result = gpo("spec", "init", "reviews", "--data", "reviews.jsonl")
    assert result.exit_code == 0
    assert "gpo optimize reviews.yaml" in result.stdout
    spec = load_spec(folder / "reviews.yaml")
    assert spec.dataset.path == folder / "reviews.jsonl"
    assert spec.dataset.reference == "label"


def test_spec_init_overwrites_only_when_forced(folder: Path) -> None:
    (folder / "reviews.jsonl").write_text(jsonl(rows()))
    (folder / "reviews.yaml").write_text("mine")
    refused(gpo("spec", "init", "reviews", "--data", "reviews.jsonl"), "reviews.yaml", "--force")
    assert (folder / "reviews.yaml").read_text() == "mine"
    assert gpo("spec", "init", "reviews", "--data", "reviews.jsonl", "--force").exit_code == 0
