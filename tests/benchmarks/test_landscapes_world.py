"""The simulated tasks: their truth is what the docstrings say, and answers hang on nothing else."""

import pytest

from benchmarks.landscapes.families import FAMILIES, family_of, make_world
from benchmarks.landscapes.plays import EXHAUSTED, Play, RefusedError, split_request
from benchmarks.landscapes.reading import copy_case, read_shown
from benchmarks.landscapes.world import Held, World, compose

WORLD = make_world("additive", 3)


def quality(text: str, world: World = WORLD) -> float:
    return world.quality(read_shown(world, text))


def strongest(world: World = WORLD) -> int:
    return max(range(len(world.clauses)), key=lambda number: world.clauses[number].worth)


GOOD = WORLD.clauses[strongest()].wordings[0]


def messages_for(instruction: str, text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": instruction}, {"role": "user", "content": text}]


def test_a_good_sentence_helps_wherever_it_stands_as_a_sentence() -> None:
    start = quality(WORLD.start)
    for text in (
        f"{WORLD.start} {GOOD}",
        f"{GOOD} {WORLD.start}",
        f"{WORLD.start}\n\n- {GOOD}",
        f"{WORLD.start}\n1. {GOOD}",
        f'{WORLD.start} "{GOOD}"',
        f"{WORLD.start} {GOOD.upper()}",
    ):
        assert quality(text) > start + 0.02, text


def test_a_broken_sentence_loses_its_effect() -> None:
    start, words = quality(WORLD.start), GOOD.split()
    for text in (
        f"{WORLD.start} {' '.join(words[:-1])}",
        f"{WORLD.start} {' '.join(words[1:])}",
        f"{WORLD.start} Read what they want, not {GOOD}",
        f"{WORLD.start} {' '.join([*words[:2], 'surely', *words[2:]])}",
    ):
        assert quality(text) <= start, text


def test_a_sentence_counts_once_and_unknown_ones_only_cost_their_words() -> None:
    once = quality(f"{WORLD.start} {GOOD}")
    assert quality(f"{WORLD.start} {GOOD} {GOOD}") <= once
    assert once - 0.05 < quality(f"{WORLD.start} {GOOD} {'Nobody knows this sentence here. ' * 6}") < once


def test_every_wording_of_a_clause_has_its_effect() -> None:
    start = quality(WORLD.start)
    assert all(quality(f"{WORLD.start} {text}") > start for text in WORLD.clauses[strongest()].wordings)


def test_a_demonstration_helps_and_a_message_without_its_label_does_not() -> None:
    message = WORLD.part("train")[0]
    with_label = read_shown(WORLD, f"{WORLD.start} {copy_case(message)}")
    without = read_shown(WORLD, f"{WORLD.start} {message.text}")
    assert with_label.demonstrations == (message.id,)
    assert without.demonstrations == ()
    assert WORLD.levels(with_label)[message.kind].mean() > WORLD.levels(without)[message.kind].mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_world_is_the_same_each_time_and_starts_low(family: str) -> None:
    world, again = make_world(family, 7), make_world(family, 7)
    assert world.messages == again.messages
    assert [item.wordings for item in world.clauses] == [item.wordings for item in again.clauses]
    assert world.start != make_world(family, 8).start or world.messages != make_world(family, 8).messages
    assert 0.1 < quality(world.start, world) < 0.5
    assert all(len(message.text.split()) >= 8 for message in world.messages)
    assert not any(label in message.text.split() for message in world.messages for label in world.labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_much_better_instructions_can_be_reached_a_clause_at_a_time(family: str) -> None:
    world = make_world(family, 1)
    held = list(read_shown(world, world.start).clauses)
    for _ in range(8):
        longer = [[*held, Held(number, 0)] for number in range(len(world.clauses))]
        shorter = [[*held[:at], *held[at + 1 :]] for at in range(len(held))]
        held = max([held, *longer, *shorter], key=lambda parts: quality(compose(world.clauses, parts), world))
    assert quality(compose(world.clauses, held), world) > quality(world.start, world) + 0.2


def test_another_size_is_the_same_task_with_other_splits() -> None:
    small, large = make_world("labels", 5), make_world("labels", 5, "large")
    assert small.start == large.start
    assert quality(small.start, small) == quality(large.start, large)
    assert (len(small.part("dev")), len(large.part("dev"))) == (30, 60)


def test_a_seed_has_its_turn_in_every_family() -> None:
    assert [family_of(seed) for seed in range(1000, 1006)] == [FAMILIES[(1000 + step) % 6] for step in range(6)]
    assert {make_world("deceptive", seed).start.count(".") > 2 for seed in (4, 10)} == {True, False}


def test_the_mean_answer_over_many_instructions_is_the_quality() -> None:
    play = Play(WORLD)
    right = [
        play.answer(messages_for(f"{WORLD.start} Variant {number} here.", message.text)) == message.label
        for number in range(40)
        for message in WORLD.part("dev") + WORLD.part("train")
    ]
    weights = [WORLD.kind_weights[message.kind] for message in WORLD.messages]
    assert sum(right) / len(right) == pytest.approx(quality(WORLD.start), abs=0.12), weights


def test_answers_are_those_of_temperature_zero_and_labels_of_the_task() -> None:
    asked = [messages_for(WORLD.start, message.text) for message in WORLD.part("dev")]
    answers = [Play(WORLD).answer(item) for item in asked]
    assert answers == [Play(WORLD).answer(item) for item in asked]
    assert set(answers) <= set(WORLD.labels)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "{i}"}, {"role": "user", "content": "{m}"}],
        [{"role": "user", "content": "{m}\n\n{i}"}],
        [{"role": "user", "content": "{i}\n{m}"}],
        [
            {"role": "system", "content": "Your input fields are: x. In adhering ..., your objective is: \n   {i}"},
            {"role": "user", "content": "[[ ## message ## ]]\n{m}\n\nRespond with the corresponding output fields."},
        ],
    ],
    ids=["system", "behind", "before", "dspy"],
)
def test_the_instruction_is_found_in_every_form_of_question(messages: list[dict[str, str]]) -> None:
    message = WORLD.part("dev")[0]
    filled = [
        {**item, "content": item["content"].replace("{i}", WORLD.start).replace("{m}", message.text)}
        for item in messages
    ]
    assert split_request(WORLD, filled) == (WORLD.start, message)


