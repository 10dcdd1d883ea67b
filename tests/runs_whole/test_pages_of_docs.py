"""The pages for newcomers: every command in them is typed as it stands, in their order, on synthetic models."""

from pathlib import Path

import pytest
import yaml

from gpo.spec.models import ModelsSpec
from gpo.spec.task import BudgetSpec
from tests.runs_whole.test_python_pages import fresh_loader
from tests.support.pages import NEWCOMERS, blocks
from tests.support.reader import Reader, follow_page

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.mark.parametrize("page", NEWCOMERS)
def test_every_command_of_a_page_does_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with fresh_loader():
        follow_page(page, Reader(monkeypatch))


@pytest.mark.parametrize("page", ["docs/quickstart.md", "docs/providers.md"])
def test_every_spec_on_a_page_is_one(page: str) -> None:
    found = [yaml.safe_load(block.text) for block in blocks(page) if block.kind == "yaml"]
    assert found
    for content in found:
        ModelsSpec.model_validate(content["models"])
        BudgetSpec.model_validate(content.get("budget", {}))
