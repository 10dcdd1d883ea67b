import json
import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from gpo.formatting import printable
from gpo.records import Candidate, Scored, Usage
from gpo.report import findings
from gpo.report.page.templates import hash_of_script
from gpo.report.run_html import html_report
from gpo.report.run_json import candidates_table, summary_json
from gpo.report.run_markdown import markdown_report
from gpo.runs.outcome import Calls, Outcome
from gpo.search.step import Rejection, Step
from gpo.spec.gate import GateSpec
from gpo.spec.program_text import join_texts
from gpo.spec.task import TaskSpec
from tests.support.outcomes import (
    BETTER,
    CASES,
    HOSTILE,
    START,
    all_failed,
    guarded,
    hostile,
    no_step,
    nothing_scored,
    outcome,
    proved,
    score,
    spec,
    unclear,
    unmeasured,
)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Outcome:
    return CASES[request.param]()


class Page(HTMLParser):
    """Fails on tags that do not match; keeps the tags, the addresses they name, and the text by innermost tag."""

    VOID = frozenset({"meta", "br", "img", "link", "hr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def within(self, tag: str) -> list[str]:
        return [text for place, text in self.texts if place == tag]


def rendered(markdown: str) -> Page:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    reader.validateLink = lambda _: True  # images in data URIs, as the Prefect UI shows them
    return Page(reader.render(markdown))


def test_the_table_has_one_row_a_prompt_and_says_what_became_of_it() -> None:
    table = candidates_table(outcome())
    assert list(table.columns) == [
        *("step", "candidate", "score", "low", "high", "n", "planned", "distance", "proposed_distance", "budget"),
        *("unparsed", "failed", "status", "instruction", "proposed", "shown"),
    ]
    assert len(table) == 13
    status = dict(zip(table["candidate"], table["status"], strict=True))
    assert status["s2c01"] == "best"
    assert [label for label, value in status.items() if value == "current"] == ["s0c00", "s1c01"]
    assert [label for label, value in status.items() if value == "dropped"] == ["s1c03", "s2c03", "s3c03"]


def test_the_table_goes_into_json_without_nan(case: Outcome) -> None:
    rows = candidates_table(case).to_dict(orient="records")
    assert json.loads(json.dumps(rows, allow_nan=False))[0]["budget"] is None


def test_the_summary_has_exactly_these_keys() -> None:
    summary = summary_json(outcome(), "report.html")
    assert summary["verdict"]["decision"] == "promote"
    assert summary | {"verdict": None} == {
        "run_id": "20260102-1a2b3c",
        "task": "review-sentiment",
        "start": {"instruction": START, "dev": 0.625, "test": 0.6125},
        "best": {
            "instruction": BETTER,
            "dev": 0.8125,
            "test": 0.7937,
            "step": 2,
            "proposed": None,
            "shown": [],
            "expected": None,
        },
        "front": [],
        "gain": {"test": 0.1812, "ci95": [0.1173, 0.2407]},
        "verdict": None,
        "steps": 3,
        "stopped": "plateau",
        "candidates": {"proposed": 18, "tried": 0, "accepted": 9, "rejected": 6, "evaluated": 12},
        "rejected": {"duplicate": 3, "too_long": 3},
        "ways": {},
        "calls": {
            "task": {"paid": 800, "cached": 96, "failed": 2},
            "optimizer": {"paid": 3, "cached": 0, "failed": 0},
        },
        "usage": {},
        "cost": None,
        "cost_paid": None,
        "wall_s": 252.4,
        "report": "report.html",
    }


def test_the_summary_of_every_run_is_json(case: Outcome) -> None:
    json.dumps(summary_json(case, "r"), allow_nan=False)


@pytest.mark.parametrize(
    ("made", "start"),
    [
        (outcome(), "**Better by +0.18** on 160 unseen examples (95% interval +0.12 to +0.24)."),
        (CASES["before the gate"](), "**Better by +0.18** on 160 unseen examples (95% interval +0.10 to +0.26)."),
        (unclear(), "**No clear gain**: +0.05 on 160 unseen examples (95% interval -0.04 to +0.14, which includes 0)."),
        (proved(10, 42), "**Worse by 0.20** on 160 unseen examples (95% interval -0.28 to -0.11): keep the start."),
        (
            proved(10, 13, rules=GateSpec(min_gain=-0.25)),
            "**No clear gain**: -0.02 on 160 unseen examples (97% interval -0.09 to +0.05, which includes 0).",
        ),
        (
            proved(20, 8, rules=GateSpec(confidence=0.8)),
            "**Better by +0.07** on 160 unseen examples (80% interval +0.03 to +0.12).",
        ),
        (no_step(), "**No better prompt was found**: no candidate was proposed."),
        (nothing_scored(), "**No better prompt was found**: none of 8 proposals passed the checks before scoring."),
        (
            outcome(best=outcome().start),
            "**No better prompt was found**: none of 12 scored candidates beat the start on the dev examples.",
        ),
        (all_failed(), "**The gain is unknown**: no test example was scored."),
    ],
)
def test_the_headline_says_what_happened(made: Outcome, start: str) -> None:
    assert markdown_report(spec(), made).split("\n\n")[1].startswith(start)
    claim, detail = re.fullmatch(r"\*\*(.*)\*\*(.*)", start).groups()  # type: ignore[union-attr]
    texts = Page(html_report(spec(), made)).texts
    said = next(number for number, (tag, _) in enumerate(texts) if tag == "strong")
    assert texts[said][1] == claim
    assert texts[said + 1][1].startswith(detail)


def test_good_numbers_call_for_no_advice() -> None:
    assert findings.hints(spec(), outcome()) == []
    assert "What to do next" not in markdown_report(spec(), outcome())
    assert "What to do next" not in html_report(spec(), outcome())


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        (unclear(), "Raise `dataset.split.test` by about 790 examples."),
        (proved(501, 500, 2000), "too small to be proven"),
        (proved(20, 22), "use more dev examples"),
        (guarded(), "Ask in `prompt.description` for what keeps `words` low, or allow more in `gate.max_growth`."),
        (all_failed(), "Lower `max_failure_rate`"),
        (unmeasured(), "take it out of `gate.max_growth`"),
        (outcome(best_test=score(90, 160, unparsed=40)), "40 of 160 answers to the best prompt could not be read"),
        (outcome(rejected={"duplicate": 9}), "9 of 18 proposals were rejected as `duplicate`"),
        (nothing_scored(), "7 of 8 proposals were rejected as `unchanged`"),
        (outcome(stopped="budget"), "The limit of 2,000 calls ended the search after 3 steps"),
    ],
)
def test_advice_is_given_where_the_numbers_call_for_it(made: Outcome, hint: str) -> None:
    limited = spec(budget={"max_calls": 2000})
    assert hint in markdown_report(limited, made)
    assert hint.replace("`", "") in "".join(text for _, text in Page(html_report(limited, made)).texts)


