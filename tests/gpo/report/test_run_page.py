"""The page of a run as a file, and what it makes of any text; `test_run_html.py` has what it says."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpo.formatting import printable
from gpo.records import Candidate, Sample, Scored
from gpo.report.page.material import RunMaterial, report_path
from gpo.report.page.templates import split_code
from gpo.report.run_html import html_report, write_report
from gpo.runs.outcome import Outcome, all_scored
from gpo.runs.results.proved import LabelTable, ProvedExamples
from gpo.runs.results.result import Change, ExampleResult
from gpo.runs.results.summary import break_down
from gpo.search.step import Rejection, Step
from tests.support.outcomes import guarded, no_step, outcome, score, scored, spec


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
PLAIN = "simple"


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


def material(*results: ExampleResult) -> RunMaterial:
    counts = Counter(each.change for each in results if each.change)
    return RunMaterial(examples=ProvedExamples(results, counts, len(results)))


def test_changed_examples_stand_side_by_side_with_input_and_right_answer() -> None:
    page = html_report(
        spec(), outcome(), material(changed("broken", "It is not fine."), changed("fixed", "It is fine."))
    )
    assert "1 broken</span>, <span" in page
    order = [">broken</span>", "It is not fine.", ">fixed</span>", "It is fine."]
    assert sorted(page.index(text) for text in order) == [page.index(text) for text in order]
    assert "It is fine. or It is fine." in page
    assert "wrong ones first" not in page


def test_without_a_better_prompt_the_answers_to_the_start_are_shown() -> None:
    page = html_report(spec(), no_step(), material(changed("both_wrong", "Hm.")))
    assert '<span class="mark">wrong</span>' in page
    assert "<h4>Best" not in page
    assert "Answers to the start on test, wrong ones first" in html_report(spec(), no_step())


@given(st.text(st.characters(), min_size=1), st.sampled_from(["broken", "fixed", "both_wrong"]))
def test_any_text_of_an_example_stays_text(text: str, change: Change) -> None:
    page, plain = (Page(html_report(spec(), outcome(), material(changed(change, each)))) for each in (text, PLAIN))
    assert page.tags == plain.tags


def test_labels_are_shown_as_they_were_answered_before_and_after() -> None:
    pairs = {"before": [("yes", "no"), ("no", None)], "after": [("yes", "yes"), ("no", "no")]}
    tables = {when: LabelTable(*break_down(found, ["yes", "no"], are_sets=False)) for when, found in pairs.items()}
    page = html_report(spec(), outcome(), RunMaterial(examples=ProvedExamples(**tables)))
    start, best = page.index("Start: what was answered"), page.index("Best: what was answered")
    assert start < page.index('<th scope="col" class="number">unread</th>') < best
    assert page.index('<td class="number off">1</td>') < best < page.rindex('<td class="number right">1</td>')


def test_the_command_that_puts_it_live_names_the_spec_as_a_shell_takes_it() -> None:
    page = html_report(spec(), outcome(), RunMaterial(spec="my specs/tickets.yaml", home="/srv/gpo"))
    assert "gpo prompt register &#39;my specs/tickets.yaml&#39; --best --promote --seed 0 --home /srv/gpo" in page
    assert "in spite of the gate" in html_report(spec(), guarded())
    assert "--promote" not in html_report(spec(), no_step())


def test_a_large_run_fits_a_page_and_leaves_nothing_out_of_the_files_beside_it(tmp_path: Path) -> None:
    whole = outcome()
    parent = whole.start.candidate
    steps = tuple(
        Step(
            number=number,
            budget=40,
            current=parent.instruction,
            neighbours=(parent.instruction,),
            scored=tuple(
                scored(number, place, 30, 48, instruction=f"{number} {place} {'Weigh it well. ' * 30}", parent=parent)
                for place in range(1, 11)
            ),
            rejected=(Rejection(reason="duplicate", text="Again. " * 100),) * 5,
        )
        for number in range(1, 51)
    )
    made = whole.model_copy(update={"history": steps, "best": steps[-1].scored[0]})
    rows = [changed("fixed", f"{number} {'A long review. ' * 20}") for number in range(1000)]
    vectors = {item.candidate.id: [float(place % 7), float(place % 11)] for place, item in enumerate(all_scored(made))}
    path = write_report(tmp_path, spec(), made, material(*rows)._replace(vectors=vectors), lambda: iter(rows))
    assert 200_000 < path.stat().st_size < 1_000_000
    examples, proposals = sorted(each for each in path.parent.iterdir() if each != path)
    assert len(examples.read_text(encoding="utf-8").splitlines()) == 1 + len(rows)
    assert len(proposals.read_text(encoding="utf-8").splitlines()) == 1 + 500 + 250
    page = path.read_text(encoding="utf-8")
    assert f"all are in <code>{examples.name}</code> beside this page" in page
    assert f"<code>{proposals.name}</code> beside this page has all" in page
