"""The task with a known answer: what the truth is, and what the models that stand in for language models do."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from gpo.errors import ModelConfigError
from gpo.evaluation.evaluate import evaluate
from gpo.messages.message import Message
from gpo.models.chat import Sampling
from gpo.models.synthetic import task
from gpo.models.synthetic.chat import SyntheticChatModel, synthetic_model
from gpo.models.synthetic.optimizer import HINT, Shown, clauses, propose, read_request, reflect, summarise
from gpo.models.synthetic.task import (
    FREE_WORDS,
    NEUTRAL,
    PHRASES,
    START,
    TOGETHER,
    WORD_COST,
    WORTH,
    answer,
    best_instruction,
    difficulty,
    find_question,
    quality,
    questions,
)
from gpo.records import Candidate, Example, Score, Scored
from gpo.scoring.answers import parse_answer
from gpo.scoring.spec import AnswerSpec
from gpo.search.inform import Informed, reflection_prompt
from gpo.search.memory.neighbours import Neighbour
from gpo.search.requests.meta_prompt import Request, meta_prompt
from gpo.search.retrieve import Recalled, summary_prompt
from gpo.spec.file import load_spec
from gpo.spec.method import PRESETS, OptimizerSpec
from gpo.spec.models import ModelSpec
from gpo.words import word_distance
from tests.support.fakes import chat_model
from tests.support.paths import ROOT

EXAMPLE = ROOT / "examples" / "synthetic" / "spec.yaml"
HELPFUL = [phrase for phrase, worth in WORTH.items() if worth > 0]
HARMFUL = [phrase for phrase, worth in WORTH.items() if worth < 0]
PAIRS = [pair for pair, worth in TOGETHER.items() if worth > 0]

instructions = st.lists(st.sampled_from(PHRASES), max_size=12).map(" ".join)


# The truth


@pytest.mark.parametrize("phrase", [*HELPFUL, *HARMFUL])
def test_a_phrase_adds_its_worth_once(phrase: str) -> None:
    assert quality(f"{START} {phrase}") == pytest.approx(quality(START) + WORTH[phrase])
    assert quality(f"{START} {phrase} {phrase}") == pytest.approx(quality(START) + WORTH[phrase])


@pytest.mark.parametrize("pair", PAIRS)
def test_some_phrases_work_only_together(pair: tuple[str, str]) -> None:
    assert quality(pair[0]) == quality(pair[1]) == quality(START)
    assert quality(f"{pair[1]} {START} {pair[0]}") > quality(START) + 0.05


def test_two_good_phrases_can_stand_in_each_others_way() -> None:
    assert quality("Think step by step. Be very brief.") < quality("Think step by step.")


@given(instructions, st.sampled_from(NEUTRAL))
def test_other_phrases_cost_their_words_alone(instruction: str, phrase: str) -> None:
    words = len(instruction.split())
    beyond = max(0, words + len(phrase.split()) - FREE_WORDS) - max(0, words - FREE_WORDS)
    expected = max(0.0, quality(instruction) - WORD_COST * beyond)
    assert quality(f"{instruction} {phrase}") == pytest.approx(expected, abs=0.06 if expected == 0 else 1e-9)


@given(instructions)
def test_the_quality_is_a_fraction_that_the_best_instruction_bounds(instruction: str) -> None:
    assert 0 <= quality(instruction) <= quality(BEST)


def test_case_and_punctuation_do_not_matter_and_a_part_of_a_phrase_is_nothing() -> None:
    assert quality("think STEP by step") == quality("Think step by step.")
    assert quality("Think step by") == quality("Rethink step by stepping") == quality(START)


BEST = best_instruction()


def test_the_score_over_many_questions_is_the_quality() -> None:
    asked = questions(4000, seed=7)
    for instruction in (START, "Think step by step. Check the result once more.", BEST):
        right = sum(answer(instruction, each, noise=0.1, seed=0) == each.answer for each in asked)
        assert right / len(asked) == pytest.approx(quality(instruction), abs=0.03)


def test_without_noise_a_better_instruction_answers_all_that_a_worse_one_does() -> None:
    def solved(instruction: str) -> set[str]:
        return {each.text for each in questions(300) if answer(instruction, each, noise=0, seed=0) == each.answer}

    assert solved(START) < solved("Think step by step.") < solved(BEST)
    assert solved(START) == {each.text for each in questions(300) if difficulty(each.text) < quality(START)}


def test_scores_of_two_prompts_go_together_on_the_same_questions() -> None:
    asked = questions(2000)
    pair = [[answer(text, each, noise=0.1, seed=0) == each.answer for each in asked] for text in (START, BEST)]
    both = sum(one and other for one, other in zip(*pair, strict=True)) / len(asked)
    assert both > sum(pair[0]) / len(asked) * sum(pair[1]) / len(asked) + 0.02


def test_another_seed_is_another_noise_and_a_wrong_answer_is_off_by_little() -> None:
    asked = questions(300)
    first, again, other = ([answer(START, each, noise=0.2, seed=seed) for each in asked] for seed in (0, 0, 1))
    assert first == again != other
    assert {abs(given - each.answer) for given, each in zip(first, asked, strict=True)} <= set(range(10))


def test_the_questions_are_different_and_can_be_read_back() -> None:
    made = questions(500, seed=3)
    assert len({each.text for each in made}) == 500
    assert [find_question(f"First this. {each.text} Now solve it.") for each in made] == made
    assert find_question("How many apples are left?") is None


def test_the_example_is_what_the_generator_makes() -> None:
    spec = load_spec(EXAMPLE)
    assert spec.dataset.path.read_text(encoding="utf-8") == task.dataset(400)
    row = json.loads(task.dataset(1))
    found = find_question(row["question"])
    assert found is not None
    assert int(row["answer"]) == found.answer


# The task model


def ask(model: SyntheticChatModel, *messages: BaseMessage, **parameters: Any) -> str:
    return asyncio.run(model.ainvoke(list(messages), **parameters)).text


def task_model(**parameters: Any) -> SyntheticChatModel:
    return synthetic_model(ModelSpec(model="synthetic:task", parameters=parameters))


def optimizer_model(**parameters: Any) -> SyntheticChatModel:
    return synthetic_model(ModelSpec(model="synthetic:optimizer", parameters=parameters))


@pytest.mark.slow
def test_the_task_model_answers_with_a_number_that_hangs_on_instruction_and_question_alone() -> None:
    model, made = task_model(), questions(200)
    answers = [ask(model, HumanMessage(f"{each.text}\n\n{START}")) for each in made]
    assert answers == [ask(model, HumanMessage(f"{START} {each.text}"), seed=5) for each in made]
    numbers = [parse_answer(text, AnswerSpec(kind="number")) for text in answers]
    assert numbers == [str(answer(START, each, noise=0.1, seed=0)) for each in made]


@pytest.mark.slow
def test_with_a_temperature_samples_differ_and_repeat() -> None:
    model, made = task_model(temperature=1.0, noise=0.3), questions(100)

    def sample(seed: int) -> list[str]:
        return [ask(model, HumanMessage(f"{each.text} {START}"), seed=seed) for each in made]

    assert sample(1) == sample(1) != sample(2)


def test_the_instruction_may_stand_in_the_system_message_and_demonstrations_are_none_of_it() -> None:
    model, (shown, asked) = task_model(noise=0), questions(2)
    plain = [ask(model, SystemMessage(BEST), HumanMessage(asked.text))]
    demonstration = [HumanMessage(shown.text), AIMessage(f"The answer is {shown.answer}.")]
    plain.append(ask(model, SystemMessage(BEST), *demonstration, HumanMessage(asked.text)))
    plain.append(ask(model, *demonstration, HumanMessage(f"{asked.text} {BEST}"), AIMessage("Answer:")))
    assert len(set(plain)) == 1


def test_a_model_that_learns_does_better_with_each_kind_of_thing_shown() -> None:
    model, (first, *others) = task_model(noise=0, learns=0.3), questions(40)
    second = next(each for each in others if each.things != first.things)
    shown = [[HumanMessage(each.text), AIMessage(str(each.answer))] for each in (first, first, second)]

    def right(*examples: BaseMessage) -> int:
        replies = [ask(model, *examples, HumanMessage(f"{each.text} {START}")) for each in others]
        return sum(reply.endswith(f" {each.answer}.") for reply, each in zip(replies, others, strict=True))

    assert right() < right(*shown[0]) == right(*shown[0], *shown[1]) < right(*shown[0], *shown[2])


def test_what_is_no_question_gets_no_number() -> None:
    assert parse_answer(ask(task_model(), HumanMessage("Hello?")), AnswerSpec(kind="number")) is None


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("tusk", {}, "unknown synthetic model 'tusk'; did you mean 'task'?"),
        ("task", {"noises": 1}, "unknown parameter `noises`; did you mean 'noise'?"),
        ("task", {"noise": -1}, "parameter `noise` is -1: input should be greater than or equal to 0"),
        ("optimizer", {"drift": "much"}, "parameter `drift` is 'much'"),
        ("optimizer", {"noise": 0.1}, "unknown parameter `noise`; allowed: drift, heed, seed, temperature"),
    ],
)
def test_a_model_or_parameter_that_does_not_exist_is_refused(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelConfigError) as caught:
        synthetic_model(ModelSpec(model=f"synthetic:{name}", parameters=parameters))
    assert message in str(caught.value)


def test_a_spec_reaches_the_models_without_a_key_and_repeats_are_samples() -> None:
    spec = ModelSpec(model="synthetic:optimizer")
    chat = chat_model(synthetic_model(spec), name="synthetic:optimizer")
    asked = [Message(role="user", text=f"Current instruction: {START}\nScore: 20\n\nBegin with <START>.")]

    async def texts(repeats: Sequence[int]) -> list[str]:
        return [(await chat.ask(chat.key(asked, Sampling(), each), Sampling())).text for each in repeats]

    first, second, again = asyncio.run(texts([1, 2, 1]))
    assert first == again != second


def test_the_library_scores_an_instruction_near_its_quality() -> None:
    spec = load_spec(EXAMPLE)
    rows = questions(300, seed=5)
    examples = [Example(id=str(n), inputs={"question": q.text}, reference=str(q.answer)) for n, q in enumerate(rows)]
    model = chat_model(task_model(), name="synthetic:task", max_concurrency=64)
    score: Score = asyncio.run(evaluate(model, spec, BEST, examples))
    assert score.unparsed == score.failed == 0
    assert score.mean == pytest.approx(quality(BEST), abs=0.06)


# The optimizer model


PROMPT = """You improve the instruction that a language model is given for this task: the number that is left.

