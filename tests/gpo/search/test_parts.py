"""A candidate of several prompts: one part is changed, each is held to the rules, the request says what it is for."""

import random
from typing import Any

import pytest
from pydantic import ValidationError

from gpo.records import Candidate, Example, Score, Scored
from gpo.search.edit import ProposalFilter
from gpo.search.inform import Informed
from gpo.search.memory.neighbours import Neighbour
from gpo.search.parts import choose_part, parts_of_step
from gpo.search.refine import build_request
from gpo.search.requests.meta_prompt import Request, meta_prompt
from gpo.search.retrieve import Recalled
from gpo.search.step import Edited, Proposal, Proposals, Step, Trial
from gpo.spec.program_text import join_texts
from gpo.spec.task import TaskSpec

PLAN, ANSWER = "Find the facts that are asked for.", "Answer in one word."


def spec_of(**changes: Any) -> TaskSpec:
    content = {
        "name": "asks",
        "target": "program:answer",
        "prompts": {
            "plan": {"instruction": PLAN, "question": "{{query}}", "description": "a plan"},
            "answer": {"instruction": ANSWER, "question": "{{facts}}", "description": "a word"},
        },
        "dataset": {"path": "rows.jsonl", "input": "question", "reference": "label"},
    }
    return TaskSpec.model_validate(content | changes)


SPEC = spec_of()
CURRENT = Candidate(instruction=SPEC.start_text)


def edited(*proposals: Proposal, budget: int | None = None, spec: TaskSpec = SPEC) -> Edited:
    guarded = [Example(id="t", inputs={"question": "who wrote the long green book of nine lamps"}, reference="Ada")]
    rules = ProposalFilter(
        guarded, allowed=spec.start_text, labels=(), parts=tuple(spec.program), texts=tuple(spec.texts)
    )
    current = Candidate(instruction=spec.start_text)
    return rules.admit(Proposals(proposals=proposals), current, {current.id}, step=1, budget=budget)


def test_a_proposal_changes_one_part_and_the_others_stay() -> None:
    (made,) = edited(Proposal(text="Find two facts.", part="plan")).candidates
    assert SPEC.texts_of(made.instruction) == {"plan": "Find two facts.", "answer": ANSWER}
    assert (made.part, made.parent, made.id != CURRENT.id) == ("plan", CURRENT.id, True)


def test_budget_leak_contract_and_sameness_hold_for_each_part() -> None:
    found = edited(
        Proposal(text=f"{ANSWER} Say who wrote the long green book of nine lamps.", part="answer", place=0),
        Proposal(text="Use {{facts}}.", part="answer", place=1),
        Proposal(text=ANSWER, part="answer", place=2),
        Proposal(text=f"{PLAN} List them. Think about each one for long before you go on.", part="plan", place=3),
        budget=4,
    )
    assert [each.reason for each in found.rejected] == ["leak", "contract", "unchanged"]
    (made,) = found.candidates
    assert SPEC.texts_of(made.instruction) == {"plan": f"{PLAN} List them.", "answer": ANSWER}
    assert (made.distance, made.proposed is not None) == (2, True)


def test_all_parts_change_together_where_that_is_chosen_and_one_that_is_rejected_stays() -> None:
    together = spec_of(optimizer={"parts": "all"})
    assert [parts_of_step(SPEC, step) for step in (1, 2, 3)] == [("plan",), ("answer",), ("plan",)]
    assert parts_of_step(together, 1) == ("plan", "answer")
    both, one = edited(
        Proposal(text="Find two.", part="plan", place=0),
        Proposal(text="One word.", part="answer", place=0),
        Proposal(text="{{x}}", part="plan", place=1),
        Proposal(text="Two words.", part="answer", place=1),
    ).candidates
    assert SPEC.texts_of(both.instruction) == {"plan": "Find two.", "answer": "One word."}
    assert SPEC.texts_of(one.instruction) == {"plan": PLAN, "answer": "Two words."}
    assert (both.part, one.part) == ("", "answer")


def test_a_bound_on_words_counts_all_parts_together_and_the_request_says_what_the_others_take() -> None:
    names = ("plan", "answer")

    def admitted(plan: int, proposal: int) -> list[str]:
        current = Candidate(instruction=join_texts({"plan": words("a", plan), "answer": words("b", 40)}))
        checks = ProposalFilter([], allowed="", parts=names, most_words=60)
        found = checks.admit(
            Proposals(proposals=(Proposal(text=words("c", proposal), part="plan"),)), current, (), step=1, budget=None
        )
        return [*(each.part for each in found.candidates), *(each.reason for each in found.rejected)]

    # A part alone is within the bound; with the other and the two names it is not.
    assert admitted(plan=10, proposal=17) == ["too_long"]
    assert admitted(plan=10, proposal=16) == ["plan"]
    # From beyond the bound, only shorter ones are on the way to it.
    assert admitted(plan=40, proposal=45) == ["too_long"]
    assert admitted(plan=40, proposal=35) == ["plan"]
    bounded = spec_of(optimizer={"objectives": {"score": None, "words": "at most 60"}})
    said = "All prompts of the program have at most 60 words together, each with two for its name; the others have 6."
    assert said in meta_prompt(bounded.for_part("plan"), request_for_plan(bounded))


def words(letter: str, number: int) -> str:
    return " ".join(f"{letter}{place}" for place in range(number))


def request_for_plan(spec: TaskSpec, *earlier: Neighbour) -> Request:
    return build_request(
        spec.for_part("plan"),
        [Example(id="1", inputs={"question": "Who?"}, reference="Ada")],
        Informed(current=Scored(candidate=CURRENT, score=Score(values={"a": 1.0, "b": 0.0}, planned=2))),
        Recalled(neighbours=earlier),
        step=1,
        candidates=1,
        rng=random.Random(0),
        part="plan",
    )