def test_what_changed_in_a_program_is_told_prompt_by_prompt() -> None:
    part = {"instruction": "Do it.", "messages": [{"user": "{{review}}\n{{instruction}}"}]}
    content = spec().model_dump(mode="json", exclude={"prompt"}, exclude_unset=True)
    program = TaskSpec.model_validate(content | {"target": "steps:run", "prompts": {"plan": part, "solve": part}})
    made = outcome()
    texts = ({"plan": "Plan it.", "solve": "Solve it."}, {"plan": "Plan it well.", "solve": "Solve it."})
    start, best = (
        each.model_copy(update={"candidate": each.candidate.model_copy(update={"instruction": join_texts(text)})})
        for each, text in zip((made.start, made.best), texts, strict=True)
    )
    made = made.model_copy(update={"start": start, "best": best, "history": ()})
    report = markdown_report(program, made)
    assert "> **plan**: Plan <del>it.</del> <ins>it well.</ins>\n>\n> **solve**: Solve it.\n" in report
    page = Page(html_report(program, made))
    assert page.within("h4")[:2] == ["plan", "solve"]


def test_the_reports_say_what_the_gate_decided_and_why() -> None:
    made = guarded()
    report = markdown_report(spec(), made)
    assert "Gate: **keep the start**\n\n- `words` grew from 12 to 19, +58%; at most +50% is allowed.\n- Slice" in report
    assert "- Warning: This test split has decided 12 times" in report
    assert "| style=terse \\| 'x' | 12 | -1.00 | -1.00 to -0.57 | worse |" in report
    assert "| style=plain | 100 | +0.17 | +0.05 to +0.28 |  |" in report
    assert "| words | 12 | 19 | +58% | +50% | too much |" in report
    assert "| latency \\(s a call\\) | 0.81 | 0.85 | +4% | any |  |" in report
    assert "Won 29, lost 12, alike 119; sign test p = 0.012; the test split has decided 11 times before." in report
    page = Page(html_report(spec(), made))
    texts = "".join(text for _, text in page.texts)
    for shown in (
        "Gate: keep the start",
        "words grew from 12 to 19, +58%; at most +50% is allowed.",
        "Slice style=terse | 'x' got worse by more than 0",
        "This test split has decided 12 times",
        "style=<b>long</b>",
        "Won 29, lost 12, alike 119",
    ):
        assert shown in texts
    assert [text for text in page.within("span") if text in ("worse", "too much")] == ["worse", "too much"]


