import base64
from itertools import combinations
from math import dist
from xml.etree import ElementTree as ET

import pytest

from gpo.records import Interval
from gpo.report.chart import svg_data_uri, trajectory_svg
from gpo.runs.outcome import Outcome
from tests.support.outcomes import CASES, history, hostile, no_step, outcome, score

SVG = "{http://www.w3.org/2000/svg}"


def drawn(made: Outcome, width: int = 720, height: int = 300) -> ET.Element:
    return ET.fromstring(trajectory_svg(made, width, height))


def circles(picture: ET.Element, css: str) -> list[tuple[float, float]]:
    found = picture.iterfind(f"{SVG}circle[@class='{css}']")
    # Those of the legend have no tip.
    return [
        (float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in found if dot.find(f"{SVG}title") is not None
    ]


def labels(picture: ET.Element) -> list[str]:
    return [text.text or "" for text in picture.iterfind(f"{SVG}text")]


def with_scores(right: int, dev: int = 48) -> Outcome:
    """A run of one step, whose best has `right` of `dev` answers right and the start 30 of 48."""
    best = outcome().history[0].scored[0].model_copy(update={"score": score(right, dev)})
    step = outcome().history[0].model_copy(update={"scored": (best,)})
    return outcome(best=best, history=(step,), gain=Interval(value=0.1, low=0, high=0.2))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [(720, 300), (400, 220)])
def test_every_run_can_be_drawn(name: str, size: tuple[int, int]) -> None:
    picture = drawn(CASES[name](), *size)
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title", "").startswith("Dev score by step: start 62.5%")
    assert "nan" not in ET.tostring(picture, encoding="unicode")
    for x, y in [place for css in ("dot", "dropped", "best") for place in circles(picture, css)]:
        assert 0 < x < size[0]
        assert 0 < y < size[1]


def test_each_candidate_is_a_dot_and_dropped_ones_are_hollow() -> None:
    picture = drawn(outcome())
    assert [len(circles(picture, css)) for css in ("best", "dot", "dropped")] == [1, 9, 3]
    assert "dropped early" in labels(picture)


def test_higher_scores_are_higher_and_later_steps_further_right() -> None:
    picture = drawn(outcome())
    tips = {
        (dot.findtext(f"{SVG}title") or "").split(":")[0]: (float(dot.get("cx", "")), float(dot.get("cy", "")))
        for dot in picture.iterfind(f"{SVG}circle")
    }
    assert tips["s2c01"][1] < tips["s1c01"][1] < tips["s0c00"][1]
    assert tips["s0c00"][0] < tips["s1c01"][0] < tips["s2c01"][0]


def test_the_best_is_named_and_both_lines_are_labelled() -> None:
    assert {"s2c01", "best 81.2%", "start 62.5%", "Step", "Dev score"} <= set(labels(drawn(outcome())))


def test_without_a_better_prompt_there_is_one_label() -> None:
    found = labels(drawn(no_step()))
    assert "start 62.5%" in found
    assert not [text for text in found if text.startswith("best ") and text.endswith("%")]


@pytest.mark.parametrize("right", [31, 32, 40, 48])
def test_labels_do_not_overlap(right: int) -> None:
    texts = [
        text for text in drawn(with_scores(right), height=160).iterfind(f"{SVG}text") if (text.text or "").endswith("%")
    ]
    ends = [float(text.get("y", "")) for text in texts if (text.text or "").startswith(("best", "start"))]
    assert abs(ends[0] - ends[1]) >= 14.9


def test_dots_of_equal_scores_lie_side_by_side() -> None:
    picture = drawn(outcome())
    dots = [place for css in ("dot", "dropped", "best") for place in circles(picture, css)]
    assert all(dist(one, other) > 7.9 for one, other in combinations(dots, 2))


def test_the_axis_never_leaves_what_a_score_can_be() -> None:
    axis = [text for text in labels(drawn(with_scores(48))) if text.endswith("%") and " " not in text]
    assert axis[-1] == "100%"
    assert len(axis) in range(3, 8)


def test_a_small_difference_does_not_fill_the_picture() -> None:
    axis = [text for text in labels(drawn(with_scores(31))) if text.endswith("%") and " " not in text]
    assert float(axis[-1][:-1]) - float(axis[0][:-1]) >= 12


def test_the_picture_holds_no_text_of_a_prompt() -> None:
    assert "alert" not in trajectory_svg(hostile())


def test_the_data_uri_is_the_picture() -> None:
    svg = trajectory_svg(outcome(history=history(outcome().start)))
    head, body = svg_data_uri(svg).split(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(body).decode() == svg
