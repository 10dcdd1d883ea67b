"""The benchmarks of the paper (section 4.1) as it has them: how their answers are read, scored and asked for.

BIG-bench hard (Suzgun et al., arXiv 2210.09261), MMLU (Hendrycks et al., arXiv 2009.03300), GSM8K (Cobbe et al., arXiv
2110.14168), WSC (Levesque et al. 2012) and WebNLG (Gardent et al. 2017), as folders with a file for each split.
"""

import re
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gpo.data.guessing.answers import AnswerGuess
from gpo.data.guessing.columns import Row
from gpo.data.guessing.guess import Guess
from gpo.scoring.spec import AnswerSpec
from gpo.spec.dataset import SplitSpec

START = "Let's think step by step."
"""The paper's start instruction, at the end of the question (Kojima et al., arXiv 2205.11916)."""

_INPUT, _REFERENCES, _SOLUTION = "input", ("target", "output"), "solution"
_OPTION = re.compile(r"^\(([A-Z])\)", re.MULTILINE)

# fmt: off
_BBH_CHOICES = {
    "date_understanding": "the letter of the right date",
    "disambiguation_qa": "the letter of the pronoun's antecedent, or of the answer that it is ambiguous",
    "geometric_shapes": "the letter of the shape that the SVG path draws",
    "hyperbaton": "the letter of the sentence with the right order of adjectives",
    "logical_deduction_three_objects": "the letter of the statement that follows from the clues",
    "logical_deduction_five_objects": "the letter of the statement that follows from the clues",
    "logical_deduction_seven_objects": "the letter of the statement that follows from the clues",
    "movie_recommendation": "the letter of the most similar film",
    "penguins_in_a_table": "the letter of the right answer about the table",
    "reasoning_about_colored_objects": "the letter of the right answer about the objects and their colours",
    "ruin_names": "the letter of the funniest edit of the name",
    "salient_translation_error_detection": "the letter of the kind of error in the translation",
    "snarks": "the letter of the sarcastic statement",
    "temporal_sequences": "the letter of the time at which it could have happened",
    "tracking_shuffled_objects_three_objects": "the letter of what the person has in the end",
    "tracking_shuffled_objects_five_objects": "the letter of what the person has in the end",
    "tracking_shuffled_objects_seven_objects": "the letter of what the person has in the end",
}
_BBH_BOOLEANS = {
    "boolean_expressions": "the value of a Boolean expression, True or False",
    "causal_judgement": "how a typical person answers a question about causation, Yes or No",
    "formal_fallacies": "whether the argument is deductively valid or invalid",
    "navigate": "whether the steps lead back to the start, Yes or No",
    "sports_understanding": "whether a sentence about sports is plausible, yes or no",
    "web_of_lies": "whether a person tells the truth, Yes or No",
}
_BBH_NUMBERS = {
    "multistep_arithmetic_two": "the value of an arithmetic expression",
    "object_counting": "the number of objects",
}
_BBH_TEXTS = {"dyck_languages": "the brackets that close the sequence, separated by spaces"}
_BBH_LISTS = {"word_sorting": "the words in alphabetical order, separated by spaces"}
BBH = frozenset({*_BBH_CHOICES, *_BBH_BOOLEANS, *_BBH_NUMBERS, *_BBH_TEXTS, *_BBH_LISTS})
"""All tasks of BIG-bench hard."""
# fmt: on

_NUMBER = (AnswerSpec(kind="number"), "numeric_match")


class _Benchmark(NamedTuple):
    answer: AnswerSpec
    metric: str
    description: str


def recognise_benchmark(folder: Path, rows: Sequence[Row], split: SplitSpec) -> Guess | None:
    """What is known of a folder by its name, and by its parent's for the subjects of MMLU; None for any other.

    Its rows must have the fields of the published files. Some of their labels are no label and some inputs come
    twice, so that rows that cannot be used are skipped.
    """
    reference = next((field for field in _REFERENCES if rows and {_INPUT, field} <= rows[0].keys()), None)
    if reference is None or (found := _benchmark(folder, rows, reference)) is None:
        return None
    return Guess(
        inputs={_INPUT: _INPUT},
        reference=reference,
        id=None,
        answer=AnswerGuess(found.answer, found.metric, START, found.description),
        split=split,
        solution=_SOLUTION if _SOLUTION in rows[0] else None,
        is_published=True,
        on_bad_row="skip",
    )


def _benchmark(folder: Path, rows: Sequence[Row], reference: str) -> _Benchmark | None:
    name = folder.name
    if name in BBH:
        return _bbh(name, rows, reference)
    if folder.parent.name == "mmlu":
        subject = name.replace("_", " ")
        return _Benchmark(_choice(rows, reference), "exact_match", f"the letter of the right answer about {subject}")
    if name == "gsm8k":
        return _Benchmark(*_NUMBER, "the number that solves the problem")
    if name == "wsc":
        return _Benchmark(_choice(rows, reference), "exact_match", "the letter of what the pronoun refers to")
    if name == "webnlg":
        return _Benchmark(AnswerSpec(kind="free"), "rouge_l", "fluent English text that says what the triples say")
    return None


def _bbh(name: str, rows: Sequence[Row], reference: str) -> _Benchmark:
    if name in _BBH_CHOICES:
        return _Benchmark(_choice(rows, reference), "exact_match", _BBH_CHOICES[name])
    if name in _BBH_NUMBERS:
        return _Benchmark(*_NUMBER, _BBH_NUMBERS[name])
    kinds: tuple[tuple[Mapping[str, str], AnswerSpec], ...] = (
        (_BBH_BOOLEANS, AnswerSpec(kind="boolean")),
        (_BBH_LISTS, AnswerSpec(kind="list")),
        (_BBH_TEXTS, AnswerSpec(kind="exact")),
    )
    return next(_Benchmark(answer, "exact_match", tasks[name]) for tasks, answer in kinds if name in tasks)


def _choice(rows: Iterable[Row], reference: str) -> AnswerSpec:
    """Labels (A), (B) and so on, up to the last that is an option or an answer of any row."""
    letters = {
        letter for row in rows for text in (row[_INPUT], row[reference]) for letter in _OPTION.findall(str(text))
    }
    last = max(letters, default="B")
    return AnswerSpec(kind="choice", labels=tuple(f"({letter})" for letter in string.ascii_uppercase if letter <= last))
