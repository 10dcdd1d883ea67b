from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from flows.cli.display.run import Display, print_outcome
from gpo.formatting import printable
from gpo.gate.error_budget import AliasUse
from gpo.progress import Answered, Began, BestFound, Dropped, Evaluated, Event, Note
from gpo.records import Candidate, Scored, Usage
from gpo.report import findings
from gpo.runs.outcome import Calls, Outcome
from tests.support.outcomes import (
    BETTER,
    CASES,
    HOSTILE,
    all_failed,
    guarded,
    hostile,
    no_step,
    outcome,
    score,
    spec,
    unclear,
)

REPORT = "/home/me/projects/reviews [new]/" + "deep/" * 20 + ".gpo/reports/review-sentiment-1a2b3c4d.html"


COMMANDS = ("gpo report review-sentiment-1a2b --open", "gpo prompt register reviews.yaml --best --promote")


def ended(whole: Outcome, width: int = 80) -> str:
    """What a pipe gets."""
    out = StringIO()
    print_outcome(Console(file=out, width=width), spec(), whole, REPORT, COMMANDS)
    return out.getvalue()


def scored(right: int, n: int = 48, instruction: str = BETTER, step: int = 2) -> Scored:
    return Scored(candidate=Candidate(instruction=instruction, step=step, number=3), score=score(right, n, 48))


def shown(*events: Event) -> str:
    """What a log gets."""
    out = StringIO()
    with Display(Console(file=out, width=80)) as display:
        for event in events:
            display(event)
    return out.getvalue()


def test_the_end_of_a_usual_run() -> None:
    lines = [line.rstrip() for line in ended(outcome()).splitlines()]
    assert lines == [
        "",
        "        dev (48)   95% interval   test (160)   95% interval",
        "start      0.625   0.48 to 0.75        0.613   0.54 to 0.68",
        "best       0.812   0.68 to 0.90        0.794   0.72 to 0.85",
        "",
        "gate    promote",
        "        Won 29, lost 0, alike 131; sign test p < 0.0001; a new test split.",
        "",
        "prompt  [-Decide whether-] {+Read+} the [-review is-] {+whole review, weigh",
        "        praise against complaints, and answer+} positive or [-negative. Answer-]",
        "        {+negative+} with one word.",
        "",
        "calls   task: 800 paid, 96 from the ledger, 2 failed",
        "        optimizer: 3 paid, 0 from the ledger",
        "search  3 steps in 4 min 12 s; no better prompt in 6 steps",
        "        18 proposals: 12 scored on dev",
        "        rejected: was proposed before (3); is too long (3)",
        f"report  {REPORT}",
        "next    Read the report, then put the new prompt into production.",
        "",
        "Better by +0.18 on 160 unseen examples (95% interval +0.12 to +0.24).",
        "",
        BETTER,
        "",
        "Paid now: 803 calls",
        *COMMANDS,
    ]


def test_the_end_shows_tokens_and_cost_where_they_are_known() -> None:
    usage = {"task": Usage(calls=896, input_tokens=138_000, output_tokens=4_900), "judge": Usage(calls=1)}
    calls = outcome().calls | {"embedding": Calls(paid=31)}
    lines = [line.rstrip() for line in ended(outcome(usage=usage, calls=calls, cost=1.5, cost_paid=0.25)).splitlines()]
    assert "        embedding: 31 texts" in lines
    assert "tokens  138,000 in, 4,900 out; cost 1.50 in full, 0.25 paid now" in lines
    assert "cost" not in ended(outcome(usage=usage))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_every_end_fits_the_terminal(case: str, width: int) -> None:
    text = ended(CASES[case](), width)
    # What is to be copied is in one piece, however long.
    best = printable(CASES[case]().best.candidate.instruction)
    whole = (*best.splitlines(), f"report  {REPORT}", *COMMANDS)
    assert all(len(line.rstrip()) <= width for line in text.splitlines() if line not in whole)
    assert len(text.splitlines()) < 60
    assert f"report  {REPORT}\n" in text
    text.encode()
    assert not [char for char in text if ord(char) < 32 and char != "\n"]