def test_demonstrations_before_a_question_are_no_question() -> None:
    shown, asked = WORLD.part("train")[0], WORLD.part("dev")[0]
    text = f"{WORLD.start}\n\nInput:\n{shown.text}\nOutput:\n{shown.reference}\n\nInput:\n{asked.text}"
    instruction, message = split_request(WORLD, [{"role": "user", "content": text}])
    assert message == asked
    assert read_shown(WORLD, instruction).demonstrations == (shown.id,)


def test_calls_are_counted_and_refused_beyond_the_limit_but_for_the_test_split() -> None:
    play = Play(WORLD, limit=3)
    for message in WORLD.part("dev")[:3]:
        play.answer(messages_for(WORLD.start, message.text))
    with pytest.raises(RefusedError, match=EXHAUSTED):
        play.answer(messages_for(WORLD.start, WORLD.part("train")[0].text))
    play.answer(messages_for(GOOD, WORLD.part("test")[0].text))
    play.propose(messages_for("", "Write a new instruction."), 4)
    found = play.sum_up(f"{WORLD.start} {GOOD}")
    assert (found["task_calls"], found["refused"], found["test_calls"], found["optimizer_calls"]) == (3, 1, 1, 4)
    assert found["tried"] == 1
    assert found["quality"] == pytest.approx(quality(f"{WORLD.start} {GOOD}"), abs=1e-4)
    assert found["best_tried"] == found["start"] == pytest.approx(quality(WORLD.start), abs=1e-4)


def test_the_same_requests_get_the_same_proposals_in_each_run() -> None:
    asked = messages_for("", f"Current instruction: {WORLD.start}\n\nWrite a new instruction.")
    first, second = Play(WORLD), Play(WORLD)
    proposals = first.propose(asked, 6)
    assert len(set(proposals)) > 3
    assert proposals == [second.propose(asked, 1)[0] for _ in range(6)]
