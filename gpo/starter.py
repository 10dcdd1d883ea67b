"""A first spec from a data file: guesses what the data shows and writes it down with comments that teach the rest.

What is written works as it stands: the spec is checked and the whole dataset is read with it before the file appears.
"""

import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from gpo.datasets import load_splits
from gpo.errors import DatasetError, InputError, SpecError
from gpo.guesses import Guess, Row, guess
from gpo.spec import Name, TaskSpec
from gpo.spec_file import anchored


def write_starter(name: str, data: Path, folder: Path, *, force: bool) -> Path:
    """Write `NAME.yaml` into `folder`, a spec for a JSONL file, and return its path.

    Raises:
        SpecError: `name` cannot be a task's name.
        InputError: the file is there already and `force` is not set, or it cannot be written.
        DatasetError: the data cannot be read, has too few rows, or does not show what is input and what is answer.
    """
    _check_name(name)
    path = folder / f"{name}.yaml"
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; choose another name, or overwrite it with --force")
    text = _spec_text(name, _relative(data, folder), guess(data, list(_rows(data))))
    spec = TaskSpec.model_validate(yaml.safe_load(text))
    load_splits(anchored(spec, folder.resolve()))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise SpecError(
            f"'{name}' cannot be a task's name: allowed are lower case letters, digits, - and _, a letter or digit"
            " first, 63 characters at most"
        ) from None


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


def _spec_text(name: str, data: str, found: Guess) -> str:
    answer, split = found.answer, found.split
    question = "\n".join(f"        {line}" for line in _question(found.inputs))
    labels = f"\n  labels: {_flow(list(answer.spec.labels))}" if answer.spec.labels else ""
    identifier = f"id: {found.id}" if found.id else "# id: FIELD   # a unique id; else a row is known by its content"
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
  input: {_flow(list(found.inputs))}   # fields that the messages may use
  reference: {_flow(found.reference)}   # the field with the right answer
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
#   "local:smollm2-135m" and, for embedding, "local:wordllama"         # no key, no network: see the README
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
