"""What Prefect is told before it is imported."""

import os
from pathlib import Path

import pytest

from flows.stack.environment import api_url, make_keys, place_of_prompts_key, prepare_prefect, prompts_key_path


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    monkeypatch.setattr(os, "environ", kept)
    kept["PREFECT_HOME"] = str(tmp_path / "prefect")


def profile(tmp_path: Path, text: str) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "profiles.toml").write_text(text)


def test_state_goes_to_the_state_folder_and_nothing_is_reported(tmp_path: Path) -> None:
    prepare_prefect(tmp_path / ".gpo")
    assert os.environ["PREFECT_LOCAL_STORAGE_PATH"] == str(tmp_path / ".gpo" / "results")
    assert os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"].endswith("/.gpo/prefect.db")
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert api_url() is None


def test_what_the_user_has_set_wins(tmp_path: Path) -> None:
    os.environ["PREFECT_LOCAL_STORAGE_PATH"] = "/elsewhere"
    profile(
        tmp_path,
        'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://team:4200/api"\n'
        'PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL = "DEBUG"\n',
    )
    prepare_prefect(tmp_path / ".gpo")
    assert os.environ["PREFECT_LOCAL_STORAGE_PATH"] == "/elsewhere"
    assert "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL" not in os.environ
    assert api_url() == "http://team:4200/api"


@pytest.mark.parametrize("text", ["not toml [", "", '[profiles.other]\nPREFECT_API_URL = "http://x/api"\n'])
def test_a_profile_that_says_nothing_changes_nothing(tmp_path: Path, text: str) -> None:
    profile(tmp_path, text)
    assert api_url() is None


def test_a_key_for_prompts_that_the_user_has_set_wins_and_is_not_written_down(tmp_path: Path) -> None:
    os.environ["GPO_PROMPTS_KEY"] = "mine"
    make_keys(tmp_path)
    assert os.environ["GPO_PROMPTS_KEY"] == "mine"
    assert (prompts_key_path(tmp_path).exists(), place_of_prompts_key(tmp_path)) == (False, "GPO_PROMPTS_KEY")

    del os.environ["GPO_PROMPTS_KEY"]
    make_keys(tmp_path)
    assert os.environ["GPO_PROMPTS_KEY"] == prompts_key_path(tmp_path).read_text()
    assert place_of_prompts_key(tmp_path) == str(prompts_key_path(tmp_path))

    os.environ["GPO_PROMPTS_KEY"] = "mine"  # beside the file of before
    assert place_of_prompts_key(tmp_path) == "GPO_PROMPTS_KEY"


def test_without_a_home_folder_there_is_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(_path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    del os.environ["PREFECT_HOME"]
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert api_url() is None