Earlier instructions with their scores, from 0 to 100 (higher is better):

Instruction: Guess if unsure. Be polite.
Score: 12.5

Instruction: Be polite. Think step by step.
Score: 55 (on 16 of 48 examples)

Current instruction: Be polite. Make a plan.
Score: 30

Write a new instruction that differs from all of the above and scores higher. Change at most 6 words of the current
instruction. Begin it with <START> and end it with <END>."""


def test_the_meta_prompt_is_read() -> None:
    shown = read_request(PROMPT)
    assert shown.current == "Be polite. Make a plan."
    assert shown.others == ("Guess if unsure. Be polite.", "Be polite. Think step by step.")
    assert list(shown.scores.values()) == [12.5, 55, 30]
    assert (shown.limit, shown.edits) == (6, False)
    assert read_request(PROMPT.replace("Write a new", "Modify the current")).edits


def meta_prompt_of(**optimizer: Any) -> str:
    """What the library shows the optimizer model under a method, with all that a method can bring."""
    spec = load_spec(EXAMPLE)
    spec = spec.model_copy(update={"optimizer": OptimizerSpec.model_validate(optimizer)})
    current = Scored(
        candidate=Candidate(instruction="Be polite. Make a plan."), score=Score(values={"a": 1, "b": 0}, planned=2)
    )
    near = Neighbour(
        instruction="Be polite. Good luck.", percent=25.0, similarity=0.5, step=1, number=1, n=2, planned=4
    )
    asked = questions(1)[0]
    request = Request(
        candidates=spec.optimizer.candidates,
        informed=Informed(current=current, reflection='It is wrong because the instruction lacks "Use a table."'),
        recalled=Recalled(neighbours=(near,)),
        examples=(Example(id="a", inputs={"question": asked.text}, reference=str(asked.answer)),),
        budget=None if spec.optimizer.decay == "none" else 7,
        step=2,
    )
    return meta_prompt(spec, request)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_the_library_shows_is_read(preset: str) -> None:
    method, shown = PRESETS[preset], read_request(meta_prompt_of(preset=preset))
    assert shown.current == "Be polite. Make a plan."
    assert shown.others == ("Be polite. Good luck.",)
    assert shown.scores["Be polite. Good luck."] == 25
    assert shown.scores.get(shown.current) == (50 if OptimizerSpec(preset=preset).shows_score else None)
    assert shown.hints == {"Use a table.": HINT}
    assert shown.limit == (None if method.decay == "none" else 7)
    assert shown.edits == (method.refinement == "editing")


def test_what_the_library_asks_for_notes_is_answered_with_notes() -> None:
    fresh = [
        Scored(candidate=Candidate(instruction=text), score=Score(values={"a": value}, planned=1))
        for text, value in (("Use a table.", 1.0), ("Be polite.", 0.0))
    ]
    earlier = 'Instructions that say "Good luck." score lower.'
    text = ask(optimizer_model(), HumanMessage(summary_prompt(load_spec(EXAMPLE), earlier, fresh)))
    assert '"Use a table." score higher' in text
    assert '"Be polite." score lower' in text
    assert '"Good luck." score lower' in text


def test_evidence_is_what_the_scores_say() -> None:
    shown = read_request(PROMPT)
    assert shown.evidence("Think step by step.") == pytest.approx(55 - (12.5 + 30) / 2)
    assert shown.evidence("Guess if unsure.") < 0
    assert shown.evidence("Be polite.") == shown.evidence("Good luck.") == 0
    assert Shown(current=shown.current, others=shown.others).evidence("Think step by step.") == 0


def proposals(shown: Shown, count: int = 400, *, drift: float = 0, heed: float = 1) -> list[str]:
    return [propose(shown, random.Random(seed), drift=drift, heed=heed) for seed in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("edits", [False, True])
def test_what_scored_well_is_taken_over_more_often(edits: bool) -> None:
    shown = read_request(PROMPT).model_copy(update={"limit": None, "edits": edits})
    counts = Counter(clause for text in proposals(shown) for clause in clauses(text))
    assert counts["Think step by step."] > 2 * counts["Guess if unsure."]
    blind = Counter(clause for text in proposals(shown.model_copy(update={"scores": {}})) for clause in clauses(text))
    assert blind["Think step by step."] < counts["Think step by step."]


@pytest.mark.parametrize("edits", [False, True])
@given(st.integers(0, 10**9), st.integers(0, 12), instructions)
def test_one_that_heeds_the_limit_keeps_to_it(edits: bool, seed: int, limit: int, current: str) -> None:
    shown = Shown(current=current, others=(PHRASES[0], BEST), limit=limit, edits=edits)
    text = propose(shown, random.Random(seed), drift=0, heed=1)
    assert word_distance(current, text) <= limit


@pytest.mark.slow
def test_one_that_does_not_heed_it_goes_beyond_and_drift_goes_anywhere() -> None:
    shown = read_request(PROMPT).model_copy(update={"limit": 2})
    assert any(word_distance(shown.current, text) > 2 for text in proposals(shown, heed=0))
    rewritten = proposals(shown, drift=1)
    assert all(3 <= len(clauses(text)) <= 6 for text in rewritten)
    assert sum("Make a plan." in text for text in rewritten) < len(rewritten) / 2


def test_editing_changes_less_than_writing_anew() -> None:
    current = " ".join(PHRASES[:8])
    anew, edited = (proposals(Shown(current=current, others=(BEST,), edits=edits), 200) for edits in (False, True))

    def distance(texts: Sequence[str]) -> float:
        return sum(word_distance(current, text) for text in texts) / len(texts)

    assert distance(edited) < distance(anew)


def test_the_proposals_do_not_hang_on_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    before = proposals(read_request(PROMPT), 50, drift=0.1, heed=0.7)
    monkeypatch.setattr(task, "WORTH", {phrase: -worth for phrase, worth in WORTH.items()})
    monkeypatch.setattr(task, "TOGETHER", {})
    assert proposals(read_request(PROMPT), 50, drift=0.1, heed=0.7) == before
    assert list(PHRASES) == sorted(PHRASES)


def test_a_clause_that_breaks_off_is_finished() -> None:
    assert clauses("Solve it. Think step Answer with") == ["Solve it.", "Think step by step.", "Answer with a number."]


def test_a_summary_says_what_the_scores_say_and_is_read_again() -> None:
    shown = read_request(PROMPT)
    notes = summarise(shown)
    later = read_request(f"Your notes so far:\n\n{notes}\n\nCurrent instruction: {START}\nScore: 1")
    assert later.hints["Think step by step."] > 0 > later.hints["Guess if unsure."]
    assert later.evidence("Think step by step.") > 0 > later.evidence("Guess if unsure.")
    assert '"Think step by step." score higher' in summarise(later)


def test_a_reflection_names_what_is_not_there_and_favours_no_phrase() -> None:
    shown = Shown(current="Be polite. Make a plan.")
    texts = [reflect(shown, random.Random(seed)) for seed in range(2000)]
    counts = Counter(phrase for text in texts for phrase in read_request(text).hints)
    assert set(counts) == set(PHRASES) - {"Be polite.", "Make a plan."}
    assert max(counts.values()) < 1.5 * min(counts.values())


def test_requests_are_told_apart() -> None:
    model = optimizer_model()
    assert ask(model, HumanMessage("Reply with the word: ready")) == "ready"
    assert ask(model, HumanMessage(PROMPT)).startswith("<START>")
    reflection = reflection_prompt(load_spec(EXAMPLE), "Be polite. Good luck.", [])
    assert "the instruction lacks" in ask(model, HumanMessage(reflection))
    assert "score higher" in ask(model, HumanMessage(PROMPT.partition("Write a")[0] + "Write the notes anew."))
    listed = ask(model, HumanMessage("A list of prompts:"), AIMessage("- Be polite.\n- Good luck.\n-"))
    assert listed
    assert "<START>" not in listed


def test_the_reflection_is_on_the_instruction_that_is_asked_about() -> None:
    missing = PHRASES[0]
    all_but_one = " ".join(phrase for phrase in PHRASES if phrase != missing)
    asked = reflection_prompt(load_spec(EXAMPLE), all_but_one, [])
    assert missing in ask(optimizer_model(), HumanMessage(asked))


def test_equal_requests_have_equal_answers_and_other_seeds_other_ones() -> None:
    def texts(**parameters: Any) -> list[str]:
        return [ask(optimizer_model(**parameters), HumanMessage(PROMPT), seed=seed) for seed in range(8)]

    assert texts() == texts() != texts(seed=1)
    assert len(set(texts())) > 4
    assert len(set(texts(temperature=0.0))) == 1


def test_every_phrase_is_a_clause_of_its_own() -> None:
    assert set(itertools.chain.from_iterable(TOGETHER)) <= set(PHRASES)
    assert clauses(" ".join(PHRASES)) == list(PHRASES)
