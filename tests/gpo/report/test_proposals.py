from typing import get_args

from gpo.report.proposals import (
    REASONS,
    ProposalCounts,
    count_by_way,
    count_proposals,
    describe_counts_of_proposals,
    describe_promise,
    describe_reason,
    way_rows,
)
from gpo.report.run_html import html_report
from gpo.report.run_json import summary_json
from gpo.report.run_markdown import markdown_report
from gpo.search.step import RejectionReason
from tests.support.outcomes import no_step, outcome, score, spec, tried_on_cases


def test_every_reason_is_told_in_words_of_its_own() -> None:
    assert set(REASONS) == set(get_args(RejectionReason))
    assert len(set(REASONS.values())) == len(REASONS)
    assert describe_reason("of_an_older_version") == "of an older version"


def test_a_proposal_is_counted_once_however_far_it_came() -> None:
    assert count_by_way(tried_on_cases()) == {
        "cases": ProposalCounts(proposed=2, tried=2, accepted=1, scored=1),
        "define": ProposalCounts(proposed=2, tried=1, accepted=1, scored=0),
    }
    assert count_proposals(tried_on_cases()) == ProposalCounts(proposed=4, tried=3, accepted=2, scored=1)


def test_without_a_test_on_cases_what_the_race_let_through_is_accepted() -> None:
    assert count_proposals(outcome()) == ProposalCounts(proposed=18, tried=0, accepted=9, scored=12)
    assert describe_counts_of_proposals(outcome()) == "18 proposals: 12 scored on dev"
    assert way_rows(outcome()) == []


def test_the_promise_of_dev_is_told_with_what_is_expected_and_what_test_found() -> None:
    said = "Dev promised 0.812; expected without luck: 0.760 (sd 0.031)"
    assert describe_promise(tried_on_cases()) == f"{said}; test found 0.794"
    assert describe_promise(tried_on_cases().model_copy(update={"best_test": score(0, 0, 160)})) == said
    assert describe_promise(outcome()) == ""
    assert describe_promise(no_step()) == ""


def test_every_form_of_the_report_tells_what_became_of_the_proposals() -> None:
    made = tried_on_cases()
    page, text = html_report(spec(), made), markdown_report(spec(), made)
    for form in (page, text):
        assert describe_promise(made) in form
        assert "4 proposals: 3 tried on cases, 2 accepted, 1 scored on dev" in form
        assert "not good enough on its cases" in form
        assert "Tried on cases" in form
    assert "| define | 2 | 1 | 1 | 0 |" in text
    assert '<th scope="row">define</th>' in page
    summary = summary_json(made, "")
    assert summary["best"]["expected"] == {"mean": 0.76, "sd": 0.031}
    assert summary["candidates"] == {"proposed": 4, "tried": 3, "accepted": 2, "rejected": 3, "evaluated": 1}
    assert summary["rejected"] == {"copy": 1, "no_gain": 1, "unaffordable": 1}
    assert summary["ways"]["define"] == {"proposed": 2, "tried": 1, "accepted": 1, "scored": 0}


def test_a_method_that_goes_by_dev_alone_promises_nothing() -> None:
    for form in (html_report(spec(), outcome()), markdown_report(spec(), outcome())):
        assert "without luck" not in form
        assert "Tried on cases" not in form
