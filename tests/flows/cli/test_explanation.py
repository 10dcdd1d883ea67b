import json

import pytest

from gpo.spec.method import DEFAULT_PRESET, PRESETS
from tests.support.commands import gpo


def test_the_list_of_presets_has_all_parts_fits_80_columns_and_marks_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = gpo("presets").stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    for name in PRESETS:
        mark = f"{name}* " if name == DEFAULT_PRESET else f"{name} "
        assert sum(line.startswith(mark) for line in lines) >= 2
    second = len(PRESETS) + 2
    assert lines[second].split() == ["preset", "accept", "current", "restart", "ways"]
    assert lines[second + 1] == "minibatch*    expected  expected  yes      cases, define, scores, restructure"
    assert f"* {DEFAULT_PRESET} is the default." in "\n".join(lines)


def test_the_presets_as_json_have_their_sizes_and_say_which_is_the_default() -> None:
    found = json.loads(gpo("presets", "--json").stdout)
    assert set(found) == set(PRESETS)
    assert [name for name, method in found.items() if method["default"]] == [DEFAULT_PRESET]
    assert {name: found["gpo"][name] for name in ("accept", "current", "restart", "ways")} == {
        "accept": "none",
        "current": "best",
        "restart": False,
        "ways": [],
    }
    assert (found[DEFAULT_PRESET]["candidates"], found["gpo"]["candidates"]) == (4, 8)