def test_a_reason_that_the_headline_gives_is_not_repeated() -> None:
    assert outcome().verdict is not None
    assert outcome().verdict.reasons[0].startswith("The gain is +0.18 on 160 examples")
    report = markdown_report(spec(), outcome())
    assert "The gain is" not in report
    assert "Gate: **promote**\n\n##" in report
    asked = proved(60, 10, rules=GateSpec(min_gain=0.1))
    assert "The gain is +0.31 on 160 examples, 95% interval +0.22 to +0.40, all of it above the required +0.10." in (
        markdown_report(spec(), asked)
    )


def test_where_there_is_no_verdict_the_reports_have_no_gate() -> None:
    for case in ("no step", "before the gate"):
        made = CASES[case]()
        assert "Gate" not in markdown_report(spec(), made)
        assert "Gate" not in html_report(spec(), made)
        assert summary_json(made, "r")["verdict"] is None


def test_the_verdict_is_whole_in_the_summary() -> None:
    made = guarded()
    found = summary_json(made, "r")["verdict"]
    assert made.verdict is not None
    assert set(found) == set(type(made.verdict).model_fields)
    assert (found["decision"], found["n"], found["earlier_uses"]) == ("keep", 160, 11)
    assert found["slices"][0]["name"] == "style=terse | 'x'"
    assert found["measures"][0] == {"champion": 12.0, "challenger": 19.0, "name": "words", "limit": 0.5}
    assert found["gain"]["low"] == round(made.gain.low, 6)


def test_the_interval_in_the_summary_is_at_95_percent_whatever_decides() -> None:
    made = proved(20, 8, rules=GateSpec(confidence=0.8))
    summary = summary_json(made, "r")
    assert summary["gain"] == summary_json(proved(20, 8), "r")["gain"]
    assert summary["verdict"]["gain"]["low"] > summary["gain"]["ci95"][0]
    assert "+0.03 to +0.12 (80% interval)" in markdown_report(spec(), made)