def test_the_request_shows_the_part_its_trajectory_and_what_the_others_say() -> None:
    shown = Neighbour(instruction="Find one fact.", percent=30, step=1, number=1, part="plan")
    other = Neighbour(instruction="Say a word.", percent=40, step=1, number=2, part="answer")
    text = meta_prompt(SPEC.for_part("plan"), request_for_plan(SPEC, shown, other))
    assert "given for this task: a plan" in text
    assert f"Current instruction: {PLAN}\nScore: 50" in text
    assert "Instruction: Find one fact.\nScore: 30" in text
    assert "the prompt `plan` of a program" in text
    assert f"Prompt `answer`: {ANSWER}" in text
    assert "Say a word." not in text
    assert "question: Who?\nAnswer: Ada" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": None}, "`prompts` are those of a program: name it in `target`"),
        ({"prompt": {"instruction": "a", "question": "b"}}, "give either `prompt`, or `prompts`"),
        ({"prompts": {}}, "`prompt` is missing"),
        ({"name": "plan"}, "`prompts` holds 'plan', which is the name of the whole program"),
        ({"texts": {"plan": "Finds."}}, "`prompts` and `texts` both hold 'plan'"),
        ({"prompts": {}, "texts": {"t": "Finds."}, "target": None}, "`texts` are those of a program: name it"),
        ({"prompts": {}, "texts": {"asks": "Finds."}}, "`texts` holds 'asks', which is the name of the whole program"),
        ({"few_shot": 2}, "a `target` shows examples itself"),
        ({"answer": {"extract": "So:"}}, "a `target` gives its whole answer itself"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec_of(**changes)
    assert said in str(caught.value)


def test_the_order_of_the_prompts_and_each_of_their_fields_are_part_of_the_fingerprint() -> None:
    prompts = {name: part.model_dump() for name, part in SPEC.prompts.items()}
    turned = spec_of(prompts=dict(reversed(prompts.items())))
    changed = spec_of(prompts={**prompts, "answer": {**prompts["answer"], "instruction": "Say."}})
    assert len({SPEC.fingerprint(), turned.fingerprint(), changed.fingerprint()}) == 3
    assert TaskSpec.model_validate(SPEC.model_dump()) == SPEC
    assert SPEC.with_text(SPEC.start_text) == SPEC


TOOL = 'Finds pages. Takes JSON such as {"q": {{query}}}.'


def test_a_text_is_a_part_in_which_braces_are_braces() -> None:
    spec = spec_of(texts={"search": TOOL, "stop": {"text": "Ends it.", "description": "when to end"}})
    assert list(spec.program) == ["plan", "answer", "search", "stop"]
    assert [parts_of_step(spec, step) for step in (3, 4, 5)] == [("search",), ("stop",), ("plan",)]
    found = edited(
        Proposal(text="Finds pages by {{query}}, {x}.", part="search", place=0),
        Proposal(text="Find {{query}}.", part="plan", place=1),
        Proposal(text=f"{TOOL} Say who wrote the long green book of nine lamps.", part="search", place=2),
        spec=spec,
    )
    assert [each.reason for each in found.rejected] == ["contract", "leak"], "a prompt has no variables of its own"
    (made,) = found.candidates
    changed = spec.with_text(made.instruction)
    assert changed.texts["search"].text == "Finds pages by {{query}}, {x}."
    assert (changed.texts["stop"], changed.prompts) == (spec.texts["stop"], spec.prompts)
    assert TaskSpec.model_validate(changed.model_dump()) == changed
    assert len({each.fingerprint() for each in (SPEC, spec, changed)}) == 3
    assert list(spec_of(prompts={}, texts={"search": TOOL}).parts) == ["search"], "a program may have texts alone"


def test_the_request_for_a_text_says_that_it_is_one() -> None:
    spec = spec_of(texts={"search": {"text": TOOL, "description": "what the search is for"}})
    current = Scored(candidate=Candidate(instruction=spec.start_text), score=Score(values={"a": 1.0}, planned=1))
    own = spec.for_part("search")
    request = build_request(
        own,
        [],
        Informed(current=current),
        Recalled(),
        step=1,
        candidates=1,
        rng=random.Random(0),
        part="search",
    )
    text = meta_prompt(own, request)
    assert "a text that a program hands to a language model: what the search is for" in text
    assert "The instruction is the text `search` of a program." in text
    assert f"Current instruction: {TOOL}" in text


def step_with(part: str, *, passed: bool) -> Step:
    made = Candidate(instruction=SPEC.start_text, part=part)
    trial = Trial(candidate=made, before=0.0, values={}, passed=passed)
    return Step(number=1, budget=None, current="", neighbours=(), scored=(), rejected=(), trials=(trial,))


def test_the_part_that_failures_blame_is_changed_else_one_that_was_changed_with_gain_else_each_in_turn() -> None:
    def chosen(blamed: dict[str, int], *steps: Step) -> tuple[str, str]:
        found = [choose_part(SPEC, blamed, steps, random.Random(seed)) for seed in range(40)]
        return "".join(sorted({each.part[0] for each in found})), found[0].why

    assert chosen({"answer": 3}) == ("a", "3 of 3 failing examples blame it")
    assert chosen({"answer": 3, "plan": 3, "other": 5})[0] == "ap"
    assert chosen({}, step_with("answer", passed=True))[0] == "a"
    assert chosen({}, step_with("answer", passed=False)) == (
        "a",
        "no failing example tells which part is wrong, and it is its turn",
    )
    assert chosen({})[0] == "p"
    answered = step_with("answer", passed=True).model_copy(update={"parts": ("answer",)})
    assert chosen({}, answered, answered)[0] == "p", "one part does not go on for ever"
