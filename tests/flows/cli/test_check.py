"""`gpo check`: the prompt of the working tree against the one in production, by the gate."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.production.decision_log import Production
from gpo.production.starting_point import count_looks
from gpo.settings import load_settings
from gpo.spec.file import load_spec
from tests.support.commands import gpo, refused, right, spec_content, write
from tests.support.endpoint import Request, serving

pytestmark = pytest.mark.usefixtures("folder")

WRONG = {"positive": "negative", "negative": "positive"}


def by_prompt(request: Request) -> str:
    """Right where the prompt says so, for every other review where it says half, else wrong."""
    answer = right(request)
    if "Care." in request.text or request.model == "optimizer":
        return answer
    return "positive" if "Half." in request.text else WRONG[answer]


def by_question(request: Request) -> str:
    """The same by the question alone, whatever is shown before it."""
    return by_prompt(replace(request, text=str(request.body["messages"][-1]["content"])))


def looks_of(folder: Path) -> tuple[str, ...]:
    with open_state(load_settings(), folder / ".gpo") as engine:
        return count_looks(Production(engine), "reviews", "production").runs


def checked(*arguments: Any) -> dict[str, Any]:
    result = gpo("check", *arguments, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == found["exit_code"]
    return found


@pytest.mark.slow
def test_a_prompt_passes_or_not_by_the_gate_and_is_paid_for_once(folder: Path) -> None:
    with serving(by_prompt) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        assert gpo("prompt", "register", path).exit_code == 0
        same = checked(path)
        assert (same["outcome"], same["exit_code"], same["verdict"], endpoint.calls) == ("same", 0, None, 0)

        new = folder / "new.txt"
        new.write_text("Care.\n", encoding="utf-8")
        files = ("--junit", "check.xml", "--markdown", "check.md")
        better = checked(path, "--prompt", new, *files)
        assert (better["outcome"], better["exit_code"], better["after"]) == ("passes", 0, "Care.")
        assert better["against"] == {"version": 1, "alias": "production"}
        # Both on 12 test examples, and the check before on 8 of dev.
        assert better["calls"] == {"paid": 32, "cached": 0}
        assert better["verdict"]["use"] == {"alias": "production", "number": 1, "unattended": True}
        assert better["verdict"]["earlier_uses"] == 0
        assert (len(better["fixed"]), better["broken"]) == (12, [])
        cases = Xml.parse(folder / "check.xml").getroot()
        assert not cases.findall(".//failure")
        summary = (folder / "check.md").read_text(encoding="utf-8")
        assert summary.startswith("<!-- gpo check: reviews -->\n### `reviews`: Better than version 1 in production\n")
        assert "Fixed: wrong before, right now (12)" in summary
        assert "<del>Is it good?</del> <ins>Care.</ins>" in summary

        # The same check is the same use; another one is the next use of the split and of the alias.
        again = checked(path, "--prompt", new)
        assert again == {**better, "calls": {"paid": 0, "cached": 24}}
        new.write_text("Lie.", encoding="utf-8")
        alike = checked(path, "--prompt", new)
        assert (alike["outcome"], alike["exit_code"], alike["fixed"]) == ("not proven", 4, [])
        # The answers of production are known; those of the check before are none of the comparison.
        assert alike["calls"] == {"paid": 20, "cached": 12}
        assert (alike["verdict"]["use"]["number"], alike["verdict"]["earlier_uses"]) == (2, 1)
        assert looks_of(folder) == (better["id"], alike["id"])
        assert gpo("decisions").stdout.count("\tchecked\tproduction\t1\t") == 2


@pytest.mark.slow
def test_a_prompt_that_is_worse_is_turned_down_and_one_that_passed_and_went_live_begins_a_new_budget(
    folder: Path,
) -> None:
    with serving(by_prompt) as endpoint:
        content = spec_content(endpoint.url)
        content["prompt"]["instruction"] = "Care."
        path = write(folder, content)
        gpo("prompt", "register", path)
        content["prompt"]["instruction"] = "Lie."
        worse = checked(write(folder, content), "--junit", "check.xml")
        assert (worse["outcome"], worse["exit_code"], len(worse["broken"])) == ("worse", 3, 12)
        cases = [each for each in Xml.parse(folder / "check.xml").iter("testcase") if each.find("failure") is not None]
        assert [each.get("name") for each in cases[:2]] == ["the gate lets it pass", "gain"]
        assert len(cases) == 2 + 12
        assert gpo("check", path).stdout.splitlines()[0] == "reviews: Turned down: worse than version 1 in production"
        gpo("prompt", "register", path, "--promote")

        content["prompt"]["instruction"] = "Care. Now."
        passed = checked(write(folder, content))
        assert (passed["outcome"], passed["verdict"]["use"]["number"]) == ("passes", 2)
        assert len(looks_of(folder)) == 2
        gpo("prompt", "register", path, "--promote")
        assert looks_of(folder) == ()


@pytest.mark.slow
def test_messages_and_demonstrations_are_compared_as_they_are_in_production(folder: Path) -> None:
    with serving(by_prompt) as endpoint:
        content = spec_content(endpoint.url, few_shot=2)
        path = write(folder, content)
        gpo("prompt", "register", path)
        content["prompt"]["messages"] = [{"system": "Care."}, {"user": "{{review}}\n{{instruction}}"}]
        content["few_shot"] = 0
        write(folder, content)
        found = checked(path, "--against", "1")
        assert (found["messages_differ"], found["demonstrations_differ"], found["outcome"]) == (True, True, "passes")
        assert found["verdict"]["use"] is None  # named by its number, it is a use of no alias
        assert looks_of(folder) == ()
        asked = {request.text.count("Thing ") for request in endpoint.requests}
        assert asked == {1, 3}  # those of production with its two demonstrations


@pytest.mark.slow
def test_examples_that_a_search_has_chosen_stay_when_a_text_is_checked(folder: Path) -> None:
    with serving(by_question) as endpoint:
        content = spec_content(endpoint.url, few_shot=1)
        train = [each.id for each in load_splits(load_spec(write(folder, content))).train]
        content["optimizer"] = {"demonstrations": "searched", "shown": train[:3]}
        gpo("prompt", "register", write(folder, content))
        del content["optimizer"]["shown"]
        path = write(folder, content)
        same = checked(path)
        assert (same["outcome"], same["demonstrations_differ"], endpoint.calls) == ("same", False, 0)

        content["prompt"]["instruction"] = "Care."
        found = checked(write(folder, content))
        assert (found["outcome"], found["demonstrations_differ"]) == ("passes", False)
        assert {request.text.count("Thing ") for request in endpoint.requests} == {4}, "three examples and the question"
        # What has passed is what goes live.
        gpo("prompt", "register", path, "--promote")
        assert looks_of(folder) == ()
        assert checked(path)["outcome"] == "same"

        content["optimizer"]["shown"] = train[:1]
        told = checked(write(folder, content))
        assert told["demonstrations_differ"], "what the spec itself names is what it shows"


def test_files_that_cannot_be_written_are_refused_before_anything_else(folder: Path) -> None:
    (folder / "file").write_text("", encoding="utf-8")
    refused(gpo("check", "none.yaml", "--junit", folder / "file" / "a.xml"), "a.xml: cannot be written: ")
    refused(gpo("check", "none.yaml", "--markdown", folder), "cannot be written: Is a directory")
    refused(gpo("check", "none.yaml", "--markdown", folder / "a.md"), "none.yaml")
    assert [each.name for each in folder.iterdir() if each.name.startswith((".a", "a"))] == []


@pytest.mark.slow
def test_what_cannot_be_checked_is_refused_before_anything_is_asked(folder: Path) -> None:
    path = write(folder, spec_content("http://127.0.0.1:9"))
    refused(gpo("check", path), "holds no gpo.db", "gpo prompt register")
    gpo("prompt", "register", path)
    refused(gpo("check", path, "--against", "nowhere"), "no alias 'nowhere'", "production")
    refused(gpo("check", path, "--prompt", "none.txt"), "none.txt", "cannot be read")
    (folder / "blank.txt").write_text(" \n", encoding="utf-8")
    refused(gpo("check", path, "--prompt", "blank.txt"), "blank")
