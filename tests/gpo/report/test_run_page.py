"""The page of a run as a file, and what it makes of any text; `test_run_html.py` has what it says."""

from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpo.formatting import printable
from gpo.records import Candidate, Sample, Scored
from gpo.report.run_html import html_report, report_path, split_code, write_report
from gpo.runs.outcome import Outcome
from gpo.runs.results.result import Change, ExampleResult
from gpo.search.step import Rejection, Step
from tests.support.outcomes import guarded, no_step, outcome, score, spec


class Page(HTMLParser):
    """The tags with their attributes, in order, and the texts by innermost tag."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.texts: dict[str, str] = {}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        self.texts[tag] = self.texts.get(tag, "") + data


QUIET = no_step()
PLAIN = "plain"


def saying(text: str) -> Outcome:
    """A run whose every text is this one."""
    start = Scored(candidate=Candidate(instruction=text), score=score(30, 48))
    rejected = (Rejection(reason="empty", text=text),)
    step = Step(number=1, budget=5, current=text, neighbours=(text,), scored=(), rejected=rejected)
    tests = score(98, 160, samples=[Sample(example=text, text=text, answer=text, value=0.0)])
    return QUIET.model_copy(
        update={
            "task": text,
            "run_id": text,
            "start": start,
            "best": start,
            "history": (step,),
            "start_test": tests,
            "best_test": tests,
        }
    )


@given(st.text(st.characters(), min_size=1))
def test_any_text_stays_text_in_the_page(text: str) -> None:
    page, plain = (Page(html_report(spec(), saying(each))) for each in (text, PLAIN))
    assert page.tags == plain.tags
    shown = printable(text)
    for tag in ("title", "h1", "pre", "code"):
        assert page.texts[tag].count(shown) >= plain.texts[tag].count(PLAIN) > 0


def test_words_between_backticks_are_code_and_stay_text() -> None:
    assert split_code("a `<b>` c`d`") == [("a ", False), ("<b>", True), (" c", False), ("d", True), ("", False)]
    page = Page(html_report(spec(), guarded()))
    assert "style=terse | 'x'" in page.texts["code"]
    assert "b" not in {tag for tag, _ in page.tags}


def test_the_report_of_a_run_is_replaced_whole(tmp_path: Path) -> None:
    path = report_path(tmp_path, "20260102-1a2b3c")
    assert write_report(tmp_path, spec(), no_step()) == path
    assert write_report(tmp_path, spec(), outcome()) == path
    assert path.read_bytes().decode() == html_report(spec(), outcome())
    assert list(path.parent.iterdir()) == [path]


def changed(change: Change, text: str) -> ExampleResult:
    """An example of this kind whose every text is `text`."""
    before, after = float(change == "broken"), float(change == "fixed")
    answer = None if change == "both_wrong" else text
    return ExampleResult(
        run="r",
        split="test",
        prompt="p",
        place=0,
        example=text,
        slices={},
        input={"review": text},
        expected=(text, text),
        text=text,
        answer=answer,
        score=after,
        feedback=text,
        before_text=text,
        before_answer=text,
        before_score=before,
        change=change,
    )


def test_changed_examples_are_shown_with_input_and_right_answer_broken_ones_first() -> None:
    shown = [changed("fixed", "It is fine."), changed("broken", "It is not fine.")]
    page = html_report(spec(), outcome(), shown)
    places = [
        page.index(text) for text in ("Broken: right with", "It is not fine.", "Fixed: wrong with", "It is fine.")
    ]
    assert places == sorted(places)
    assert "It is fine. or It is fine." in page
    assert "wrong ones first" not in page


def test_without_a_better_prompt_the_wrong_answers_to_the_start_are_shown() -> None:
    page = html_report(spec(), no_step(), [changed("both_wrong", "Hm.")])
    assert "Wrong with the start<" in page
    assert '<th scope="col">Best</th>' not in page
    assert "Answers to the start on test, wrong ones first" in html_report(spec(), no_step(), [])


@given(st.text(st.characters(), min_size=1), st.sampled_from(["broken", "fixed", "both_wrong"]))
def test_any_text_of_an_example_stays_text(text: str, change: Change) -> None:
    page, plain = (Page(html_report(spec(), outcome(), [changed(change, each)])) for each in (text, PLAIN))
    assert page.tags == plain.tags