def test_the_end_shows_what_the_gate_saw() -> None:
    lines = [line.rstrip() for line in ended(guarded()).splitlines()]
    begin = lines.index("gate    keep the start")
    assert lines[begin + 1 : begin + 18] == [
        "        `words` grew from 12 to 19, +58%; at most +50% is allowed.",
        "        Slice `style=terse | 'x'` got worse by more than 0: -1.00 on 12",
        "        examples, interval -1.00 to -0.57.",
        "        Won 29, lost 12, alike 119; sign test p = 0.012; the test split has",
        "        decided 11 times before.",
        "warning This test split has decided 12 times: by now a challenger that is no",
        "        better has passed with a chance of about 17%. By luck alone, the best of",
        "        12 would look better by about +0.05 on 160 examples. A fresh split takes",
        "        that luck away, not the chance of the next use.",
        "slices                       n   gain        interval",
        "        style=terse | 'x'   12  -1.00  -1.00 to -0.57  worse",
        "        style=<b>long</b>   60   0.00  -0.05 to +0.05",
        "        style=plain        100  +0.17  +0.05 to +0.28",
        "growth                      start   best  change  allowed",
        "        words                  12     19    +58%     +50%  too much",
        "        latency (s a call)   0.81   0.85     +4%      any",
        "        cost (1,000 calls)  0.041  0.050    +22%      any",
    ]


def test_the_end_shows_which_use_of_its_alias_a_run_was_and_what_it_spends() -> None:
    use = AliasUse(alias="production", number=4, unattended=False)
    text = " ".join(ended(outcome(seen={"use": use})).split())
    assert "use 4 of `production` since its last promotion, 0.25% of the 5% that 30 uses may spend." in text


def test_of_many_slices_those_that_got_worse_are_shown() -> None:
    ids = [f"e{number:03d}" for number in range(160)]
    slices = {f"kind={number}": ids[:60] for number in range(20)} | {"kind=worse": ids[86:98]}
    best = score(127, 160)
    best = best.model_copy(update={"values": {**best.values, **dict.fromkeys(ids[86:98], 0.0)}})
    text = ended(outcome(seen={"slices": slices}, best_test=best))
    assert text.count("kind=") == 7  # six, and the reason
    assert "kind=worse  12  -1.00" in text
    assert "and 15 more in the report" in text


@pytest.mark.parametrize("case", [outcome, unclear, no_step, all_failed, guarded])
def test_verdict_and_advice_are_those_of_the_report(case: Callable[[], Outcome]) -> None:
    whole = case()
    text = " ".join(ended(whole).split())
    headline = findings.headline(whole)
    assert headline.claim + headline.detail in text
    assert all(hint in text for hint in findings.hints(spec(), whole))


def test_where_nothing_better_was_found_the_start_stands_alone() -> None:
    text = ended(no_step())
    assert "\nbest " not in text
    assert "[-" not in text
    assert "prompt  Decide whether the review is positive or negative. Answer with one word." in text


def test_a_score_of_nothing_is_no_number() -> None:
    assert "0.000" not in ended(all_failed())


def test_where_no_test_example_was_scored_the_advice_is_not_to_repeat_what_is_cached() -> None:
    text = " ".join(ended(all_failed()).split())
    assert "next Lower `max_failure_rate`" in text


def test_a_terminal_gets_colours_instead_of_marks() -> None:
    console = Console(width=120, file=StringIO(), force_terminal=True, color_system="standard", record=True)
    print_outcome(console, spec(), outcome(), REPORT)
    text = console.export_text(styles=True)
    assert "[-" not in text
    assert "\x1b[9;31mDecide whether" in text
    assert "\x1b[1;32mRead" in text