def test_the_page_is_whole_and_fetches_nothing(case: Outcome) -> None:
    page = Page(html_report(spec(), case))
    assert {"link", "img", "iframe", "b", "i"}.isdisjoint(tag for tag, _ in page.tags)
    assert not [attrs for _, attrs in page.tags if {"src", "style"} & attrs.keys()]
    assert {"Prompt", "Examples", "Lineage"} <= set(page.within("a"))
    places = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {(attrs["href"] or "")[1:] for tag, attrs in page.tags if tag == "a"} <= places
    (script,) = page.within("script")
    policy = next(attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src '{hash_of_script(script)}'"
    assert not re.search(r"url\(|@import", "".join(page.within("style")))
    assert not re.search(r"\b(nan|NaN|None|inf)\b", "".join(text for _, text in page.texts))


def test_the_page_can_be_read_by_a_screen_reader(case: Outcome) -> None:
    page = Page(html_report(spec(), case))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table")
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


def test_the_page_has_the_steps_and_the_sample_answers() -> None:
    page = Page(html_report(spec(), outcome()))
    assert "Step 2: 4 candidates, top 0.812" in page.within("summary")
    everything = "".join(text for _, text in page.texts)
    assert "From s1c01; prompts shown: “A prompt of another run.”, s1c01; at most 26 words changed" in everything
    assert "It is <b>mixed</b>,\nso I cannot say." in everything
    assert "e101" in page.within("code")
    assert "… and 3,300 more characters" in page.within("span")


def test_hostile_text_stays_text_in_the_page() -> None:
    page = Page(html_report(spec(), hostile()))
    shown = printable(HOSTILE)
    assert any(text.removeprefix("\n") == shown for text in page.within("pre"))
    assert page.within("h1") == ["<script>alert(1)</script>"]
    html_report(spec(), hostile()).encode()


def test_hostile_text_stays_text_in_markdown() -> None:
    report = markdown_report(spec(), hostile())
    page = rendered(report)
    report.encode()
    assert [tag for tag, _ in page.tags].count("img") == 1
    assert {"script", "b", "a", "em"}.isdisjoint(tag for tag, _ in page.tags)
    assert page.within("strong") == ["Better by +0.18", "promote", "Gain", "+0.18"]
    assert len([tag for tag, _ in page.tags if tag in ("h1", "h2")]) == 8
    shown = printable(HOSTILE)
    start = hostile().start.candidate.instruction
    assert page.within("code") == [f"{start}\n", f"{shown}\n"]
    cell = next(text for text in page.within("td") if text.startswith("Ignore"))
    assert cell.startswith("Ignore | pipes <script>alert('x')</script> ``` # not a heading ```` more ![img](http")


@pytest.mark.parametrize("text", ["1. First", "- item", "+ item", "# title", "> quote", "---", "=", "[a](b)", "~~x~~"])
def test_no_beginning_of_a_prompt_turns_the_difference_into_something_else(text: str) -> None:
    start = Scored(candidate=Candidate(instruction=f"{text} old"), score=score(30, 48))
    best = Scored(candidate=Candidate(instruction=f"{text} new", step=1, number=1), score=score(40, 48))
    step = Step(number=1, budget=5, current=f"{text} old", neighbours=(), scored=(best,), rejected=())
    page = rendered(markdown_report(spec(), outcome(start=start, best=best, history=(step,))))
    assert {"ol", "ul", "hr", "a", "s"}.isdisjoint(tag for tag, _ in page.tags)
    assert [tag for tag, _ in page.tags].count("blockquote") == 1
    assert (page.within("del"), page.within("ins")) == (["old"], ["new"])


def test_markdown_lists_the_ten_best_candidates() -> None:
    report = markdown_report(spec(), outcome())
    assert re.findall(r"^\| (s\dc\d\d)", report, re.MULTILINE)[:3] == ["s2c01", "s3c01", "s2c02"]
    assert len(re.findall(r"^\| s\dc\d\d", report, re.MULTILINE)) == 10
    assert "and 3 more" in report


def test_markdown_tables_keep_their_columns(case: Outcome) -> None:
    page = rendered(markdown_report(spec(), case))
    shape = "".join({"tr": " ", "th": "h", "td": "d"}.get(tag, "") for tag, _ in page.tags)
    for head, body in re.findall(r" (h+)((?: d+)*)", shape):
        assert {len(row) for row in body.split()} <= {len(head)}
    assert not re.search(r"\b(nan|NaN|inf)\b|None\b(?!\.)", "".join(text for _, text in page.texts))


def test_a_dropped_candidate_never_outranks_one_with_all_examples() -> None:
    step = outcome().history[0]
    lucky = step.scored[2].model_copy(update={"score": score(16, 16, planned=48)})
    made = outcome(history=(step.model_copy(update={"scored": (step.scored[0], lucky)}),))
    assert [row.candidate for row in findings.rank_candidates(findings.candidate_rows(made))] == [
        "s1c01",
        "s0c00",
        "s1c03",
    ]


def test_calls_are_listed_by_role_and_together() -> None:
    report = markdown_report(spec(), outcome())
    assert "| task | 800 | 96 | 2 | 123,456 | 4,321 |" in report
    assert "| all | 803 | 96 | 2 | 128,456 | 5,221 |" in report


USED = {
    "task": Usage(calls=896, input_tokens=138_000, output_tokens=4_900),
    "optimizer": Usage(calls=24, input_tokens=40_000, output_tokens=7_200),
}
PRICED = {"task": "local:smollm2-135m", "optimizer": {"model": "openai:y", "price": {"input": 2, "output": 8}}}


def test_what_the_run_takes_alone_is_listed_beside_what_was_paid_now() -> None:
    made = outcome(usage=USED, cost=0.1376, cost_paid=0.0172)
    task = spec(models=PRICED)
    report = markdown_report(task, made)
    assert "| task | 896 | 138,000 | 4,900 | - |" in report
    assert "| optimizer | 24 | 40,000 | 7,200 | 0.14 |" in report
    assert "| all | 920 | 178,000 | 12,100 | 0.14 |" in report
    assert "Cost: 0.14 in full, 0.017 paid now." in report
    texts = "".join(text for _, text in Page(html_report(task, made)).texts)
    assert "Usage in full, with what came from the ledger" in texts
    assert "Cost: 0.14 in full, 0.017 paid now." in texts
    summary = summary_json(made, "r")
    assert (summary["cost"], summary["cost_paid"]) == (0.1376, 0.0172)
    assert summary["usage"]["optimizer"] == {"calls": 24, "input_tokens": 40_000, "output_tokens": 7_200}


def test_without_a_price_no_cost_is_shown() -> None:
    made = outcome(usage=USED)
    assert "Cost:" not in markdown_report(spec(), made)
    assert "Cost:" not in html_report(spec(), made)
    assert "| all | 920 | 178,000 | 12,100 | - |" in markdown_report(spec(), made)


def test_texts_that_were_embedded_are_no_calls() -> None:
    calls = outcome().calls | {"embedding": Calls(paid=31), "judge": Calls(paid=2, input_tokens=44)}
    report = markdown_report(spec(), outcome(calls=calls))
    assert "| judge | 2 | 0 | 0 | 44 | 0 |" in report
    assert "| all | 805 |" in report
    assert "| embedding texts | 31 |" in report
    assert summary_json(outcome(calls=calls), "r")["calls"]["embedding"] == {"paid": 31, "cached": 0, "failed": 0}


@pytest.mark.parametrize(("cut", "told"), [(17, True), (16, False)])
def test_answers_that_were_cut_off_are_told_of_when_they_are_many(cut: int, told: bool) -> None:
    made = outcome(best_test=score(127, 160).model_copy(update={"cut": cut}))
    assert (f"{cut} of 160 answers to the best prompt were cut off" in markdown_report(spec(), made)) == told
    assert f"{cut} cut" in markdown_report(spec(), made)


@pytest.mark.parametrize(
    ("budget", "hint", "reason"),
    [
        ({"max_tokens": 9000}, "raise `budget.max_tokens` and run again", "limit reached"),
        ({"max_calls": 900, "max_cost": 2.0}, "raise `budget.max_calls` or `budget.max_cost` and", "limit reached"),
        ({"max_task_calls": 900}, "raise `budget.max_task_calls` and run again", "call limit reached"),
    ],
)
def test_a_search_that_a_cap_ended_says_which(budget: dict[str, float], hint: str, reason: str) -> None:
    task, made = spec(budget=budget), outcome(stopped="budget")
    assert hint in " ".join(findings.hints(task, made))
    assert findings.stop_reason(task, made) == reason


def test_a_model_file_is_named_without_its_folder() -> None:
    report = markdown_report(spec(models={"task": "/srv/models/tiny.gguf"}), outcome())
    assert "tiny.gguf" in report
    assert "/srv" not in report


def test_a_search_that_cannot_get_better_does_not_say_that_it_waited() -> None:
    perfect = outcome().best.model_copy(update={"score": score(48, 48)})
    assert "the dev score cannot get better" in markdown_report(spec(), outcome(best=perfect))
    assert "no better prompt in 6 steps" in markdown_report(spec(), outcome())


def test_what_a_shortened_prompt_was_shortened_from_stands_beside_it() -> None:
    original = "Read it all. <b>Weigh</b> everything that anybody could say."
    whole = outcome()
    assert "hortened" not in html_report(spec(), whole) + markdown_report(spec(), whole)
    best = whole.best.model_copy(update={"candidate": whole.best.candidate.model_copy(update={"proposed": original})})
    steps = tuple(
        step.model_copy(update={"scored": tuple(best if item == whole.best else item for item in step.scored)})
        for step in whole.history
    )
    made = outcome(best=best, history=steps)
    page = Page(html_report(spec(), made))
    assert "Shortened to the word budget from" in page.within("summary")
    assert [text.strip() for text in page.within("pre")].count(original) == 2
    text = markdown_report(spec(), made)
    assert f"{original}\n" in text.partition("Shortened to the word budget from:\n\n")[2][:80]
    assert "(shortened from: Read it all. &lt;b&gt;Weigh" in text
    assert summary_json(made, "")["best"]["proposed"] == original
    assert candidates_table(made)["proposed"].dropna().tolist() == [original]


def test_a_rejection_names_the_label_that_was_lost() -> None:
    whole = outcome()
    rejected = (Rejection(reason="label", text="Say positive.", detail="negative"),)
    made = outcome(history=tuple(step.model_copy(update={"rejected": rejected}) for step in whole.history))
    assert "leaves out a label: negative" in Page(html_report(spec(), made)).within("span")
