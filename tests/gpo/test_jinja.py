import os
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from gpo.jinja import Templates
from tests.support.paths import ROOT


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with two templates of the same content."""
    name = "package_with_templates"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    for file in ("page.html.j2", "file.yaml.j2"):
        (tmp_path / name / file).write_text("{{ value }} {{ value | upper }} {{ value | safe }}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_html_is_escaped_but_where_it_is_marked_safe(package: str) -> None:
    assert Templates(package, {}).fill("page.html.j2", value="<b>") == "&lt;b&gt; &lt;B&gt; <b>\n"


def test_other_files_have_values_as_they_are(package: str) -> None:
    assert Templates(package, {}).fill("file.yaml.j2", value="<b>") == "<b> <B> <b>\n"


def test_what_no_page_may_hold_is_replaced(package: str) -> None:
    shown = Templates(package, {"upper": str}).fill("page.html.j2", value="a\x00\ud800\u2028")
    assert shown.split(" ")[1] == "a\\x00\\ud800\\u2028"
    shown.split(" ")[1].encode()


def test_a_value_that_was_not_given_is_an_error_not_a_gap(package: str) -> None:
    with pytest.raises(UndefinedError, match="'value' is undefined"):
        Templates(package, {}).fill("page.html.j2", valu="x")


def test_a_template_that_is_not_there_is_named(package: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.html\.j2"):
        Templates(package, {}).fill("absent.html.j2")


def run_python(code: str, *folders: Path) -> list[str]:
    """The lines that `code` prints where modules are looked for in these folders first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folders[0], capture_output=True, check=True
    )
    return done.stdout.decode().splitlines()


@pytest.mark.slow
def test_jinja_is_not_imported_before_a_page_is_made() -> None:
    code = "import sys, gpo.report.run_html, gpo.data.starter; print('jinja2' in sys.modules)"
    assert run_python(code, ROOT) == ["False"]
