"""A first spec from a data file: guesses what the data shows and writes it down with comments that teach the rest.

What is written works as it stands: the spec is checked and the whole dataset is read with it before the file appears.
"""

import importlib.util
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from gpo.answers import canonical_reference
from gpo.datasets import load_splits
from gpo.errors import DatasetError, InputError, SpecError
from gpo.spec import AnswerSpec, Name, SplitSpec, TaskSpec, anchored
from gpo.template import INSTRUCTION, variables_in

FEWEST_ROWS = 20
MOST_LABELS = 12

# fmt: off
_REFERENCES = (
    "label", "target", "answer", "output", "reference", "expected", "category", "class", "sentiment", "gold",
    "completion", "response",
)
_INPUTS = (
    "input", "text", "question", "review", "prompt", "context", "passage", "sentence", "premise", "hypothesis",
    "query", "document", "article", "content", "message", "title", "subject", "body", "comment", "tweet",
)
# fmt: on
_ROWS_PER_LABEL = 4
_LABEL_LENGTH = 40
_SHORT_ANSWER = 60
_SHOWN_FIELDS = 8
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Row = Mapping[str, Any]


class _Answer(NamedTuple):
    """How answers are read and scored, and how the starting instruction asks for them."""

    spec: AnswerSpec
    metric: str
    instruction: str
    description: str


class _Guess(NamedTuple):
    inputs: tuple[str, ...]
    reference: str
    id: str | None
    answer: _Answer
    split: SplitSpec


def write_starter(name: str, data: Path, folder: Path, *, force: bool) -> Path:
    """Write `NAME.yaml` into `folder`, a spec for a JSONL file, and return its path.

    Raises:
        SpecError: `name` cannot be a task's name.
        InputError: the file is there already and `force` is not set.
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer.
    """
    _check_name(name)
    path = folder / f"{name}.yaml"
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    rows = list(_rows(data))
    _check_enough(data, len(rows))
    text = _spec_text(name, _relative(data, folder), _guess(data, rows))
    spec = TaskSpec.model_validate(yaml.safe_load(text))
    load_splits(anchored(spec, folder.resolve()))
    path.write_text(text, encoding="utf-8")
    return path


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise SpecError(
            f"'{name}' cannot be a task's name: allowed are lower case letters, digits, - and _, a letter or digit"
            " first, 63 characters at most"
        ) from None


def _check_enough(data: Path, rows: int) -> None:
    if rows < FEWEST_ROWS:
        raise DatasetError(
            f"{data}: {rows} different rows; a spec needs at least {FEWEST_ROWS}, which are split into train, dev and"
            f" test: add {FEWEST_ROWS - rows} labelled rows"
        )