def test_without_colour_the_difference_is_marked() -> None:
    console = Console(width=120, file=StringIO(), force_terminal=True, no_color=True, record=True)
    print_outcome(console, spec(), outcome(), REPORT)
    assert "[-Decide whether-]" in console.export_text()


def test_a_log_gets_a_line_for_each_phase_and_each_scored_candidate() -> None:
    text = shown(
        Began("start", 48),
        Answered(paid=True, count=48),
        Evaluated(scored(30, instruction="Is it good?", step=0)),
        Began("step 1/5", 400),
        Answered(paid=False, count=16),
        Evaluated(scored(9, 16)),
        Dropped(32),
        Evaluated(scored(40, step=1)),
        BestFound(scored(40, step=1)),
        Note("another run holds the trajectory"),
        Began("test", 320),
    )
    assert text.splitlines() == [
        "start: at most 48 calls",
        "  s0c03  0.625  Is it good?",
        "step 1/5: at most 400 calls",
        f"  s1c03  0.833  {BETTER}",
        "another run holds the trajectory",
        "test: at most 320 calls",
    ]


def test_a_log_holds_no_control_characters_and_one_line_for_each_candidate() -> None:
    text = shown(Began("start", 1), Evaluated(scored(40, instruction="\x1b[2J" + HOSTILE)), Note("\x1b]0;title\x07[b]"))
    assert len(text.splitlines()) == 3
    assert not [char for char in text if ord(char) < 32 and char != "\n"]
    assert text.endswith("[b]\n")
    text.encode()


def terminal(width: int = 80) -> Console:
    return Console(file=StringIO(), width=width, force_terminal=True, color_system=None)


def panel(display: Display, width: int = 80) -> list[str]:
    console = Console(file=StringIO(), width=width, record=True)
    console.print(display._panel())
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_the_panel_shows_phase_best_and_calls(width: int) -> None:
    with Display(terminal(width)) as display:
        assert panel(display, width)[0].startswith("checking")
        display(Answered(paid=True, count=9))
        display(Began("step 2/5", 400))
        display(Answered(paid=True, count=100))
        display(Answered(paid=False, count=20))
        display(Dropped(30))
        display(BestFound(scored(40, instruction="Look closely. " * 30)))
        lines = panel(display, width)
    assert len(lines) == 3
    assert lines[0].startswith("step 2/5 ")
    assert "150/400 calls" in lines[0]
    assert lines[1].startswith("best 0.833 Look closely.")
    assert lines[1].endswith("…")
    assert lines[2] == "calls: 109 paid, 20 from the ledger"
    assert max(map(len, lines)) <= width


def test_a_terminal_cuts_candidates_at_its_edge() -> None:
    console = terminal()
    with Display(console) as display:
        display(Began("step 1/5", 10))
        display(Evaluated(scored(40, instruction="Look closely. " * 30)))
    assert isinstance(console.file, StringIO)
    line = next(line for line in console.file.getvalue().splitlines() if "s2c03" in line)
    assert line.rstrip().endswith("…")
    assert "step 1/5: " not in console.file.getvalue()


def test_the_panel_is_taken_away_when_a_run_fails() -> None:
    console = terminal()
    with pytest.raises(RuntimeError), Display(console):
        raise RuntimeError
    assert isinstance(console.file, StringIO)
    # The cursor is back.
    assert "\x1b[?25h" in console.file.getvalue()


def test_a_hostile_prompt_is_shown_as_text() -> None:
    text = ended(hostile())
    assert "<script>alert('x')</script>" in text
    assert "…" in text


def test_what_the_best_prompt_was_shortened_from_is_told() -> None:
    whole = outcome()
    assert "shortened" not in ended(whole)
    candidate = whole.best.candidate.model_copy(update={"proposed": "Read it all.\nThen go on at length."})
    told = ended(outcome(best=whole.best.model_copy(update={"candidate": candidate})))
    assert "shortened from: Read it all." in told
