"""The simulated optimizer model favours no method: the same information in any format leads to the same proposals."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.landscapes.asking import read_ask, read_form
from benchmarks.landscapes.families import make_world
from benchmarks.landscapes.optimizer import choose_base, propose, reply
from benchmarks.landscapes.reading import read_content, read_shown
from benchmarks.landscapes.world import Held, Message, World, compose
from gpo.search.requests.ways import WAYS

WORLD = make_world("labels", 23)


def instruction(*clauses: int) -> str:
    return compose(WORLD.clauses, [Held(0, 0), Held(1, 0), *(Held(number, 0) for number in clauses)])


def wrong_label(message: Message) -> str:
    return next(label for label in WORLD.labels if label != message.reference)


CURRENT, OTHER = instruction(20, 30), instruction(21)
FAILED, PASSED = WORLD.part("train")[:2]


def gepa_request(current: str, cases: Sequence[tuple[Message, str]]) -> str:
    said = {
        True: "The generated response is correct. The response include the correct answer '{}'",
        False: "The generated response is incorrect. The correct answer is '{}'. Ensure that it is included.",
    }
    shown = "\n\n".join(
        f"# Example {number}\n## Inputs\n{message.text}\n\n## Generated Outputs\n{answer}\n\n## Feedback\n"
        + said[answer == message.reference].format(message.reference)
        for number, (message, answer) in enumerate(cases, start=1)
    )
    return (
        "I provided an assistant with the following instructions to perform a task for me:\n"
        f"```\n{current}\n```\n\nThe following are examples of different task inputs:\n```\n{shown}\n```\n\n"
        "Your task is to write a new instruction for the assistant.\n\nProvide the new instructions within ``` blocks."
    )


def our_request(current: str, cases: Sequence[tuple[Message, str]]) -> str:
    shown = "\n\n".join(
        f"Case {number}:\n<INSTRUCTION>\n{message.text}\nThe model's answer: {answer}\n"
        f"The right answer: {message.reference}"
        for number, (message, answer) in enumerate(cases, start=1)
    )
    return (
        "You improve the instruction that a language model is given for this task: the label of a message.\n\n"
        f"Current instruction: {current}\n\n<data 3fa9>\n{shown}\n</data 3fa9>\n\nWrite a new improved "
        "instruction that leads to better answers.\n\nBegin it with <START 3fa9> and end it with <END 3fa9>."
    )


def dspy_request(current: str, cases: Sequence[tuple[Message, str]]) -> str:
    shown = "\n".join(
        f"Message: {message.text}\nPredicted: {answer}\nLabel: {message.reference}" for message, answer in cases
    )
    return (
        "Your input fields are:\n1. `basic_instruction` (str): The initial instructions before optimization\n\n"
        "[[ ## completed ## ]]\n\nIn adhering to this structure, your objective is: propose an instruction.\n\n"
        f"[[ ## task_demos ## ]]\n{shown}\n\n[[ ## basic_instruction ## ]]\n{current}\n\n"
        "Respond with the corresponding output fields, starting with the field `[[ ## proposed_instruction ## ]]`, and "
        "then ending with the marker for `[[ ## completed ## ]]`."
    )


def tagged_request(current: str, cases: Sequence[tuple[Message, str]]) -> str:
    shown = "\n\n".join(
        f"Input: {message.text}\nOutput: {answer}\nExpected: {message.reference}" for message, answer in cases
    )
    return f"Instruction to improve:\n{current}\n\n{shown}\n\nWrite a better prompt between <prompt> and </prompt>."


FORMATS = (gepa_request, our_request, dspy_request, tagged_request)
CASES = ((FAILED, wrong_label(FAILED)), (PASSED, PASSED.reference))


@pytest.mark.parametrize("format_request", FORMATS)
def test_current_instruction_and_cases_are_found_in_every_format(format_request) -> None:
    content = read_content(WORLD, format_request(CURRENT, CASES))
    assert choose_base(content.instructions).parts == (Held(0, 0), Held(1, 0), Held(20, 0), Held(30, 0))
    assert {(case.message, case.outcome) for case in content.cases} == {(FAILED.id, "wrong"), (PASSED.id, "right")}


def test_the_same_information_leads_to_the_same_distribution_of_proposals() -> None:
    def proposals(request: str) -> Counter[tuple[object, ...]]:
        content, form = read_content(WORLD, request), read_form(request)
        ask = read_ask(content.rest, form, len(content.instructions))
        return Counter(tuple(propose(WORLD, content, ask, random.Random(seed))) for seed in range(200))

    first, *others = [proposals(format_request(CURRENT, CASES)) for format_request in FORMATS]
    assert len(first) > 100
    assert all(other == first for other in others)


LISTS = {
    "score behind": "Instruction: {a}\nScore: 40\n\nInstruction: {b}\nScore: 62.5 (on 16 of 48 examples)",
    "score before": "Score: 40\nInstruction: {a}\n\nScore: 62.5\nInstruction: {b}",
    "opro": "text:\n{a}\nscore: 40\n\ntext:\n{b}\nscore: 62.5\n\n",
    "copro": "[1] «Instruction #1: {a}»\n[2] «Prefix #1: Label:»\n[3] «Resulting Score #1: 40.0»\n"
    "[4] «Instruction #2: {b}»\n[5] «Prefix #2: Label:»\n[6] «Resulting Score #2: 62.5»",
    "shares": "- {a}\n  accuracy = 0.40\n- {b}\n  accuracy = 0.625",
}


@pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS.keys())
def test_scores_are_found_in_every_list(listed: str) -> None:
    request = f"Earlier ones, from 0 to 100:\n\n{listed.format(a=OTHER, b=CURRENT)}\n\nWrite a new instruction."
    seen = read_content(WORLD, request).instructions
    assert [(item.clauses, item.score) for item in seen] == [
        (frozenset({0, 1, 21}), 40.0),
        (frozenset({0, 1, 20, 30}), 62.5),
    ]
    assert choose_base(seen).score == 62.5


@pytest.mark.parametrize(
    ("request_text", "form"),
    [
        ("Begin the instruction with <START> and end it with <END>. Write a new instruction.", "<START>{}<END>"),
        ("Write a new instruction. Begin it with <START 3fa9> and end it with <END 3fa9>.", "<START 3fa9>{}<END 3fa9>"),
        ("Return the new prompt in the following format:\n<prompt>new prompt</prompt>", "<prompt>{}</prompt>"),
        ("Write a new instruction. Provide it within ``` blocks.", "```\n{}\n```"),
    ],
)
def test_answers_come_in_the_form_that_was_asked_for(request_text: str, form: str) -> None:
    before, after = form.split("{}")
    answer = reply(WORLD, f"Current instruction: {CURRENT}\n\n{request_text}", random.Random(0))
    assert answer.startswith(before)
    assert answer.endswith(after)
    assert read_shown(WORLD, answer.removeprefix(before).removesuffix(after)).clauses


def test_fields_of_dspy_are_filled() -> None:
    answer = reply(WORLD, dspy_request(CURRENT, CASES), random.Random(0))
    assert answer.startswith("[[ ## proposed_instruction ## ]]\n")
    assert answer.endswith("[[ ## completed ## ]]")


def ask_of(request: str) -> tuple[str, bool, int | None, int | None]:
    content, form = read_content(WORLD, request), read_form(request)
    ask = read_ask(content.rest, form, len(content.instructions))
    return ask.wish, ask.defines, ask.changes, ask.length


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write a new improved instruction. Change at most 44 words of it.", ("improve", False, 44, None)),
        ("Shorten the instruction to at most 60 words. Write the new instruction.", ("shorten", False, None, 60)),
        ("Rephrase the prompt and return the new prompt.", ("paraphrase", False, None, None)),
        ("Write a new instruction that says what each label stands for.", ("improve", True, None, None)),
        ("Why did the instruction fail? Do not write a new instruction.", ("remark", False, None, None)),
        (f"Instruction: {OTHER}\n\n{WAYS['merge'].request}", ("merge", False, None, None)),
    ],
)
def test_wishes_are_understood(text: str, found: tuple[str, bool, int | None, int | None]) -> None:
    assert ask_of(f"Current instruction: {CURRENT}\n\n{text}") == found


def test_a_remark_names_the_kinds_that_went_wrong_and_is_understood_later() -> None:
    request = our_request(CURRENT, [(FAILED, wrong_label(FAILED))]).split("Write a new")[0]
    said = {
        reply(WORLD, f"{request}Why did it fail? Do not write a new instruction.", random.Random(i)) for i in range(9)
    }
    named = [
        read_content(WORLD, f"Current instruction: {CURRENT}\n\n{text}\n\nWrite a new one.").kinds for text in said
    ]
    assert (FAILED.kind,) in named


def test_a_copied_case_stays_a_part_of_the_instruction() -> None:
    world: World = make_world("additive", 0)
    message = world.part("train")[0]
    copied = f"{world.start} For example: {message.text} {message.reference}."
    [seen] = read_content(world, f"Current instruction: {copied}\nScore: 40\n\nWrite a new instruction.").instructions
    assert len(seen.parts) == 3
    assert read_shown(world, copied).demonstrations == (message.id,)
