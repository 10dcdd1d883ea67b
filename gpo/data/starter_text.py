"""The text of a starter spec: what the data shows, with comments that teach the rest."""

import importlib.util
from collections.abc import Sequence

import yaml

from gpo.data.guess import Guess


def spec_text(name: str, data: str, found: Guess, *, local: bool | None = None) -> str:
    """A spec as YAML for the task `name` and the file or folder `data`, relative to where the spec will be.

    Models are the embedded ones if `local`, by default where they are installed.
    """
    answer, split = found.answer, found.split
    is_local = _has_local() if local is None else local
    asks = _asks_for_a_place(found, is_local=is_local)
    labels = f"\n  labels: {_flow(list(answer.spec.labels))}" if answer.spec.labels else ""
    sizes = f"{{train: {split.train}, dev: {split.dev}, test: {split.test}}}"
    return f"""\
# What to improve, on which data, by which measure, with which models.
# `gpo spec schema` lists every option; `gpo doctor {name}.yaml` checks this file; `gpo optimize {name}.yaml` runs it.
name: {_flow(name)}

prompt:
  # What a good instruction asks for, as a noun phrase: the optimizer model reads it.
  description: {_flow(answer.description)}
  # Where the search starts: put your production instruction here. Only this text is optimised.
  instruction: {_flow(answer.instruction)}
{_messages(found, asks=asks)}

dataset:
  # Relative to this file: .jsonl, .json, .csv, .tsv or .parquet, or a folder with train, dev and test in one of them.
  path: {_flow(data)}
  input: {_flow(list(found.inputs))}   # fields that the messages may use
  reference: {_flow(found.reference)}   # the field with the right answer, or with a list of right answers
{_more_fields(found)}
  # train: may be shown to the optimizer model. dev: every candidate is scored on it; more makes the search surer and
  # dearer. test: locked, read once at the end; more proves smaller gains.
  split: {sizes}

# How the answer is read from what the task model writes: choice (with `labels`), boolean, number, list, json, exact
# (one line) or free (the whole text).
answer:
  kind: {answer.spec.kind}{labels}
  {_WHERE if asks else f"# {_WHERE}"}
# How an answer is scored: exact_match, numeric_match, contains, token_f1, rouge_l and others.
metric: {answer.metric}

{_LOCAL if is_local else _REMOTE}
# few_shot: 3             # worked examples before each question: the folder's own, else of train
# budget:
#   max_calls: 5000       # the most model calls of a run; on reaching it, the best prompt so far is compared
# gate:                   # what a better prompt has to show at the end, on the test split
#   slices: [FIELD]       # guard each value of a field of the rows for itself
#   max_growth: {{words: 1.0}}   # at most twice the words
# seed: 0                 # another seed, another search
"""


_WHERE = 'where: {after: "Answer:"}   # read that place alone: ask for it above. Also: field, tag, pattern, last_line'


def _asks_for_a_place(found: Guess, *, is_local: bool) -> bool:
    """Whether the messages ask for the answer in one place, where alone it is read.

    The embedded model does not keep to a form, published benchmarks are asked as the paper does it, and texts and JSON
    are answers as a whole.
    """
    return not (is_local or found.is_published or found.answer.spec.kind in {"free", "json"})


def _messages(found: Guess, *, asks: bool) -> str:
    if found.is_published:
        return f"""\
  # As the paper has it: the instruction stands at the end of the question.
  question: {_flow("".join(_question(found.inputs)))}
  position: end"""
    question = "\n".join(f"        {line}" for line in _question(found.inputs))
    form = "\n\n        End with one line: `Answer:` and the answer alone." if asks else ""
    return f"""\
  # The messages around it stay as they are: `system`, `user` or `assistant`, with `{{{{fields}}}}` of the data and
  # exactly one `{{{{instruction}}}}`.
  messages:
    - user: |-
{question}

        {{{{instruction}}}}{form}"""


def _more_fields(found: Guess) -> str:
    lines = (
        [f"solution: {_flow(found.solution)}   # a worked solution, which demonstrations show"]
        if found.solution
        else []
    )
    identifier = "# id: FIELD   # a unique id; else a row is known by its content"
    lines.append(f"id: {_flow(found.id)}" if found.id else identifier)
    if found.encoding != "utf-8":
        lines.append(f"encoding: {found.encoding}")
    if found.delimiter:
        lines.append(f"delimiter: {_quoted(found.delimiter)}")
    if found.is_published:
        lines.append("on_bad_row: skip   # leave out rows that cannot be used, and tell how many; `stop` refuses them")
    return "\n".join(f"  {line}" for line in lines)


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, default_style='"').strip()


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


def _has_local() -> bool:
    return importlib.util.find_spec("xllamacpp") is not None