def _relative(data: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(data.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive, where there are drives
        return data.resolve().as_posix()


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL file; `gpo.datasets` reads them again with the finished spec, and more strictly."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _row(f"{path}: row {number}", line)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file; --data names a JSONL file, one JSON object a line") from None
    except IsADirectoryError:
        raise DatasetError(f"{path}: is a folder; --data names one JSONL file, which is split into parts") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None


def _row(where: str, line: bytes) -> Row:
    try:
        # Numbers stay as they are written: 0.10 must not become 0.1.
        row = json.loads(line.decode("utf-8-sig"), parse_int=str, parse_float=str)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DatasetError(f"{where}: not UTF-8: byte {byte:#04x}; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"{where}: not valid JSON: {error.msg} at column {error.colno}; a row is one JSON object on one line"
        ) from None
    except RecursionError:
        raise DatasetError(f"{where}: not valid JSON: nested too deeply") from None
    if not isinstance(row, dict):
        raise DatasetError(f'{where}: must be a JSON object such as {{"text": ..., "label": ...}}, one on each line')
    return row


def _guess(data: Path, rows: Sequence[Row]) -> _Guess:
    columns = {field: [row[field] for row in rows] for field in rows[0] if all(field in row for row in rows)}
    columns = {field: values for field, values in columns.items() if all(isinstance(v, str | bool) for v in values)}
    identifier = "id" if _is_id(columns.get("id", ())) else None
    columns.pop("id", None)
    reference = _reference(data, columns)
    inputs = _inputs(data, {field: values for field, values in columns.items() if field != reference})
    references = [_as_text(value) for value in columns[reference]]
    # Equal rows count once, unless ids tell them apart.
    different = len(rows) if identifier else len({tuple(row[field] for field in (*inputs, reference)) for row in rows})
    _check_enough(data, different)
    return _Guess(inputs, reference, identifier, _answer(references), _split(different))


def _as_text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _is_id(values: Sequence[object]) -> bool:
    texts = {str(value).strip() for value in values}
    return bool(values) and len(texts) == len(values) and "" not in texts


def _reference(data: Path, columns: Mapping[str, Sequence[Any]]) -> str:
    """The field by its name, else the one with the fewest different values, all short."""
    varied = {field: len(set(values)) for field, values in columns.items() if len(set(values)) > 1}
    by_name = {field.casefold(): field for field in varied}
    for name in _REFERENCES:
        if name in by_name:
            return by_name[name]
    repeated = [
        field
        for field, distinct in varied.items()
        if distinct < len(columns[field]) and max(len(_as_text(value)) for value in columns[field]) <= _LABEL_LENGTH
    ]
    if not repeated:
        raise DatasetError(
            f"{data}: cannot tell which field holds the right answer; {_found(columns)}; name it `label` or `answer`,"
            " with text, a number, true or false in every row"
        )
    return min(repeated, key=lambda field: varied[field])


def _inputs(data: Path, columns: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Fields with a usual name; where there are none, all other texts."""
    texts = [
        field
        for field, values in columns.items()
        # `instruction` is the part of the prompt that is optimised: no field can fill it.
        if field != INSTRUCTION
        and _FIELD.fullmatch(field)
        and all(isinstance(value, str) and not _is_number(value) for value in values)
    ]
    usual = [field for field in texts if field.casefold() in _INPUTS]
    if not texts:
        raise DatasetError(
            f"{data}: no field fits as input; {_found(columns)}; an input is text in every row, and its name has"
            " letters, digits and _ only and is not `instruction`"
        )
    return tuple(usual or texts)


def _is_number(text: str) -> bool:
    return canonical_reference(text, AnswerSpec(kind="number")) is not None


def _found(columns: Mapping[str, object]) -> str:
    names = [f"`{field[:_LABEL_LENGTH]}`" for field in list(columns)[:_SHOWN_FIELDS]]
    return f"fields that every row has: {', '.join(names)}" if names else "no usable field is in every row"


def _answer(references: Sequence[str]) -> _Answer:
    labels = _labels(references)
    if all(canonical_reference(text, AnswerSpec(kind="boolean")) for text in references):
        return _Answer(
            AnswerSpec(kind="boolean"), "exact_match", f"Answer with {' or '.join(labels[:2])}.", "the right answer"
        )
    if _are_labels(labels, len(references)):
        listed = ", ".join(labels)
        choice = AnswerSpec(kind="choice", labels=labels)
        return _Answer(choice, "exact_match", f"Answer with one of: {listed}.", f"one of {listed}")
    if all(map(_is_number, references)):
        return _Answer(AnswerSpec(kind="number"), "numeric_match", "Answer with a number.", "the right number")
    if all(len(text.splitlines()) <= 1 and len(text) <= _SHORT_ANSWER for text in references):
        instruction = "Answer in a few words, with nothing else."
        return _Answer(AnswerSpec(kind="exact"), "exact_match", instruction, "a short answer")
    return _Answer(AnswerSpec(kind="free"), "token_f1", "Answer in one or two sentences.", "a good answer")


def _labels(references: Sequence[str]) -> tuple[str, ...]:
    """Different references, the most frequent first; of spellings that differ by case, the most frequent one."""
    spellings = Counter(" ".join(text.split()) for text in references)
    frequency: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for spelling, count in sorted(spellings.items(), key=lambda item: (-item[1], item[0])):
        if spelling:
            frequency[spelling.casefold()] += count
            spelt.setdefault(spelling.casefold(), spelling)
    return tuple(spelt[key] for key in sorted(spelt, key=lambda key: (-frequency[key], spelt[key])))


def _are_labels(labels: Sequence[str], rows: int) -> bool:
    # The right answers of twenty sums may be few as well: labels come back again and again.
    return 2 <= len(labels) <= min(MOST_LABELS, rows // _ROWS_PER_LABEL) and all(
        len(label) <= _LABEL_LENGTH and not variables_in(label) for label in labels
    )


def _split(rows: int) -> SplitSpec:
    """About 10% train, 30% dev, and the rest up to 200 test."""
    train = min(max(rows // 10, 4), 48)
    dev = min(max(3 * rows // 10, 8), 64)
    return SplitSpec(train=train, dev=dev, test=min(rows - train - dev, 200))


def _spec_text(name: str, data: str, guess: _Guess) -> str:
    answer, split = guess.answer, guess.split
    question = "\n".join(f"        {line}" for line in _question(guess.inputs))
    labels = f"\n  labels: {_flow(list(answer.spec.labels))}" if answer.spec.labels else ""
    identifier = f"id: {guess.id}" if guess.id else "# id: FIELD   # a unique id; else a row is known by its content"
    return f"""\
# What to improve, on which data, by which measure, with which models.
# `gpo spec schema` lists every option; `gpo doctor {name}.yaml` checks this file; `gpo optimize {name}.yaml` runs it.
name: {_flow(name)}

prompt:
  # What a good instruction asks for, as a noun phrase: the optimizer model reads it.
  description: {_flow(answer.description)}
  # Where the search starts: put your production instruction here. Only this text is optimised.
  instruction: {_flow(answer.instruction)}
  # The messages around it stay as they are: `system`, `user` or `assistant`, with `{{{{fields}}}}` of the data and
  # exactly one `{{{{instruction}}}}`.
  messages:
    - user: |-
{question}

        {{{{instruction}}}}

dataset:
  path: {_flow(data)}   # relative to this file; or a folder with train.jsonl, dev.jsonl and test.jsonl
  input: {_flow(list(guess.inputs))}   # fields that the messages may use
  reference: {_flow(guess.reference)}   # the field with the right answer
  {identifier}
  # train: may be shown to the optimizer model. dev: every candidate is scored on it; more makes the search surer and
  # dearer. test: locked, read once at the end; more proves smaller gains.
  split: {{train: {split.train}, dev: {split.dev}, test: {split.test}}}

# How the answer is read from what the task model writes: choice (with `labels`), boolean, number, exact (one line) or
# free (the whole text).
answer:
  kind: {answer.spec.kind}{labels}
# How an answer is scored: exact_match, numeric_match, contains or token_f1.
metric: {answer.metric}

{_models()}
# budget:
#   max_calls: 5000       # the most model calls of a run; on reaching it, the best prompt so far is compared
# seed: 0                 # another seed, another search
"""


def _flow(value: str | list[str]) -> str:
    """A value as YAML on one line, quoted where it must be."""
    content = value if isinstance(value, list) else [value]
    text = yaml.safe_dump(content, default_flow_style=True, allow_unicode=True, width=float("inf")).strip()
    return text if isinstance(value, list) else text[1:-1]


def _question(inputs: Sequence[str]) -> list[str]:
    if len(inputs) == 1:
        return [f"{{{{{inputs[0]}}}}}"]
    return [f"{field}: {{{{{field}}}}}" for field in inputs]


_LOCAL = """\
# The task model answers your prompt in production; the optimizer model writes new instructions; the embedding model
# finds similar ones. These three need no key and no network. With providers of your own:
#   task: {model: "openai:gpt-4o-mini", api_key_env: OPENAI_API_KEY}
#   optimizer: {model: "openai:my-model", base_url: "http://localhost:8000/v1"}   # any OpenAI-compatible server
#   embedding: {model: "openai:text-embedding-3-small", api_key_env: OPENAI_API_KEY}
models:
  task: {model: "local:smollm2-135m", max_concurrency: 2}
  optimizer: "local:smollm2-135m"
  embedding: "local:wordllama"

# How the search goes, for a very small optimizer model. With a larger one, remove this part: the published defaults
# are the paper's meta-prompt, 18 steps of 8 candidates, and a word budget from 50 down to 10.
optimizer:
  style: continuation     # a list to continue; `paper` is the published meta-prompt
  max_steps: 5
  patience: 3             # stop after so many steps without a better prompt
  candidates: 12          # proposals in each step
  k: 5                    # scored prompts that the optimizer model is shown
  budget_start: 14        # words that the first step may change
  budget_end: 6           # words that the last step may change
  race_after: 16          # drop a candidate that is not ahead after so many dev examples
"""

_REMOTE = """\
# The task model answers your prompt in production; the optimizer model writes new instructions; the embedding model
# finds similar ones. Names are `provider:name` as LangChain has them. Others that are possible:
#   {model: "openai:my-model", base_url: "http://localhost:8000/v1"}   # any OpenAI-compatible server
#   "local:smollm2-135m" and, for embedding, "local:wordllama"         # pip install 'gpo-pipeline[local]': no key
models:
  task: {model: "openai:gpt-4o-mini", api_key_env: OPENAI_API_KEY}
  optimizer: {model: "openai:gpt-4o-mini", api_key_env: OPENAI_API_KEY}
  embedding: {model: "openai:text-embedding-3-small", api_key_env: OPENAI_API_KEY}

# How the search goes; these are the published defaults.
optimizer:
  max_steps: 18
  patience: 6             # stop after so many steps without a better prompt
  candidates: 8           # proposals in each step
  budget_start: 50        # words that the first step may change
  budget_end: 10          # words that the last step may change
  # race_after: 16        # drop a candidate that is not ahead after so many dev examples: fewer calls
"""


def _models() -> str:
    return _LOCAL if importlib.util.find_spec("xllamacpp") is not None else _REMOTE
